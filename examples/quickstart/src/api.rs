//! The service, as the stories ask and script it.

use std::{cell::Cell, io, time::Duration};

use quickstart::{
    client::{self, Failure},
    server::{Fault, FaultyServer},
};
use redress_std::Millis;

/// For attempts that may take any time; there are none under a policy with a time-out.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client with its server.
pub(crate) struct Api {
    server: FaultyServer,
    agent: ureq::Agent,
    last_failure: Cell<String>,
}

impl Api {
    pub(crate) fn start() -> io::Result<Self> {
        Ok(Self { server: FaultyServer::start()?, agent: client::agent(PATIENCE), last_failure: Cell::default() })
    }

    /// One attempt: a GET which takes no longer than it may.
    pub(crate) fn get(&self, path: &str, within: Option<Millis>) -> Result<String, Failure> {
        client::get_within(&self.agent, &self.server.url(path), within.map_or(PATIENCE, Duration::from))
            .inspect_err(|failure| self.last_failure.set(failure.to_string()))
    }

    /// Takes the latest failure in words. Events carry the classification of an error, not the error itself.
    pub(crate) fn last_failure(&self) -> String {
        self.last_failure.take()
    }

    /// Sets the faults that the next requests for a path meet.
    pub(crate) fn script(&self, path: &str, faults: &[Fault]) {
        self.server.script(path, faults);
    }

    /// When requests for a path arrived.
    pub(crate) fn requests(&self, path: &str) -> Vec<Duration> {
        self.server.requests(path)
    }
}
