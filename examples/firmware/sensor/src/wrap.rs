//! The millisecond counter wraps at every millisecond of a backoff, of an open circuit, of a deadline, and of the time of a
//! failure and of a retry in their windows. Times are checked by the counter itself.

use core::time::Duration;

use firmware_support::{println, systick};
use redress_core::{
    Attempts, Backoff, BreakerConfig, BreakerState, Budget, BudgetConfig, CircuitBreaker, Clock, Decision, ErrorClass,
    Instant, Millis, Policy, Retry, StopReason, embedded::WrappingClock,
};

use crate::story::require;

type WrapClock = WrappingClock<fn() -> u32, 1_000>;
type Scene = fn(&WrapClock) -> Result<(), &'static str>;

const SPAN: Duration = Duration::from_millis(40);
const SPAN_MS: u32 = 40;

/// A wait begins within a tick that is not counted, and its end is noticed one tick later.
const LATE_MS: u32 = 2;

/// From before the span to after it.
const SWEEP: core::ops::RangeInclusive<u32> = 0..=SPAN_MS + 5;

/// Plays every scene with the wrap at every millisecond of it.
pub(crate) fn run() -> Result<(), &'static str> {
    let scenes: [(&str, Scene); 5] = [
        ("backoff", backoff),
        ("open circuit", open_circuit),
        ("deadline", deadline),
        ("failure window", failure_window),
        ("budget window", budget_window),
    ];
    for (name, scene) in scenes {
        for before_wrap in SWEEP {
            systick::set(0_u32.wrapping_sub(before_wrap));
            let clock = WrapClock::new(systick::millis);
            let start = clock.now();
            scene(&clock)?;
            // Some end before the wrap.
            sleep(&clock, 20)?;
            require(systick::millis() < u32::MAX / 2, "the counter did not wrap")?;
            require(clock.now() > start, "the clock did not go on")?;
        }
        println!("{name}: well across the wrap");
    }
    Ok(())
}

/// Sleeps until the clock must have reached `at`, without reading it in between.
fn sleep_until(clock: &WrapClock, at: Instant) -> Result<(), &'static str> {
    let (start, millis) = (systick::millis(), at.ticks_since(clock.now()));
    while u64::from(since(start)) < millis {
        systick::wait_for_interrupt();
    }
    require((0..=1).contains(&clock.now().ticks().wrapping_sub(at.ticks())), "the clock lost or made up time")
}

fn sleep(clock: &WrapClock, millis: u64) -> Result<(), &'static str> {
    sleep_until(clock, clock.now().saturating_add(millis))
}

/// Returns the milliseconds since the counter stood at `start`.
fn since(start: u32) -> u32 {
    systick::millis().wrapping_sub(start)
}

fn begin(policy: &'static Policy, clock: &WrapClock) -> Result<Attempts<'static, 1_000>, &'static str> {
    Attempts::start(policy, clock.now()).map_err(|_| "a call was rejected")
}

/// The random source of constant backoffs, which draw no number.
fn no_jitter() -> u32 {
    0
}

fn backoff(clock: &WrapClock) -> Result<(), &'static str> {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(SPAN)));
    let start = systick::millis();
    let mut attempts = begin(&POLICY, clock)?;
    let Decision::RetryAt(at) = attempts.on_failure(clock.now(), ErrorClass::Transient, no_jitter) else {
        return Err("no retry");
    };
    require(attempts.poll_at() == Some(at), "poll_at differs from the decision")?;
    sleep_until(clock, at)?;
    require((SPAN_MS..=SPAN_MS + LATE_MS).contains(&since(start)), "a backoff that is not as long as asked")?;
    require(attempts.on_wake(clock.now()).is_ok() && attempts.attempt().number == 2, "no second attempt")
}

fn open_circuit(clock: &WrapClock) -> Result<(), &'static str> {
    let breaker = CircuitBreaker::<1>::new(BreakerConfig::new(1).recovery_timeout(SPAN));
    let start = systick::millis();
    require(breaker.record_failure(ErrorClass::Transient, clock).is_some(), "the circuit did not open")?;
    let mut left = SPAN_MS;
    let probe = loop {
        match breaker.try_acquire(clock) {
            Ok(permit) => break permit,
            Err(rejected) => {
                require(rejected.retry_after().get() <= left, "what is left of it grew")?;
                left = rejected.retry_after().get();
            }
        }
        systick::wait_for_interrupt();
    };
    require((SPAN_MS..=SPAN_MS + LATE_MS).contains(&since(start)), "an open circuit that is not as long as asked")?;
    require(probe.success(clock) == Some(BreakerState::Closed), "the circuit did not close")
}

fn deadline(clock: &WrapClock) -> Result<(), &'static str> {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_millis(15))).deadline(SPAN));
    let start = systick::millis();
    let mut attempts = begin(&POLICY, clock)?;
    let reason = loop {
        match attempts.on_failure(clock.now(), ErrorClass::Transient, no_jitter) {
            Decision::RetryAt(at) => sleep_until(clock, at)?,
            Decision::Stop(reason) => break reason,
        }
        require(attempts.on_wake(clock.now()).is_ok(), "the deadline came too soon")?;
        let left = attempts.attempt().remaining.map_or(0, Millis::get);
        require(left.abs_diff(SPAN_MS.saturating_sub(since(start))) <= LATE_MS, "what is left is wrong")?;
    };
    require(reason == StopReason::DeadlineExceeded && attempts.attempt().number == 3, "the deadline did not hold")?;
    require((30..=30 + 2 * LATE_MS).contains(&since(start)), "a wait that the deadline forbids")
}

fn failure_window(clock: &WrapClock) -> Result<(), &'static str> {
    let config = BreakerConfig::new(2).window(Duration::from_millis(30));
    let (soon, late) = (CircuitBreaker::<2>::new(config), CircuitBreaker::<2>::new(config));
    for breaker in [&soon, &late] {
        require(breaker.record_failure(ErrorClass::Transient, clock).is_none(), "one failure opens nothing")?;
    }
    sleep(clock, 25)?;
    require(soon.record_failure(ErrorClass::Transient, clock).is_some(), "a failure was forgotten too soon")?;
    // Due after 30, and on a clock of milliseconds not later.
    sleep(clock, 10)?;
    require(late.record_failure(ErrorClass::Transient, clock).is_none(), "a failure was not forgotten")
}

fn budget_window(clock: &WrapClock) -> Result<(), &'static str> {
    let budget = Budget::<1>::new(BudgetConfig::rolling(1, Duration::from_millis(30)));
    require(budget.try_consume(1, clock), "the budget was spent from the start")?;
    sleep(clock, 25)?;
    require(!budget.try_consume(1, clock), "the budget came back too soon")?;
    sleep(clock, 10)?;
    require(budget.try_consume(1, clock), "the budget did not come back")
}
