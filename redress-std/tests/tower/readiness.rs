//! Services that become ready, or not.

use std::{
    future::{Ready, ready},
    io::{self, ErrorKind},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use redress_std::{
    Classify, ErrorClass, Tokio, http,
    tower_v0_5::{ByClone, PolicyLayer, ServiceError},
};
use tokio::time;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use crate::{THREE, answer, get, reset, script, text};

/// Takes a call only after it was asked for readiness, each clone by itself, as tower has it; fails to become ready as
/// often as it is told.
#[derive(Debug)]
struct Strict {
    ready: bool,
    asked: Arc<AtomicU32>,
    broken: std::ops::Range<u32>,
}

impl Strict {
    fn broken(broken: std::ops::Range<u32>) -> Self {
        Self { ready: false, asked: Arc::default(), broken }
    }
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { ready: false, asked: Arc::clone(&self.asked), broken: self.broken.clone() }
    }
}

impl Service<u32> for Strict {
    type Response = u32;
    type Error = io::Error;
    type Future = Ready<io::Result<u32>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ready {
            return Poll::Ready(Ok(()));
        }
        if self.broken.contains(&self.asked.fetch_add(1, Relaxed)) {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u32) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without being ready");
        ready(if self.asked.load(Relaxed) < 3 { Err(reset()) } else { Ok(request) })
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_made_with_a_service_that_is_ready() {
    let strict = Strict::broken(0..0);
    let mut service = PolicyLayer::new(THREE.context(Tokio)).clone_with(ByClone).layer(strict);
    assert_eq!(service.ready().await.expect("ready").call(7).await.expect("the third"), 7);
    assert_eq!(service.get_ref().asked.load(Relaxed), 3, "once per attempt");
    assert_eq!(service.ready().await.expect("ready").call(8).await.expect("the first"), 8);
    assert_eq!(service.get_ref().asked.load(Relaxed), 4);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_become_ready() {
    // At first: there is no call yet, so nothing to retry.
    let mut service = PolicyLayer::new(THREE.context(Tokio)).clone_with(ByClone).layer(Strict::broken(0..1));
    let error = service.ready().await.expect_err("it's broken");
    assert!(matches!(&error, ServiceError::NotReady(error) if error.kind() == ErrorKind::BrokenPipe));
    assert_eq!(
        (error.to_string().as_str(), error.classify().class()),
        ("the service takes no calls", ErrorClass::Transient)
    );
    assert!(std::error::Error::source(&error).is_some() && error.into_error().is_some());

    // At a retry: a failure of that attempt.
    let service = PolicyLayer::new(THREE.context(Tokio)).clone_with(ByClone).layer(Strict::broken(1..2));
    assert_eq!(service.oneshot(7).await.expect("the third"), 7);
}

#[tokio::test(start_paused = true)]
async fn a_wait_keeps_no_place_in_the_limits_of_inner_layers() {
    let (server, requests) = script(&[answer(503, "down"), answer(200, "first"), answer(200, "second")]);
    let service = ServiceBuilder::new()
        .layer(PolicyLayer::new(THREE.context(Tokio).retry_result(http::response)))
        .concurrency_limit(1)
        .service(server);
    let waiting = tokio::spawn(service.clone().oneshot(get()));
    while requests.load(Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    let before = time::Instant::now();
    assert_eq!(text(service.oneshot(get()).await.expect("a response")).await, "first");
    assert_eq!(before.elapsed(), Duration::ZERO, "the other waits, and this one does not wait for it");
    assert_eq!(text(waiting.await.expect("no panic").expect("a response")).await, "second");
}
