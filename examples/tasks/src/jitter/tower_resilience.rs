//! With tower-resilience. Its jitter is by a half each way, also beyond the longest delay.

use reqwest::Client;
use tower::{Layer, ServiceExt};
use tower_resilience_retry::{ExponentialRandomBackoff, RetryLayer};

use crate::{BASE, MAX, service};

/// Fetches a page.
///
/// # Errors
///
/// All attempts failed.
pub async fn get(client: &Client, url: &str) -> reqwest::Result<String> {
    let backoff = ExponentialRandomBackoff::new(BASE, 0.5).expect("a share").max_interval(MAX);
    let retry = RetryLayer::<String, String, reqwest::Error>::builder().max_attempts(4).backoff(backoff).build();
    retry.layer(service(client)).oneshot(url.to_owned()).await
}
