//! With tower-resilience.

use std::time::Duration;

use reqwest::Client;
use tower::{ServiceBuilder, ServiceExt, util::BoxCloneSyncService};
use tower_resilience_circuitbreaker::{CircuitBreakerConfigError, CircuitBreakerError, CircuitBreakerLayer};
use tower_resilience_retry::{ExponentialRandomBackoff, RetryLayer};

use crate::{BASE, MAX, service};

type Error = CircuitBreakerError<reqwest::Error>;

/// A client of the stock; clones share the breaker.
#[derive(Clone, Debug)]
pub struct Stock(BoxCloneSyncService<String, String, Error>);

impl Stock {
    /// Creates a client by settings that were read.
    ///
    /// # Errors
    ///
    /// The settings contradict themselves.
    pub fn new(client: &Client, failures: u8, open: Duration) -> Result<Self, CircuitBreakerConfigError> {
        let breaker = CircuitBreakerLayer::builder()
            .consecutive_failures(failures.into())
            .wait_duration_in_open(open)
            .permitted_calls_in_half_open(1)
            .build()?;
        let backoff = ExponentialRandomBackoff::new(BASE, 0.5).expect("a share").max_interval(MAX);
        let retry = RetryLayer::<String, String, reqwest::Error>::builder().max_attempts(2).backoff(backoff).build();
        let service = ServiceBuilder::new().layer(breaker).layer(retry).service(service(client));
        Ok(Self(BoxCloneSyncService::new(service)))
    }

    /// Fetches a page.
    ///
    /// # Errors
    ///
    /// All attempts failed, or the circuit is open.
    pub async fn get(&self, url: &str) -> Result<String, Error> {
        self.0.clone().oneshot(url.to_owned()).await
    }
}
