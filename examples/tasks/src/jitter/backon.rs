//! With backon. Its jitter adds up to the whole delay.

use backon::{ExponentialBuilder, Retryable};
use reqwest::Client;

use crate::{BASE, MAX, fetch};

const BACKOFF: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(BASE).with_max_delay(MAX).with_jitter().with_max_times(3);

/// Fetches a page.
///
/// # Errors
///
/// All attempts failed.
pub async fn get(client: &Client, url: &str) -> reqwest::Result<String> {
    (|| fetch(client, url)).retry(BACKOFF).await
}
