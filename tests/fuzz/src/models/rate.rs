//! The breaker by rate in all its modes, against the model of its tests in `redress-core`.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use redress_core::{
    BreakerState,
    ErrorClass::{RateLimit, ServerError, Transient, Unknown},
    breaker::{BreakerMode, Permit, RateBreaker, RateConfig},
};

#[allow(dead_code, missing_docs, clippy::pedantic, reason = "the file of another test")]
#[path = "../../../../redress-core/tests/breaker_modes/model.rs"]
mod model;

use model::{End, Model, Rules};

use crate::{
    clock::{Ticks, at_some_rate},
    fault,
};

const SLOTS: usize = 4;

/// Configurations in which everything is soon. They are static because breakers refer to theirs.
static CONFIGS: [RateConfig; 4] = [
    RateConfig::new(50)
        .minimum_calls(3)
        .window(Duration::from_millis(20_000))
        .recovery_timeout(Duration::from_millis(6_000)),
    RateConfig::new(40)
        .minimum_calls(3)
        .window_of_calls(6)
        .recovery_timeout(Duration::from_millis(6_000))
        .probes(3)
        .probe_rate(50)
        .probe_lease(Duration::from_millis(7_000)),
    RateConfig::new(100)
        .minimum_calls(2)
        .window(Duration::from_millis(20_000))
        .slow_calls(Duration::from_millis(50), 60)
        .recovery_timeout(Duration::from_millis(6_000))
        .growing_timeout(Duration::from_millis(50_000), Duration::from_millis(90_000)),
    RateConfig::new(100)
        .minimum_calls(1)
        .window(Duration::from_millis(20_000))
        .recovery_timeout(Duration::from_millis(6_000))
        .probes(2)
        .progressive(Duration::from_millis(12_000))
        .abandoned_calls(Duration::from_millis(40), Transient),
];

const PLAIN: Rules = Rules {
    name: "",
    buckets: SLOTS as u64,
    window: 20_000,
    window_of_calls: None,
    failure_rate: 50,
    minimum: 3,
    failure_count: None,
    slow: None,
    recovery: 6_000,
    growing: None,
    probes: 1,
    probe_rate: 100,
    lease: 60_000,
    progressive: None,
    abandoned: None,
};

const RULES: [Rules; 4] = [
    PLAIN,
    Rules { failure_rate: 40, window_of_calls: Some(6), probes: 3, probe_rate: 50, lease: 7_000, ..PLAIN },
    Rules { failure_rate: 100, minimum: 2, slow: Some((50, 60)), growing: Some((50_000, 90_000)), ..PLAIN },
    Rules {
        failure_rate: 100,
        minimum: 1,
        probes: 2,
        progressive: Some(12_000),
        abandoned: Some((40, Transient)),
        ..PLAIN
    },
];

const SPANS: [u64; 6] = [20_000, 5_000, 6_000, 7_000, 12_000, 90_000];

pub(crate) fn run(input: &mut Unstructured<'_>) -> Result<()> {
    at_some_rate!(input, at)
}

fn at<const HZ: u32>(input: &mut Unstructured<'_>) -> Result<()> {
    let which = input.choose_index(RULES.len())?;
    let clock = Ticks::<HZ>::begin(input)?;
    let start = clock.millis();
    let breaker = RateBreaker::<SLOTS>::new(&CONFIGS[which]);
    let mut model = Model::new(RULES[which]);
    model.slack = Ticks::<HZ>::SLACK + fault();
    // A clock that starts at any moment has begun a bucket there once the circuit was closed.
    breaker.close(&clock);
    let mut calls: Vec<(Permit<'_>, u64)> = vec![];
    while !input.is_empty() {
        match input.int_in_range(0..=9)? {
            0..=2 => {
                clock.pass(input, &SPANS)?;
                model.now = clock.millis() - start;
            }
            3..=5 => match (breaker.try_acquire(&clock), model.admit()) {
                (Ok(permit), Ok(mark)) => calls.push((permit, mark)),
                (Err(rejected), Err(left)) => assert_eq!(u64::from(rejected.retry_after().get()), left, "time left"),
                (actual, expected) => panic!("{actual:?}, not {expected:?}"),
            },
            6 | 7 if !calls.is_empty() => {
                let (permit, mark) = calls.swap_remove(input.choose_index(calls.len())?);
                let took = u64::from(input.arbitrary::<u8>()?);
                let class = [Transient, ServerError, RateLimit, Unknown][input.choose_index(4)?];
                let span = Duration::from_millis(took);
                let (end, told) = match input.int_in_range(0..=3)? {
                    0 => (End::Success(took), permit.success_after(span, &clock)),
                    1 => (End::Failure(class, took), permit.failure_after(class, span, &clock)),
                    2 => {
                        permit.abandon(span, &clock);
                        (End::Abandoned(took), None)
                    }
                    _ => {
                        permit.release();
                        (End::Released, None)
                    }
                };
                let expected = model.end(mark, end);
                assert!(told == expected || matches!(end, End::Abandoned(_)), "told {told:?}, not {expected:?}");
            }
            8 => {
                if input.arbitrary()? {
                    breaker.open(&clock);
                    model.open_by_hand();
                } else {
                    breaker.close(&clock);
                    model.close_by_hand();
                }
            }
            _ => {
                let mode = BreakerMode::ALL[input.choose_index(BreakerMode::ALL.len())?];
                breaker.set_mode(mode, &clock);
                model.set_mode(mode);
            }
        }
        let now = model.now;
        assert_eq!((breaker.state(), breaker.mode()), (model.state, model.mode), "at {now} ms");
        let left = breaker.retry_after(&clock).map(|left| left.get().into());
        assert_eq!(left, model.retry_after(), "time left at {now} ms");
        if model.state == BreakerState::Closed {
            let counts = breaker.counts(&clock);
            assert_eq!((counts.calls.into(), counts.failed.into(), counts.slow.into()), model.counts(), "at {now} ms");
        }
    }
    Ok(())
}
