//! The rate breaker and its modes against a naive model, exhaustively over short sequences and by property over long ones; then
//! what calls do with it.

mod bare;
mod calls;
mod compare;
mod model;

use std::time::Duration;

use compare::{ALL, Breaker, Step, compare, configs, finish, span, sweep};
use model::End;
use proptest::prelude::*;
use redress_core::{
    BreakerState, CheckpointError, ErrorClass, Instant, Millis,
    breaker::{BreakerMode, RateBreaker, RateConfig},
    testing::ManualClock,
};

const FAIL: End = End::Failure(ErrorClass::Transient, 0);
const SLOW: End = End::Success(5);
const NOTHING: End = End::Failure(ErrorClass::Unknown, 0);
const ANSWER: End = End::Failure(ErrorClass::Auth, 0);

#[test]
fn every_short_sequence_of_calls() {
    use Step::{Call, Pass};
    sweep("calls", &[Call(End::Success(0)), Call(FAIL), Call(SLOW), Pass(3), Pass(6)], 6);
}

#[test]
fn every_short_sequence_of_calls_that_overlap() {
    use Step::{Call, Finish, Hold, Pass};
    sweep(
        "overlapping calls",
        &[Call(FAIL), Hold, Finish(End::Success(0)), Finish(FAIL), Finish(NOTHING), Finish(End::Abandoned(4)), Pass(7)],
        5,
    );
}

#[test]
fn every_short_sequence_by_hand() {
    use BreakerMode::{Automatic, Disabled, Isolated, MetricsOnly};
    use Step::{Call, Close, Mode, Open, Pass};
    let alphabet = [
        Call(End::Success(0)),
        Call(FAIL),
        Open,
        Close,
        Mode(Isolated),
        Mode(Disabled),
        Mode(MetricsOnly),
        Mode(Automatic),
        Pass(6),
    ];
    sweep("by hand", &alphabet, 5);
}

#[test]
fn every_short_sequence_with_deep_sleep() {
    use Step::{Call, Hold, Sleep};
    let alphabet = [Call(End::Success(0)), Call(FAIL), Hold, Sleep(0), Sleep(4), Sleep(17)];
    sweep("deep sleep", &alphabet, 5);
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        3 => (0..8_u64).prop_map(End::Success),
        3 => (0..8_u64).prop_map(|took| End::Failure(ErrorClass::Transient, took)),
        1 => Just(NOTHING),
        1 => Just(ANSWER),
        1 => (0..8_u64).prop_map(End::Abandoned),
        1 => Just(End::Released),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let mode = prop_oneof![
        3 => Just(BreakerMode::Automatic),
        1 => Just(BreakerMode::Isolated),
        1 => Just(BreakerMode::Disabled),
        1 => Just(BreakerMode::MetricsOnly),
    ];
    prop_oneof![
        12 => end().prop_map(Step::Call),
        4 => Just(Step::Hold),
        4 => end().prop_map(Step::Finish),
        8 => (0..12_u64).prop_map(Step::Pass),
        // The clock jumps ahead.
        1 => prop_oneof![Just(60_000_u64), Just(1 << 32), Just(1 << 40)].prop_map(Step::Pass),
        1 => prop_oneof![0..30_u64, Just(4_000_000_000)].prop_map(Step::Sleep),
        1 => Just(Step::Open),
        1 => Just(Step::Close),
        1 => mode.prop_map(Step::Mode),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn long_sequences_are_as_the_model_says(
        which in 0..ALL.len(),
        start in prop_oneof![Just(0_u64), Just((1 << 32) - 50), Just(1 << 40)],
        steps in prop::collection::vec(step(), 1..400),
    ) {
        let (rules, config) = configs()[which];
        prop_assert_eq!(compare(rules, config, start, &steps), Ok(()));
    }

    /// Nothing panics, nothing is locked for ever: however the clock was set, an hour of a clock that runs admits a call.
    #[test]
    fn a_clock_that_is_set_back_and_forth_does_not_lock_the_circuit(
        which in 0..ALL.len(),
        steps in prop::collection::vec((step(), prop_oneof![4 => Just(None), 1 => (0..100_000_u64).prop_map(Some)]), 1..200),
    ) {
        let breaker = RateBreaker::<4>::new(configs()[which].1);
        let clock = ManualClock::new();
        for (step, set) in steps {
            if let Some(moment) = set {
                clock.set(Instant::from_ticks(moment));
            }
            match step {
                Step::Call(end) | Step::Finish(end) => {
                    if let Ok(permit) = breaker.try_acquire(&clock) {
                        finish(permit, end, &clock);
                    }
                }
                Step::Hold => std::mem::forget(breaker.try_acquire(&clock)),
                Step::Pass(millis) => clock.advance_ticks(millis),
                Step::Open => breaker.open(&clock),
                Step::Close => breaker.close(&clock),
                Step::Mode(_) | Step::Sleep(_) => {}
            }
            let counts = breaker.counts(&clock);
            prop_assert!(counts.failed <= counts.calls.max(15) && counts.slow <= counts.calls.max(15));
        }
        let admitted = (0..3_600).any(|_| {
            clock.advance(span(1_000));
            breaker.try_acquire(&clock).is_ok()
        });
        prop_assert!(admitted, "{:?} at {:?}", breaker, clock);
    }

    #[test]
    fn jitter_lengthens_an_open_time_by_no_more_than_its_share(seed: u32, start in 0..1_u64 << 40) {
        static CONFIG: RateConfig = RateConfig::new(50).recovery_timeout(Duration::from_secs(100)).jitter(25);
        let breaker = RateBreaker::<1>::new(&CONFIG);
        breaker.seed(seed);
        let clock = ManualClock::new();
        clock.set(Instant::from_ticks(start));
        breaker.open(&clock);
        let left = breaker.retry_after(&clock).unwrap().get();
        prop_assert!((100_000..125_000).contains(&left));
        // It is drawn once for each opening.
        clock.advance(span(1_000));
        prop_assert_eq!(breaker.try_acquire(&clock).unwrap_err().retry_after().get(), left - 1_000);
    }
}

#[test]
fn other_bytes_and_other_configurations_are_refused_and_change_nothing() {
    let configs = configs();
    let clock = ManualClock::new();
    let saved = |breaker: &Breaker| {
        let mut bytes = [0; Breaker::CHECKPOINT_LEN];
        breaker.checkpoint(&clock, &mut bytes).unwrap();
        bytes
    };
    let opened = Breaker::new(configs[0].1);
    opened.open(&clock);
    let (bytes, fresh) = (saved(&opened), Breaker::new(configs[0].1));
    let untouched = saved(&fresh);
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes;
        damaged[bit / 8] ^= 1 << (bit % 8);
        let expected = if (2..8).contains(&bit) { CheckpointError::Version } else { CheckpointError::Corrupt };
        assert_eq!(fresh.restore(&damaged, Millis::ZERO, &clock), Err(expected), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert_eq!(fresh.restore(&bytes[..length], Millis::ZERO, &clock), Err(CheckpointError::Length));
    }
    assert_eq!(saved(&fresh), untouched);
    for (rules, config) in &configs[1..] {
        let other = Breaker::new(config).restore(&bytes, Millis::ZERO, &clock);
        assert_eq!(other, Err(CheckpointError::OtherPolicy), "{}", rules.name);
    }
    let longer = RateBreaker::<5>::new(configs[0].1).restore(&bytes, Millis::ZERO, &clock);
    assert_eq!(longer, Err(CheckpointError::Length));
    assert_eq!(fresh.restore(&bytes, Millis::ZERO, &clock), Ok(()));
    assert_eq!(fresh.state(), BreakerState::Open);
}

/// The jitter is drawn anew; what it lengthens is what is left.
#[test]
fn an_open_time_with_jitter_is_never_shortened_by_deep_sleep() {
    static CONFIG: RateConfig = RateConfig::new(50).recovery_timeout(Duration::from_secs(100)).jitter(25);
    for seed in 0..100 {
        let (before, after) = (Breaker::new(&CONFIG), Breaker::new(&CONFIG));
        before.seed(seed);
        after.seed(seed);
        let clock = ManualClock::new();
        before.open(&clock);
        let mut bytes = [0; Breaker::CHECKPOINT_LEN];
        before.checkpoint(&clock, &mut bytes).unwrap();
        after.restore(&bytes, Millis::from_secs(60), &clock).unwrap();
        let left = after.retry_after(&clock).unwrap().get();
        assert!((40_000..65_000).contains(&left), "{left}");
    }
}

/// A window of so many calls, all of which have failed.
#[test]
fn the_latest_calls_that_all_failed_are_consecutive_failures() {
    static CONFIG: RateConfig = RateConfig::new(100).window_of_calls(3).minimum_calls(3).probes(1);
    for sequence in 0..1_u32 << 12 {
        let (breaker, clock) = (RateBreaker::<3>::new(&CONFIG), ManualClock::new());
        let mut in_a_row = 0;
        for call in 0..12 {
            let Ok(permit) = breaker.try_acquire(&clock) else { panic!("{sequence:b} at call {call}") };
            if sequence >> call & 1 == 0 {
                assert_eq!(permit.success(&clock), None);
                in_a_row = 0;
            } else {
                in_a_row += 1;
                let opened = permit.failure(ErrorClass::Transient, &clock).is_some();
                assert_eq!(opened, in_a_row == 3, "{sequence:b} at call {call}");
                if opened {
                    // Closed again by a probe, it counts from the beginning.
                    clock.advance(span(30_000));
                    breaker.try_acquire(&clock).unwrap().success(&clock);
                    in_a_row = 0;
                }
            }
        }
    }
}

#[test]
fn clients_with_seeds_of_their_own_do_not_probe_together() {
    static CONFIG: RateConfig = RateConfig::new(50).recovery_timeout(Duration::from_secs(100)).jitter(100);
    let clock = ManualClock::new();
    let mut left: Vec<_> = (0..100)
        .map(|seed| {
            let breaker = RateBreaker::<1>::new(&CONFIG);
            breaker.seed(seed);
            breaker.open(&clock);
            breaker.retry_after(&clock).unwrap().get() / 10_000
        })
        .collect();
    left.sort_unstable();
    left.dedup();
    assert_eq!(left, (10..20).collect::<Vec<_>>());
}
