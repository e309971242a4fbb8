//! With tower, which has no breaker. The nearest: one [by hand](super::by_hand), whose lines count here too, in tower's filter.

use std::{sync::Arc, time::Duration};

use reqwest::Client;
use tower::{
    BoxError, ServiceBuilder, ServiceExt,
    retry::{
        Policy,
        backoff::{Backoff, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff},
    },
    util::{BoxCloneSyncService, rng::HasherRng},
};

use super::by_hand::Breaker;
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

/// A client of the stock; clones share the breaker.
#[derive(Clone, Debug)]
pub struct Stock(BoxCloneSyncService<String, String, BoxError>);

impl Stock {
    /// Creates a client by settings that were read.
    pub fn new(client: &Client, failures: u8, open: Duration) -> Self {
        let maker = ExponentialBackoffMaker::new(BASE, MAX, 0.99, HasherRng::default());
        let policy = Attempts { left: 1, backoff: maker.expect("sound bounds").make_backoff() };
        let breaker = Arc::new(Breaker::new(failures, open));
        let gate = Arc::clone(&breaker);
        let service = ServiceBuilder::new()
            .filter(move |url: String| if gate.is_open() { Err("the breaker is open") } else { Ok(url) })
            .map_result(move |result: reqwest::Result<String>| {
                breaker.record(result.is_ok());
                result
            })
            .retry(policy)
            .service(service(client));
        Self(BoxCloneSyncService::new(service))
    }

    /// Fetches a page.
    ///
    /// # Errors
    ///
    /// All attempts failed, or the breaker is open.
    pub async fn get(&self, url: &str) -> Result<String, BoxError> {
        self.0.clone().oneshot(url.to_owned()).await
    }
}
