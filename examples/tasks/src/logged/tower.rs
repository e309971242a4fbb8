//! With tower. The delay is in the sleep; what may pass is the caller's to know.

use reqwest::{Client, StatusCode};
use tokio::time::Instant;
use tower::{
    ServiceBuilder, ServiceExt,
    retry::{
        Policy,
        backoff::{Backoff, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff},
    },
    util::rng::HasherRng,
};

use crate::{BASE, MAX, service};

fn may_pass(error: &reqwest::Error) -> bool {
    let is_busy = |status: StatusCode| status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    error.is_connect() || error.is_timeout() || error.status().is_some_and(is_busy)
}

#[derive(Clone)]
struct Logged {
    attempt: u32,
    backoff: ExponentialBackoff,
}

impl<Req: Clone, Res> Policy<Req, Res, reqwest::Error> for Logged {
    type Future = <ExponentialBackoff as Backoff>::Future;

    fn retry(&mut self, _: &mut Req, result: &mut reqwest::Result<Res>) -> Option<Self::Future> {
        let error = result.as_ref().err().filter(|error| self.attempt < 4 && may_pass(error))?;
        let sleep = self.backoff.next_backoff();
        log::warn!("attempt {}, next in {:?}: {error}", self.attempt, sleep.deadline() - Instant::now());
        self.attempt += 1;
        Some(sleep)
    }

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}

/// Fetches a page.
///
/// # Errors
///
/// All attempts failed, or one in a way that does not pass.
pub async fn get(client: &Client, url: &str) -> reqwest::Result<String> {
    let maker = ExponentialBackoffMaker::new(BASE, MAX, 0.99, HasherRng::default());
    let policy = Logged { attempt: 1, backoff: maker.expect("sound bounds").make_backoff() };
    ServiceBuilder::new().retry(policy).service(service(client)).oneshot(url.to_owned()).await
}
