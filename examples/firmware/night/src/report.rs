//! A report to be delivered: the call under its policy, which goes on where it left off before deep sleep.

use core::time::Duration;

use firmware_support::systick;
use redress_core::{
    Attempts, Backoff, BreakerConfig, Checkpoint, CheckpointError, CircuitBreaker, Clock, Decision, ErrorClass, Hz,
    Instant, Millis, Policy, RandomSource, Retry, SeededRandom, StopReason, embedded::WrappingClock,
};

/// Counts from each start anew.
pub(crate) static CLOCK: WrappingClock<fn() -> u32, 1_000> = WrappingClock::new(systick::millis);

pub(crate) type Breaker = CircuitBreaker<2>;

pub(crate) static BREAKER: Breaker =
    Breaker::new(BreakerConfig::new(2).window(Duration::from_secs(60)).recovery_timeout(RECOVERY));
pub(crate) const RECOVERY: Duration = Duration::from_secs(1);

pub(crate) static REPORT: Policy =
    Policy::new(Retry::new(Backoff::equal_jitter(BASE, Duration::from_secs(10))).max_attempts(3).deadline(DEADLINE))
        .circuit_breaker(&BREAKER);
pub(crate) const BASE: Duration = Duration::from_millis(200);
pub(crate) const DEADLINE: Duration = Duration::from_secs(3);

/// How far a report got before the core goes off again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// It is delivered.
    Delivered,
    /// It is to be tried again after this wait.
    RetryIn(Millis, Checkpoint),
    /// It was given up after so many attempts.
    GaveUp(StopReason, u32),
    /// The circuit is open for that long; nothing was tried.
    Rejected(Millis),
}

/// Makes one attempt to report, or goes on with a call that was `slept` through.
///
/// To the breaker a call that is suspended did not take place: only how it ends in the end counts.
pub(crate) fn report(
    kept: Option<&Checkpoint>,
    slept: Millis,
    random: &mut SeededRandom,
    send: impl FnOnce() -> Result<(), ErrorClass>,
) -> Result<Step, CheckpointError> {
    let mut attempts = match kept {
        Some(checkpoint) => Attempts::<Hz<1_000>>::resume(&REPORT, checkpoint, slept, CLOCK.now())?,
        None => Attempts::new(&REPORT, CLOCK.now()),
    };
    if let Some(at) = attempts.poll_at() {
        // Woken before it was time.
        sleep_until(at);
        if let Err(reason) = attempts.on_wake(CLOCK.now()) {
            return Ok(Step::GaveUp(reason, attempts.attempt()));
        }
    }
    let permit = match BREAKER.try_acquire(&CLOCK) {
        Ok(permit) => permit,
        Err(rejected) => return Ok(Step::Rejected(rejected.retry_after())),
    };
    let Err(class) = send() else {
        permit.success(&CLOCK);
        return Ok(Step::Delivered);
    };
    Ok(match attempts.on_failure(CLOCK.now(), class, || random.next_u32()) {
        Decision::RetryAt(_) => {
            permit.release();
            Step::RetryIn(attempts.delay(), attempts.suspend(CLOCK.now()))
        }
        Decision::Stop(reason) => {
            permit.failure(class, &CLOCK);
            Step::GaveUp(reason, attempts.attempt())
        }
    })
}

/// Sleeps until the clock has reached `at`.
pub(crate) fn sleep_until(at: Instant) {
    while CLOCK.now() < at {
        systick::wait_for_interrupt();
    }
}
