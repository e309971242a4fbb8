//! The bank's policy, and a connection that calls under it.

use std::{fmt, time::Duration};

use postgres::{Client, Config, Error, NoTls, error::SqlState};
use redress_std::{
    Backoff, Classification, ErrorClass, Observer, Outcome, Policy, Recoverable, Retry, Threads, tokio_postgres_v0_7,
};

/// The policy of the bank's calls.
///
/// - A conflict with another transaction: retried soon, with jitter, so that the two do not meet again.
/// - The server is away or starting: retried with growing delays, for up to a minute.
/// - Everything else (a wrong password, a missing table, an overdrawn account) is for the caller, at once.
pub static BANK: Policy = Policy::new(
    Retry::new(Backoff::equal_jitter(Duration::from_millis(20), Duration::from_millis(500)))
        .backoff_for(
            ErrorClass::Concurrency,
            Backoff::full_jitter(Duration::from_millis(2), Duration::from_millis(100)),
        )
        .max_attempts(200)
        .deadline(Duration::from_secs(60)),
);

/// The class of an error: what the library knows, and what only the bank can.
///
/// `57014` reports a canceled query without the cause. In this program only the statement timeout cancels queries.
pub fn classify(error: &Error) -> Classification {
    let known = tokio_postgres_v0_7::classify(error);
    if error.code() == Some(&SqlState::QUERY_CANCELED) {
        let slow = Classification::new(ErrorClass::Transient);
        return known.numeric_code().map_or(slow, |code| slow.code(code));
    }
    known
}

/// A connection that is renewed when it is broken.
pub struct Teller {
    config: Config,
    client: Option<Client>,
}

impl Teller {
    /// Creates a teller that connects with its first call.
    pub fn new(config: &Config) -> Self {
        Self { config: config.clone(), client: None }
    }

    /// Does this under the policy, as often as it takes.
    pub fn call<T>(
        &mut self,
        operation: &'static str,
        observer: impl Observer,
        mut work: impl FnMut(&mut Client) -> Result<T, Error>,
    ) -> Outcome<T, Error> {
        let mut context = BANK.context(Threads).operation(operation).classifier(classify).observe(observer);
        context.execute(Recoverable::new(self, Self::recover).run(|teller: &mut Self| work(teller.client()?)))
    }

    /// Does this once, without any policy.
    ///
    /// # Errors
    ///
    /// Returns the error of the connection or of the work.
    pub fn once<T>(&mut self, work: impl FnOnce(&mut Client) -> Result<T, Error>) -> Result<T, Error> {
        self.recover();
        work(self.client()?)
    }

    fn client(&mut self) -> Result<&mut Client, Error> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self.config.connect(NoTls)?,
        };
        Ok(self.client.insert(client))
    }

    /// Leaves a connection that does not answer; the next attempt makes another.
    fn recover(&mut self) {
        self.client.take_if(|client| client.is_valid(Duration::from_secs(1)).is_err());
    }
}

impl fmt::Debug for Teller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Teller").field("connected", &self.client.is_some()).finish_non_exhaustive()
    }
}
