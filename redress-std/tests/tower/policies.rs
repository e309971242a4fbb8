//! A policy for each request, shared policies, other environments.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
};

use ::http::{Request, StatusCode};
use bytes::Bytes;
use http_body_util::Full;
use redress_std::{
    Backoff, BreakerConfig, BreakerState, CircuitBreaker, Clock, DefaultClassifier, Environment, Instant, Retry,
    SharedPolicy, StopReason, Tokio,
    env::mode::Spawned,
    http,
    tower_v0_5::{ByClone, PolicyLayer, ServiceEnvironment, ServiceError, authority},
};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::{RETRY, THREE, answer, reset};

/// Each request has the policy of its host: the circuit of one that is down is open for that one alone.
#[tokio::test(start_paused = true)]
async fn a_policy_per_host_is_chosen_by_the_request() {
    let make = || {
        let breaker = Arc::new(CircuitBreaker::<2>::new(BreakerConfig::new(2)));
        Arc::new(SharedPolicy::new(RETRY.max_attempts(1)).circuit_breaker(breaker))
    };
    let (up, down) = (make(), make());
    let requests = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&requests);
    let server = service_fn(move |request: Request<Full<Bytes>>| {
        count.fetch_add(1, Relaxed);
        ready(Ok::<_, Infallible>(answer(if authority(&request) == "up:1" { 200 } else { 503 }, "")))
    });
    let (of_up, of_down) = (Arc::clone(&up), Arc::clone(&down));
    let choose = move |request: &Request<Full<Bytes>>| match authority(request) {
        "up:1" => Arc::clone(&of_up),
        _ => Arc::clone(&of_down),
    };
    let layer = PolicyLayer::per_request(choose, Tokio, |context| context.retry_result(http::response));
    let mut service = layer.layer(server);
    let mut ask = async |uri: &str| {
        let request = Request::get(uri).body(Full::default()).expect("a request");
        service.ready().await.expect("ready").call(request).await
    };
    for _ in 0..5 {
        assert!(ask("http://up:1/").await.is_ok_and(|answer| answer.status() == StatusCode::OK));
    }
    for _ in 0..2 {
        assert!(ask("http://down:1/").await.is_ok_and(|answer| answer.status() == StatusCode::SERVICE_UNAVAILABLE));
    }
    let rejected = ask("http://down:1/").await.expect_err("an open circuit");
    assert!(rejected.retry_after().is_some());
    assert!(ask("http://up:1/").await.is_ok());
    assert_eq!(requests.load(Relaxed), 8);
    let state = |policy: &SharedPolicy| policy.breaker().map(redress_std::CircuitBreakerView::state);
    assert_eq!((state(&up), state(&down)), (Some(BreakerState::Closed), Some(BreakerState::Open)));
}

#[test]
fn the_authority_is_that_of_the_uri_or_of_the_host_header() {
    let request = |uri: &str, host: Option<&str>| {
        let builder = Request::get(uri);
        host.into_iter().fold(builder, |builder, host| builder.header("host", host)).body(()).expect("a request")
    };
    assert_eq!(authority(&request("http://a.example:80/x", Some("b"))), "a.example:80");
    assert_eq!(authority(&request("/x", Some("b:1"))), "b:1");
    assert_eq!(authority(&request("/x", None)), "");
}

/// Spawned on several threads, behind tower's own layers, with a breaker that all of them share.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_owns_its_breaker_is_shared_by_all_clones() {
    let breaker = Arc::new(CircuitBreaker::<4>::new(BreakerConfig::new(4)));
    let policy = SharedPolicy::new(Retry::new(Backoff::none()).max_attempts(2)).circuit_breaker(Arc::clone(&breaker));
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let service = ServiceBuilder::new()
        .buffer(8)
        .load_shed()
        .layer(PolicyLayer::shared(policy, Tokio, |context| context.operation("shared")).clone_with(ByClone))
        .service_fn(move |(): ()| {
            count.fetch_add(1, Relaxed);
            ready(Err::<(), _>(reset()))
        });
    for _ in 0..4 {
        let error = tokio::spawn(service.clone().oneshot(())).await.expect("no panic").expect_err("it's down");
        let error = error.downcast::<ServiceError<io::Error>>().expect("the layer's");
        assert!(matches!(*error, ServiceError::GaveUp(error) if error.reason == StopReason::MaxAttemptsGlobal));
    }
    assert_eq!(breaker.state(), BreakerState::Open);
    let error = service.oneshot(()).await.expect_err("the circuit is open");
    assert!(error.downcast::<ServiceError<io::Error>>().expect("the layer's").retry_after().is_some());
    assert_eq!(calls.load(Relaxed), 8);
}

/// A clock that its own waits move: no runtime is needed.
#[derive(Clone, Debug, Default)]
struct Elsewhere(Arc<AtomicU64>);

impl Clock for Elsewhere {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        Instant::from_ticks(self.0.load(Relaxed))
    }
}

impl Environment for Elsewhere {
    type Mode = Spawned;
    type Classifier = DefaultClassifier;

    const CLASSIFIER: DefaultClassifier = DefaultClassifier;

    fn random(&mut self) -> u32 {
        4
    }
}

impl ServiceEnvironment for Elsewhere {
    type Sleep = Ready<()>;

    fn sleep_named(&mut self, ticks: u64) -> Ready<()> {
        self.0.fetch_add(ticks, Relaxed);
        ready(())
    }
}

#[test]
fn other_environments_serve_as_well() {
    let env = Elsewhere::default();
    let service = service_fn(|(): ()| ready(Err::<(), _>(reset())));
    let service = PolicyLayer::new(THREE.context(env.clone())).clone_with(ByClone).layer(service);
    let error = redress_std::testing::block_on(service.oneshot(())).expect_err("it's down");
    assert!(matches!(error, ServiceError::GaveUp(error) if error.attempts == 3));
    assert_eq!(env.0.load(Relaxed), 2_000);
}
