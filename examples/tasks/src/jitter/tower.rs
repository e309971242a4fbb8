//! With tower, which has the backoff and leaves the policy to its user.

use reqwest::Client;
use tower::{
    ServiceBuilder, ServiceExt,
    retry::{
        Policy,
        backoff::{Backoff, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff},
    },
    util::rng::HasherRng,
};

use crate::{BASE, MAX, service};

#[derive(Clone)]
struct Attempts {
    left: u32,
    backoff: ExponentialBackoff,
}

impl<Req: Clone, Res, E> Policy<Req, Res, E> for Attempts {
    type Future = <ExponentialBackoff as Backoff>::Future;

    fn retry(&mut self, _: &mut Req, result: &mut Result<Res, E>) -> Option<Self::Future> {
        if result.is_ok() || self.left == 0 {
            return None;
        }
        self.left -= 1;
        Some(self.backoff.next_backoff())
    }

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}

/// Fetches a page.
///
/// # Errors
///
/// All attempts failed.
pub async fn get(client: &Client, url: &str) -> reqwest::Result<String> {
    let maker = ExponentialBackoffMaker::new(BASE, MAX, 0.99, HasherRng::default());
    let policy = Attempts { left: 3, backoff: maker.expect("sound bounds").make_backoff() };
    ServiceBuilder::new().retry(policy).service(service(client)).oneshot(url.to_owned()).await
}
