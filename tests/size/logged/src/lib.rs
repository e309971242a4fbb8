//! A policy of all parts, and a logger that writes into a register.
#![no_std]

use core::{fmt::Write as _, time::Duration};

use board::report;
use redress_core::{
    Backoff, BreakerConfig, Budget, BudgetConfig, CircuitBreaker, ErrorClass, Millis, Policy, Retry, backoff::by_args,
};

#[defmt::global_logger]
struct Register;

// SAFETY: images are linked, not run; nothing logs within a log.
#[expect(unsafe_code, reason = "the signature of defmt")]
unsafe impl defmt::Logger for Register {
    fn acquire() {}

    unsafe fn flush() {}

    unsafe fn release() {}

    unsafe fn write(bytes: &[u8]) {
        for byte in bytes {
            report((*byte).into());
        }
    }
}

static DELAYS: [Millis; 3] = [Millis::new(10), Millis::new(20), Millis::new(50)];
static LINEAR: redress_core::backoff::ByArgs<fn(u32, ErrorClass, Millis) -> Millis> =
    by_args(|attempt, _, previous| previous.saturating_add(Millis::new(attempt)));
static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(4));
static BUDGET: Budget<8> = Budget::new(BudgetConfig::rolling(8, Duration::from_secs(60)));
static POLICY: Policy = Policy::new(
    Retry::new(Backoff::full_jitter(Duration::from_millis(50), Duration::from_secs(5)))
        .backoff_for(ErrorClass::Concurrency, Backoff::fixed(&DELAYS))
        .backoff_for(ErrorClass::RateLimit, Backoff::constant(Duration::from_secs(1)).or_retry_after())
        .backoff_for(ErrorClass::Unknown, Backoff::custom(&LINEAR)),
)
.circuit_breaker(&BREAKER)
.budget(&BUDGET);

/// A log of a number, as every image that logs has it.
pub fn number() {
    defmt::println!("{}", board::opaque());
}

/// A log of a policy.
pub fn policy() {
    number();
    defmt::println!("{}", POLICY);
}

struct Sink;

impl core::fmt::Write for Sink {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for byte in text.bytes() {
            report(byte.into());
        }
        Ok(())
    }
}

/// The same policy by `core::fmt`, which must be found in the image.
pub fn debug() {
    number();
    let _ = write!(Sink, "{POLICY:?}");
}
