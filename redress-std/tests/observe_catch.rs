//! Observers that panic: the call ends as it would have without them.

use std::{
    cell::RefCell,
    io::{self, ErrorKind},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{LazyLock, Once},
    time::Duration,
};

use redress_std::{
    AttemptEnd, AttemptStart, Backoff, Blocking, BreakerConfig, BreakerState, ByRef, CircuitBreaker, DefaultClassifier,
    ErrorClass, Event, EventKind, Observer, Outcome, Policy, Retry, StdClock, StopReason, ThreadRandom, ThreadSleeper,
    Threads, Tokio, TokioLocal,
    observe::{CatchPanics, LogObserver, MetricsObserver, TracingObserver},
};

static THREE: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(3));

fn reset() -> io::Error {
    ErrorKind::ConnectionReset.into()
}

/// Fails so often, then succeeds.
fn flaky(failures: u32) -> impl FnMut() -> io::Result<&'static str> {
    let mut left = failures;
    move || {
        if left == 0 {
            return Ok("done");
        }
        left -= 1;
        Err(reset())
    }
}

/// What tells one outcome from another; the time it took does not.
fn facts(outcome: &Outcome<&'static str, io::Error>) -> impl PartialEq + std::fmt::Debug {
    (
        outcome.value().copied(),
        outcome.error().map(io::Error::kind),
        outcome.stop_reason,
        outcome.attempts,
        outcome.last_class,
        outcome.cause,
    )
}

/// Panics at whatever it is told.
#[derive(Debug)]
struct Fragile;

impl Observer for Fragile {
    fn on_call_start(&mut self, _operation: &'static str) {
        panic!("fragile, at the start");
    }

    fn on_event(&mut self, event: &Event) {
        panic!("fragile, at {}", event.kind);
    }

    fn on_attempt_start(&mut self, start: &AttemptStart) {
        panic!("fragile, before attempt {}", start.attempt);
    }

    fn on_attempt_end(&mut self, end: &AttemptEnd) {
        panic!("fragile, after attempt {}", end.attempt);
    }
}

#[test]
fn a_panic_does_not_change_the_outcome() {
    for failures in 0..5 {
        let expected = THREE.context(Threads).execute(flaky(failures));
        let mut fragile = CatchPanics::new(Fragile);
        let outcome = THREE.context(Threads).observe(ByRef(&mut fragile)).execute(flaky(failures));
        assert_eq!(facts(&outcome), facts(&expected), "{failures} failures");
        assert_eq!(fragile.panics(), 1, "{failures} failures");
    }
}

#[test]
fn a_panic_at_any_event_does_not_change_the_outcome() {
    let expected = THREE.context(Threads).execute(flaky(7));
    for at in [EventKind::Retry, EventKind::MaxAttemptsExceeded] {
        let fragile = CatchPanics::new(|event: &Event| assert_ne!(event.kind, at, "fragile"));
        let outcome = THREE.context(Threads).observe(fragile).execute(flaky(7));
        assert_eq!(facts(&outcome), facts(&expected), "{at}");
    }
}

#[tokio::test]
async fn a_panic_does_not_change_the_outcome_in_a_task() {
    let call = tokio::spawn(async {
        let mut operation = flaky(1);
        THREE.context(Tokio).observe(CatchPanics::new(Fragile)).call(move || std::future::ready(operation())).await
    });
    assert_eq!(call.await.expect("no panic").expect("the second succeeds"), "done");
}

#[test]
fn after_a_panic_the_rest_of_the_call_is_not_told_but_the_next_call_is() {
    let told = RefCell::new(Vec::new());
    let mut fragile = CatchPanics::new(|event: &Event| {
        told.borrow_mut().push((event.kind, event.attempt));
        assert!(event.attempt != 1 || told.borrow().len() > 1, "fragile, once");
    });
    {
        let mut context = THREE.context(Threads).observe(ByRef(&mut fragile));
        assert!(context.call(flaky(2)).is_ok());
        assert!(context.call(flaky(1)).is_ok());
    }
    assert_eq!(fragile.panics(), 1);
    assert_eq!(*told.borrow(), [(EventKind::Retry, 1), (EventKind::Retry, 1), (EventKind::Success, 2)]);
}

#[test]
fn observers_before_and_after_are_told_all_the_same() {
    let (mut before, mut after) = (0, 0);
    let outcome = THREE
        .context(Threads)
        .observe(|_: &Event| before += 1)
        .observe(CatchPanics::new(Fragile))
        .observe(|_: &Event| after += 1)
        .execute(flaky(2));
    assert_eq!((outcome.attempts, before, after), (3, 3, 3));
}

#[test]
fn a_payload_that_panics_when_dropped_is_kept_too() {
    struct Spiteful;
    impl Drop for Spiteful {
        fn drop(&mut self) {
            panic!("spiteful");
        }
    }

    let spiteful = CatchPanics::new(|_: &Event| std::panic::panic_any(Spiteful));
    assert!(THREE.context(Threads).observe(spiteful).call(flaky(0)).is_ok());
}

#[test]
fn the_breaker_learns_of_a_call_whose_observer_panicked() {
    static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(2));
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(1)).circuit_breaker(&BREAKER);

    let mut context = POLICY.context(Threads).observe(CatchPanics::new(Fragile));
    for _ in 0..2 {
        assert!(context.call(flaky(1)).is_err());
    }
    assert_eq!(BREAKER.state(), BreakerState::Open);
    assert_eq!(context.execute(flaky(0)).stop_reason, Some(StopReason::CircuitOpen));
}

/// The environments keep the panics of observers that are not wrapped, whatever they are told.
#[test]
fn without_the_wrapper_a_panic_does_not_change_the_outcome() {
    for failures in 0..5 {
        let expected = THREE.context(Threads).execute(flaky(failures));
        let outcome = THREE.context(Threads).observe(Fragile).execute(flaky(failures));
        assert_eq!(facts(&outcome), facts(&expected), "{failures} failures");
        let outcome = THREE
            .context(Threads)
            .observe(|_: &Event| panic!("fragile"))
            .on_attempt_start(|_| panic!("fragile"))
            .on_attempt_end(|_| panic!("fragile"))
            .execute(flaky(failures));
        assert_eq!(facts(&outcome), facts(&expected), "{failures} failures");
        let called = THREE.context(Threads).observe(Fragile).call(flaky(failures));
        assert_eq!(called.is_ok(), expected.is_ok(), "{failures} failures");
    }
}

#[tokio::test]
async fn without_the_wrapper_a_panic_does_not_change_the_outcome_in_a_task() {
    for failures in 0..5 {
        let expected = THREE.context(Threads).execute(flaky(failures));
        let mut operation = flaky(failures);
        let local = THREE.context(TokioLocal).observe(Fragile).execute(async || operation()).await;
        assert_eq!(facts(&local), facts(&expected), "{failures} failures");
        let spawned = tokio::spawn(async move {
            let mut operation = flaky(failures);
            THREE.context(Tokio).observe(Fragile).execute(move || std::future::ready(operation())).await
        });
        assert_eq!(facts(&spawned.await.expect("no panic")), facts(&expected), "{failures} failures");
    }
}

#[test]
fn in_the_loop_form_a_panic_is_kept_as_well() {
    let mut context = THREE.context(Threads).observe(Fragile);
    let mut operation = flaky(2);
    let mut run = context.start().expect("nothing rejects it");
    let value = loop {
        match operation() {
            Ok(value) => break run.succeed(value),
            Err(error) => run.failed(error).expect("there is another attempt"),
        }
    };
    assert_eq!(value, "done");
}

/// After a panic the observer is told again, at the next event.
#[test]
fn without_the_wrapper_an_observer_misses_only_the_event_it_panicked_at() {
    let (mut before, mut told) = (0, Vec::new());
    let outcome = THREE
        .context(Threads)
        .observe(|_: &Event| before += 1)
        .observe(|event: &Event| {
            assert_ne!((event.kind, event.attempt), (EventKind::Retry, 1), "fragile, once");
            told.push((event.kind, event.attempt));
        })
        .execute(flaky(2));
    assert_eq!((outcome.attempts, before), (3, 3));
    assert_eq!(told, [(EventKind::Retry, 2), (EventKind::Success, 3)]);
}

#[test]
fn the_breaker_learns_of_a_call_whose_observer_panicked_without_the_wrapper() {
    static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(2));
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(1)).circuit_breaker(&BREAKER);

    let mut context = POLICY.context(Threads).observe(Fragile);
    for _ in 0..2 {
        assert!(context.call(flaky(1)).is_err());
    }
    assert_eq!(BREAKER.state(), BreakerState::Open);
    assert_eq!(context.execute(flaky(0)).stop_reason, Some(StopReason::CircuitOpen));
}

/// What is documented of other environments: the panic goes through the call, as one of the operation does.
#[test]
fn in_an_environment_of_parts_the_panic_is_the_callers() {
    static BREAKER: CircuitBreaker<1> =
        CircuitBreaker::new(BreakerConfig::new(1).recovery_timeout(Duration::from_millis(1)));
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(2)).circuit_breaker(&BREAKER);

    assert!(POLICY.context(Threads).call(flaky(2)).is_err());
    std::thread::sleep(Duration::from_millis(2));
    let fragile = |event: &Event| assert_ne!(event.kind, EventKind::Retry, "fragile");
    let parts = Blocking::new(StdClock, ThreadSleeper, ThreadRandom);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        POLICY.context(parts).classifier(DefaultClassifier).observe(fragile).call(flaky(2))
    }));
    assert!(panicked.is_err());
    assert_eq!(BREAKER.state(), BreakerState::HalfOpen, "as if the call had not been made");
    assert!(POLICY.context(Threads).call(flaky(0)).is_ok());
    assert_eq!(BREAKER.state(), BreakerState::Closed);
}

/// A logger and a recorder that panic at everything.
#[derive(Debug)]
struct Broken;

impl log::Log for Broken {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }

    fn log(&self, _: &log::Record) {
        panic!("the logger is broken");
    }

    fn flush(&self) {}
}

/// A subscriber that panics: at nothing (0), at new spans (1), or at whatever happens to a span and in it (2), at the
/// end of a span only (3).
#[derive(Debug)]
struct BrokenFrom(u8);

impl BrokenFrom {
    fn step(&self, broken: &[u8]) {
        assert!(!broken.contains(&self.0), "the subscriber is broken");
    }
}

impl tracing::Subscriber for BrokenFrom {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::Id {
        self.step(&[1]);
        tracing::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::Id, _: &tracing::span::Record<'_>) {
        self.step(&[2, 3]);
    }

    fn record_follows_from(&self, _: &tracing::Id, _: &tracing::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.step(&[1, 2]);
    }

    fn enter(&self, _: &tracing::Id) {}

    fn exit(&self, _: &tracing::Id) {
        self.step(&[2]);
    }

    fn try_close(&self, _: tracing::Id) -> bool {
        self.step(&[2, 3]);
        true
    }
}

impl metrics::Recorder for Broken {
    fn describe_counter(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

    fn describe_gauge(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

    fn describe_histogram(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

    fn register_counter(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
        panic!("the recorder is broken");
    }

    fn register_gauge(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
        panic!("the recorder is broken");
    }

    fn register_histogram(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Histogram {
        panic!("the recorder is broken");
    }
}

#[test]
fn the_ready_observers_need_no_wrapper() {
    static LOGGER: Once = Once::new();
    LOGGER.call_once(|| {
        log::set_logger(&Broken).expect("the only logger");
        log::set_max_level(log::LevelFilter::Trace);
    });
    let ready = || (LogObserver::new(), TracingObserver::new().opentelemetry(), MetricsObserver::new());
    for failures in 0..5 {
        let expected = THREE.context(Threads).execute(flaky(failures));
        for subscriber in 0..=3 {
            let outcome = tracing::subscriber::with_default(BrokenFrom(subscriber), || {
                metrics::with_local_recorder(&Broken, || {
                    THREE.context(Threads).operation("sync").observe(ready()).execute(flaky(failures))
                })
            });
            assert_eq!(facts(&outcome), facts(&expected), "{failures} failures, subscriber {subscriber}");
        }
    }
}

/// The operation panics, and while that unwinds, the span's end does too: one panic arrives, and the process lives.
#[test]
fn a_subscriber_that_panics_while_a_panic_unwinds_does_not_abort() {
    for subscriber in 0..=3 {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            tracing::subscriber::with_default(BrokenFrom(subscriber), || {
                let panics = || -> io::Result<()> { panic!("the operation") };
                THREE.context(Threads).observe(TracingObserver::new()).call(panics)
            })
        }));
        let payload = panicked.expect_err("the operation panics");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"the operation"));
    }
}

#[test]
fn observers_are_made_in_statics_and_cloned() {
    static LOG: LogObserver = LogObserver::new();
    static METRICS: LazyLock<MetricsObserver> = LazyLock::new(MetricsObserver::new);
    static TRACING: TracingObserver = TracingObserver::new().opentelemetry();

    let all = (LOG, TRACING.clone(), METRICS.clone());
    let outcome = THREE.context(Threads).observe(all.clone()).observe(CatchPanics::new(all)).execute(flaky(1));
    assert_eq!((outcome.attempts, outcome.last_class), (2, None::<ErrorClass>));
}
