//! In a window of no length no two failures ever meet.

use core::time::Duration;
use redress_core::{BreakerConfig, CircuitBreaker};

static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(4).window(Duration::ZERO));

fn main() {
    let _ = &BREAKER;
}
