//! Scenarios: clients, a server, and an event that hits them.

mod bounds;
mod incident;
mod server;
#[cfg(test)]
mod tests;

use std::time::Duration;

use redress_core::keeper::KeepConfig;

use self::bounds::{DAY, HOUR, MILLI, keep, number, span};
pub use self::{
    bounds::ScenarioError,
    incident::{Incident, IncidentKind},
    server::{Latency, Server, Work},
};
use super::clockwork::MAX_TASKS;

/// The most clients of a scenario.
pub const MAX_CLIENTS: u32 = 10_000_000;

/// The most runs of a scenario.
pub const MAX_SEEDS: u32 = 10_000;

/// The clients that stand for a larger fleet, unless [`exact`](Scenario::exact) is set.
pub const SAMPLE: u32 = 20_000;

/// A simulated fleet: clients that call a server, and what happens to it. Plain data; the setters are for chaining.
///
/// Defaults:
/// - each client calls again one period after its last call ended, give or take a tenth of the period
/// - latency of 20 ms, no time on the network, a queue of 10 s, a rejection costs a tenth of a request, no Retry-After
/// - a client waits 5 s for an answer
/// - an outage of 10 min, which begins after two periods; watched for 15 min after its end
/// - each client has a breaker and a budget of its own
/// - 9 runs with different seeds, a sample of 20,000 clients, at most 200,000,000 events in a run
/// - the fleet is expected back (99 %) within what is watched
///
/// ```
/// use std::time::Duration;
/// use redress_std::simulate::{Incident, Scenario};
///
/// let scenario = Scenario::new(1_000_000, Duration::from_secs(60), 20_800.0)
///     .event(Incident::power_cut(Duration::from_secs(600), Duration::from_secs(5)));
/// assert!(scenario.validate().is_ok());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scenario {
    /// The clients of the fleet, 1 to 10,000,000.
    pub clients: u32,
    /// When clients make calls.
    pub calls: Calls,
    /// If set, each client keeps up a connection in place of making calls: a call is the making of a connection, and the event
    /// breaks those that it hits.
    pub keep: Option<KeepConfig>,
    /// The server.
    pub server: Server,
    /// How long a client waits for an answer, 1 ms to 1 hour. The attempt timeout of the policy may end it before.
    pub client_timeout: Duration,
    /// The event that hits the server or the clients.
    pub event: Incident,
    /// How long the fleet is watched after the event, 1 s to 24 hours.
    pub watch: Duration,
    /// Which clients have breaker, budget and keeper in common.
    pub shared: Shared,
    /// The number from which all random numbers follow.
    pub seed: u64,
    /// The number of runs, each with other random numbers, 1 to 10,000.
    pub seeds: u32,
    /// Whether each client is simulated, in place of a [sample](SAMPLE) of a large fleet.
    pub exact: bool,
    /// The most events of a run, at least 1. A run that needs more ends without a verdict.
    pub max_events: u64,
    /// Expectations of the fleet.
    pub expect: Expect,
}

/// When clients make calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calls {
    /// The time from one call of a client to the next, 1 ms to 24 hours.
    pub every: Duration,
    /// The part of `every` by which each gap is longer or shorter at random, 0 to 1.
    pub jitter: f64,
    /// The rule for the start of the next call.
    pub next: Arrivals,
}

/// A rule for the start of the next call of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arrivals {
    /// The end of the call before.
    AfterCompletion,
    /// The start of the call before, as by a timer. Starts that fall into a call which still runs are left out.
    FixedPhase,
    /// Gaps between starts are exponential, so that the calls of all clients are a Poisson process. The jitter is not used.
    Poisson,
}

/// Which clients have breaker, budget and keeper in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shared {
    /// Each client has its own, as devices do.
    Client,
    /// So many clients share one, as the tasks of a process do, 1 to 10,000,000.
    Process(u32),
    /// All share one. Such a fleet is never sampled.
    Fleet,
}

/// Expectations of the fleet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expect {
    /// The part of the clients that counts as the fleet, above 0, at most 1.
    pub back: f64,
    /// The time after the event within which that part has had an answer; `None` for as long as it is watched.
    pub within: Option<Duration>,
    /// The most requests in any second, as a multiple of the capacity; `None` for no limit.
    pub peak: Option<f64>,
}

/// How far a simulation has come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The part that is done, 0 to 1.
    pub done: f64,
    /// The events so far, of all runs.
    pub events: u64,
}

impl Scenario {
    /// Creates a scenario with the defaults above: so many clients, a call of each in this time, a server of this capacity.
    pub fn new(clients: u32, every: Duration, capacity_per_second: f64) -> Self {
        Self {
            clients,
            calls: Calls { every, jitter: 0.1, next: Arrivals::AfterCompletion },
            keep: None,
            server: Server::new(capacity_per_second),
            client_timeout: Duration::from_secs(5),
            event: Incident::outage(Duration::from_secs(600)),
            watch: Duration::from_secs(900),
            shared: Shared::Client,
            seed: 0,
            seeds: 9,
            exact: false,
            max_events: 200_000_000,
            expect: Expect { back: 0.99, within: None, peak: None },
        }
    }

    /// Sets when clients make calls.
    pub const fn calls(mut self, calls: Calls) -> Self {
        self.calls = calls;
        self
    }

    /// Makes each client keep up a connection in place of making calls.
    pub const fn keep(mut self, config: KeepConfig) -> Self {
        self.keep = Some(config);
        self
    }

    /// Sets the server.
    pub const fn server(mut self, server: Server) -> Self {
        self.server = server;
        self
    }

    /// Sets how long a client waits for an answer.
    pub const fn client_timeout(mut self, timeout: Duration) -> Self {
        self.client_timeout = timeout;
        self
    }

    /// Sets what happens.
    pub const fn event(mut self, event: Incident) -> Self {
        self.event = event;
        self
    }

    /// Sets how long the fleet is watched after the event.
    pub const fn watch(mut self, watch: Duration) -> Self {
        self.watch = watch;
        self
    }

    /// Sets which clients have breaker, budget and keeper in common.
    pub const fn shared(mut self, shared: Shared) -> Self {
        self.shared = shared;
        self
    }

    /// Sets the number from which all random numbers follow.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the number of runs.
    pub const fn seeds(mut self, seeds: u32) -> Self {
        self.seeds = seeds;
        self
    }

    /// Simulates each client.
    pub const fn exact(mut self) -> Self {
        self.exact = true;
        self
    }

    /// Sets the most events of a run.
    pub const fn max_events(mut self, events: u64) -> Self {
        self.max_events = events;
        self
    }

    /// Sets what is expected of the fleet.
    pub const fn expect(mut self, expect: Expect) -> Self {
        self.expect = expect;
        self
    }

    /// Returns the clients that are simulated: all, or a [sample](SAMPLE).
    pub fn simulated_clients(&self) -> u32 {
        if self.exact || self.shared == Shared::Fleet { self.clients } else { self.clients.min(SAMPLE) }
    }

    /// Returns when the event begins.
    pub fn event_start(&self) -> Duration {
        self.event.start.unwrap_or_else(|| self.calls.every.saturating_mul(2).max(Duration::from_secs(1)))
    }

    /// Checks all values.
    ///
    /// # Errors
    ///
    /// The first field that is out of its bounds.
    pub fn validate(&self) -> Result<(), ScenarioError> {
        let bad = ScenarioError::new;
        if !(1..=MAX_CLIENTS).contains(&self.clients) {
            return Err(bad("clients", self.clients, "from 1 to 10,000,000"));
        }
        self.calls.validate()?;
        self.keep.map_or(Ok(()), keep)?;
        self.server.validate()?;
        span("client_timeout", self.client_timeout, MILLI..=HOUR, "from 1 ms to 1 h")?;
        self.event.validate()?;
        if let IncidentKind::Surge { factor } = self.event.kind
            && f64::from(self.simulated_clients()) * factor > f64::from(MAX_TASKS)
        {
            return Err(ScenarioError::new(
                "event.factor",
                factor,
                "at most so much that 16,777,215 clients are simulated",
            ));
        }
        span("watch", self.watch, Duration::from_secs(1)..=DAY, "from 1 s to 24 h")?;
        if let Shared::Process(clients) = self.shared
            && !(1..=MAX_CLIENTS).contains(&clients)
        {
            return Err(bad("shared", clients, "from 1 to 10,000,000 clients in a process"));
        }
        if !(1..=MAX_SEEDS).contains(&self.seeds) {
            return Err(bad("seeds", self.seeds, "from 1 to 10,000"));
        }
        if self.max_events == 0 {
            return Err(bad("max_events", 0, "at least 1"));
        }
        self.expect.validate(self.watch)
    }
}

impl Calls {
    fn validate(&self) -> Result<(), ScenarioError> {
        span("calls.every", self.every, MILLI..=DAY, "from 1 ms to 24 h")?;
        number("calls.jitter", self.jitter, 0.0..=1.0, "from 0 to 1")
    }
}

impl Expect {
    fn validate(&self, watch: Duration) -> Result<(), ScenarioError> {
        number("expect.back", self.back, 0.000_001..=1.0, "above 0 and at most 1")?;
        if let Some(within) = self.within {
            span("expect.within", within, MILLI..=watch, "from 1 ms to the time that is watched")?;
        }
        match self.peak {
            Some(peak) => number("expect.peak", peak, 0.0..=1_000_000.0, "from 0 to 1,000,000"),
            None => Ok(()),
        }
    }
}
