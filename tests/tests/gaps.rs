//! What mutants showed to be tested nowhere else: counts of classes across a checkpoint, what is left for an attempt, bounds of
//! configuration on both sides.

use std::time::Duration;

use redress_core::{
    Attempts, Backoff, Budget, BudgetConfig, Checkpoint, ConfigError, Decision,
    ErrorClass::{self, Concurrency, Permanent, RateLimit, ServerError, Transient, Unknown},
    Instant, Millis, Policy, Retry, StopReason,
    testing::TestEnv,
};

const SECOND: Duration = Duration::from_secs(1);

fn at(millis: u64) -> Instant {
    Instant::from_ticks(millis)
}

/// The machine of a call that has failed with these classes, saved and resumed after each failure.
fn resumed<'p>(policy: &'p Policy<'p>, classes: &[ErrorClass]) -> Attempts<'p, 1_000> {
    let mut attempts = Attempts::<1_000>::start(policy, at(0)).unwrap();
    for class in classes {
        let decided = attempts.on_failure(at(0), *class, || 0);
        assert!(matches!(decided, Decision::RetryAt(_)), "{class:?}: {decided:?}");
        let bytes = attempts.suspend(at(0)).to_bytes();
        let checkpoint = Checkpoint::from_bytes(&bytes).unwrap();
        attempts = Attempts::resume(policy, &checkpoint, Millis::from_secs(60), at(0)).unwrap();
        assert_eq!(attempts.on_wake(at(0)), Ok(()));
    }
    attempts
}

/// Each class is counted for itself, across deep sleep, up to its limit and no further.
#[test]
fn failures_of_each_class_are_counted_across_checkpoints() {
    let limits = [(RateLimit, 1), (ServerError, 2), (Concurrency, 3), (Transient, 4)];
    let mut retry = Retry::new(Backoff::constant(SECOND)).unlimited_attempts().no_deadline().max_unknown(2);
    for (class, limit) in limits {
        retry = retry.limit_for(class, limit);
    }
    let policy = Policy::new(retry);
    // All classes in turn, so that no count stands for another.
    let mut before: Vec<ErrorClass> = vec![];
    for round in 0..4_u8 {
        before.extend(limits.iter().filter(|(_, limit)| round < *limit).map(|(class, _)| *class));
        before.extend((round < 2).then_some(Unknown));
        for (class, limit) in limits {
            let mut attempts = resumed(&policy, &before);
            let decided = attempts.on_failure(at(0), class, || 0);
            if round + 1 < limit {
                assert!(matches!(decided, Decision::RetryAt(_)), "{class:?} after {before:?}: {decided:?}");
            } else {
                assert_eq!(decided, Decision::Stop(StopReason::MaxAttemptsPerClass), "{class:?} after {before:?}");
            }
        }
        let decided = resumed(&policy, &before).on_failure(at(0), Unknown, || 0);
        assert_eq!(decided == Decision::Stop(StopReason::MaxUnknownAttempts), round >= 1, "after {before:?}");
        let decided = resumed(&policy, &before).on_failure(at(0), Permanent, || 0);
        assert_eq!(decided, Decision::Stop(StopReason::NonRetryableClass));
    }
}

/// The lesser of the attempt timeout and what the deadline leaves, to the millisecond.
#[test]
fn the_bare_machine_says_what_is_left_for_an_attempt() {
    let retry = Retry::new(Backoff::constant(SECOND)).max_attempts(9);
    let left = |retry: Retry<'static>, used: u64| {
        let policy = Policy::new(retry);
        let mut attempts = Attempts::<1_000>::start(&policy, at(5_000)).unwrap();
        if used > 0 {
            let decided = attempts.on_failure(at(5_000 + used - 1_000), Transient, || 0);
            assert_eq!(decided, Decision::RetryAt(at(5_000 + used)));
            assert_eq!(attempts.on_wake(at(5_000 + used)), Ok(()));
        }
        attempts.attempt().remaining.map(Millis::get)
    };
    let both = retry.deadline(10 * SECOND).attempt_timeout(3 * SECOND);
    for (used, expected) in [(0, 3_000), (1_000, 3_000), (6_999, 3_000), (7_000, 3_000), (7_001, 2_999), (9_999, 1)] {
        assert_eq!(left(both, used), Some(expected), "{used} ms after the start");
    }
    for (used, expected) in [(0, 10_000), (1_234, 8_766), (9_999, 1)] {
        assert_eq!(left(retry.deadline(10 * SECOND), used), Some(expected), "{used} ms after the start");
    }
    assert_eq!(left(retry.no_deadline().attempt_timeout(3 * SECOND), 50_000), Some(3_000));
    assert_eq!(left(retry.no_deadline(), 50_000), None);
}

/// Bounds of a budget, the last value that is accepted and the first that is not.
#[test]
fn budgets_have_bounds_on_both_sides() {
    let of = |config| Budget::<4>::try_new(config).err();
    for capacity in [1_u16, 7, 4_000] {
        let (bucket, most) = (BudgetConfig::token_bucket(capacity), u32::from(capacity) * 1_000);
        assert_eq!(of(bucket.refill_per_success(most).refill_per_second(most).initial(capacity)), None);
        assert_eq!(of(bucket.refill_per_success(most + 1)), Some(ConfigError::RefillAboveCapacity));
        assert_eq!(of(bucket.refill_per_second(most + 1)), Some(ConfigError::RefillAboveCapacity));
        assert_eq!(of(bucket.initial(capacity + 1)), Some(ConfigError::InitialAboveCapacity));
    }
    assert_eq!(of(BudgetConfig::token_bucket(0)), Some(ConfigError::BucketOutOfRange));
    assert_eq!(of(BudgetConfig::token_bucket(4_001)), Some(ConfigError::BucketOutOfRange));
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    let millisecond = Duration::from_millis(1);
    for config in [|window| BudgetConfig::rolling(4, window), |window| BudgetConfig::ratio(100, window)] {
        assert_eq!((of(config(millisecond)), of(config(hours(12)))), (None, None));
        assert_eq!(of(config(Duration::ZERO)), Some(ConfigError::WindowOutOfRange));
        assert_eq!(of(config(hours(12) + millisecond)), Some(ConfigError::WindowOutOfRange));
    }
    assert_eq!(of(BudgetConfig::rolling(5, SECOND)), Some(ConfigError::RetriesAboveCapacity));
    assert_eq!(of(BudgetConfig::ratio(101, SECOND)), Some(ConfigError::PercentOutOfRange));
    // The minimum times the window is at most two million.
    assert_eq!(of(BudgetConfig::ratio(1, 100 * SECOND).min_per_second(20_000)), None);
    assert_eq!(
        of(BudgetConfig::ratio(1, 100 * SECOND).min_per_second(20_001)),
        Some(ConfigError::MinPerSecondOutOfRange)
    );
}

/// A refill adds what is configured, to the millionth, and never more than the capacity.
#[test]
fn refills_are_exact_and_end_at_the_capacity() {
    for capacity in [1_u16, 7, 4_000] {
        let most = u32::from(capacity) * 1_000;
        for per in [1, 333, 999, 1_000, most] {
            let env = TestEnv::new();
            env.clock().advance(SECOND);
            let config = BudgetConfig::token_bucket(capacity).initial(0).refill_per_success(per);
            let budget = Budget::<0>::new(config);
            for successes in 1..=20_u32 {
                budget.record_success();
                let tokens = (successes * per / 1_000).min(capacity.into());
                assert_eq!(u32::from(budget.remaining(&env)), tokens, "{successes} successes of {per} each");
            }
            let budget = Budget::<0>::new(BudgetConfig::token_bucket(capacity).initial(0).refill_per_second(per));
            assert_eq!(budget.remaining(&env), 0);
            for seconds in 1..=20_u32 {
                env.clock().advance(SECOND);
                let tokens = (seconds * per / 1_000).min(capacity.into());
                assert_eq!(u32::from(budget.remaining(&env)), tokens, "{seconds} s at {per} each");
            }
        }
    }
}
