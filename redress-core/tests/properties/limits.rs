//! Limits, and the deadline at any tick rate.

use std::cell::{Cell, RefCell};

use proptest::prelude::*;
use redress_core::{Blocking, Classification, ErrorClass, Event, EventKind, Millis, Policy, SleepDecision, StopReason};

use crate::{HOUR, Limits, Ticks, classifications, in_ticks, is_whole, limits};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn attempts_are_bounded_by_every_limit(
        limits in limits(HOUR),
        failures in prop::collection::vec(classifications(), 1..20),
        random in any::<u32>(),
    ) {
        let policy = Policy::new(limits.retry());
        let clock = Cell::new(0);
        let env = Blocking::new(Ticks::<1_000>(&clock), |ticks| clock.set(clock.get() + ticks), || random);
        let mut made = Vec::new();
        let outcome = policy.context(env).execute(|| {
            let failure = failures[made.len() % failures.len()];
            made.push(failure);
            Err::<(), _>(failure)
        });
        prop_assert!(!outcome.is_ok());
        prop_assert_eq!(outcome.attempts as usize, made.len());
        prop_assert!(outcome.attempts <= limits.max_attempts);
        let failed = |class| made.iter().filter(|made| made.class() == class && !made.is_abort()).count();
        for class in ErrorClass::ALL {
            let most = match class {
                ErrorClass::Auth | ErrorClass::Permission | ErrorClass::Permanent => limits.limit(class).or(Some(0)),
                ErrorClass::Unknown => limits.max_unknown.into_iter().chain(limits.limit(class)).min(),
                _ => limits.limit(class),
            };
            if let Some(retries) = most {
                prop_assert!(failed(class) <= usize::from(retries) + 1, "{} of {class}", failed(class));
            }
        }
    }
}

/// Runs one call on a clock of this rate which moves by what attempts and sleeps take, and checks every wait against
/// exact arithmetic.
fn deadline_holds<const HZ: u32>(limits: &Limits, took: &[u64], failures: &[Classification], random: u32) {
    const START: u64 = 1 << 40;

    let deadline = limits.deadline.unwrap();
    let policy = Policy::new(limits.retry());
    let clock = Cell::new(START);
    let (asked, decided) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let sleep = |ticks| {
        asked.borrow_mut().push(ticks);
        clock.set(clock.get() + ticks);
        // Milliseconds of whole ticks are converted exactly, others with 31 bits of precision.
        let (passed, limit) = (u128::from(clock.get() - START) * 1_000, u128::from(deadline) * u128::from(HZ));
        let slack = if HZ.is_multiple_of(1_000) { 0 } else { 1_000 + (limit >> 31) };
        assert!(passed < limit + slack, "slept into the deadline");
    };
    let mut context = policy.context(Blocking::new(Ticks::<HZ>(&clock), sleep, || random)).observe(|event: &Event| {
        if event.kind == EventKind::Retry {
            decided.borrow_mut().push(event.delay);
        }
    });
    let mut made = 0;
    let outcome = context.execute(|| {
        clock.set(clock.get() + in_ticks::<HZ>(took[made % took.len()]));
        made += 1;
        Err::<(), _>(failures[made % failures.len()])
    });
    assert_eq!(asked.borrow().len(), decided.borrow().len());
    for (ticks, delay) in asked.borrow().iter().zip(decided.borrow().iter()) {
        let exact = u128::from(delay.get()) * u128::from(HZ);
        assert!(u128::from(*ticks) * 1_000 >= exact, "{delay} became {ticks} ticks");
    }
    if let (Some(StopReason::DeadlineExceeded), Some(delay)) = (outcome.stop_reason, outcome.next_delay) {
        let (elapsed, left) = (u128::from(clock.get() - START) * 1_000, u128::from(delay.get()) * u128::from(HZ));
        // The start and the failure are known to the millisecond, and neither may make the call longer.
        let early = if is_whole::<HZ>() { 0 } else { 2 * u128::from(HZ) };
        let reached = elapsed + left + early >= u128::from(deadline) * u128::from(HZ);
        assert!(reached, "stopped although the wait of {delay} ended before the deadline");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_wait_overruns_the_deadline_at_any_tick_rate(
        limits in limits(1_000_000),
        deadline in prop_oneof![1..100_u32, 1..1_000_000_u32, Just(500_001), Just(u32::MAX)],
        took in prop::collection::vec(prop_oneof![0..2_000_u64, 0..50_000_000_u64], 1..6),
        failures in prop::collection::vec(classifications(), 1..6),
        random in any::<u32>(),
    ) {
        let limits = Limits { deadline: Some(deadline), ..limits };
        deadline_holds::<100>(&limits, &took, &failures, random);
        deadline_holds::<1_000>(&limits, &took, &failures, random);
        deadline_holds::<32_768>(&limits, &took, &failures, random);
        deadline_holds::<1_000_000>(&limits, &took, &failures, random);
        deadline_holds::<133_333_333>(&limits, &took, &failures, random);
        deadline_holds::<1_000_000_000>(&limits, &took, &failures, random);
    }

    #[test]
    fn a_deferred_call_neither_waits_into_the_deadline_nor_makes_an_attempt_more(
        limits in limits(2_000),
        deadline in 1..4_000_u32,
        took in prop::collection::vec(0..3_000_000_u64, 1..6),
        slept in prop::collection::vec(0..3_000_u32, 1..6),
        failures in prop::collection::vec(classifications(), 1..6),
        random in any::<u32>(),
    ) {
        let limits = Limits { deadline: Some(deadline), ..limits };
        let policy = Policy::new(limits.retry());
        let deadline = u64::from(deadline) * 1_000;
        // What the call has taken, by everybody's clock; the device's starts anew each time.
        let (total, clock) = (Cell::new(0), Cell::new(0));
        let sleep = |ticks| {
            clock.set(clock.get() + ticks);
            total.set(total.get() + ticks);
            assert!(ticks == 0 || total.get() < deadline, "slept into the deadline");
        };
        let mut made = 0_usize;
        let mut operation = || {
            let micros = took[made % took.len()];
            clock.set(clock.get() + micros);
            total.set(total.get() + micros);
            made += 1;
            Err::<(), _>(failures[made % failures.len()])
        };
        let defer = |_: &_, _| SleepDecision::Defer;
        let env = || Blocking::new(Ticks::<1_000_000>(&clock), sleep, || random);
        let mut outcome = policy.context(env()).sleep_handler(defer).execute(&mut operation);
        let mut times = 0;
        while let Some(checkpoint) = outcome.checkpoint {
            let away = slept[times % slept.len()];
            total.set(total.get() + u64::from(away) * 1_000);
            clock.set(u64::from(away) << 20);
            times += 1;
            let mut context = policy.context(env()).sleep_handler(defer);
            outcome = context.resume(&checkpoint, Millis::new(away)).unwrap().execute(&mut operation);
        }
        prop_assert!(made <= limits.max_attempts as usize);
        prop_assert!(made <= times + 1);
    }
}
