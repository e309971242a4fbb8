//! Defects of timelines and outcomes.

use std::{collections::HashSet, time::Duration};

use redress_core::{
    Attempts, Backoff, Classification, Decision, ErrorClass, EventKind, Instant, Millis, Policy, RandomSource, Retry,
    RetryTimeline, SeededRandom, StopReason,
    testing::{TestAsyncEnv, TestEnv, block_on},
};

use crate::{TRANSIENT, constant, secs};

/// [the Python library: unbounded, and a passed-in one grows from call to call]
#[test]
fn a_timeline_is_bounded_and_starts_anew_with_each_call() {
    let mut timeline = RetryTimeline::<4>::new();
    let size = size_of_val(&timeline);
    let policy = Policy::new(constant(1).max_attempts(20).deadline(secs(3_600)));
    policy.context(TestEnv::new()).observe(&mut timeline).execute(|| TRANSIENT);
    assert_eq!((timeline.events().count(), timeline.dropped()), (4, 16));
    assert_eq!(timeline.events().last().unwrap().event, EventKind::MaxAttemptsExceeded);
    policy.context(TestEnv::new()).observe(&mut timeline).execute(|| Ok::<_, ErrorClass>(()));
    assert_eq!((timeline.events().count(), timeline.dropped()), (1, 0), "only the latest call");
    let mut context = policy.context(TestEnv::new()).observe(&mut timeline);
    for _ in 0..3 {
        let _ = context.call(|| Err::<(), _>(ErrorClass::Permanent));
    }
    assert_eq!(timeline.events().count(), 1);
    assert_eq!(size_of_val(&timeline), size);
}

/// [reliakit: a permanent error is "exhausted"; relentless: time-out and attempts share a reason; tenacity hides the error]
#[test]
fn each_stop_has_its_own_reason_and_the_error_comes_back_by_value() {
    #[derive(Debug, PartialEq)]
    struct NotClone(ErrorClass);

    let policy = Policy::new(constant(10).deadline(secs(15)).max_attempts(9));
    let classify = |error: &NotClone| error.0;
    for (class, reason) in
        [(ErrorClass::Permanent, StopReason::NonRetryableClass), (ErrorClass::Transient, StopReason::DeadlineExceeded)]
    {
        let mut context = policy.context(TestEnv::new()).classifier(classify);
        let error = context.call(|| Err::<(), _>(NotClone(class))).unwrap_err();
        assert_eq!((error.reason, error.error), (reason, Some(NotClone(class))));
    }
    let names: HashSet<_> = [
        StopReason::MaxAttemptsGlobal,
        StopReason::MaxAttemptsPerClass,
        StopReason::NonRetryableClass,
        StopReason::MaxUnknownAttempts,
        StopReason::DeadlineExceeded,
        StopReason::NoStrategy,
        StopReason::BudgetExhausted,
        StopReason::Scheduled,
        StopReason::Aborted,
        StopReason::CircuitOpen,
    ]
    .map(StopReason::as_str)
    .into();
    assert_eq!(names.len(), 10);
}

/// Blocking, async and the loop form are one machine: same attempts, sleeps and reason. [backon: Retry-After works in one
/// loop of four]
#[test]
fn a_hint_works_in_every_form_of_a_call() {
    let asked = Classification::new(ErrorClass::RateLimit).retry_after(Millis::from_secs(7));
    let policy = Policy::new(Retry::new(Backoff::none().or_retry_after_jittered(Duration::ZERO)).max_attempts(3));
    let expected = [Millis::from_secs(7); 2];

    let mut context = policy.context(TestEnv::new());
    let _ = context.call(|| Err::<(), _>(asked));
    assert!(context.env().sleeps().eq(expected));

    let mut context = policy.context(TestEnv::new());
    let mut run = context.start().unwrap();
    while run.failed(asked).is_ok() {}
    drop(run);
    assert!(context.env().sleeps().eq(expected));

    let mut context = policy.context(TestAsyncEnv::new());
    let _ = block_on(context.call(async || Err::<(), _>(asked)));
    assert!(context.env().sleeps().eq(expected));

    let mut context = policy.context(TestAsyncEnv::new());
    block_on(async {
        let mut run = context.start().unwrap();
        while run.failed(asked).await.is_ok() {}
    });
    assert!(context.env().sleeps().eq(expected));

    let mut attempts = Attempts::<1_000>::start(&policy, Instant::ZERO).unwrap();
    assert_eq!(attempts.on_failure(Instant::ZERO, asked, || 0), Decision::RetryAt(Instant::from_ticks(7_000)));
}

/// Devices with different seeds do not retry in step. [backon without std: one hard-coded seed for all]
#[test]
fn a_fleet_does_not_retry_in_step() {
    let failure = Classification::new(ErrorClass::Transient);
    let backoff = Backoff::full_jitter(secs(1), secs(60));
    let first: HashSet<_> = (0..1_000)
        .map(|device| {
            let mut random = SeededRandom::new(device);
            backoff.delay(6, &failure, Millis::ZERO, || random.next_u32())
        })
        .collect();
    assert!(first.len() > 950, "{} different first delays of 1,000 devices", first.len());
}
