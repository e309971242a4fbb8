//! The breaker that counts failures: windows, thresholds of classes, probes, leases, moves by hand, deep sleep.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use redress_core::{
    BreakerConfig, BreakerState, CircuitBreaker,
    ErrorClass::{self, Auth, RateLimit, ServerError, Transient, Unknown},
    Millis,
    breaker::Permit,
};

use crate::{
    clock::{Ticks, at_some_rate},
    fault,
};

const WINDOW: u64 = 60_000;
const RECOVERY: u64 = 30_000;
const LEASE: u64 = 45_000;
const SPANS: [u64; 3] = [WINDOW, RECOVERY, LEASE];
const SLOTS: usize = 5;

type Breaker = CircuitBreaker<SLOTS>;

pub(crate) fn run(input: &mut Unstructured<'_>) -> Result<()> {
    at_some_rate!(input, at)
}

/// The rules, and all that happened.
struct Model {
    threshold: usize,
    of_auth: usize,
    probes: usize,
    /// By how much the clock lengthens each span.
    slack: u64,
    state: BreakerState,
    /// One more with each change of the state, and each time that places of lost probes are given away.
    period: u64,
    /// Failures since the circuit closed.
    failures: Vec<(u64, ErrorClass)>,
    /// Before the clock's zero, of a circuit that was restored.
    since: i64,
    admitted: usize,
    succeeded: usize,
}

impl Model {
    fn enter(&mut self, state: BreakerState, now: u64) {
        self.period += 1;
        (self.state, self.since) = (state, now.cast_signed());
        (self.admitted, self.succeeded) = (0, 0);
        self.failures.clear();
    }

    /// Admits a call, or says for how long there are none.
    fn admit(&mut self, now: u64) -> std::result::Result<u64, u64> {
        match self.state {
            BreakerState::Closed => {}
            BreakerState::Open => {
                let left = self.left(RECOVERY, now);
                if left > 0 {
                    return Err(left);
                }
                self.enter(BreakerState::HalfOpen, now);
                self.admitted = 1;
            }
            _ => {
                if self.admitted == self.probes {
                    let left = self.left(LEASE, now);
                    if left > 0 {
                        return Err(left);
                    }
                    self.period += 1;
                    self.admitted = self.succeeded;
                }
                self.admitted += 1;
                self.since = now.cast_signed();
            }
        }
        Ok(self.period)
    }

    /// Takes the result of a call; `None` for one that was given up.
    fn end(&mut self, period: u64, result: Option<std::result::Result<(), ErrorClass>>, now: u64) {
        if period != self.period || self.state == BreakerState::Open {
            return;
        }
        let result = if result == Some(Err(Unknown)) { None } else { result };
        let trips = matches!(result, Some(Err(Transient | ServerError | Auth)));
        if self.state == BreakerState::HalfOpen {
            match result {
                None => self.admitted -= 1,
                Some(_) if trips => self.enter(BreakerState::Open, now),
                Some(_) => {
                    self.succeeded += 1;
                    if self.succeeded == self.probes {
                        self.enter(BreakerState::Closed, now);
                    }
                }
            }
        } else if let (Some(Err(class)), true) = (result, trips) {
            self.failures.push((now, class));
            let of = |own: bool| {
                let fresh = |at: u64| now - at < WINDOW + self.slack;
                self.failures.iter().filter(|(at, class)| fresh(*at) && (*class == Auth) == own).count()
            };
            if of(class == Auth) >= if class == Auth { self.of_auth } else { self.threshold } {
                self.enter(BreakerState::Open, now);
            }
        }
    }

    /// Returns what is left of a span since the state was entered.
    fn left(&self, span: u64, now: u64) -> u64 {
        let passed = now.cast_signed() - self.since;
        (span + self.slack).saturating_sub(passed.cast_unsigned())
    }

    fn fresh(&self, now: u64) -> usize {
        self.failures.iter().filter(|(at, _)| now - at < WINDOW + self.slack).count()
    }
}

fn at<const HZ: u32>(input: &mut Unstructured<'_>) -> Result<()> {
    let (threshold, of_auth, probes) =
        (input.int_in_range(1..=4)?, input.int_in_range(1..=2)?, input.int_in_range(1..=3)?);
    let config = BreakerConfig::new(threshold)
        .window(Duration::from_millis(WINDOW))
        .recovery_timeout(Duration::from_millis(RECOVERY))
        .probe_lease(Duration::from_millis(LEASE))
        .threshold_for(Auth, of_auth)
        .probes(probes);
    let clock = Ticks::<HZ>::begin(input)?;
    // Dropped after the permits, which borrow them. A restored breaker is another one.
    let breakers: Vec<Breaker> = (0..4).map(|_| Breaker::new(config)).collect();
    let (mut breaker, mut others) = (&breakers[0], breakers[1..].iter());
    let mut model = Model {
        threshold: threshold.into(),
        of_auth: of_auth.into(),
        probes: probes.into(),
        slack: Ticks::<HZ>::SLACK + fault(),
        state: BreakerState::Closed,
        period: 0,
        failures: vec![],
        since: 0,
        admitted: 0,
        succeeded: 0,
    };
    let mut calls: Vec<(Permit<'_>, u64)> = vec![];
    while !input.is_empty() {
        let now = clock.millis();
        match input.int_in_range(0..=9)? {
            0..=2 => clock.pass(input, &SPANS)?,
            3 | 4 => {
                let expected = model.admit(now);
                match (breaker.try_acquire(&clock), expected) {
                    (Ok(permit), Ok(period)) => calls.push((permit, period)),
                    (Err(rejected), Err(left)) => {
                        assert_eq!(u64::from(rejected.retry_after().get()), left, "time left")
                    }
                    (actual, expected) => panic!("{actual:?}, not {expected:?}"),
                }
            }
            5 | 6 if !calls.is_empty() => {
                let (permit, period) = calls.swap_remove(input.choose_index(calls.len())?);
                match input.int_in_range(0..=2)? {
                    0 => {
                        model.end(period, Some(Ok(())), now);
                        permit.success(&clock);
                    }
                    1 => {
                        model.end(period, None, now);
                        permit.release();
                    }
                    _ => {
                        let class = [Transient, ServerError, Auth, RateLimit, Unknown][input.choose_index(5)?];
                        model.end(period, Some(Err(class)), now);
                        permit.failure(class, &clock);
                    }
                }
            }
            7 => {
                let class = [Transient, Auth][input.choose_index(2)?];
                if model.state == BreakerState::Closed {
                    model.end(model.period, Some(Err(class)), now);
                }
                breaker.record_failure(class, &clock);
            }
            8 if input.arbitrary()? => {
                model.enter(BreakerState::Open, now);
                breaker.open(&clock);
            }
            8 => {
                model.enter(BreakerState::Closed, now);
                breaker.close(&clock);
            }
            _ => {
                let Some(awake) = others.next() else { continue };
                let mut bytes = [0; Breaker::CHECKPOINT_LEN];
                breaker.checkpoint(&clock, &mut bytes).expect("it fits");
                clock.pass(input, &SPANS)?;
                let slept = clock.millis() - now;
                // Told rounded down, and the clock may have been up to a millisecond further.
                awake
                    .restore(&bytes, Millis::new(u32::try_from(slept).unwrap_or(u32::MAX)), &clock)
                    .expect("of the same configuration");
                // Results of before are another breaker's, which is forgotten.
                calls.clear();
                breaker = awake;
                restored(&mut model, now, clock.millis());
            }
        }
        compare(&model, breaker, &clock);
    }
    Ok(())
}

/// What becomes of the model in deep sleep: what has left the window is forgotten, and places of probes are free.
fn restored(model: &mut Model, before: u64, after: u64) {
    model.period += 1;
    model.admitted = model.succeeded;
    match model.state {
        BreakerState::Closed => model.failures.retain(|(at, _)| after - at < WINDOW && before - at < WINDOW),
        BreakerState::HalfOpen => model.since = after.cast_signed(),
        _ => {
            // At least what was left, and nothing more than the timeout; with nothing left the next call is admitted.
            let left = model.left(RECOVERY, before).min(RECOVERY);
            let left = left.saturating_sub(after - before);
            model.since =
                after.cast_signed() - if left == 0 { RECOVERY + model.slack } else { RECOVERY - left }.cast_signed();
        }
    }
}

fn compare<const HZ: u32>(model: &Model, breaker: &Breaker, clock: &Ticks<HZ>) {
    let now = clock.millis();
    assert_eq!(breaker.state(), model.state, "state at {now} ms");
    let left = (model.state == BreakerState::Open).then(|| model.left(RECOVERY, now));
    assert_eq!(breaker.retry_after(clock).map(|left| left.get().into()), left, "time left at {now} ms");
    let failures = if model.state == BreakerState::Closed { model.fresh(now) } else { 0 };
    assert_eq!(breaker.failures(clock), failures, "failures at {now} ms");
}
