//! Without probes a circuit that opened stays open; more than 15 do not fit its word.

use redress_core::{BreakerConfig, CircuitBreaker};

static NONE: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(4).probes(0));
static MANY: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(4).probes(16));

fn main() {
    let _ = (&NONE, &MANY);
}
