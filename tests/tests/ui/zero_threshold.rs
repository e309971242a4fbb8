//! A breaker that opens after no failures is always open.

use redress_core::{BreakerConfig, CircuitBreaker};

static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(0));

fn main() {
    let _ = &BREAKER;
}
