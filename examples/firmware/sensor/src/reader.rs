//! Readings at a steady pace, each one call under a policy, without ever waiting on the spot: the superloop asks
//! [`Reader::poll_at`] when there is something to do, sleeps until then, and calls [`Reader::poll`].

use core::time::Duration;

use embedded_hal::i2c::{Error, I2c};
use firmware_support::systick;
use redress_core::{
    Attempts, Backoff, BreakerConfig, Budget, BudgetConfig, CircuitBreaker, Clock, Decision, ErrorClass, Hz, Instant,
    Millis, Policy, RandomSource, Retry, SeededRandom, StopReason,
    breaker::Permit,
    embedded::{WrappingClock, hal::i2c_class},
};

use crate::thermometer::Thermometer;

/// SysTick counts milliseconds in 32 bits.
pub(crate) static CLOCK: WrappingClock<fn() -> u32, 1_000> = WrappingClock::new(systick::millis);

/// Three readings that fail, and the part is left alone for two seconds.
pub(crate) static BREAKER: CircuitBreaker<3> =
    CircuitBreaker::new(BreakerConfig::new(3).window(Duration::from_secs(30)).recovery_timeout(RECOVERY));
pub(crate) const RECOVERY: Duration = Duration::from_secs(2);

/// Retries that this part is worth.
static BUDGET: Budget<{ RETRIES as usize }> = Budget::new(BudgetConfig::rolling(RETRIES, BUDGET_WINDOW));
pub(crate) const RETRIES: u16 = 8;
pub(crate) const BUDGET_WINDOW: Duration = Duration::from_secs(5);

static READING: Policy = Policy::new(
    Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(10), Duration::from_millis(100)))
        .max_attempts(MAX_ATTEMPTS)
        .deadline(DEADLINE)
        // Whoever won the bus needs it for one transfer.
        .backoff_for(ErrorClass::Concurrency, Backoff::constant(Duration::from_millis(2))),
)
.circuit_breaker(&BREAKER)
.budget(&BUDGET);
pub(crate) const MAX_ATTEMPTS: u32 = 4;
pub(crate) const DEADLINE: Duration = Duration::from_millis(200);

/// Between one reading and the next.
const PERIOD_TICKS: u64 = 250;

/// What came of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A reading.
    Read(i16),
    /// A reading failed and is to be tried again then.
    RetryAt(Instant),
    /// A reading was given up.
    GaveUp(StopReason),
    /// The circuit is open for that long, and the part was left alone.
    Rejected(Millis),
}

/// Reads a thermometer again and again.
#[derive(Debug)]
pub(crate) struct Reader<I> {
    thermometer: Thermometer<I>,
    random: SeededRandom,
    due: Instant,
    call: Option<Call>,
}

/// A reading in progress.
#[derive(Debug)]
struct Call {
    attempts: Attempts<'static, Hz<1_000>>,
    permit: Permit<'static>,
}

impl<I: I2c> Reader<I> {
    /// A reader whose first reading is due at once.
    pub(crate) fn new(bus: I, device: u64) -> Self {
        Self { thermometer: Thermometer(bus), random: SeededRandom::new(device), due: CLOCK.now(), call: None }
    }

    /// When there is something to do.
    pub(crate) fn poll_at(&self) -> Instant {
        self.call.as_ref().and_then(|call| call.attempts.poll_at()).unwrap_or(self.due)
    }

    /// Does what is due, if anything is: one transfer at most.
    pub(crate) fn poll(&mut self) -> Option<Step> {
        let now = CLOCK.now();
        if now < self.poll_at() {
            return None;
        }
        let begun = match self.call.take() {
            Some(call) => Self::resume(call, now),
            None => self.begin(now),
        };
        Some(begun.map_or_else(|step| step, |call| self.attempt(call)))
    }

    fn begin(&mut self, now: Instant) -> Result<Call, Step> {
        self.due = now.saturating_add(PERIOD_TICKS);
        match BREAKER.try_acquire(&CLOCK) {
            Ok(permit) => Ok(Call { attempts: Attempts::new(&READING, now), permit }),
            Err(rejected) => Err(Step::Rejected(rejected.retry_after())),
        }
    }

    fn resume(mut call: Call, now: Instant) -> Result<Call, Step> {
        match call.attempts.on_wake(now) {
            Ok(()) => Ok(call),
            Err(reason) => Err(Self::give_up(call, reason)),
        }
    }

    fn attempt(&mut self, mut call: Call) -> Step {
        match self.thermometer.read() {
            Ok(value) => {
                call.permit.success(&CLOCK);
                Step::Read(value)
            }
            Err(error) => {
                match call.attempts.on_failure(CLOCK.now(), i2c_class(error.kind()), || self.random.next_u32()) {
                    Decision::RetryAt(at) => {
                        self.call = Some(call);
                        Step::RetryAt(at)
                    }
                    Decision::Stop(reason) => Self::give_up(call, reason),
                }
            }
        }
    }

    fn give_up(call: Call, reason: StopReason) -> Step {
        call.permit.failure(call.attempts.last_class().unwrap_or(ErrorClass::Unknown), &CLOCK);
        Step::GaveUp(reason)
    }

    /// The bus.
    pub(crate) const fn bus(&self) -> &I {
        &self.thermometer.0
    }
}
