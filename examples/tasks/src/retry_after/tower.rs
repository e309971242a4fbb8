//! With tower, whose policy sees the answer. Only seconds are read, without a cap.

use std::time::Duration;

use reqwest::{Client, Response, StatusCode, header::RETRY_AFTER};
use tokio::time::{Sleep, sleep};
use tower::{
    ServiceBuilder, ServiceExt,
    retry::{
        Policy,
        backoff::{Backoff, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff},
    },
    service_fn,
    util::rng::HasherRng,
};

use crate::{BASE, MAX};

#[derive(Clone)]
struct Hinted {
    left: u32,
    backoff: ExponentialBackoff,
}

impl Policy<String, Response, reqwest::Error> for Hinted {
    type Future = Sleep;

    fn retry(&mut self, _: &mut String, result: &mut reqwest::Result<Response>) -> Option<Sleep> {
        let is_busy = |status| matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        let is_final = result.as_ref().is_ok_and(|response| !is_busy(response.status()));
        if is_final || self.left == 0 {
            return None;
        }
        self.left -= 1;
        let backoff = self.backoff.next_backoff();
        let header = result.as_ref().ok().and_then(|response| response.headers().get(RETRY_AFTER));
        let hint = header.and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_secs).map(sleep);
        Some(hint.filter(|hint| hint.deadline() > backoff.deadline()).unwrap_or(backoff))
    }

    fn clone_request(&mut self, request: &String) -> Option<String> {
        Some(request.clone())
    }
}

/// Asks for a page.
///
/// # Errors
///
/// All attempts failed.
pub async fn get(client: &Client, url: &str) -> reqwest::Result<Response> {
    let maker = ExponentialBackoffMaker::new(BASE, MAX, 0.99, HasherRng::default());
    let policy = Hinted { left: 3, backoff: maker.expect("sound bounds").make_backoff() };
    let client = client.clone();
    let service = service_fn(move |url: String| client.get(url).send());
    ServiceBuilder::new().retry(policy).service(service).oneshot(url.to_owned()).await
}
