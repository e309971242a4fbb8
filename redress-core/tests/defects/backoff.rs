//! Defects of backoff.

use std::{collections::HashSet, time::Duration};

use redress_core::{
    Attempts, Backoff, Classification, Decision, ErrorClass, Instant, Millis, Policy, RandomSource, Retry,
    SeededRandom,
    testing::{DeterministicStrategy, TestEnv},
};

use crate::secs;

/// [Polly, cockatiel, stamina, backon, aws-sdk-rust, the Python library at attempt 1,025]
#[test]
fn high_attempt_numbers_do_not_overflow() {
    let (base, max) = (Duration::from_millis(250), secs(30));
    let failure = Classification::new(ErrorClass::Transient);
    for attempt in [31, 32, 33, 63, 64, 65, 1_024, 1_025, 2_000, u32::MAX - 1, u32::MAX] {
        for (backoff, least) in [
            (Backoff::exponential(base, max), 30_000),
            (Backoff::full_jitter(base, max), 0),
            (Backoff::equal_jitter(base, max), 15_000),
            (Backoff::token_backoff(base, max), 15_000),
            (Backoff::decorrelated_jitter(base, max), 250),
            (Backoff::fixed(&[Millis::new(5), Millis::new(7)]), 7),
        ] {
            for random in [0, u32::MAX] {
                let delay = backoff.delay(attempt, &failure, Millis::new(30_000), || random).get();
                assert!((least..=30_000).contains(&delay), "{backoff:?} at {attempt}: {delay}");
            }
        }
    }
}

/// Two thousand attempts in one call, as of a device that must come back after a night without its access point. [`RuView`:
/// a fleet that gave up; cockatiel: NaN]
#[test]
fn unlimited_attempts_go_on() {
    let retry = Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(250), secs(30)));
    let policy = Policy::new(retry.unlimited_attempts().no_deadline());
    let mut made = 0;
    let outcome = policy.context(TestEnv::new()).execute(|| {
        made += 1;
        if made == 2_000 { Ok(made) } else { Err(ErrorClass::Transient) }
    });
    assert_eq!((outcome.value(), outcome.attempts), (Some(&2_000), 2_000));
}

/// [backon: 118 s under a cap of 60; backoff, tokio-retry2, agenda, tower-resilience]
#[test]
fn jitter_stays_below_the_cap_and_still_spreads_there() {
    let (base, max) = (Duration::from_millis(100), secs(60));
    let failure = Classification::new(ErrorClass::Transient);
    for backoff in [
        Backoff::full_jitter(base, max),
        Backoff::equal_jitter(base, max),
        Backoff::token_backoff(base, max),
        Backoff::decorrelated_jitter(base, max),
    ] {
        let mut random = SeededRandom::new(5);
        let delays: Vec<_> = (0..1_000)
            .map(|_| backoff.delay(1_000, &failure, Millis::new(20_000), || random.next_u32()).get())
            .collect();
        assert!(delays.iter().all(|delay| *delay <= 60_000), "{backoff:?}");
        // Azure drops the jitter at the cap, Polly clamps after it: then capped clients come back together.
        assert!(delays.iter().collect::<HashSet<_>>().len() > 900, "{backoff:?}");
    }
}

/// [the Python library: a 60 s rate-limit wait made the next transient one 24.4 s]
#[test]
fn a_previous_delay_does_not_leak_into_another_class() {
    let retry = Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(250), secs(30)))
        .backoff_for(ErrorClass::RateLimit, Backoff::constant(secs(20)));
    let policy = Policy::new(retry.no_deadline());
    let mut attempts = Attempts::<1_000>::start(&policy, Instant::ZERO).unwrap();
    let mut next = |class, random| {
        let _ = attempts.on_failure(Instant::ZERO, class, || random);
        let delay = attempts.delay();
        attempts.on_wake(Instant::ZERO).unwrap();
        delay.get()
    };
    assert_eq!(next(ErrorClass::RateLimit, 0), 20_000);
    assert_eq!(next(ErrorClass::Transient, u32::MAX), 749, "as after no delay at all");
    assert_eq!(next(ErrorClass::Transient, u32::MAX), 2_246, "three times the one before");
    assert_eq!(next(ErrorClass::Transient, 0), 250, "never below the base");
}

/// [the Python library: infinity and NaN became 0 s, a hot loop; backon: negative factors became 60 s]
#[test]
fn a_strategy_of_ones_own_is_taken_at_its_word() {
    static LONGEST: DeterministicStrategy<'static> = DeterministicStrategy::new(&[Millis::MAX]);
    let policy = Policy::new(Retry::new(Backoff::custom(&LONGEST)).no_deadline());
    let mut attempts = Attempts::<1_000_000>::start(&policy, Instant::ZERO).unwrap();
    let decision = attempts.on_failure(Instant::ZERO, ErrorClass::Transient, || 0);
    assert_eq!(decision, Decision::RetryAt(Instant::from_ticks(u64::from(u32::MAX) * 1_000)));
}
