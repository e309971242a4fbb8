//! With redress.

use std::{sync::Arc, time::Duration};

use redress_std::{ConfigError, prelude::*};
use reqwest::Client;

use crate::{BASE, MAX, fetch};

/// A client of the stock; clones share the breaker.
#[derive(Clone, Debug)]
pub struct Stock {
    client: Client,
    policy: SharedPolicy,
}

impl Stock {
    /// Creates a client by settings that were read.
    ///
    /// # Errors
    ///
    /// The settings contradict themselves.
    pub fn new(client: Client, failures: u8, open: Duration) -> Result<Self, ConfigError> {
        let breaker = CircuitBreaker::<16>::try_new(BreakerConfig::new(failures).recovery_timeout(open))?;
        let retry = Retry::new(Backoff::full_jitter(BASE, MAX)).max_attempts(2);
        Ok(Self { client, policy: SharedPolicy::try_new(retry)?.circuit_breaker(Arc::new(breaker)) })
    }

    /// Fetches a page.
    ///
    /// # Errors
    ///
    /// All attempts failed, or the circuit is open: the error says until when.
    pub async fn get(&self, url: &str) -> Result<String, RetryError<reqwest::Error>> {
        (|| fetch(&self.client, url)).retry(&self.policy).await
    }
}
