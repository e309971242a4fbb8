//! With backon, around and inside of which tokio's timeouts stand. After the deadline nothing is known of the attempts.

use std::{error::Error, time::Duration};

use backon::{ExponentialBuilder, Retryable};
use reqwest::Client;
use tokio::time::timeout;

use crate::{BASE, MAX, fetch};

const BACKOFF: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(BASE).with_max_delay(MAX).with_jitter().without_max_times();

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
) -> Result<String, Box<dyn Error + Send + Sync>> {
    let limited = || async { Ok(timeout(attempt, fetch(client, url)).await??) };
    timeout(deadline, limited.retry(BACKOFF)).await?
}
