//! The result of a call goes through its permit exactly once.

use redress_core::{BreakerConfig, CircuitBreaker, ErrorClass, testing::ManualClock};

static BREAKER: CircuitBreaker<1> = CircuitBreaker::new(BreakerConfig::new(1));

fn main() {
    let clock = ManualClock::new();
    let permit = BREAKER.try_acquire(&clock).unwrap();
    permit.success(&clock);
    permit.failure(ErrorClass::Transient, &clock);
}
