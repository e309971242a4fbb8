//! A breaker that cannot remember as many failures as it takes would never open.

use redress_core::{BreakerConfig, CircuitBreaker};

static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(5));

fn main() {
    let _ = &BREAKER;
}
