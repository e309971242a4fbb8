//! Readings at a steady pace, each one call under a policy, without blocking waits: the superloop sleeps until
//! [`Reader::poll_at`], then calls [`Reader::poll`].

use core::time::Duration;

use embedded_hal::i2c::{Error, I2c};
use firmware_support::systick;
use redress_core::{
    Attempts, Backoff, BreakerConfig, Budget, BudgetConfig, CircuitBreaker, Clock, Decision, ErrorClass, Instant,
    Millis, Policy, RandomSource, Rejected, Retry, SeededRandom, StopReason,
    embedded::{WrappingClock, hal::i2c_class},
};

use crate::thermometer::Thermometer;

/// SysTick counts milliseconds in 32 bits.
pub(crate) static CLOCK: WrappingClock<fn() -> u32, 1_000> = WrappingClock::new(systick::millis);

/// Three failed readings open the circuit for two seconds.
pub(crate) static BREAKER: CircuitBreaker<3> =
    CircuitBreaker::new(BreakerConfig::new(3).window(Duration::from_secs(30)).recovery_timeout(RECOVERY));
pub(crate) const RECOVERY: Duration = Duration::from_secs(2);

/// Limits the retries of this part.
static BUDGET: Budget<{ RETRIES as usize }> = Budget::new(BudgetConfig::rolling(RETRIES, BUDGET_WINDOW));
pub(crate) const RETRIES: u16 = 8;
pub(crate) const BUDGET_WINDOW: Duration = Duration::from_secs(5);

static READING: Policy = Policy::new(
    Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(10), Duration::from_millis(100)))
        .max_attempts(MAX_ATTEMPTS)
        .deadline(DEADLINE)
        // The controller that won the bus needs it for one transfer.
        .backoff_for(ErrorClass::Concurrency, Backoff::constant(Duration::from_millis(2))),
)
.circuit_breaker(&BREAKER)
.budget(&BUDGET);
pub(crate) const MAX_ATTEMPTS: u32 = 4;
pub(crate) const DEADLINE: Duration = Duration::from_millis(200);

/// The time between two readings.
const PERIOD_TICKS: u64 = 250;

/// The result of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A reading.
    Read(i16),
    /// A reading failed and is tried again at this moment.
    RetryAt(Instant),
    /// A reading was given up.
    GaveUp(StopReason),
    /// The circuit is open for that long; there was no transfer.
    Rejected(Millis),
}

impl Step {
    /// No attempt was admitted: the circuit is open, or the deadline has passed in the wait.
    fn rejected(rejected: &Rejected) -> Self {
        match rejected.reason() {
            StopReason::CircuitOpen => Self::Rejected(rejected.retry_after()),
            reason => Self::GaveUp(reason),
        }
    }
}

/// A reader of a thermometer.
#[derive(Debug)]
pub(crate) struct Reader<I> {
    thermometer: Thermometer<I>,
    random: SeededRandom,
    due: Instant,
    /// The reading in progress.
    call: Option<Call>,
}

type Call = Attempts<'static, 1_000>;

impl<I: I2c> Reader<I> {
    /// Creates a reader whose first reading is due at once.
    pub(crate) fn new(bus: I, device: u64) -> Self {
        Self { thermometer: Thermometer(bus), random: SeededRandom::new(device), due: CLOCK.now(), call: None }
    }

    /// Returns when to call [`poll`](Self::poll).
    pub(crate) fn poll_at(&self) -> Instant {
        self.call.as_ref().and_then(Call::poll_at).unwrap_or(self.due)
    }

    /// Takes the next step if it is due: one transfer at most.
    pub(crate) fn poll(&mut self) -> Option<Step> {
        let now = CLOCK.now();
        if now < self.poll_at() {
            return None;
        }
        let begun = if let Some(mut call) = self.call.take() {
            call.on_wake(now).map(|()| call)
        } else {
            self.due = now.saturating_add(PERIOD_TICKS);
            Call::start(&READING, now)
        };
        Some(match begun {
            Ok(call) => self.attempt(call),
            Err(rejected) => Step::rejected(&rejected),
        })
    }

    fn attempt(&mut self, mut call: Call) -> Step {
        let error = match self.thermometer.read() {
            Ok(value) => {
                call.on_success(CLOCK.now());
                return Step::Read(value);
            }
            Err(error) => error,
        };
        match call.on_failure(CLOCK.now(), i2c_class(error.kind()), || self.random.next_u32()) {
            Decision::RetryAt(at) => {
                self.call = Some(call);
                Step::RetryAt(at)
            }
            Decision::Stop(reason) => Step::GaveUp(reason),
        }
    }

    /// Borrows the bus.
    pub(crate) const fn bus(&self) -> &I {
        &self.thermometer.0
    }
}
