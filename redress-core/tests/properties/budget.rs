//! Budgets.

use std::{cell::Cell, time::Duration};

use proptest::prelude::*;
use redress_core::{BreakerConfig, Budget, BudgetConfig, CircuitBreaker, ErrorClass};

use crate::{Ticks, any_size, in_ticks, longer, millis};

fn budget_holds<const HZ: u32>(most: u16, window: u32, steps: &[(u64, u16)]) {
    let budget = Budget::<8>::new(BudgetConfig::rolling(most, millis(window)));
    let time = Cell::new(u64::from(HZ) * 100_000);
    let clock = Ticks::<HZ>(&time);
    let exact = (u64::from(window) * u64::from(HZ)).div_ceil(1_000);
    let mut given: Vec<u64> = Vec::new();
    for (gap, cost) in steps {
        time.set(time.get() + in_ticks::<HZ>(*gap));
        let now = time.get();
        let within = |ticks: u64| given.iter().filter(|moment| now - **moment < ticks).count();
        let (surely, maybe) = (within(exact), within(exact + longer::<HZ>()));
        let left = usize::from(budget.remaining(&clock));
        assert!(left + surely <= usize::from(most), "{left} left after {surely} of {most} within {window} ms");
        assert!(left + maybe >= usize::from(most), "only {left} left after {maybe} of {most} within {window} ms");
        let got = budget.try_consume(*cost, &clock);
        assert_eq!(got, usize::from(*cost) <= left, "all or nothing");
        if got {
            given.extend((0..*cost).map(|_| now));
        }
    }
}

/// Each late reading is late by itself: together they do not make the stamps older than they are.
#[test]
fn late_readings_do_not_age_the_window() {
    let budget = Budget::<1>::new(BudgetConfig::rolling(1, Duration::from_secs(10)));
    let time = Cell::new(1 << 30);
    let clock = Ticks::<1_000_000>(&time);
    assert!(budget.try_consume(1, &clock));
    for _ in 0..9_000 {
        let now = time.get() + 1_000;
        time.set(now - 500_000);
        assert_eq!(budget.remaining(&clock), 0);
        time.set(now);
        assert_eq!(budget.remaining(&clock), 0);
    }
    time.set(time.get() + 1_002_000);
    assert_eq!(budget.remaining(&clock), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rolling_budget_never_gives_more_than_configured_in_any_window(
        most in 0..=8_u16,
        window in prop_oneof![1..20_u32, 1..60_000_u32, Just(43_200_000)],
        steps in prop::collection::vec((prop_oneof![0..3_000_u64, 0..10_000_000_u64, 0..80_000_000_000_u64], 0..4_u16), 1..60),
    ) {
        budget_holds::<1_000>(most, window, &steps);
        budget_holds::<32_768>(most, window, &steps);
        budget_holds::<1_000_000>(most, window, &steps);
        budget_holds::<1_000_000_000>(most, window, &steps);
    }

    #[test]
    fn readings_of_one_clock_that_arrive_out_of_order_lose_no_token_and_no_failure(
        steps in prop::collection::vec(0..2_000_u64, 1..8),
        late in prop::collection::vec(0..2_000_u64, 8),
    ) {
        // Two tasks read the clock, and the one which read first comes second.
        let budget = Budget::<16>::new(BudgetConfig::rolling(16, Duration::from_secs(10)));
        let breaker = CircuitBreaker::<16>::new(BreakerConfig::new(16));
        let time = Cell::new(1 << 30);
        let clock = Ticks::<1_000_000>(&time);
        let mut now = time.get();
        for (count, (step, late)) in steps.iter().zip(&late).enumerate() {
            now += step;
            for reading in [now, now - late] {
                time.set(reading);
                prop_assert!(budget.try_consume(1, &clock));
                breaker.record_failure(ErrorClass::Transient, &clock);
            }
            time.set(now);
            prop_assert_eq!(usize::from(budget.remaining(&clock)), 16 - 2 * (count + 1));
        }
        for more in 2 * steps.len()..16 {
            let opened = breaker.record_failure(ErrorClass::Transient, &clock);
            prop_assert_eq!(opened.is_some(), more == 15);
        }
    }

    #[test]
    fn a_token_bucket_gives_no_more_than_it_was_given(
        (capacity, initial) in (1..=4_000_u16).prop_flat_map(|capacity| (Just(capacity), 0..=capacity)),
        per_success in 0..=1_000_u32,
        per_second in 0..=1_000_u32,
        start in any_size(),
        steps in prop::collection::vec((0..5_000_u64, 0..3_u16, any::<bool>()), 1..80),
    ) {
        let config = BudgetConfig::token_bucket(capacity).initial(initial).refill_per_success(per_success);
        let budget = Budget::<0>::new(config.refill_per_second(per_second));
        let time = Cell::new(u64::from(start));
        let clock = Ticks::<1_000>(&time);
        // All in millionths of a token, as exact as the bucket claims to be.
        let million = 1_000_000;
        let (mut taken, mut added) = (0, u64::from(initial) * million);
        // The bucket begins to fill when it is first looked at: a clock may start anywhere.
        prop_assert_eq!(budget.remaining(&clock), initial);
        for (gap, cost, success) in steps {
            time.set(time.get() + gap);
            added += gap * u64::from(per_second);
            if success {
                budget.record_success();
                added += u64::from(per_success) * 1_000;
            }
            let left = u64::from(budget.remaining(&clock));
            prop_assert!(left <= u64::from(capacity));
            prop_assert!(taken + left * million <= added);
            if budget.try_consume(cost, &clock) {
                taken += u64::from(cost) * million;
            } else {
                prop_assert!(left < u64::from(cost));
            }
        }
    }
}
