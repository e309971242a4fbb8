//! Sessions that are suspended, and checkpoints.

use std::time::Duration;

use redress_core::{
    Backoff, CheckpointError, ConfigError, ErrorClass, Instant, Millis, Policy, Retry, SleepDecision, StopReason,
    keeper::{Keep, KeepConfig, Sessions},
    testing::{DeterministicStrategy, TestEnv},
};

use crate::{BACKOFF, LINK, SECOND, STABLE};

#[test]
fn deferred_suspended_and_resumed_with_what_was_left() {
    let mut context = LINK.context(TestEnv::new()).sleep_handler(|_: &_, delay| {
        if delay > Millis::from_secs(3) { SleepDecision::Defer } else { SleepDecision::Sleep }
    });
    let gave_up = context.keep().run(|_| Err::<(), _>(ErrorClass::Transient));
    assert_eq!((gave_up.reason, gave_up.next_delay), (StopReason::Scheduled, Some(Millis::from_secs(4))));
    let checkpoint = gave_up.checkpoint.unwrap();

    let mut context = LINK.context(TestEnv::new());
    let mut link = context.keep();
    link.resume(&checkpoint, Millis::from_secs(3)).unwrap();
    assert_eq!(link.wait(), Millis::from_secs(1));
    link.begin().unwrap();
    assert_eq!(link.attempt().number, 4);
    link.lost(ErrorClass::Transient).unwrap();
    assert_eq!(link.wait(), Millis::from_secs(8));
    let checkpoint = link.suspend();
    assert_eq!(checkpoint.remaining(), Millis::from_secs(8));

    let mut link = Sessions::<1_000>::resume(&LINK, &checkpoint, Millis::from_secs(100), Instant::ZERO).unwrap();
    assert_eq!((link.poll_at(), link.on_wake(Instant::ZERO)), (Some(Instant::ZERO), Ok(true)));
    link.on_established(Instant::ZERO);
    // A stable session that is suspended is over, and nothing of before counts.
    let checkpoint = link.suspend(Instant::from_ticks(30_000));
    assert_eq!((checkpoint.attempts(), checkpoint.remaining()), (0, Millis::ZERO));
}

#[test]
fn a_checkpoint_of_another_policy_is_refused() {
    let policy = Policy::new(Retry::new(BACKOFF).unlimited_attempts().no_deadline().no_unknown_cap());
    let keep = Keep::new(policy, KeepConfig::new(STABLE));
    let of_keeper = keep.context(TestEnv::new()).keep().suspend();
    let of_call = policy.context(TestEnv::new()).start().unwrap().suspend();
    assert_eq!(
        policy.context(TestEnv::new()).resume(&of_keeper, Millis::ZERO).err(),
        Some(CheckpointError::OtherPolicy)
    );
    let mut context = keep.context(TestEnv::new());
    assert_eq!(context.keep().resume(&of_call, Millis::ZERO).err(), Some(CheckpointError::OtherPolicy));
    let other = Keep::new(policy, KeepConfig::new(SECOND));
    let of_other = other.context(TestEnv::new()).keep().suspend();
    let refused = Sessions::<1_000>::resume(&keep, &of_other, Millis::ZERO, Instant::ZERO);
    assert_eq!(refused.err(), Some(CheckpointError::OtherPolicy));
    assert!(context.keep().resume(&of_keeper, Millis::ZERO).is_ok());
}

#[test]
fn values_out_of_bounds_name_their_field() {
    let policy = Policy::new(Retry::new(BACKOFF));
    let of = |config| Keep::try_new(policy, config).err();
    let day = Duration::from_secs(86_400);
    let too_long = day + Duration::from_millis(1);
    for (config, error) in [
        (KeepConfig::new(Duration::ZERO), ConfigError::StableAfterOutOfRange),
        (KeepConfig::new(too_long), ConfigError::StableAfterOutOfRange),
        (KeepConfig::new(STABLE).spread(too_long), ConfigError::SpreadTooLong),
        (KeepConfig::new(STABLE).wake_interval(Duration::ZERO), ConfigError::WakeIntervalOutOfRange),
        (KeepConfig::new(STABLE).wake_interval(too_long), ConfigError::WakeIntervalOutOfRange),
        (KeepConfig::new(STABLE).attempts_per_session(0), ConfigError::ZeroAttemptsPerSession),
        (KeepConfig::new(STABLE).attempts_per_day(0), ConfigError::AttemptsPerDayOutOfRange),
        (KeepConfig::new(STABLE).attempts_per_day(86_401), ConfigError::AttemptsPerDayOutOfRange),
        (KeepConfig::new(STABLE).deadline(Duration::ZERO), ConfigError::ZeroDeadline),
    ] {
        assert_eq!(of(config), Some(error));
        assert!(error.message().starts_with(error.field()) && error.field().len() < 30, "{error}");
    }
    let limits = KeepConfig::new(day).spread(day).wake_interval(day).attempts_per_session(1).attempts_per_day(86_400);
    assert_eq!(of(limits), None);
    let with = |backoff| Keep::try_new(Policy::new(Retry::new(backoff)), KeepConfig::new(STABLE)).err();
    let custom = DeterministicStrategy::new(&[]);
    for backoff in [Backoff::none(), Backoff::exponential(SECOND, Duration::MAX), Backoff::custom(&custom)] {
        assert_eq!(with(backoff), Some(ConfigError::DelayWithoutCap));
    }
    assert_eq!(with(Backoff::constant(day)), None);
    let hints = Retry::new(BACKOFF.or_retry_after()).retry_after_cap(Duration::MAX);
    assert_eq!(Keep::try_new(Policy::new(hints), KeepConfig::new(STABLE)).err(), Some(ConfigError::DelayWithoutCap));
}
