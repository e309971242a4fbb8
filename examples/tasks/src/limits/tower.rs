//! With tower. After the deadline nothing is known of the attempts.

use std::time::Duration;

use reqwest::Client;
use tower::{
    BoxError, ServiceBuilder, ServiceExt,
    retry::{
        Policy,
        backoff::{Backoff, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff},
    },
    util::rng::HasherRng,
};

use crate::{BASE, MAX, service};

#[derive(Clone)]
struct Unlimited(ExponentialBackoff);

impl<Req: Clone, Res, E> Policy<Req, Res, E> for Unlimited {
    type Future = <ExponentialBackoff as Backoff>::Future;

    fn retry(&mut self, _: &mut Req, result: &mut Result<Res, E>) -> Option<Self::Future> {
        result.is_err().then(|| self.0.next_backoff())
    }

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}

/// Fetches a page.
///
/// # Errors
///
/// The deadline has passed.
pub async fn get(client: &Client, url: &str, attempt: Duration, deadline: Duration) -> Result<String, BoxError> {
    let maker = ExponentialBackoffMaker::new(BASE, MAX, 0.99, HasherRng::default());
    let policy = Unlimited(maker.expect("sound bounds").make_backoff());
    let service = ServiceBuilder::new().timeout(deadline).retry(policy).timeout(attempt).service(service(client));
    service.oneshot(url.to_owned()).await
}
