//! A call that is suspended in odd moments, on an odd clock, goes on under the same limits.

use std::{
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use redress_core::{
    AsyncSleeper, Attempts, Backoff, Decision, ErrorClass, Instant, Local, Millis, Policy, Retry, StopReason,
    testing::{ManualClock, TestEnv},
};

const WAIT: Duration = Duration::from_millis(10);

static TWO_ATTEMPTS: Policy = Policy::new(Retry::new(Backoff::constant(WAIT)).max_attempts(2));

/// A device that is always put to sleep in the middle of an attempt must not try for ever.
#[test]
fn suspending_in_the_last_attempt_makes_no_further_one() {
    let mut context = TWO_ATTEMPTS.context(TestEnv::new());
    let mut run = context.start().unwrap();
    run.failed(ErrorClass::Transient).unwrap();
    assert_eq!(run.attempt().number, 2);
    let checkpoint = run.suspend();
    let rejected = context.resume(&checkpoint, Millis::ZERO).unwrap().start().unwrap_err();
    assert_eq!(rejected.reason(), StopReason::MaxAttemptsGlobal);
    let outcome = context.resume(&checkpoint, Millis::ZERO).unwrap().execute(|| Ok::<_, ErrorClass>(()));
    assert_eq!(outcome.stop_reason, Some(StopReason::MaxAttemptsGlobal));

    let mut attempts = Attempts::<1_000>::start(&TWO_ATTEMPTS, Instant::ZERO).unwrap();
    for _ in 0..3 {
        let checkpoint = attempts.suspend(Instant::ZERO);
        attempts = Attempts::resume(&TWO_ATTEMPTS, &checkpoint, Millis::ZERO, Instant::ZERO).unwrap();
        let _ = attempts.on_wake(Instant::ZERO);
    }
    assert_eq!(attempts.attempt().number, 2);
    let rejected = attempts.on_wake(Instant::ZERO).unwrap_err();
    assert_eq!(rejected.reason(), StopReason::MaxAttemptsGlobal);
}

/// Who holds on to a run that has stopped gets nothing more out of it by way of a checkpoint.
#[test]
fn suspending_after_the_last_attempt_makes_no_further_one() {
    let mut context = TWO_ATTEMPTS.context(TestEnv::new());
    let mut run = context.start().unwrap();
    run.failed(ErrorClass::Transient).unwrap();
    run.failed(ErrorClass::Transient).unwrap_err();
    let checkpoint = run.suspend();
    assert!(context.resume(&checkpoint, Millis::ZERO).unwrap().start().is_err());
}

/// Backwards, no time has passed: what is left to wait is the whole wait, not the whole jump.
#[test]
fn a_clock_that_jumped_back_leaves_the_wait_as_it_was() {
    let now = Instant::from_ticks(1_000_000);
    let mut attempts = Attempts::<1_000>::start(&TWO_ATTEMPTS, now).unwrap();
    assert!(matches!(attempts.on_failure(now, ErrorClass::Transient, || 0), Decision::RetryAt(_)));
    let checkpoint = attempts.suspend(Instant::ZERO);
    assert_eq!((checkpoint.remaining(), checkpoint.elapsed()), (Millis::new(10), Millis::ZERO));
}

/// Without deadline and observer the clock is not read at the start, and may stand anywhere.
#[test]
fn the_uptime_of_the_device_is_not_the_time_of_the_call() {
    static UNTIMED: Policy = Policy::new(Retry::new(Backoff::constant(WAIT)).no_deadline());

    let mut context = UNTIMED.context(TestEnv::new());
    context.env().clock().advance(Duration::from_secs(86_400));
    let run = context.start().unwrap();
    assert_eq!(run.suspend().elapsed(), Millis::ZERO);
}

/// Time used is rounded up, on such a clock with each start once more, which may be all that is left after the wait: then
/// nobody waits in vain.
#[test]
fn a_wait_which_rounding_brings_to_the_deadline_is_not_begun() {
    static TIGHT: Policy = Policy::new(Retry::new(Backoff::constant(WAIT)).deadline(Duration::from_millis(12)));

    let now = Instant::from_ticks(500);
    let mut attempts = Attempts::<1_000_000>::start(&TIGHT, Instant::ZERO).unwrap();
    assert!(matches!(attempts.on_failure(now, ErrorClass::Transient, || 0), Decision::RetryAt(_)));
    let checkpoint = attempts.suspend(now);
    assert_eq!((checkpoint.elapsed(), checkpoint.remaining()), (Millis::new(1), Millis::new(10)));
    let mut resumed = Attempts::<1_000_000>::resume(&TIGHT, &checkpoint, Millis::ZERO, now).unwrap();
    assert_eq!(resumed.poll_at(), Some(now));
    assert_eq!(resumed.on_wake(now).unwrap_err().reason(), StopReason::DeadlineExceeded);
}

/// The part of a wait that has passed when its future is dropped has passed.
#[test]
fn suspending_in_the_middle_of_a_wait_keeps_what_is_left_of_it() {
    struct Forever;

    impl AsyncSleeper for Forever {
        async fn sleep(&mut self, _ticks: u64) {
            std::future::pending::<()>().await;
        }
    }

    let clock = ManualClock::new();
    let mut context = TWO_ATTEMPTS.context(Local::new(&clock, Forever, || 1));
    let mut run = context.start().unwrap();
    {
        let mut wait = pin!(run.failed(ErrorClass::Transient));
        assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        clock.advance(Duration::from_millis(7));
    }
    let checkpoint = run.suspend();
    assert_eq!((checkpoint.elapsed(), checkpoint.remaining()), (Millis::new(7), Millis::new(3)));
}
