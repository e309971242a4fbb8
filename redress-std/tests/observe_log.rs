//! Log lines, as a logger gets them.

mod every_event;

use std::cell::RefCell;

use every_event::every_event;
use log::{Level, LevelFilter, Log, Metadata, Record};
use redress_std::{
    Backoff, BreakerConfig, CircuitBreaker, Classification, ErrorClass, Millis, Policy, Retry, SleepDecision,
    observe::LogObserver, testing::TestEnv,
};

thread_local! {
    static LINES: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
}

struct Lines;

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.target() == "redress"
    }

    fn log(&self, record: &Record) {
        assert_eq!(record.target(), "redress");
        LINES.with_borrow_mut(|lines| lines.push((record.level(), record.args().to_string())));
    }

    fn flush(&self) {}
}

/// What this logs on its thread, from `least` on.
fn lines(least: Level, run: impl FnOnce()) -> Vec<(Level, String)> {
    // Fails in all tests but the first.
    let _ = log::set_logger(&Lines);
    log::set_max_level(LevelFilter::Trace);
    LINES.take();
    run();
    LINES.take().into_iter().filter(|(level, _)| *level <= least).collect()
}

fn expect(lines: &[(Level, String)], expected: &[(Level, &str)]) {
    let lines: Vec<_> = lines.iter().map(|(level, line)| (*level, line.as_str())).collect();
    assert_eq!(lines, expected);
}

#[test]
fn every_event_has_the_level_that_core_gives_it() {
    let mut expected = Vec::new();
    let logged = lines(Level::Trace, || expected = every_event(LogObserver::new));
    let logged: Vec<_> = logged
        .iter()
        .map(|(level, line)| (line.split(' ').next().unwrap_or_default(), *level))
        .filter(|(kind, _)| !kind.starts_with("attempt_"))
        .collect();
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(kind, level)| match level {
            redress_std::Level::Debug => (kind, Level::Debug),
            redress_std::Level::Info => (kind, Level::Info),
            redress_std::Level::Warn => (kind, Level::Warn),
            _ => unreachable!("three levels"),
        })
        .collect();
    assert_eq!(logged, expected);
}

#[test]
fn a_call_is_told_line_by_line() {
    static POLICY: Policy =
        Policy::new(Retry::new(Backoff::constant(std::time::Duration::from_millis(250))).max_attempts(2));

    let logged = lines(Level::Trace, || {
        let hinted = |class: &ErrorClass| Classification::new(*class).retry_after(Millis::new(9)).code(429);
        let mut context =
            POLICY.context(TestEnv::new()).operation("fetch").classifier(hinted).observe(LogObserver::new());
        assert!(context.call(|| Err::<(), _>(ErrorClass::RateLimit)).is_err());
    });
    expect(
        &logged,
        &[
            (Level::Trace, "attempt_start operation=fetch attempt=1 elapsed_ms=0"),
            (
                Level::Info,
                "retry operation=fetch attempt=1 class=rate_limit cause=error delay_ms=250 retry_after_ms=9 code=429 elapsed_ms=0",
            ),
            (
                Level::Debug,
                "attempt_end operation=fetch attempt=1 class=rate_limit decision=retry cause=error elapsed_ms=0",
            ),
            (Level::Trace, "attempt_start operation=fetch attempt=2 elapsed_ms=250"),
            (
                Level::Warn,
                "max_attempts_exceeded operation=fetch attempt=2 class=rate_limit stop_reason=max_attempts_global cause=error code=429 elapsed_ms=250",
            ),
            (
                Level::Debug,
                "attempt_end operation=fetch attempt=2 class=rate_limit decision=raise stop_reason=max_attempts_global cause=error elapsed_ms=250",
            ),
        ],
    );
}

#[test]
fn what_is_not_known_is_left_out() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));

    let logged = lines(Level::Debug, || {
        assert!(POLICY.context(TestEnv::new()).observe(LogObserver::new()).call(|| Ok::<_, ErrorClass>(())).is_ok());
    });
    expect(
        &logged,
        &[
            (Level::Debug, "success attempt=1 elapsed_ms=0"),
            (Level::Debug, "attempt_end attempt=1 decision=success elapsed_ms=0"),
        ],
    );
}

#[test]
fn deferred_and_aborted_calls_are_no_warnings() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(std::time::Duration::from_secs(2))));

    let transient = || Err::<(), _>(ErrorClass::Transient);
    let logged = lines(Level::Info, || {
        let context = POLICY.context(TestEnv::new()).observe(LogObserver::new());
        assert!(context.sleep_handler(|_, _| SleepDecision::Defer).call(transient).is_err());
        assert!(POLICY.context(TestEnv::new()).observe(LogObserver::new()).abort_if(|| true).call(transient).is_err());
    });
    expect(
        &logged,
        &[
            (Level::Info, "retry attempt=1 class=transient cause=error delay_ms=2000 elapsed_ms=0"),
            (
                Level::Info,
                "scheduled attempt=1 class=transient stop_reason=scheduled cause=error delay_ms=2000 elapsed_ms=0",
            ),
            (Level::Info, "aborted stop_reason=aborted elapsed_ms=0"),
        ],
    );
}

#[test]
fn the_breaker_is_told_of() {
    static BREAKER: CircuitBreaker<1> = CircuitBreaker::new(BreakerConfig::new(1));
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(1)).circuit_breaker(&BREAKER);

    let logged = lines(Level::Debug, || {
        let mut context = POLICY.context(TestEnv::new()).operation("fetch").observe(LogObserver::new());
        for _ in 0..2 {
            assert!(context.call(|| Err::<(), _>(ErrorClass::ServerError)).is_err());
        }
    });
    expect(
        &logged,
        &[
            (
                Level::Warn,
                "max_attempts_exceeded operation=fetch attempt=1 class=server_error stop_reason=max_attempts_global cause=error elapsed_ms=0",
            ),
            (
                Level::Debug,
                "attempt_end operation=fetch attempt=1 class=server_error decision=raise stop_reason=max_attempts_global cause=error elapsed_ms=0",
            ),
            (Level::Warn, "circuit_opened operation=fetch class=server_error state=open elapsed_ms=0"),
            (Level::Debug, "circuit_rejected operation=fetch stop_reason=circuit_open state=open elapsed_ms=0"),
        ],
    );
}

/// Says what it is told, escape characters and line breaks included; its `Debug` is not for logs.
struct Told(String);

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Debug for Told {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("the observer shows no `Debug`")
    }
}

#[test]
fn errors_are_shown_where_that_is_asked_for() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(2));

    let text = "password \"x\"\n\u{1b}[31mWARN redress: forged";
    let failing = || Err::<(), _>(Told(text.to_owned()));
    let logged = lines(Level::Info, || {
        let mut context = POLICY
            .context(TestEnv::new())
            .classify(|_: &Told| ErrorClass::Transient)
            .observe_errors(LogObserver::new());
        assert!(context.call(failing).is_err());
        assert!(context.call(|| Ok::<_, Told>(())).is_ok());
    });
    expect(
        &logged,
        &[
            (
                Level::Info,
                r#"retry attempt=1 class=transient cause=error delay_ms=0 elapsed_ms=0 error="password \"x\"\n\u{1b}[31mWARN redress: forged""#,
            ),
            (
                Level::Warn,
                r#"max_attempts_exceeded attempt=2 class=transient stop_reason=max_attempts_global cause=error elapsed_ms=0 error="password \"x\"\n\u{1b}[31mWARN redress: forged""#,
            ),
        ],
    );

    let logged = lines(Level::Info, || {
        let mut context =
            POLICY.context(TestEnv::new()).classify(|_: &Told| ErrorClass::Transient).observe(LogObserver::new());
        assert!(context.call(failing).is_err());
    });
    assert!(logged.iter().all(|(_, line)| !line.contains("error=") && !line.contains("password")));

    let huge = "x".repeat(1 << 20);
    let logged = lines(Level::Info, || {
        let mut context = POLICY
            .context(TestEnv::new())
            .classify(|_: &Told| ErrorClass::Permanent)
            .observe_errors(LogObserver::new());
        assert!(context.call(|| Err::<(), _>(Told(huge.clone()))).is_err());
    });
    assert!(logged[0].1.len() < 500 && logged[0].1.ends_with("…\""), "{} bytes", logged[0].1.len());
}
