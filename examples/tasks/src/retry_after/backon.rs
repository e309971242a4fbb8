//! With backon, which adjusts the delay by the error: so an answer that asks to wait becomes one. Only seconds are read, without a
//! cap.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::{Client, Response, StatusCode, header::RETRY_AFTER};

use crate::{BASE, MAX};

const BACKOFF: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(BASE).with_max_delay(MAX).with_jitter().with_max_times(3);

/// Why there is no page.
#[derive(Debug)]
pub enum Error {
    /// The server is busy, and may have asked to wait.
    Busy(Option<Duration>),
    /// The request failed.
    Request(reqwest::Error),
}

async fn send(client: &Client, url: &str) -> Result<Response, Error> {
    let response = client.get(url).send().await.map_err(Error::Request)?;
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            Err(Error::Busy(seconds.map(Duration::from_secs)))
        }
        _ => Ok(response),
    }
}

fn longer(error: &Error, delay: Option<Duration>) -> Option<Duration> {
    match error {
        Error::Busy(Some(hint)) => delay.map(|delay| delay.max(*hint)),
        _ => delay,
    }
}

/// Asks for a page.
///
/// # Errors
///
/// All attempts failed.
pub async fn get(client: &Client, url: &str) -> Result<Response, Error> {
    (|| send(client, url)).retry(BACKOFF).adjust(longer).await
}
