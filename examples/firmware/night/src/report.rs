//! Delivers a report: one call under a policy, resumed after each deep sleep.

use core::time::Duration;

use firmware_support::systick;
use redress_core::{
    Attempts, Backoff, BreakerConfig, Checkpoint, CheckpointError, CircuitBreaker, Clock, Decision, ErrorClass,
    Instant, Millis, Policy, RandomSource, Rejected, Retry, SeededRandom, StopReason, embedded::WrappingClock,
};

/// The clock; it starts at zero with the core.
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

/// The result of a step, after which the core may go off again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// The report is delivered.
    Delivered,
    /// The report is tried again after this wait.
    RetryIn(Millis, Checkpoint),
    /// The report was given up after so many attempts.
    GaveUp(StopReason, u32),
    /// The circuit is open for that long; nothing was tried.
    Rejected(Millis),
}

impl Step {
    /// No attempt was admitted, after so many: the circuit is open, or the deadline has passed meanwhile.
    fn rejected(rejected: &Rejected, attempts: u32) -> Self {
        match rejected.reason() {
            StopReason::CircuitOpen => Self::Rejected(rejected.retry_after()),
            reason => Self::GaveUp(reason, attempts),
        }
    }
}

type Report = Attempts<'static, 1_000>;

/// Makes one attempt to report, of a new call or of one that was suspended `slept` ago.
///
/// A suspended call does not count for the breaker; only the end of the call does.
pub(crate) fn report(
    kept: Option<&Checkpoint>,
    slept: Millis,
    random: &mut SeededRandom,
    send: impl FnOnce() -> Result<(), ErrorClass>,
) -> Result<Step, CheckpointError> {
    let begun = match kept {
        Some(checkpoint) => go_on(checkpoint, slept)?,
        None => Report::start(&REPORT, CLOCK.now()).map_err(|rejected| Step::rejected(&rejected, 0)),
    };
    let mut attempts = match begun {
        Ok(attempts) => attempts,
        Err(step) => return Ok(step),
    };
    let Err(class) = send() else {
        attempts.on_success(CLOCK.now());
        return Ok(Step::Delivered);
    };
    Ok(match attempts.on_failure(CLOCK.now(), class, || random.next_u32()) {
        Decision::RetryAt(_) => Step::RetryIn(attempts.delay(), attempts.suspend(CLOCK.now())),
        Decision::Stop(reason) => Step::GaveUp(reason, attempts.attempt().number),
    })
}

/// Waits out what is left, if the core was woken before it was time, and begins the next attempt.
fn go_on(checkpoint: &Checkpoint, slept: Millis) -> Result<Result<Report, Step>, CheckpointError> {
    let mut attempts = Report::resume(&REPORT, checkpoint, slept, CLOCK.now())?;
    if let Some(at) = attempts.poll_at() {
        sleep_until(at);
    }
    Ok(match attempts.on_wake(CLOCK.now()) {
        Ok(()) => Ok(attempts),
        Err(rejected) => Err(Step::rejected(&rejected, attempts.attempt().number)),
    })
}

/// Sleeps until the clock has reached `at`.
pub(crate) fn sleep_until(at: Instant) {
    while CLOCK.now() < at {
        systick::wait_for_interrupt();
    }
}
