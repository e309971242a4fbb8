//! With tower-resilience, whose delays depend on the number of the attempt alone. The nearest: a busy answer is held back inside of
//! the retry until its time has come. So the wait is part of the attempt, it is made after the last one too, and the backoff comes
//! on top. Only seconds are read, without a cap.

use std::time::Duration;

use reqwest::{Client, Response, StatusCode, header::RETRY_AFTER};
use tokio::time::sleep;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_resilience_retry::{ExponentialRandomBackoff, RetryLayer};

use crate::{BASE, MAX};

fn is_busy(response: &Response) -> bool {
    matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

async fn hold_back(response: Response) -> reqwest::Result<Response> {
    let header = response.headers().get(RETRY_AFTER).filter(|_| is_busy(&response));
    if let Some(seconds) = header.and_then(|value| value.to_str().ok()?.parse().ok()) {
        sleep(Duration::from_secs(seconds)).await;
    }
    Ok(response)
}

/// Asks for a page.
///
/// # Errors
///
/// All attempts failed.
pub async fn get(client: &Client, url: &str) -> reqwest::Result<Response> {
    let backoff = ExponentialRandomBackoff::new(BASE, 0.5).expect("a share").max_interval(MAX);
    let retry = RetryLayer::<String, Response, reqwest::Error>::builder()
        .max_attempts(4)
        .backoff(backoff)
        .retry_on_response(is_busy)
        .build();
    let client = client.clone();
    let service = service_fn(move |url: String| client.get(url).send());
    ServiceBuilder::new().layer(retry).and_then(hold_back).service(service).oneshot(url.to_owned()).await
}
