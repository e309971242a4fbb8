//! With redress, which reads seconds, decimals, dates by the server's clock, and the fields that stand for it elsewhere; no wait is
//! shorter than the backoff, and none longer than the deadline.

use redress_std::{prelude::*, reqwest_v0_13};
use reqwest::{Client, Response};

use crate::{BASE, MAX};

static POLICY: Policy = Policy::new(Retry::new(Backoff::full_jitter(BASE, MAX).or_retry_after()).max_attempts(4));

/// Asks for a page.
///
/// # Errors
///
/// All attempts failed, or one in a way that does not pass.
pub async fn get(client: &Client, url: &str) -> Result<Response, RetryError<reqwest::Error>> {
    POLICY.context(Tokio).retry_result(reqwest_v0_13::response).call(|| client.get(url).send()).await
}
