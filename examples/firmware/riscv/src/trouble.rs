//! Clocks that stop or jump, sleepers that return early or late, policies that contradict themselves: calls end, for
//! the reason that is documented, and nothing panics.

use core::cell::Cell;
use core::time::Duration;

use firmware_support::{mtime, println};
use redress_core::{
    Backoff, Blocking, BreakerConfig, Budget, BudgetConfig, CircuitBreaker, Clock, ConfigError, ErrorClass, Instant,
    Millis, Outcome, Policy, Retry, SeededRandom, StopReason,
};

use crate::{require, sleep};

const TICKS_PER_MS: u64 = (mtime::HZ / 1_000) as u64;
const DAY: u64 = 86_400_000 * TICKS_PER_MS;

/// On a sound clock, three waits of 10 ms end before the deadline.
static POLICY: Policy = Policy::new(
    Retry::new(Backoff::constant(Duration::from_millis(10))).max_attempts(4).deadline(Duration::from_millis(50)),
);

/// The machine timer, stopped or set to another time.
#[derive(Debug, Default)]
struct BadClock {
    stopped_at: Cell<Option<u64>>,
    ahead: Cell<u64>,
}

impl Clock for BadClock {
    const TICK_HZ: u32 = mtime::HZ;

    fn now(&self) -> Instant {
        Instant::from_ticks(self.stopped_at.get().unwrap_or_else(|| mtime::now() + self.ahead.get()))
    }
}

/// Makes a call whose attempts all fail; `trouble` comes in the second one. Returns its outcome and the real milliseconds.
fn call(device: u64, clock: &BadClock, sleep: impl FnMut(u64), trouble: impl Fn()) -> (Outcome<(), ErrorClass>, u64) {
    let start = mtime::now();
    let mut attempts = 0;
    let mut context = POLICY
        .context(Blocking::new(clock, sleep, SeededRandom::new(device)))
        // Slices read the clock; a wrong clock must not prevent their end.
        .slice(Duration::from_millis(3), || {});
    let outcome = context.execute(|| {
        attempts += 1;
        if attempts == 2 {
            trouble();
        }
        Err(ErrorClass::Transient)
    });
    (outcome, (mtime::now() - start) / TICKS_PER_MS)
}

/// Plays all of it.
pub(crate) fn run(device: u64) -> Result<(), &'static str> {
    let all = |(outcome, millis): (Outcome<(), ErrorClass>, u64)| {
        let stopped = outcome.stop_reason == Some(StopReason::MaxAttemptsGlobal) && outcome.attempts == 4;
        stopped.then_some(millis)
    };

    let clock = BadClock::default();
    let stopped = call(device, &clock, sleep, || clock.stopped_at.set(Some(mtime::now())));
    require(all(stopped) >= Some(30), "a clock that stops: all attempts, all waits")?;

    let clock = BadClock { ahead: Cell::new(3 * DAY), ..BadClock::default() };
    let back = call(device, &clock, sleep, || clock.ahead.set(0));
    require(all(back) >= Some(30), "a clock that jumps back: no time has passed, nothing waits for days")?;

    let clock = BadClock::default();
    let (ahead, _) = call(device, &clock, sleep, || clock.ahead.set(3 * DAY));
    let reason = (ahead.stop_reason, ahead.attempts);
    require(reason == (Some(StopReason::DeadlineExceeded), 2), "a clock that jumps ahead: the deadline is over")?;

    let early = call(device, &BadClock::default(), |_| {}, || {});
    require(all(early).is_some(), "a sleeper that returns early: all attempts")?;

    let (late, _) = call(device, &BadClock::default(), |ticks| sleep(6 * ticks), || {});
    require(late.stop_reason == Some(StopReason::DeadlineExceeded), "a sleeper that is late: the deadline holds")?;
    require(late.attempts < 4, "a sleeper that is late: no attempt after the deadline")?;

    breaker()?;
    configuration()?;
    println!("clocks, sleepers and configurations in trouble: as documented");
    Ok(())
}

/// Checks an open circuit under a clock that jumps.
fn breaker() -> Result<(), &'static str> {
    let recovery = Duration::from_millis(100);
    // On a clock finer than a millisecond an open circuit lasts up to one longer.
    let open = Millis::from_duration(recovery).saturating_add(Millis::new(1));
    let clock = BadClock { ahead: Cell::new(3 * DAY), ..BadClock::default() };
    let breaker = CircuitBreaker::<1>::new(BreakerConfig::new(1).recovery_timeout(recovery));
    breaker.record_failure(ErrorClass::Transient, &clock);
    clock.ahead.set(0);
    let left = || breaker.try_acquire(&clock).err().map(|rejected| rejected.retry_after());
    require(left() == Some(open), "back: the circuit is open for its time, not for days")?;
    sleep(u64::from(open.get() - 1) * TICKS_PER_MS);
    require(left() == Some(open), "back: until its time is over, each reading may be a late one")?;
    sleep(2 * TICKS_PER_MS);
    require(left().is_none(), "back: the circuit lets a probe through when its time is over")?;

    let clock = BadClock::default();
    let breaker = CircuitBreaker::<1>::new(BreakerConfig::new(1).recovery_timeout(recovery));
    breaker.record_failure(ErrorClass::Transient, &clock);
    require(breaker.try_acquire(&clock).is_err(), "the circuit is open")?;
    clock.ahead.set(3 * DAY);
    require(breaker.try_acquire(&clock).is_ok(), "ahead: the circuit lets a probe through")
}

/// Checks contradictions at run time, as in a policy from a file.
fn configuration() -> Result<(), &'static str> {
    let second = Duration::from_secs(1);
    let constant = Retry::new(Backoff::constant(second));
    let refused = [
        Policy::try_new(constant.max_attempts(0)).err(),
        Policy::try_new(constant.deadline(Duration::ZERO)).err(),
        Policy::try_new(Retry::per_class()).err(),
        Backoff::try_full_jitter(second, Duration::ZERO).err(),
        CircuitBreaker::<2>::try_new(BreakerConfig::new(3)).err(),
        Budget::<2>::try_new(BudgetConfig::rolling(3, second)).err(),
    ];
    let reasons = [
        ConfigError::ZeroAttempts,
        ConfigError::ZeroDeadline,
        ConfigError::NoBackoff,
        ConfigError::BaseAboveMax,
        ConfigError::ThresholdAboveCapacity,
        ConfigError::RetriesAboveCapacity,
    ];
    require(refused == reasons.map(Some), "a policy that contradicts itself")
}
