//! With redress. It leaves out what cannot pass, such as a 404.

use redress_std::prelude::*;
use reqwest::Client;

use crate::{BASE, MAX, fetch};

static POLICY: Policy = Policy::new(Retry::new(Backoff::full_jitter(BASE, MAX)).max_attempts(4));

/// Fetches a page.
///
/// # Errors
///
/// All attempts failed.
pub async fn get(client: &Client, url: &str) -> Result<String, RetryError<reqwest::Error>> {
    (|| fetch(client, url)).retry(&POLICY).await
}
