//! With backon, which has no breaker. The nearest: one [by hand](super::by_hand), whose lines count here too.

use std::{sync::Arc, time::Duration};

use backon::{ExponentialBuilder, Retryable};
use reqwest::Client;

use super::by_hand::Breaker;
use crate::{BASE, MAX, fetch};

const BACKOFF: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(BASE).with_max_delay(MAX).with_jitter().with_max_times(1);

/// Why there is no page.
#[derive(Debug)]
pub enum Error {
    /// The breaker is open.
    Open,
    /// The request failed.
    Request(reqwest::Error),
}

/// A client of the stock; clones share the breaker.
#[derive(Clone, Debug)]
pub struct Stock {
    client: Client,
    breaker: Arc<Breaker>,
}

impl Stock {
    /// Creates a client by settings that were read.
    pub fn new(client: Client, failures: u8, open: Duration) -> Self {
        Self { client, breaker: Arc::new(Breaker::new(failures, open)) }
    }

    /// Fetches a page.
    ///
    /// # Errors
    ///
    /// All attempts failed, or the breaker is open.
    pub async fn get(&self, url: &str) -> Result<String, Error> {
        if self.breaker.is_open() {
            return Err(Error::Open);
        }
        let result = (|| fetch(&self.client, url)).retry(BACKOFF).await;
        self.breaker.record(result.is_ok());
        result.map_err(Error::Request)
    }
}
