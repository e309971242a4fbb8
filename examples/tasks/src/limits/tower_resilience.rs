//! With tower-resilience, between tower's timeouts; its time limiter is a crate of its own and stands in the same places. After the
//! deadline nothing is known of the attempts.

use std::time::Duration;

use reqwest::Client;
use tower::{BoxError, ServiceBuilder, ServiceExt};
use tower_resilience_retry::{ExponentialRandomBackoff, RetryLayer};

use crate::{BASE, MAX, service};

/// Fetches a page.
///
/// # Errors
///
/// The deadline has passed.
pub async fn get(client: &Client, url: &str, attempt: Duration, deadline: Duration) -> Result<String, BoxError> {
    let backoff = ExponentialRandomBackoff::new(BASE, 0.5).expect("a share").max_interval(MAX);
    let retry = RetryLayer::<String, String, BoxError>::builder().max_attempts(usize::MAX).backoff(backoff).build();
    let service = ServiceBuilder::new().timeout(deadline).layer(retry).timeout(attempt).service(service(client));
    service.oneshot(url.to_owned()).await
}
