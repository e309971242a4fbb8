//! How calls end: responses, errors, breakers, observers.

use std::{
    future::{pending, ready},
    io::{self, ErrorKind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use ::http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use redress_std::{
    BreakerConfig, BreakerState, Cause, CircuitBreaker, Classify, ErrorClass, Event, EventKind, Millis, Policy,
    SleepDecision, StopReason, Tokio, http,
    tower_v0_5::{ByClone, PolicyLayer, ServiceError},
};
use tokio::time;
use tower::{Layer, ServiceExt, service_fn};

use crate::{RETRY, SECOND, THREE, answer, get, reset, script, text};

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
