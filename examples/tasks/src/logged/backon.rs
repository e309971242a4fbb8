//! With backon, which does not tell the number of the attempt. What may pass is the caller's to know.

use backon::{ExponentialBuilder, Retryable};
use reqwest::{Client, StatusCode};

use crate::{BASE, MAX, fetch};

const BACKOFF: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(BASE).with_max_delay(MAX).with_jitter().with_max_times(3);

fn may_pass(error: &reqwest::Error) -> bool {
    let is_busy = |status: StatusCode| status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    error.is_connect() || error.is_timeout() || error.status().is_some_and(is_busy)
}

/// Fetches a page.
///
/// # Errors
///
/// All attempts failed, or one in a way that does not pass.
pub async fn get(client: &Client, url: &str) -> reqwest::Result<String> {
    let log = |error: &_, delay| log::warn!("next in {delay:?}: {error}");
    (|| fetch(client, url)).retry(BACKOFF).when(may_pass).notify(log).await
}
