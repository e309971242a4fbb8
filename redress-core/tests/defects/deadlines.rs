//! Defects of deadlines and hints of servers.

use std::{collections::HashSet, time::Duration};

use redress_core::{
    AttemptInfo, Backoff, Blocking, Classification, ErrorClass, Millis, Policy, Retry, StopReason,
    testing::{ManualClock, TestEnv},
};

use crate::{TRANSIENT, constant, secs};

/// [tenacity, google-cloud-rust, `wait_for`, relentless, the Python library: waits 0.2 s, then fails]
#[test]
fn the_deadline_is_not_slept_out() {
    let policy = Policy::new(constant(10).deadline(secs(25)));
    let mut context = policy.context(TestEnv::new());
    let outcome = context.execute(|| TRANSIENT);
    assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::DeadlineExceeded), 3));
    assert_eq!(outcome.next_delay, Some(Millis::from_secs(10)), "the delay it did not take");
    assert_eq!(outcome.elapsed, Millis::from_secs(20), "not 25 s");
    assert_eq!(context.env().sleeps().count(), 2);
    // A wait that ends exactly at the deadline leaves no time for an attempt either.
    let policy = Policy::new(constant(10).deadline(secs(10)));
    assert_eq!(policy.context(TestEnv::new()).execute(|| TRANSIENT).elapsed, Millis::ZERO);
}

/// The deadline is looked at before each retry, not only after a failure: a sleeper may oversleep. [the Python library]
#[test]
fn no_attempt_begins_after_the_deadline() {
    let clock = ManualClock::new();
    let oversleep = |ticks| clock.advance_ticks(ticks + 5_000);
    let policy = Policy::new(constant(10).deadline(secs(15)));
    let mut made = 0;
    let outcome = policy.context(Blocking::new(&clock, oversleep, || 0)).execute(|| {
        made += 1;
        TRANSIENT
    });
    assert_eq!((made, outcome.attempts), (1, 1));
    assert_eq!(outcome.stop_reason, Some(StopReason::DeadlineExceeded));
}

/// Each attempt is told how much of the deadline is left. [instructor: 210 s under a deadline of 120]
#[test]
fn an_attempt_knows_what_remains() {
    let policy = Policy::new(constant(10).deadline(secs(25)).attempt_timeout(secs(8)));
    let mut told = Vec::new();
    policy.context(TestEnv::new()).execute(|attempt: AttemptInfo| {
        told.push((attempt.number, attempt.remaining.unwrap().get()));
        TRANSIENT
    });
    assert_eq!(told, [(1, 8_000), (2, 8_000), (3, 5_000)]);
}

/// [the Python library cut 120 s to a deadline of 60; hermes-agent capped the hint; tower-resilience, `TrueLayer` ignore it]
#[test]
fn a_hint_is_not_shortened() {
    let asked = Classification::new(ErrorClass::RateLimit).retry_after(Millis::from_secs(120));
    let retry = Retry::new(Backoff::full_jitter(Duration::from_millis(10), secs(1)).or_retry_after()).max_attempts(2);
    let outcome = Policy::new(retry).context(TestEnv::new()).execute(|| Err::<(), _>(asked));
    assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::RetryAfterTooLong), 1));
    assert_eq!(outcome.next_delay, Some(Millis::from_secs(120)));
    assert_eq!(outcome.elapsed, Millis::ZERO);
    // With the time for it, it is waited out; jitter is only ever added, and in proportion.
    let policy = Policy::new(retry.deadline(secs(3_600)));
    let mut seen = HashSet::new();
    for seed in 0..200 {
        let mut context = policy.context(TestEnv::seeded(seed));
        let _ = context.call(|| Err::<(), _>(asked));
        let slept = context.env().sleeps().next().unwrap().get();
        assert!((120_000..=240_000).contains(&slept), "{slept}");
        seen.insert(slept / 1_000);
    }
    assert!(seen.len() > 60, "clients come back in step");
}

/// A 503 carries the header as much as a 429. [the Python library dropped it]
#[test]
fn a_hint_on_any_class_is_followed() {
    let policy = Policy::new(constant(1).deadline(secs(600)));
    let following = Policy::new(
        Retry::new(Backoff::constant(secs(1)).or_retry_after_jittered(Duration::ZERO))
            .deadline(secs(600))
            .max_attempts(2),
    );
    for class in [ErrorClass::ServerError, ErrorClass::Transient, ErrorClass::RateLimit, ErrorClass::Concurrency] {
        let asked = Classification::new(class).retry_after(Millis::from_secs(77));
        let mut context = following.context(TestEnv::new());
        let _ = context.call(|| Err::<(), _>(asked));
        assert!(context.env().sleeps().eq([Millis::from_secs(77)]), "{class}");
        let mut context = policy.context(TestEnv::new());
        let _ = context.call(|| Err::<(), _>(asked));
        assert_eq!(context.env().sleeps().next(), Some(Millis::from_secs(1)), "not asked to follow");
    }
}
