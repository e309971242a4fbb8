//! With redress, which knows what may pass: statuses, and what made a connection fail.

use redress_std::prelude::*;
use reqwest::Client;

use crate::{BASE, MAX, fetch};

static POLICY: Policy = Policy::new(Retry::new(Backoff::full_jitter(BASE, MAX)).max_attempts(4));

/// Fetches a page.
///
/// # Errors
///
/// All attempts failed, or one in a way that does not pass.
pub async fn get(client: &Client, url: &str) -> Result<String, RetryError<reqwest::Error>> {
    let log = |error: &_, event: &Event| log::warn!("attempt {}, next in {}: {error}", event.attempt, event.delay);
    (|| fetch(client, url)).retry(&POLICY).on_retry(log).await
}
