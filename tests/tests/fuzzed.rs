//! Faults that fuzzing has found, each said in words.

use std::time::Duration;

use redress_core::{Budget, BudgetConfig, testing::ManualClock};

/// After 49.7 days a span no longer fits 32 bits of milliseconds. A bucket took that for a clock that was set back and refilled
/// nothing.
#[test]
fn a_bucket_that_was_not_read_for_months_is_full() {
    for months in [1_u64, 2, 100, 10_000] {
        let clock = ManualClock::new();
        clock.advance(Duration::from_secs(1));
        let budget = Budget::<0>::new(BudgetConfig::token_bucket(2).refill_per_second(1_000));
        assert!(budget.try_consume(2, &clock));
        clock.advance(Duration::from_secs(months * 30 * 86_400));
        assert_eq!(budget.remaining(&clock), 2, "after {months} months");
    }
}

/// What is left of a ratio is below zero where calls have left the window before their retries. Zero retries are there even then.
#[test]
fn zero_retries_are_always_there() {
    let clock = ManualClock::new();
    clock.advance(Duration::from_secs(100));
    let budget = Budget::<5>::new(BudgetConfig::ratio(100, Duration::from_secs(10)));
    budget.record_call(&clock);
    clock.advance(Duration::from_secs(4));
    assert!(budget.try_consume(1, &clock));
    clock.advance(Duration::from_secs(7));
    assert!(!budget.try_consume(1, &clock));
    assert!(budget.try_consume(0, &clock));
}
