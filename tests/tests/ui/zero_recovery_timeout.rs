//! A circuit that opens for no time does not open.

use core::time::Duration;
use redress_core::{BreakerConfig, CircuitBreaker};

static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(4).recovery_timeout(Duration::ZERO));

fn main() {
    let _ = &BREAKER;
}
