//! Counters and histograms, as a recorder gets them.

use std::{collections::BTreeMap, time::Duration};

use metrics::with_local_recorder;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use redress_std::{
    Backoff, BreakerConfig, CircuitBreaker, ErrorClass, Policy, Retry, SleepDecision, Threads,
    keeper::{Keep, KeepConfig},
    observe::MetricsObserver,
    testing::TestEnv,
};

/// What was recorded: name and labels as `name{key=value,…}`; counters as their value, histograms as all of theirs.
fn recorded(run: impl FnOnce()) -> BTreeMap<String, Vec<f64>> {
    let recorder = DebuggingRecorder::new();
    with_local_recorder(&recorder, run);
    let read = |value| match value {
        #[expect(clippy::cast_precision_loss, reason = "counts of a test are small")]
        DebugValue::Counter(count) => vec![count as f64],
        DebugValue::Gauge(value) => vec![value.into_inner()],
        DebugValue::Histogram(values) => values.into_iter().map(f64::from).collect(),
    };
    let snapshot = recorder.snapshotter().snapshot().into_vec().into_iter();
    snapshot
        .map(|(key, _, _, value)| {
            let key = key.key();
            let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            (format!("{}{{{}}}", key.name(), labels.join(",")), read(value))
        })
        .collect()
}

fn expect(recorded: &BTreeMap<String, Vec<f64>>, expected: &[(&str, &[f64])]) {
    let recorded: Vec<_> = recorded.iter().map(|(key, values)| (key.as_str(), values.as_slice())).collect();
    assert_eq!(recorded, expected);
}

/// Fails with these classes, one after another, then succeeds.
fn flaky(classes: &[ErrorClass]) -> impl FnMut() -> Result<(), ErrorClass> {
    let mut left = classes.iter();
    move || left.next().map_or(Ok(()), |class| Err(*class))
}

#[test]
fn calls_attempts_and_delays_are_counted() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_millis(250))).max_attempts(3));

    let recorded = recorded(|| {
        let mut context = POLICY.context(TestEnv::new()).operation("fetch").observe(MetricsObserver::new());
        assert!(context.call(flaky(&[])).is_ok());
        assert!(context.call(flaky(&[ErrorClass::Transient, ErrorClass::RateLimit])).is_ok());
        assert!(context.call(flaky(&[ErrorClass::Transient; 9])).is_err());
        assert!(context.call(flaky(&[ErrorClass::Auth])).is_err());
    });
    expect(
        &recorded,
        &[
            ("redress_attempts_total{operation=fetch,decision=raise,class=auth}", &[1.0]),
            ("redress_attempts_total{operation=fetch,decision=raise,class=transient}", &[1.0]),
            ("redress_attempts_total{operation=fetch,decision=retry,class=rate_limit}", &[1.0]),
            ("redress_attempts_total{operation=fetch,decision=retry,class=transient}", &[3.0]),
            ("redress_attempts_total{operation=fetch,decision=success,class=none}", &[2.0]),
            ("redress_call_attempts{operation=fetch,outcome=max_attempts_global}", &[3.0]),
            ("redress_call_attempts{operation=fetch,outcome=non_retryable_class}", &[1.0]),
            ("redress_call_attempts{operation=fetch,outcome=success}", &[1.0, 3.0]),
            ("redress_call_duration_seconds{operation=fetch,outcome=max_attempts_global}", &[0.5]),
            ("redress_call_duration_seconds{operation=fetch,outcome=non_retryable_class}", &[0.0]),
            ("redress_call_duration_seconds{operation=fetch,outcome=success}", &[0.0, 0.5]),
            ("redress_calls_started_total{operation=fetch}", &[4.0]),
            ("redress_calls_total{operation=fetch,outcome=max_attempts_global,class=transient}", &[1.0]),
            ("redress_calls_total{operation=fetch,outcome=non_retryable_class,class=auth}", &[1.0]),
            ("redress_calls_total{operation=fetch,outcome=success,class=none}", &[2.0]),
            ("redress_retry_delay_seconds{operation=fetch,class=rate_limit}", &[0.25]),
            ("redress_retry_delay_seconds{operation=fetch,class=transient}", &[0.25, 0.25, 0.25]),
        ],
    );
}

#[test]
fn calls_that_stop_early_end_too() {
    static BREAKER: CircuitBreaker<1> = CircuitBreaker::new(BreakerConfig::new(1));
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(1)).circuit_breaker(&BREAKER);
    static DEFERRED: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(9))));

    let recorded = recorded(|| {
        let mut context = POLICY.context(TestEnv::new()).operation("fetch").observe(MetricsObserver::new());
        assert!(context.call(flaky(&[ErrorClass::ServerError])).is_err());
        assert!(context.call(flaky(&[])).is_err());
        let context = DEFERRED.context(TestEnv::new()).operation("later").observe(MetricsObserver::new());
        assert!(context.sleep_handler(|_, _| SleepDecision::Defer).call(flaky(&[ErrorClass::Transient])).is_err());
        let context = DEFERRED.context(TestEnv::new()).operation("never").observe(MetricsObserver::new());
        assert!(context.abort_if(|| true).call(flaky(&[])).is_err());
    });
    let counted: Vec<_> = recorded
        .iter()
        .filter(|(key, _)| !key.starts_with("redress_call_"))
        .map(|(key, values)| (key.as_str(), values[0]))
        .collect();
    assert_eq!(
        counted,
        [
            ("redress_attempts_total{operation=fetch,decision=raise,class=server_error}", 1.0),
            ("redress_attempts_total{operation=later,decision=scheduled,class=transient}", 1.0),
            ("redress_breaker_transitions_total{operation=fetch,state=open}", 1.0),
            ("redress_calls_started_total{operation=fetch}", 2.0),
            ("redress_calls_started_total{operation=later}", 1.0),
            ("redress_calls_started_total{operation=never}", 1.0),
            ("redress_calls_total{operation=fetch,outcome=circuit_open,class=none}", 1.0),
            ("redress_calls_total{operation=fetch,outcome=max_attempts_global,class=server_error}", 1.0),
            ("redress_calls_total{operation=later,outcome=scheduled,class=transient}", 1.0),
            ("redress_calls_total{operation=never,outcome=aborted,class=none}", 1.0),
        ]
    );
    let rejected = &recorded["redress_call_attempts{operation=fetch,outcome=circuit_open}"];
    assert_eq!(rejected, &[0.0]);
}

#[test]
fn sessions_are_counted_and_measured() {
    const SECOND: Duration = Duration::from_secs(1);
    let keep = Keep::new(Policy::new(Retry::new(Backoff::constant(SECOND))), KeepConfig::new(30 * SECOND));

    let recorded = recorded(|| {
        let env = TestEnv::new();
        let mut context = keep.context(&env).operation("uplink").observe(MetricsObserver::new());
        // Two attempts fail, a session lasts a minute, the next is lost after 2 s.
        let mut lengths = [None, None, Some(60), Some(2)].into_iter();
        let gave_up = context.keep().run(|session| {
            let Some(length) = lengths.next() else { return Err::<(), _>(ErrorClass::Auth) };
            if let Some(seconds) = length {
                session.established();
                env.clock().advance(seconds * SECOND);
            }
            Err(ErrorClass::Transient)
        });
        assert_eq!(gave_up.last_class, Some(ErrorClass::Auth));
    });
    let sessions: Vec<_> = recorded.iter().filter(|(key, _)| key.starts_with("redress_session")).collect();
    let sessions: Vec<_> = sessions.into_iter().map(|(key, values)| (key.as_str(), values.as_slice())).collect();
    assert_eq!(
        sessions,
        [
            ("redress_session_attempts{operation=uplink}", &[3.0, 1.0][..]),
            ("redress_session_duration_seconds{operation=uplink}", &[60.0, 2.0]),
            ("redress_session_offline_seconds{operation=uplink}", &[2.0, 1.0]),
            ("redress_sessions_total{operation=uplink,session=established,class=none}", &[2.0]),
            ("redress_sessions_total{operation=uplink,session=lost,class=transient}", &[2.0]),
        ]
    );
}

#[test]
fn every_metric_is_described() {
    static BREAKER: CircuitBreaker<1> = CircuitBreaker::new(BreakerConfig::new(1));
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(2)).circuit_breaker(&BREAKER);

    let recorder = DebuggingRecorder::new();
    let snapshot = with_local_recorder(&recorder, || {
        MetricsObserver::describe();
        let mut context = POLICY.context(TestEnv::new()).observe(MetricsObserver::new());
        assert!(context.call(flaky(&[ErrorClass::Transient; 2])).is_err());
        recorder.snapshotter().snapshot().into_vec()
    });
    assert!(snapshot.len() >= 7);
    for (key, unit, description, _) in snapshot {
        let name = key.key().name();
        assert!(unit.is_some() && description.is_some(), "{name}");
        assert_eq!(unit == Some(metrics::Unit::Seconds), name.ends_with("_seconds"), "{name}");
    }
}

#[test]
fn without_a_recorder_nothing_happens() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));

    MetricsObserver::describe();
    let call = || Ok::<_, std::io::Error>(7);
    assert_eq!(POLICY.context(Threads).observe(MetricsObserver::new()).call(call).expect("it succeeds"), 7);
}

/// An open circuit delays an attempt at a connection that is kept: no call has ended, and no circuit has opened.
#[test]
fn a_rejection_that_delays_a_keeper_is_no_end_of_a_call() {
    const SECOND: Duration = Duration::from_secs(1);
    let breaker = CircuitBreaker::<2>::new(BreakerConfig::new(2).recovery_timeout(60 * SECOND));
    let policy = Policy::new(Retry::new(Backoff::constant(SECOND))).circuit_breaker(&breaker);
    let keep = Keep::new(policy, KeepConfig::new(30 * SECOND));
    let recorded = recorded(|| {
        let mut context = keep.context(TestEnv::new()).operation("uplink").observe(MetricsObserver::new());
        let mut errors = [ErrorClass::Transient, ErrorClass::Transient, ErrorClass::Auth].into_iter();
        let gave_up = context.keep().run(|_| Err::<(), _>(errors.next().unwrap()));
        assert_eq!(gave_up.last_class, Some(ErrorClass::Auth));
    });
    let ends: Vec<_> = recorded.keys().filter(|key| key.starts_with("redress_calls_total")).collect();
    assert_eq!(ends, ["redress_calls_total{operation=uplink,outcome=non_retryable_class,class=auth}"]);
    let opened = "redress_breaker_transitions_total{operation=uplink,state=open}";
    assert_eq!(recorded[opened], [1.0]);
}
