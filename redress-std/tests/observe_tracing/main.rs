//! Spans and events, as a subscriber gets them.

#[path = "../every_event/mod.rs"]
mod every_event;
mod kept;
mod subscriber;

use std::{future::pending, io, time::Duration};

use every_event::every_event;
use redress_std::{
    Backoff, BreakerConfig, CircuitBreaker, ErrorClass, Policy, Retry, SeededRandom, SleepDecision, Tokio, env,
    observe::TracingObserver,
    testing::{ManualClock, TestEnv},
};
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt;

use self::subscriber::{Fields, Keep, Seen};

fn fields(expected: &[(&'static str, &str)]) -> Fields {
    expected.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// Fails with these classes, one after another, then succeeds.
fn flaky(classes: &[ErrorClass]) -> impl FnMut() -> Result<(), ErrorClass> {
    let mut left = classes.iter();
    move || left.next().map_or(Ok(()), |class| Err(*class))
}

static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_millis(250))).max_attempts(2));

#[test]
fn a_call_is_a_span_with_an_event_for_each_thing() {
    let (keep, _guard) = Keep::start();
    let mut context = POLICY.context(TestEnv::new()).operation("fetch").observe(TracingObserver::new());
    assert!(context.call(flaky(&[ErrorClass::RateLimit])).is_ok());
    let seen = keep.seen();
    assert_eq!(seen.open, 0, "the context lives, the span does not");
    assert_eq!(seen.closed, [fields(&[("operation", "fetch"), ("outcome", "success"), ("attempts", "2")])]);
    assert_eq!(seen.messages(), ["attempt_start", "retry", "attempt_end", "attempt_start", "success", "attempt_end"]);
    assert!(seen.events.iter().all(|event| event.span == Some("redress.call") && event.field("operation") == "fetch"));

    let [start, retry, end, _, success, _] = &seen.events[..] else { panic!("as many as messages") };
    assert_eq!(
        [start.level, retry.level, end.level, success.level],
        [Level::TRACE, Level::INFO, Level::DEBUG, Level::INFO]
    );
    assert_eq!(
        retry.fields,
        fields(&[
            ("message", "retry"),
            ("operation", "fetch"),
            ("attempt", "1"),
            ("class", "rate_limit"),
            ("cause", "error"),
            ("delay_ms", "250"),
            ("elapsed_ms", "0"),
        ])
    );
    assert_eq!((end.field("decision"), end.field("delay_ms")), ("retry", "250"));
    assert_eq!(
        success.fields,
        fields(&[("message", "success"), ("operation", "fetch"), ("attempt", "2"), ("elapsed_ms", "250")])
    );
}

#[test]
fn every_event_has_the_level_that_core_gives_it() {
    let (keep, _guard) = Keep::start();
    let expected = every_event(TracingObserver::new);
    let seen = keep.seen();
    let seen: Vec<_> = seen.events.iter().map(|event| (event.field("message"), event.level)).collect();
    let seen: Vec<_> = seen.into_iter().filter(|(kind, _)| !kind.starts_with("attempt_")).collect();
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(kind, level)| match level {
            redress_std::Level::Debug => (kind, Level::DEBUG),
            redress_std::Level::Info => (kind, Level::INFO),
            redress_std::Level::Warn => (kind, Level::WARN),
            _ => unreachable!("three levels"),
        })
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn a_call_that_fails_says_why_in_event_and_span() {
    let (keep, _guard) = Keep::start();
    let mut context = POLICY.context(TestEnv::new()).operation("fetch").observe(TracingObserver::new().opentelemetry());
    assert!(context.call(flaky(&[ErrorClass::Transient; 2])).is_err());
    let seen = keep.seen();
    let stop = &seen.events[seen.events.len() - 2];
    assert_eq!((stop.level, stop.field("message")), (Level::WARN, "max_attempts_exceeded"));
    assert_eq!((stop.field("stop_reason"), stop.field("class")), ("max_attempts_global", "transient"));
    assert_eq!(
        seen.closed,
        [fields(&[
            ("operation", "fetch"),
            ("outcome", "max_attempts_global"),
            ("attempts", "2"),
            ("class", "transient"),
            ("otel.name", "fetch"),
            ("otel.status_code", "ERROR"),
        ])]
    );
}

#[test]
fn the_span_is_a_child_of_the_one_around_the_call() {
    let (keep, _guard) = Keep::start();
    let mut context = POLICY.context(TestEnv::new()).observe(TracingObserver::new());
    tracing::info_span!(target: "app", "request").in_scope(|| assert!(context.call(flaky(&[])).is_ok()));
    assert_eq!(keep.seen().closed[0]["parent"], "request");
}

#[test]
fn calls_that_stop_early_close_their_span_at_once() {
    static BREAKER: CircuitBreaker<1> = CircuitBreaker::new(BreakerConfig::new(1));
    static GUARDED: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(1)).circuit_breaker(&BREAKER);
    static HURRIED: Policy = Policy::new(
        Retry::new(Backoff::constant(Duration::from_millis(250))).deadline(Duration::from_millis(600)).max_attempts(9),
    );

    let (keep, _guard) = Keep::start();
    let outcome = |keep: &Keep| {
        let seen = keep.seen();
        assert_eq!((seen.open, seen.closed.len()), (0, 1));
        (seen.closed[0]["outcome"].clone(), seen.closed[0]["attempts"].clone())
    };
    let ended = |reason: &str, attempts: &str| (reason.to_owned(), attempts.to_owned());

    // Rejected by the breaker, which the first call opened after its span was closed.
    let mut guarded = GUARDED.context(TestEnv::new()).observe(TracingObserver::new());
    tracing::info_span!(target: "app", "request")
        .in_scope(|| assert!(guarded.call(flaky(&[ErrorClass::Transient])).is_err()));
    let seen = keep.seen();
    let opened = seen.events.last().expect("the circuit opened");
    assert_eq!((opened.level, opened.field("message"), opened.field("state")), (Level::WARN, "circuit_opened", "open"));
    assert_eq!((opened.span, seen.open), (Some("request"), 0));
    assert!(guarded.call(flaky(&[])).is_err());
    assert_eq!(outcome(&keep), ended("circuit_open", "0"));

    // Aborted before the first attempt, and during the wait after it.
    let mut aborted = POLICY.context(TestEnv::new()).observe(TracingObserver::new()).abort_if(|| true);
    assert!(aborted.call(flaky(&[])).is_err());
    assert_eq!(outcome(&keep), ended("aborted", "0"));
    let mut asked = 0;
    let mut aborted = POLICY.context(TestEnv::new()).observe(TracingObserver::new()).abort_if(|| {
        asked += 1;
        asked > 2
    });
    assert!(aborted.call(flaky(&[ErrorClass::Transient])).is_err());
    assert_eq!(outcome(&keep), ended("aborted", "1"));

    // Handed over to be made later.
    let deferred = POLICY.context(TestEnv::new()).observe(TracingObserver::new());
    assert!(deferred.sleep_handler(|_, _| SleepDecision::Defer).call(flaky(&[ErrorClass::Transient])).is_err());
    assert_eq!(outcome(&keep), ended("scheduled", "1"));

    // Out of time after a wait that took longer than it should.
    let clock = ManualClock::new();
    let late = env::Blocking::new(&clock, |ticks| clock.advance_ticks(3 * ticks), SeededRandom::new(1));
    let mut hurried = HURRIED.context(late).observe(TracingObserver::new());
    assert!(hurried.call(flaky(&[ErrorClass::Transient; 9])).is_err());
    assert_eq!(outcome(&keep), ended("deadline_exceeded", "1"));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_closes_its_span() {
    static SLOW: Policy = Policy::new(Retry::new(Backoff::none()).no_deadline());

    let (keep, _guard) = Keep::start();
    let hour = Duration::from_secs(3_600);
    // With its context, at once.
    let call = async { SLOW.context(Tokio).observe(TracingObserver::new()).call(pending::<io::Result<()>>).await };
    assert!(tokio::time::timeout(hour, call).await.is_err());
    let seen = keep.seen();
    assert_eq!(seen.open, 0);
    assert_eq!(seen.closed, [fields(&[("operation", ""), ("outcome", "dropped"), ("attempts", "1")])]);

    // In a context that lives on, when the next call begins.
    let mut context = SLOW.context(Tokio).observe(TracingObserver::new());
    assert!(tokio::time::timeout(hour, context.call(pending::<io::Result<()>>)).await.is_err());
    assert_eq!(keep.open(), 1);
    assert!(context.call(|| std::future::ready(Ok::<_, io::Error>(()))).await.is_ok());
    let seen = keep.seen();
    assert_eq!((seen.open, seen.closed.len()), (0, 2));
    assert_eq!([&seen.closed[0]["outcome"], &seen.closed[1]["outcome"]], ["dropped", "success"]);
}

#[test]
fn a_call_whose_operation_panics_closes_its_span() {
    let (keep, _guard) = Keep::start();
    let panicked = std::panic::catch_unwind(|| {
        let panics = || -> Result<(), ErrorClass> { panic!("the operation") };
        POLICY.context(TestEnv::new()).observe(TracingObserver::new()).call(panics)
    });
    assert!(panicked.is_err());
    let seen = keep.seen();
    assert_eq!((seen.open, seen.closed[0]["outcome"].as_str()), (0, "dropped"));
}

#[tokio::test(start_paused = true)]
async fn calls_side_by_side_keep_to_their_spans() {
    let (keep, _guard) = Keep::start();
    let call = |operation| async move {
        let mut left = 1;
        let fails = move || {
            left -= 1;
            std::future::ready(if left < 0 { Ok(()) } else { Err(io::Error::from(io::ErrorKind::TimedOut)) })
        };
        let mut context = POLICY.context(Tokio).operation(operation).observe(TracingObserver::new());
        tokio::join!(context.call(fails), std::future::ready(())).0
    };
    let (one, two) = tokio::join!(call("one"), call("two"));
    assert!(one.is_ok() && two.is_ok());
    let seen = keep.seen();
    assert_eq!((seen.open, seen.closed.len(), seen.events.len()), (0, 2, 12));
    assert!(seen.closed.iter().all(|span| !span.contains_key("parent") && span["attempts"] == "2"));
    assert!(seen.events.iter().all(|event| event.span == Some("redress.call")));
}

#[test]
fn filtered_out_it_costs_the_call_nothing() {
    let (keep, _guard) = Keep::start();
    let quiet = tracing_subscriber::registry().with(tracing_subscriber::filter::LevelFilter::WARN).with(keep.clone());
    tracing::subscriber::with_default(quiet, || {
        let mut context = POLICY.context(TestEnv::new()).observe(TracingObserver::new());
        assert!(context.call(flaky(&[ErrorClass::Transient])).is_ok());
        assert!(context.call(flaky(&[ErrorClass::Auth])).is_err());
    });
    let seen = keep.seen();
    assert_eq!((seen.messages(), seen.closed.len(), seen.events[0].span), (vec!["permanent_fail"], 0, None));
}

/// Reports something of its own, as an HTTP client does.
fn report(number: u32) {
    tracing::info!(target: "redress", number, "operation");
}

fn assert_operations_run_in_attempts(seen: &Seen) {
    let operations: Vec<_> = seen.events.iter().filter(|event| event.field("message") == "operation").collect();
    assert_eq!(operations.len(), 2);
    assert!(operations.iter().all(|event| event.span == Some("redress.attempt")), "{operations:?}");
    let attempts: Vec<_> = seen.closed.iter().filter(|fields| fields.contains_key("attempt")).collect();
    assert_eq!(attempts.len(), 2);
    for (fields, number) in attempts.into_iter().zip(["1", "2"]) {
        assert_eq!((fields["attempt"].as_str(), fields["parent"].as_str()), (number, "redress.call"));
    }
    // Waits are outside of attempts.
    let retry = seen.events.iter().find(|event| event.field("message") == "retry").expect("there is one");
    assert_eq!((retry.span, seen.open), (Some("redress.call"), 0));
}

#[test]
fn blocking_operations_run_in_the_span_of_their_attempt() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(1))).max_attempts(2));

    let (keep, _guard) = Keep::start();
    let (observer, attempts) = TracingObserver::new().with_attempts();
    let mut context = POLICY.context(TestEnv::new()).observe(observer);
    let outcome = context.execute(attempts.run(|info: redress_std::AttemptInfo| {
        report(info.number);
        Err::<(), _>(ErrorClass::Transient)
    }));
    assert_eq!(outcome.attempts, 2);
    assert_operations_run_in_attempts(&keep.seen());
}

#[tokio::test(start_paused = true)]
async fn async_operations_run_in_the_span_of_their_attempt_and_other_tasks_do_not() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(1))).max_attempts(2));

    let (keep, _guard) = Keep::start();
    let (observer, attempts) = TracingObserver::new().with_attempts();
    let mut context = POLICY.context(Tokio).observe(observer);
    let call = context.call(attempts.run(|info: redress_std::AttemptInfo| async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        report(info.number);
        Err::<(), _>(io::Error::from(io::ErrorKind::TimedOut))
    }));
    let other = async {
        tokio::time::sleep(Duration::from_micros(500)).await;
        tracing::info!(target: "redress", "other");
    };
    let (result, ()) = tokio::join!(call, other);
    assert!(result.is_err());
    let seen = keep.seen();
    let other = seen.events.iter().find(|event| event.field("message") == "other").expect("it was reported");
    assert_eq!(other.span, None);
    assert_operations_run_in_attempts(&seen);
}

#[test]
fn errors_are_fields_where_that_is_asked_for() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(2));

    let (keep, _guard) = Keep::start();
    let failing = || Err::<(), _>(io::Error::other("refused\u{7}"));
    let context = || POLICY.context(TestEnv::new()).classify(|_: &io::Error| ErrorClass::Transient);
    assert!(context().observe_errors(TracingObserver::new()).call(failing).is_err());
    let seen = keep.seen();
    let errors: Vec<_> = seen.events.iter().filter(|event| !event.field("error").is_empty()).collect();
    assert!(errors.iter().map(|event| event.field("message")).eq(["retry", "max_attempts_exceeded"]));
    assert!(errors.iter().all(|event| event.field("error") == "refused\\u{7}"));
    assert_eq!(seen.closed[0]["error"], "refused\\u{7}");
    assert!(context().observe(TracingObserver::new()).call(failing).is_err());
    assert!(keep.seen().events.iter().all(|event| event.field("error").is_empty()));
}
