//! A policy around services of tower.

use std::{
    convert::Infallible,
    future::{Ready, pending, ready},
    io::{self, ErrorKind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header::RETRY_AFTER};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use redress_std::{
    Backoff, BreakerConfig, BreakerState, Cause, CircuitBreaker, Classify, Clock, DefaultClassifier, Environment,
    ErrorClass, Event, EventKind, Instant, Millis, Policy, Retry, SharedPolicy, SleepDecision, StopReason, Tokio,
    env::mode::Spawned,
    http,
    tower_v0_5::{ByClone, PolicyLayer, ServiceEnvironment, ServiceError, authority},
};
use tokio::time;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

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

#[tokio::test(start_paused = true)]
async fn every_attempt_sends_the_whole_body() {
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let received = Arc::clone(&bodies);
    let server = service_fn(move |request: Request<Full<Bytes>>| {
        let received = Arc::clone(&received);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.expect("it's whole").to_bytes();
            let mut received = received.lock().expect("no panic");
            received.push((head.method, head.uri.to_string(), head.headers, body));
            Ok::<_, Infallible>(answer(if received.len() < 3 { 503 } else { 200 }, "stored"))
        }
    });
    let mut service = PolicyLayer::new(THREE.context(Tokio).retry_result(http::response)).layer(server);

    let sent = Bytes::from(vec![b'x'; 100_000]);
    let request =
        Request::put("http://stock/7").header("x-order", "12").body(Full::new(sent.clone())).expect("a request");
    let response = service.ready().await.expect("ready").call(request).await.expect("a response");
    assert_eq!((response.status(), text(response).await.as_str()), (StatusCode::OK, "stored"));
    let bodies = bodies.lock().expect("no panic");
    assert_eq!(bodies.len(), 3);
    let headers = HeaderMap::from_iter([("x-order".parse().expect("a name"), HeaderValue::from_static("12"))]);
    for received in &*bodies {
        assert_eq!(*received, (Method::PUT, "http://stock/7".to_owned(), headers.clone(), sent.clone()));
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_out_in_seconds_and_as_a_date() {
    let busy = |status, value: &str| {
        let mut busy = answer(status, "busy");
        busy.headers_mut().insert(RETRY_AFTER, HeaderValue::from_str(value).expect("visible characters"));
        busy
    };
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(600));
    for (value, waits) in [("7", 7_000..=7_000), (date.as_str(), 590_000..=600_000)] {
        static POLICY: Policy = Policy::new(RETRY.no_deadline());

        let (server, requests) = script(&[busy(429, value), answer(200, "done")]);
        let before = time::Instant::now();
        let service = PolicyLayer::new(POLICY.context(Tokio).retry_result(http::response)).layer(server);
        assert_eq!(service.oneshot(get()).await.expect("a response").status(), StatusCode::OK);
        let waited = before.elapsed().as_millis();
        assert!(waits.contains(&waited), "{value}: {waited} ms");
        assert_eq!(requests.load(Relaxed), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_policy_says_stop_the_last_response_comes_back() {
    for (status, attempts) in [(503, 3), (404, 1), (401, 1)] {
        let (server, requests) = script(&[answer(status, "why it failed")]);
        let service = PolicyLayer::new(THREE.context(Tokio).retry_result(http::response)).layer(server);
        let response = service.oneshot(get()).await.expect("a response");
        assert_eq!((response.status().as_u16(), requests.load(Relaxed)), (status, attempts));
        assert_eq!(text(response).await, "why it failed");
    }
}

/// Also where the deadline or an abort was the reason.
#[tokio::test(start_paused = true)]
async fn whatever_the_reason_a_response_is_not_thrown_away() {
    static HASTY: Policy = Policy::new(RETRY.deadline(Duration::from_millis(500)));

    let (server, requests) = script(&[answer(503, "down")]);
    let service = PolicyLayer::new(HASTY.context(Tokio).retry_result(http::response)).layer(server);
    assert_eq!(service.oneshot(get()).await.expect("a response").status(), 503);
    assert_eq!(requests.load(Relaxed), 1);

    let (server, requests) = script(&[answer(503, "down")]);
    let context = THREE.context(Tokio).retry_result(http::response).abort_if({
        let requests = Arc::clone(&requests);
        move || requests.load(Relaxed) == 2
    });
    assert_eq!(PolicyLayer::new(context).layer(server).oneshot(get()).await.expect("a response").status(), 503);
    assert_eq!(requests.load(Relaxed), 2);
}

/// Its checkpoint is what the caller needs then.
#[tokio::test]
async fn a_deferred_call_is_an_error_with_its_checkpoint() {
    let (server, _) = script(&[answer(503, "down")]);
    let context = THREE.context(Tokio).retry_result(http::response).sleep_handler(|_, _| SleepDecision::Defer);
    let error = PolicyLayer::new(context).layer(server).oneshot(get()).await.expect_err("it goes on later");
    let ServiceError::GaveUp(error) = error;
    assert_eq!((error.reason, error.attempts), (StopReason::Scheduled, 1));
    assert!(error.checkpoint.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_service_comes_back_by_value() {
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let service = service_fn(move |(): ()| {
        count.fetch_add(1, Relaxed);
        ready(Err::<(), _>(reset()))
    });
    let error = PolicyLayer::new(THREE.context(Tokio))
        .clone_with(ByClone)
        .layer(service)
        .oneshot(())
        .await
        .expect_err("it's down");
    let said = error.to_string();
    assert!(
        said.starts_with("the call gave up after 3 attempts") && said.ends_with(": no attempts left (transient)"),
        "{said}"
    );
    assert_eq!(std::error::Error::source(&error).map(ToString::to_string), Some(reset().to_string()));
    assert_eq!(error.classify().class(), ErrorClass::Transient);
    assert_eq!((error.retry_after(), calls.load(Relaxed)), (None, 3));
    let error: io::Error = error.into_error().expect("the service's");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

/// Cannot be cloned, as a body that is a stream.
#[derive(Debug)]
struct Stream;

#[tokio::test(start_paused = true)]
async fn what_cannot_be_copied_is_sent_once_and_the_breaker_knows() {
    static BREAKER: CircuitBreaker<2> = CircuitBreaker::new(BreakerConfig::new(2));
    static POLICY: Policy = Policy::new(RETRY).circuit_breaker(&BREAKER);

    let (server, requests) = script(&[answer(503, "down")]);
    let context = POLICY.context(Tokio).retry_result(http::response);
    let service = PolicyLayer::new(context).clone_with(|_: &Stream| None).layer(server);
    for sent in 1..=2 {
        assert_eq!(service.clone().oneshot(Stream).await.expect("a response").status(), 503);
        assert_eq!(requests.load(Relaxed), sent);
    }
    assert_eq!(BREAKER.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn only_what_is_safe_to_repeat_is_repeated() {
    let idempotent = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE, Method::PUT, Method::DELETE];
    let others = [Method::POST, Method::PATCH, Method::CONNECT];
    for (method, sent) in idempotent.map(|method| (method, 3)).into_iter().chain(others.map(|method| (method, 1))) {
        for (key, sent) in [(None, sent), (Some("7f"), 3)] {
            let (server, requests) = script(&[answer(503, "down")]);
            let service = PolicyLayer::new(THREE.context(Tokio).retry_result(http::response)).layer(server);
            let mut request = get();
            *request.method_mut() = method.clone();
            request.headers_mut().extend(key.map(|key| (IDEMPOTENCY_KEY, HeaderValue::from_static(key))));
            assert_eq!(service.oneshot(request).await.expect("a response").status(), 503);
            assert_eq!(requests.load(Relaxed), sent, "{method}, key {key:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn any_request_is_repeated_when_that_is_said() {
    let (server, requests) = script(&[answer(503, "down")]);
    let context = THREE.context(Tokio).retry_result(http::response);
    let mut request = get();
    *request.method_mut() = Method::POST;
    let answered = PolicyLayer::new(context).clone_with(ByClone).layer(server).oneshot(request).await;
    assert_eq!(answered.expect("a response").status(), 503);
    assert_eq!(requests.load(Relaxed), 3);
}

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

#[tokio::test(start_paused = true)]
async fn an_open_circuit_says_when_to_come_back() {
    static BREAKER: CircuitBreaker<1> =
        CircuitBreaker::new(BreakerConfig::new(1).recovery_timeout(Duration::from_secs(30)));
    static POLICY: Policy = Policy::new(RETRY).circuit_breaker(&BREAKER);

    let (server, requests) =
        script(&[answer(503, "down"), answer(503, "down"), answer(503, "down"), answer(200, "up")]);
    let service = PolicyLayer::new(POLICY.context(Tokio).retry_result(http::response)).layer(server);
    assert_eq!(service.clone().oneshot(get()).await.expect("a response").status(), 503);
    time::advance(Duration::from_secs(10)).await;
    let error = service.clone().oneshot(get()).await.expect_err("the circuit is open");
    // Tokio's clock is finer than a millisecond, and an open circuit never lasts less than configured.
    assert_eq!(error.retry_after(), Some(Duration::from_millis(20_001)));
    assert_eq!(error.classify().hint(), Some(Millis::new(20_001)));
    assert_eq!(requests.load(Relaxed), 3, "nothing was sent");
    time::advance(Duration::from_millis(20_001)).await;
    assert_eq!(service.oneshot(get()).await.expect("a response").status(), 200);
    assert_eq!(BREAKER.state(), BreakerState::Closed);
}

/// At any point: in an attempt, and in a wait.
#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_to_the_breaker_as_if_it_had_not_been_made() {
    static BREAKER: CircuitBreaker<1> = CircuitBreaker::new(BreakerConfig::new(1).recovery_timeout(SECOND));
    static POLICY: Policy = Policy::new(RETRY).circuit_breaker(&BREAKER);

    let hangs = service_fn(|(): ()| pending::<io::Result<()>>());
    let fails = service_fn(|(): ()| ready(Err::<(), _>(reset())));
    BREAKER.record_failure(ErrorClass::Transient, &redress_std::TokioClock);
    time::advance(2 * SECOND).await;
    for _ in 0..3 {
        let call = PolicyLayer::new(POLICY.context(Tokio)).clone_with(ByClone).layer(hangs).oneshot(());
        assert!(time::timeout(Duration::from_millis(100), call).await.is_err());
        let call = PolicyLayer::new(POLICY.context(Tokio)).clone_with(ByClone).layer(fails).oneshot(());
        assert!(time::timeout(Duration::from_millis(100), call).await.is_err());
        assert_eq!(BREAKER.state(), BreakerState::HalfOpen);
    }
    let works = service_fn(|(): ()| ready(Ok::<_, io::Error>(())));
    PolicyLayer::new(POLICY.context(Tokio))
        .clone_with(ByClone)
        .layer(works)
        .oneshot(())
        .await
        .expect("the probe's place is free");
    assert_eq!(BREAKER.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_a_failure() {
    static POLICY: Policy = Policy::new(RETRY.attempt_timeout(Duration::from_secs(3)));

    let service = service_fn(|(): ()| pending::<io::Result<()>>());
    let before = time::Instant::now();
    let error = PolicyLayer::new(POLICY.context(Tokio))
        .clone_with(ByClone)
        .layer(service)
        .oneshot(())
        .await
        .expect_err("it hangs");
    let ServiceError::GaveUp(error) = error else { panic!("{error:?}") };
    assert_eq!((error.attempts, error.cause), (3, Some(Cause::Timeout)));
    assert!(error.error.is_none());
    assert_eq!(before.elapsed(), 11 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn observers_are_told_and_their_panics_kept() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let (log, (server, _)) = (Arc::clone(&told), script(&[answer(503, "down"), answer(200, "up")]));
    let context = THREE
        .context(Tokio)
        .operation("stock")
        .retry_result(http::response)
        .observe(move |event: &Event| {
            log.lock().expect("no panic").push((event.operation, event.kind, event.attempt, event.delay, event.code));
        })
        .observe(|event: &Event| panic!("cannot write {}", event.kind));
    let service = PolicyLayer::new(context).layer(server);
    for _ in 0..2 {
        assert_eq!(service.clone().oneshot(get()).await.expect("a response").status(), 200);
    }
    let success = |attempt| ("stock", EventKind::Success, attempt, Millis::ZERO, None);
    let expected = [("stock", EventKind::Retry, 1, Millis::from_secs(1), Some(503)), success(2), success(1)];
    assert_eq!(*told.lock().expect("no panic"), expected);
}

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
