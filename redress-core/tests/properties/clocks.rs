//! Clocks that jump, stand still or end.

use std::{cell::Cell, time::Duration};

use proptest::prelude::*;
use redress_core::{
    Attempts, Blocking, BreakerConfig, Budget, BudgetConfig, CircuitBreaker, ClassSet, Classification, Clock, Decision,
    ErrorClass, Event, Instant, Millis, Policy,
};

use crate::{Hint, Kind, Limits, classifications, limits, millis};

/// A clock whose readings have nothing to do with each other.
#[derive(Debug)]
struct Erratic {
    readings: Vec<u64>,
    next: Cell<usize>,
}

impl Clock for Erratic {
    const TICK_HZ: u32 = 1_000_000;

    fn now(&self) -> Instant {
        let next = self.next.get();
        self.next.set(next + 1);
        Instant::from_ticks(self.readings[next % self.readings.len()])
    }
}

/// All that has state, driven by a clock which makes no sense. Termination and bounds are what can be asked of it.
fn survives(limits: &Limits, readings: &[u64], failures: &[Classification], random: u32, sliced: bool) {
    let trips = ClassSet::of(&ErrorClass::ALL);
    let breaker = CircuitBreaker::<8>::new(
        BreakerConfig::new(2).trip_on(trips).window(millis(500)).recovery_timeout(millis(30)).probes(2),
    );
    let rolling = Budget::<8>::new(BudgetConfig::rolling(8, Duration::from_millis(200)));
    let bucket = Budget::<0>::new(BudgetConfig::token_bucket(5).refill_per_second(1_500));
    let policies = [
        Policy::new(limits.retry()).circuit_breaker(&breaker).budget(&rolling),
        Policy::new(limits.retry()).budget(&bucket),
    ];
    let clock = Erratic { readings: readings.to_vec(), next: Cell::new(0) };
    let mut next = 0;
    let mut fail = || {
        next += 1;
        if next % 7 == 0 { Ok(()) } else { Err(failures[next % failures.len()]) }
    };
    for policy in &policies {
        for call in 0..6 {
            let env = Blocking::new(&clock, |_| (), || random);
            let attempts = if sliced {
                policy.context(env).slice(millis(1_000), || ()).execute(&mut fail).attempts
            } else {
                policy.context(env).observe(|_: &Event| ()).execute(&mut fail).attempts
            };
            assert!(attempts <= limits.max_attempts);
            let _ = breaker.record_failure(failures[call % failures.len()].class(), &clock);
            let _ = (rolling.remaining(&clock), bucket.remaining(&clock));
        }
        let Ok(mut attempts) = Attempts::<1_000_000>::start(policy, clock.now()) else { continue };
        for failure in failures.iter().cycle().take(100) {
            let now = clock.now();
            match attempts.on_failure(now, *failure, || random) {
                Decision::Stop(_) => break,
                Decision::RetryAt(at) => assert!(at >= now),
            }
            let _ = (attempts.poll_at(), attempts.attempt().remaining);
            let checkpoint = attempts.suspend(clock.now());
            attempts = Attempts::resume(policy, &checkpoint, Millis::new(random), clock.now()).unwrap();
            if attempts.on_wake(clock.now()).is_err() {
                break;
            }
            assert!(attempts.attempt().number <= limits.max_attempts);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_clock_makes_anything_panic_or_run_on(
        limits in limits(10_000),
        readings in prop::collection::vec(
            prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), 0..1_000_000_u64, (0..5_000_000_u64).prop_map(|n| u64::MAX - n)],
            1..30,
        ),
        failures in prop::collection::vec(classifications(), 1..6),
        random in any::<u32>(),
        sliced in any::<bool>(),
    ) {
        // A hint may be 49 days, which in slices of a second are four million of them.
        let failures: Vec<_> = if sliced {
            failures.iter().map(|failure| Classification::new(failure.class())).collect()
        } else {
            failures
        };
        survives(&limits, &readings, &failures, random, sliced);
    }
}

#[test]
fn a_clock_may_stand_still_or_sit_at_its_end_or_jump_there_and_back() {
    let limits = Limits {
        max_attempts: 9,
        deadline: Some(5_000),
        attempt_timeout: Some(100),
        max_unknown: None,
        of_classes: Vec::new(),
        default: Some((Kind::Decorrelated(10, 1_000), Hint::Followed)),
        own: Vec::new(),
    };
    let failures = [ErrorClass::Transient, ErrorClass::Unknown, ErrorClass::RateLimit].map(Classification::new);
    for readings in
        [&[0][..], &[u64::MAX], &[12_345], &[u64::MAX, 0], &[1 << 40, 1 << 39, 1 << 50], &[5, 0, u64::MAX - 1]]
    {
        for sliced in [false, true] {
            survives(&limits, readings, &failures, 0x5EED_5EED, sliced);
        }
    }
}
