//! With redress. The error says how many attempts there were, how long they took and that the last one timed out.

use std::time::Duration;

use redress_std::prelude::*;
use reqwest::Client;

use crate::{BASE, MAX, fetch};

static POLICY: Policy = Policy::new(Retry::new(Backoff::full_jitter(BASE, MAX)).unlimited_attempts());

/// Fetches a page.
///
/// # Errors
///
/// The deadline has passed.
pub async fn get(
    client: &Client,
    url: &str,
    attempt: Duration,
    deadline: Duration,
) -> Result<String, RetryError<reqwest::Error>> {
    let call = (|| fetch(client, url)).retry(&POLICY);
    call.with(|context| context.attempt_timeout(attempt).deadline(deadline)).await
}
