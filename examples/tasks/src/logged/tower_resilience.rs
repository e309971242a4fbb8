//! With tower-resilience, whose event of a retry has the number and the delay, but not the error. The nearest: the filter, which sees
//! each error, logs it in a line of its own, also that of the last attempt, after which there is no retry.

use reqwest::{Client, StatusCode};
use tower::{Layer, ServiceExt};
use tower_resilience_retry::{ExponentialRandomBackoff, RetryLayer};

use crate::{BASE, MAX, service};

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
    let backoff = ExponentialRandomBackoff::new(BASE, 0.5).expect("a share").max_interval(MAX);
    let retry = RetryLayer::<String, String, reqwest::Error>::builder()
        .max_attempts(4)
        .backoff(backoff)
        .retry_on(|error| {
            let passes = may_pass(error);
            if passes {
                log::warn!("failed: {error}");
            }
            passes
        })
        .on_retry(|retry, delay| log::warn!("attempt {}, next in {delay:?}", retry + 1))
        .build();
    retry.layer(service(client)).oneshot(url.to_owned()).await
}
