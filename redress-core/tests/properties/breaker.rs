//! Circuit breakers.

use std::{
    cell::Cell,
    collections::VecDeque,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::Duration,
};

use proptest::prelude::*;
use redress_core::{BreakerConfig, BreakerState, CircuitBreaker, Clock, ErrorClass, Instant, breaker::Permit};

use crate::{Ticks, classes, in_ticks, longer, millis};

#[derive(Clone, Copy, Debug)]
enum Step {
    Acquire,
    Succeed(usize),
    Fail(usize, ErrorClass),
    Drop(usize),
    Advance(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Acquire),
        2 => any::<usize>().prop_map(Step::Succeed),
        1 => (any::<usize>(), classes()).prop_map(|(which, class)| Step::Fail(which, class)),
        2 => any::<usize>().prop_map(Step::Drop),
        2 => (0..400_u64).prop_map(Step::Advance),
    ];
    prop::collection::vec(step, 1..200)
}

const RECOVERY: u64 = 300;
const LEASE: u64 = 500;

fn take<'b>(held: &mut VecDeque<(Permit<'b>, u32)>, which: usize) -> Option<(Permit<'b>, u32)> {
    if held.is_empty() { None } else { held.remove(which % held.len()) }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn half_open_admits_no_more_probes_than_configured(probes in 1..=15_u8, steps in steps()) {
        let config = BreakerConfig::new(1)
            .recovery_timeout(Duration::from_millis(RECOVERY))
            .probe_lease(Duration::from_millis(LEASE))
            .probes(probes);
        let breaker = CircuitBreaker::<1>::new(config);
        let time = Cell::new(0);
        let clock = Ticks::<1_000>(&time);
        // The model counts, for the current half-open period (numbered, so that late permits are known), what is out
        // and what succeeded. A lease that ran out is a new period which keeps the successes.
        let (mut period, mut out, mut succeeded, mut lease_until) = (0_u32, 0, 0, 0);
        let mut held = VecDeque::new();
        for step in steps {
            let before = breaker.state();
            match step {
                Step::Advance(ms) => time.set(time.get() + ms),
                Step::Acquire => {
                    let admitted = breaker.try_acquire(&clock);
                    match (before, &admitted) {
                        (BreakerState::Closed, admitted) => prop_assert!(admitted.is_ok()),
                        (BreakerState::Open, Ok(_)) => {
                            period += 1;
                            (out, succeeded, lease_until) = (1, 0, time.get() + LEASE);
                        }
                        (BreakerState::HalfOpen, Ok(_)) => {
                            if out + succeeded == u32::from(probes) {
                                prop_assert!(time.get() >= lease_until, "one probe too many");
                                period += 1;
                                out = 0;
                            }
                            out += 1;
                            lease_until = time.get() + LEASE;
                        }
                        (BreakerState::Open, Err(rejected)) => prop_assert!(rejected.retry_after().get() > 0),
                        (BreakerState::HalfOpen, Err(rejected)) => {
                            prop_assert_eq!(out + succeeded, u32::from(probes), "a free place was refused");
                            prop_assert_eq!(u64::from(rejected.retry_after().get()), lease_until - time.get());
                        }
                        (state, _) => prop_assert!(false, "no state of the model: {state}"),
                    }
                    if let Ok(permit) = admitted {
                        let mark = if before == BreakerState::Closed { 0 } else { period };
                        held.push_back((permit, mark));
                    }
                }
                Step::Succeed(which) => {
                    let Some((permit, mark)) = take(&mut held, which) else { continue };
                    let counts = before == BreakerState::HalfOpen && mark == period;
                    let changed = permit.success(&clock);
                    if counts {
                        out -= 1;
                        succeeded += 1;
                    }
                    let closes = counts && succeeded == u32::from(probes);
                    prop_assert_eq!(changed, closes.then_some(BreakerState::Closed));
                }
                Step::Fail(which, class) => {
                    let Some((permit, mark)) = take(&mut held, which) else { continue };
                    let trips = matches!(class, ErrorClass::Transient | ErrorClass::ServerError);
                    let counts = before == BreakerState::HalfOpen && mark == period;
                    let changed = permit.failure(class, &clock);
                    let answers = !trips && class != ErrorClass::Unknown;
                    if counts && !trips {
                        out -= 1; // a failure that says nothing gives the place back
                        succeeded += u32::from(answers); // an answer is an answer
                    }
                    if counts {
                        let closes = (answers && succeeded == u32::from(probes)).then_some(BreakerState::Closed);
                        prop_assert_eq!(changed, if trips { Some(BreakerState::Open) } else { closes });
                    }
                    if before == BreakerState::Open || before == BreakerState::HalfOpen && !counts {
                        prop_assert_eq!(changed, None, "a result from an earlier state changed this one");
                    }
                }
                Step::Drop(which) => {
                    let Some((permit, mark)) = take(&mut held, which) else { continue };
                    if before == BreakerState::HalfOpen && mark == period {
                        out -= 1;
                    }
                    drop(permit);
                    prop_assert_eq!(breaker.state(), before);
                }
            }
            if breaker.state() != BreakerState::HalfOpen && before == BreakerState::HalfOpen {
                period += 1; // whoever is still out is late now
            }
        }
    }

    #[test]
    fn a_permit_that_is_dropped_never_was(
        threshold in 1..4_u8,
        probes in 1..4_u8,
        script in prop::collection::vec((prop::option::of(classes()), 0..200_u64, any::<bool>()), 1..60),
    ) {
        let config = BreakerConfig::new(threshold)
            .window(Duration::from_millis(900))
            .recovery_timeout(Duration::from_millis(RECOVERY))
            .probes(probes);
        let (plain, disturbed) = (CircuitBreaker::<4>::new(config), CircuitBreaker::<4>::new(config));
        let time = Cell::new(0);
        let clock = Ticks::<1_000>(&time);
        for (result, gap, disturb) in script {
            time.set(time.get() + gap);
            if disturb {
                drop(disturbed.try_acquire(&clock));
                if let Ok(permit) = disturbed.try_acquire(&clock) {
                    permit.release();
                }
            }
            let [a, b] = [&plain, &disturbed].map(|breaker| {
                let admitted = breaker.try_acquire(&clock).ok();
                let ran = admitted.is_some();
                let changed = admitted.and_then(|permit| match result {
                    None => permit.success(&clock),
                    Some(class) => permit.failure(class, &clock),
                });
                (ran, changed, breaker.state())
            });
            prop_assert_eq!(a, b);
        }
    }
}

/// Threads fight for the probes of one breaker; all give up without a result, so that it stays half-open.
#[test]
fn half_open_admits_no_more_probes_than_configured_to_many_threads() {
    const PROBES: u32 = 3;

    struct Frozen;
    impl Clock for Frozen {
        const TICK_HZ: u32 = 1_000;
        fn now(&self) -> Instant {
            Instant::from_ticks(1_000_000)
        }
    }

    let config = BreakerConfig::new(1).recovery_timeout(Duration::from_millis(1)).probes(3);
    let breaker = CircuitBreaker::<1>::new(config);
    let past = Cell::new(0);
    breaker.record_failure(ErrorClass::Transient, &Ticks::<1_000>(&past));
    assert_eq!(breaker.state(), BreakerState::Open);

    let (inside, most, admitted) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    let Ok(permit) = breaker.try_acquire(&Frozen) else { continue };
                    most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
                    admitted.fetch_add(1, SeqCst);
                    std::thread::yield_now();
                    inside.fetch_sub(1, SeqCst);
                    drop(permit);
                }
            });
        }
    });
    assert!(most.into_inner() <= PROBES);
    assert!(admitted.into_inner() >= PROBES);
    let permits: Vec<_> = (0..PROBES).map(|_| breaker.try_acquire(&Frozen).unwrap()).collect();
    assert!(breaker.try_acquire(&Frozen).is_err(), "every place is taken");
    drop(permits);
}

/// Failures at these moments open the breaker when so many lie within a window, and not when they do not.
fn window_slides<const HZ: u32>(threshold: u8, window: u32, gaps: &[u64]) {
    let config = BreakerConfig::new(threshold).window(millis(window));
    let breaker = CircuitBreaker::<8>::new(config);
    let time = Cell::new(u64::from(HZ) * 100_000);
    let clock = Ticks::<HZ>(&time);
    let mut moments: Vec<u64> = Vec::new();
    for gap in gaps {
        time.set(time.get() + in_ticks::<HZ>(*gap));
        let now = time.get();
        moments.push(now);
        let within = |ticks: u64| moments.iter().filter(|moment| now - **moment < ticks).count();
        let exact = (u64::from(window) * u64::from(HZ)).div_ceil(1_000);
        // To the millisecond, in both directions.
        let (surely, maybe) = (within(exact.saturating_sub(longer::<HZ>())), within(exact + longer::<HZ>()));
        let opened = breaker.record_failure(ErrorClass::Transient, &clock).is_some();
        assert!(opened || surely < usize::from(threshold), "{surely} failures of {threshold} within {window} ms");
        assert!(!opened || maybe >= usize::from(threshold), "opened by failures older than {window} ms");
        if opened {
            return;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_window_slides(
        threshold in 1..=8_u8,
        window in prop_oneof![1..20_u32, 1..60_000_u32, Just(43_200_000)],
        gaps in prop::collection::vec(prop_oneof![0..3_000_u64, 0..10_000_000_u64, 0..80_000_000_000_u64], 1..60),
    ) {
        window_slides::<1_000>(threshold, window, &gaps);
        window_slides::<32_768>(threshold, window, &gaps);
        window_slides::<1_000_000>(threshold, window, &gaps);
        window_slides::<1_000_000_000>(threshold, window, &gaps);
    }
}

/// An open circuit rejects for its recovery timeout, not a tick less and hardly more; and a half-open one without a place for
/// the lease of its probes, to the millisecond.
fn circuit_stays_shut<const HZ: u32>(start: u64, recovery: u32, lease: u32) {
    let config = BreakerConfig::new(1).recovery_timeout(millis(recovery)).probe_lease(millis(lease));
    let breaker = CircuitBreaker::<1>::new(config);
    let time = Cell::new(in_ticks::<HZ>(start));
    let clock = Ticks::<HZ>(&time);
    let shut_for = |span: u32, shorter: u64| {
        let begin = time.get();
        let exact = (u64::from(span) * u64::from(HZ)).div_ceil(1_000);
        // Milliseconds have 31 bits of precision, where ticks are not divided by a constant.
        let surely = (exact - 1 - (exact >> 31)).saturating_sub(shorter);
        for passed in [0, surely / 2, surely] {
            time.set(begin + passed);
            let left = breaker.try_acquire(&clock).err().map(|rejected| u64::from(rejected.retry_after().get()));
            assert!(
                left.is_some_and(|left| left * u64::from(HZ) >= (surely - passed) * 1_000),
                "{passed} ticks of {exact} at {HZ} Hz: {left:?} ms are left"
            );
        }
        time.set(begin + exact + longer::<HZ>());
    };
    breaker.record_failure(ErrorClass::Transient, &clock);
    shut_for(recovery, 0);
    let lost = breaker.try_acquire(&clock).expect("the recovery timeout is over");
    shut_for(lease, longer::<HZ>());
    breaker.try_acquire(&clock).unwrap_or_else(|left| panic!("{left:?}: the lease is over at {HZ} Hz")).success(&clock);
    assert_eq!((breaker.state(), lost.success(&clock)), (BreakerState::Closed, None));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_circuit_stays_shut_as_long_as_configured_at_any_tick_rate(
        start in 0..100_000_000_000_u64,
        recovery in prop_oneof![1..20_u32, 1..100_000_u32, Just(24 * 86_400_000)],
        lease in prop_oneof![1..20_u32, 1..100_000_u32, Just(24 * 86_400_000)],
    ) {
        circuit_stays_shut::<100>(start, recovery, lease);
        circuit_stays_shut::<1_000>(start, recovery, lease);
        circuit_stays_shut::<32_768>(start, recovery, lease);
        circuit_stays_shut::<1_000_000>(start, recovery, lease);
        circuit_stays_shut::<133_333_333>(start, recovery, lease);
        circuit_stays_shut::<1_000_000_000>(start, recovery, lease);
    }
}
