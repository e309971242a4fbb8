//! A policy around services of tower.

mod ends;
mod policies;
mod readiness;
mod requests;

use std::{
    convert::Infallible,
    future::{Ready, ready},
    io::{self, ErrorKind},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use ::http::{HeaderName, Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use redress_std::{Backoff, Policy, Retry};
use tower::{Service, service_fn};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const SECOND: Duration = Duration::from_secs(1);
const RETRY: Retry = Retry::new(Backoff::constant(SECOND).or_retry_after_jittered(Duration::ZERO)).max_attempts(3);
static THREE: Policy = Policy::new(RETRY);

type Answer = Response<Full<Bytes>>;

fn answer(status: u16, body: &'static str) -> Answer {
    Response::builder().status(status).body(Full::new(Bytes::from_static(body.as_bytes()))).expect("a response")
}

fn get() -> Request<Full<Bytes>> {
    Request::get("http://stock/7").body(Full::default()).expect("a request")
}

async fn text(answer: Answer) -> String {
    let Ok(body) = answer.into_body().collect().await;
    String::from_utf8(body.to_bytes().to_vec()).expect("text")
}

fn reset() -> io::Error {
    ErrorKind::ConnectionReset.into()
}

/// Answers with these, one after another, and the last again and again; counts the requests.
fn script<Req, T: Clone>(
    answers: &[T],
) -> (
    impl Service<Req, Response = T, Error = Infallible, Future = Ready<Result<T, Infallible>>> + Clone + use<Req, T>,
    Arc<AtomicU32>,
) {
    let (requests, answers) = (Arc::new(AtomicU32::new(0)), answers.to_vec());
    let count = Arc::clone(&requests);
    let service = service_fn(move |_: Req| {
        let number = count.fetch_add(1, Relaxed) as usize;
        ready(Ok(answers[number.min(answers.len() - 1)].clone()))
    });
    (service, requests)
}
