//! A breaker beside the model, step by step.

use std::{
    cell::{Cell, OnceCell},
    sync::Mutex,
    time::Duration,
};

use redress_core::{
    BreakerState, CircuitBreakerView, ErrorClass, Instant, Millis,
    breaker::{BreakerMode, Permit, RateBreaker, RateConfig, Transition},
    testing::ManualClock,
};

use crate::model::{End, Model, Rules};

pub(crate) const PLAIN: Rules = Rules {
    name: "half of two",
    buckets: 4,
    window: 20,
    window_of_calls: None,
    failure_rate: 50,
    minimum: 2,
    failure_count: None,
    slow: None,
    recovery: 6,
    growing: None,
    probes: 1,
    probe_rate: 100,
    lease: 30,
    progressive: None,
    abandoned: None,
};

pub(crate) const ALL: [Rules; 8] = [
    PLAIN,
    Rules { name: "window of calls", buckets: 3, window_of_calls: Some(6), failure_rate: 40, minimum: 3, ..PLAIN },
    Rules { name: "slow calls", buckets: 3, slow: Some((5, 60)), failure_rate: 100, minimum: 2, ..PLAIN },
    Rules { name: "growing", growing: Some((20, 9)), ..PLAIN },
    Rules { name: "half of the probes", probes: 3, probe_rate: 50, lease: 7, minimum: 1, ..PLAIN },
    Rules { name: "progressive", progressive: Some(12), minimum: 1, ..PLAIN },
    Rules { name: "at two failures", failure_count: Some(2), failure_rate: 100, minimum: 100, ..PLAIN },
    Rules {
        name: "everything",
        slow: Some((5, 50)),
        growing: Some((15, 11)),
        probes: 2,
        progressive: Some(5),
        abandoned: Some((4, ErrorClass::Transient)),
        minimum: 1,
        ..PLAIN
    },
];

/// One step of a sequence. `Hold` admits a call and keeps it; those after it end the oldest one that is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Call(End),
    Hold,
    Finish(End),
    Pass(u64),
    Open,
    Close,
    Mode(BreakerMode),
    /// The program is saved, sleeps for so long, and starts with a clock that starts anew.
    Sleep(u64),
}

pub(crate) const fn span(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn small<T: TryFrom<u64>>(number: u64) -> T {
    T::try_from(number).ok().expect("a small number")
}

pub(crate) fn config(rules: Rules) -> RateConfig {
    let mut config = RateConfig::new(small(rules.failure_rate))
        .window(span(rules.window))
        .minimum_calls(small(rules.minimum))
        .recovery_timeout(span(rules.recovery))
        .probes(small(rules.probes))
        .probe_rate(small(rules.probe_rate))
        .probe_lease(span(rules.lease))
        .listener(&hear);
    if rules.buckets != PLAIN.buckets {
        config = config.buckets(small(rules.buckets));
    }
    if let Some(calls) = rules.window_of_calls {
        config = config.window_of_calls(small(calls));
    }
    if let Some(count) = rules.failure_count {
        config = config.failure_count(small(count));
    }
    if let Some((threshold, rate)) = rules.slow {
        config = config.slow_calls(span(threshold), small(rate));
    }
    if let Some((longest, healthy)) = rules.growing {
        config = config.growing_timeout(span(longest), span(healthy));
    }
    if let Some(ramp) = rules.progressive {
        config = config.progressive(span(ramp));
    }
    if let Some((after, class)) = rules.abandoned {
        config = config.abandoned_calls(span(after), class);
    }
    config
}

thread_local! {
    static HEARD: Cell<Vec<(BreakerState, BreakerState)>> = const { Cell::new(Vec::new()) };
}

/// Breakers are used by one thread each, so that each hears its own.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature of a listener")]
pub(crate) fn hear(transition: &Transition) {
    let mut heard = HEARD.take();
    heard.push((transition.from, transition.to));
    HEARD.set(heard);
}

pub(crate) fn finish(permit: Permit<'_>, end: End, clock: &ManualClock) -> Option<BreakerState> {
    match end {
        // Known not to be slow, it takes a way of its own.
        End::Success(0) => permit.success(clock),
        End::Success(took) => permit.success_after(span(took), clock),
        End::Failure(class, took) => permit.failure_after(class, span(took), clock),
        End::Abandoned(took) => {
            permit.abandon(span(took), clock);
            None
        }
        End::Released => {
            permit.release();
            None
        }
    }
}

pub(crate) type Breaker = RateBreaker<4>;

/// More sleeps in one sequence are left out.
const MOST_SLEEPS: usize = 12;

/// Plays the steps to the model and to the crate, from this moment of the clock on, and compares after each.
pub(crate) fn compare(rules: Rules, config: &'static RateConfig, start: u64, steps: &[Step]) -> Result<(), String> {
    let places = [const { OnceCell::new() }; MOST_SLEEPS];
    let (mut breaker, mut starts) = (places[0].get_or_init(|| Breaker::new(config)), places[1..].iter());
    let mut clock = ManualClock::new();
    clock.set(Instant::from_ticks(start));
    let mut model = Model::new(rules);
    // A clock that starts at any moment has begun a bucket there once the first call was counted.
    breaker.close(&clock);
    HEARD.take();
    let mut held = std::collections::VecDeque::new();
    for (index, step) in steps.iter().enumerate() {
        let fail = |what: &str| Err(format!("{:?}, {steps:?}, step {index}: {what}", rules.name));
        let admit = |model: &mut Model, clock: &ManualClock| {
            let admitted = breaker.try_acquire(clock);
            let expected = model.admit();
            let left = admitted.as_ref().err().map(|rejected| u64::from(rejected.retry_after().get()));
            if left == expected.err() {
                Ok(admitted.ok().zip(expected.ok()))
            } else {
                Err(format!("{:?}, {steps:?}, step {index}: {left:?}, not {expected:?}", rules.name))
            }
        };
        match *step {
            Step::Call(end) => {
                if let Some((permit, mark)) = admit(&mut model, &clock)? {
                    let (changed, expected) = (finish(permit, end, &clock), model.end(mark, end));
                    if changed != expected && !matches!(end, End::Abandoned(_)) {
                        return fail(&format!("entered {changed:?}, not {expected:?}"));
                    }
                }
            }
            Step::Hold => held.extend(admit(&mut model, &clock)?),
            Step::Finish(end) => {
                if let Some((permit, mark)) = held.pop_front() {
                    finish(permit, end, &clock);
                    model.end(mark, end);
                }
            }
            Step::Pass(millis) => {
                clock.advance_ticks(millis);
                model.now += millis;
            }
            Step::Sleep(millis) => {
                let Some(place) = starts.next() else { continue };
                let mut retained = [0; Breaker::CHECKPOINT_LEN];
                breaker.checkpoint(&clock, &mut retained).expect("the length");
                clock = ManualClock::new();
                clock.set(Instant::from_ticks(index as u64));
                breaker = place.get_or_init(|| Breaker::new(config));
                breaker.restore(&retained, Millis::new(small(millis)), &clock).expect("its own checkpoint");
                held.clear();
                model.sleep(millis);
            }
            Step::Open => {
                breaker.open(&clock);
                model.open_by_hand();
            }
            Step::Close => {
                breaker.close(&clock);
                model.close_by_hand();
            }
            Step::Mode(mode) => {
                assert!(CircuitBreakerView::set_mode(breaker, mode, &clock));
                model.set_mode(mode);
            }
        }
        if breaker.state() != model.state || breaker.mode() != model.mode {
            return fail(&format!("{} {}, not {} {}", breaker.state(), breaker.mode(), model.state, model.mode));
        }
        let left = breaker.retry_after(&clock).map(|left| u64::from(left.get()));
        if left != model.retry_after() {
            return fail(&format!("{left:?} left, not {:?}", model.retry_after()));
        }
        if model.state == BreakerState::Closed {
            let (counts, expected) = (breaker.counts(&clock), model.counts());
            if (u64::from(counts.calls), u64::from(counts.failed), u64::from(counts.slow)) != expected {
                return fail(&format!("{counts:?}, not {expected:?}"));
            }
        }
        let heard = HEARD.take();
        if heard != std::mem::take(&mut model.heard) {
            return fail(&format!("the listener heard {heard:?}"));
        }
    }
    Ok(())
}

/// The configurations, made once, because a breaker refers to its own for ever.
pub(crate) fn configs() -> [(Rules, &'static RateConfig); ALL.len()] {
    static MADE: Mutex<Vec<&'static RateConfig>> = Mutex::new(Vec::new());
    let mut made = MADE.lock().unwrap();
    if made.is_empty() {
        made.extend(ALL.map(|rules| &*Box::leak(Box::new(config(rules)))));
    }
    std::array::from_fn(|index| (ALL[index], made[index]))
}

pub(crate) fn sweep(name: &str, alphabet: &[Step], depth: u32) {
    let sequences = alphabet.len().pow(depth);
    for (rules, config) in configs() {
        for mut number in 0..sequences {
            let steps: Vec<Step> = (0..depth)
                .map(|_| {
                    let step = alphabet[number % alphabet.len()];
                    number /= alphabet.len();
                    step
                })
                .collect();
            compare(rules, config, 1_000, &steps).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        }
    }
}
