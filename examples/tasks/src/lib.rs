//! Five tasks of a service that asks another over HTTP, each with redress, with backon, with tower's own parts and with
//! tower-resilience.
//!
//! All begin with the same [request](fetch), or the same [service] around it, and have the same numbers. What a crate cannot do is
//! said at the head of its file, which then holds the nearest to it. The tests run each before a server on loopback, and count the
//! lines for the table in `README.md`.

#![expect(clippy::missing_panics_doc, reason = "settings that are constants are sound")]

use std::time::Duration;

use reqwest::Client;
use tower::{Service, service_fn};

pub mod breaker;
pub mod jitter;
pub mod limits;
pub mod logged;
pub mod retry_after;
pub mod server;

/// The first delay.
pub const BASE: Duration = Duration::from_millis(10);
/// The longest delay.
pub const MAX: Duration = Duration::from_secs(1);

/// Fetches a page once.
///
/// # Errors
///
/// No answer came, or one whose status is an error.
pub async fn fetch(client: &Client, url: &str) -> reqwest::Result<String> {
    client.get(url).send().await?.error_for_status()?.text().await
}

/// Returns [`fetch`] as a service of tower.
pub fn service(
    client: &Client,
) -> impl Service<String, Response = String, Error = reqwest::Error, Future: Send> + Clone + Send + Sync + use<> {
    let client = client.clone();
    service_fn(move |url: String| {
        let client = client.clone();
        async move { fetch(&client, &url).await }
    })
}
