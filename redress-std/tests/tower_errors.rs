//! Services whose errors have no type, and calls that are dropped, under a policy.

use std::{
    error::Error,
    future::{Ready, pending, ready},
    io::{self, ErrorKind},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use redress_std::{
    Backoff, BreakerState, ErrorClass, Policy, Retry, SharedPolicy, StopReason, StrictClassifier, Tokio, Untyped,
    breaker::{RateBreaker, RateConfig},
    tower_v0_5::{ByClone, PolicyLayer, ServiceError},
};
use tokio::time;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};

const SECOND: Duration = Duration::from_secs(1);
const RETRY: Retry = Retry::new(Backoff::constant(SECOND)).max_attempts(3);

static THREE: Policy = Policy::new(RETRY);

/// Fails with an error of this kind in a box, and counts the requests.
fn failing(
    kind: ErrorKind,
) -> (impl Service<u32, Response = u32, Error = BoxError, Future = Ready<Result<u32, BoxError>>> + Clone, Arc<AtomicU32>)
{
    let requests = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&requests);
    let service = service_fn(move |_: u32| {
        count.fetch_add(1, Relaxed);
        ready(Err(io::Error::from(kind).into()))
    });
    (service, requests)
}

fn gave_up(error: ServiceError<BoxError>) -> (StopReason, ErrorClass) {
    let ServiceError::GaveUp(error) = error else { panic!("{error:?}") };
    (error.reason, error.last_class.expect("a failure"))
}

#[tokio::test(start_paused = true)]
async fn boxed_errors_are_classified_by_default() {
    for (kind, sent, expected) in [
        (ErrorKind::ConnectionReset, 3, (StopReason::MaxAttemptsGlobal, ErrorClass::Transient)),
        (ErrorKind::PermissionDenied, 1, (StopReason::NonRetryableClass, ErrorClass::Permission)),
    ] {
        let (service, requests) = failing(kind);
        let layer = PolicyLayer::new(THREE.context(Tokio)).clone_with(ByClone);
        let error = layer.layer(service.clone()).oneshot(7).await.expect_err("it's down");
        assert_eq!((gave_up(error), requests.swap(0, Relaxed)), (expected, sent), "{kind}");

        let layer = PolicyLayer::new(THREE.context(Tokio).classifier(StrictClassifier)).clone_with(ByClone);
        let error = layer.layer(service.clone()).oneshot(7).await.expect_err("it's down");
        assert_eq!((gave_up(error), requests.swap(0, Relaxed)), (expected, sent), "{kind}");

        let layer = PolicyLayer::shared(SharedPolicy::new(RETRY), Tokio, |context| context).clone_with(ByClone);
        let error = layer.layer(service.clone()).oneshot(7).await.expect_err("it's down");
        assert_eq!((gave_up(error), requests.swap(0, Relaxed)), (expected, sent), "{kind}");

        let policy = Arc::new(SharedPolicy::new(RETRY));
        let layer = PolicyLayer::per_request(move |_: &u32| Arc::clone(&policy), Tokio, |context| context);
        let error = layer.clone_with(ByClone).layer(service).oneshot(7).await.expect_err("it's down");
        assert_eq!((gave_up(error), requests.swap(0, Relaxed)), (expected, sent), "{kind}");
    }
}

/// tower's own layers make boxes of the errors within. A buffer is shared, and so is its error, in a box of its own.
#[tokio::test(start_paused = true)]
async fn errors_of_other_layers_are_classified() {
    let requests = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&requests);
    let hangs = service_fn(move |_: u32| {
        count.fetch_add(1, Relaxed);
        pending::<io::Result<u32>>()
    });
    let service = ServiceBuilder::new()
        .layer(PolicyLayer::new(THREE.context(Tokio)).clone_with(ByClone))
        .buffer(1)
        .load_shed()
        .map_err(|error: BoxError| error)
        .timeout(SECOND)
        .service(hangs);
    let error = service.oneshot(7).await.expect_err("it hangs");
    assert_eq!(gave_up(error).1, ErrorClass::Transient, "tower's timeout, by its name");
    assert_eq!(requests.load(Relaxed), 3);
}

fn kind_of_source(error: &(dyn Error + 'static)) -> Option<ErrorKind> {
    error.source().and_then(|source| source.downcast_ref()).map(io::Error::kind)
}

/// Layers around this one need a `BoxError`, which the report around one becomes.
#[tokio::test(start_paused = true)]
async fn reports_around_boxed_errors_go_through_other_layers() {
    let (service, requests) = failing(ErrorKind::ConnectionReset);
    let service = ServiceBuilder::new()
        .buffer(1)
        .map_err(Untyped)
        .layer(PolicyLayer::new(THREE.context(Tokio).operation("stock")).clone_with(ByClone))
        .service(service);
    let error: BoxError = service.oneshot(7).await.expect_err("it's down");
    assert_eq!(requests.load(Relaxed), 3);
    assert!(error.to_string().starts_with("stock gave up after 3 attempts"), "{error}");
    assert_eq!(kind_of_source(&*error), Some(ErrorKind::ConnectionReset));

    // Where no request was made, the service's own error or the reason is the source.
    let not_ready = Untyped(ServiceError::NotReady(BoxError::from(io::Error::from(ErrorKind::BrokenPipe))));
    assert_eq!(kind_of_source(&not_ready), Some(ErrorKind::BrokenPipe));
    let policy = Policy::new(RETRY);
    let mut none_left = policy.context(Tokio).deadline(Duration::ZERO);
    let report = Untyped(none_left.call(|| ready(Err::<(), _>(BoxError::from("never")))).await.expect_err("no time"));
    assert_eq!(report.source().and_then(|source| source.downcast_ref()), Some(&StopReason::DeadlineExceeded));
}

/// The classifier sees the box, where it is one of one's own.
#[tokio::test(start_paused = true)]
async fn a_classifier_of_boxes() {
    let (service, requests) = failing(ErrorKind::PermissionDenied);
    let context = THREE.context(Tokio).classifier(|error: &BoxError| {
        if error.is::<io::Error>() { ErrorClass::Transient } else { ErrorClass::Permanent }
    });
    assert!(PolicyLayer::new(context).clone_with(ByClone).layer(service).oneshot(7).await.is_err());
    assert_eq!(requests.load(Relaxed), 3);
}

/// A service of any error type, as libraries wrap it: the shape of the errors is that of its bound.
#[tokio::test(start_paused = true)]
async fn generic_functions_wrap_services_of_either_shape() {
    async fn typed<S>(service: S) -> u32
    where
        S: Service<u32, Response = u32, Error: Error + Send + 'static, Future: Send> + Clone + Send + 'static,
    {
        let layer = PolicyLayer::new(THREE.context(Tokio)).clone_with(ByClone);
        match layer.layer(service).oneshot(7).await {
            Err(ServiceError::GaveUp(error)) => error.attempts,
            _ => 0,
        }
    }

    async fn untyped<S>(service: S) -> u32
    where
        S: Service<u32, Response = u32, Error = BoxError, Future: Send> + Clone + Send + 'static,
    {
        let layer = PolicyLayer::new(THREE.context(Tokio)).clone_with(ByClone);
        match layer.layer(service).oneshot(7).await {
            Err(ServiceError::GaveUp(error)) => error.attempts,
            _ => 0,
        }
    }

    let reset = service_fn(|_: u32| ready(Err::<u32, _>(io::Error::from(ErrorKind::ConnectionReset))));
    assert_eq!((typed(reset).await, untyped(failing(ErrorKind::TimedOut).0).await), (3, 3));
}

/// A caller that gives up drops the call in the middle of an attempt: that counts for a breaker that asks for it, in a context
/// that watches.
#[tokio::test(start_paused = true)]
async fn calls_dropped_in_the_middle_of_an_attempt_open_the_circuit_that_counts_them() {
    static COUNTS: RateConfig = RateConfig::new(100).failure_count(3).abandoned_calls(SECOND, ErrorClass::Transient);
    static DEFAULT: RateConfig = RateConfig::new(100).failure_count(3);

    let state_after = |config, limit, in_a_wait, is_watched| async move {
        let breaker: &'static RateBreaker<10> = Box::leak(Box::new(RateBreaker::new(config)));
        let policy: &'static Policy = Box::leak(Box::new(Policy::new(RETRY).circuit_breaker(breaker)));
        let service = service_fn(move |_: u32| async move {
            if in_a_wait {
                Err(io::Error::from(ErrorKind::ConnectionReset))
            } else {
                pending::<io::Result<u32>>().await
            }
        });
        for _ in 0..3 {
            let context = policy.context(Tokio);
            let dropped = if is_watched {
                let layer = PolicyLayer::new(context.watched()).clone_with(ByClone);
                time::timeout(limit, layer.layer(service).oneshot(7)).await.is_err()
            } else {
                let layer = PolicyLayer::new(context).clone_with(ByClone);
                time::timeout(limit, layer.layer(service).oneshot(7)).await.is_err()
            };
            assert!(dropped);
        }
        breaker.state()
    };
    for (config, limit, in_a_wait, is_watched, expected) in [
        (&COUNTS, SECOND, false, true, BreakerState::Open),
        (&COUNTS, Duration::from_millis(900), false, true, BreakerState::Closed),
        (&COUNTS, Duration::from_millis(900), true, true, BreakerState::Closed),
        (&COUNTS, SECOND, false, false, BreakerState::Closed),
        (&DEFAULT, 50 * SECOND, false, true, BreakerState::Closed),
    ] {
        let state = state_after(config, limit, in_a_wait, is_watched).await;
        assert_eq!(state, expected, "{limit:?}, in a wait: {in_a_wait}, watched: {is_watched}");
    }
}
