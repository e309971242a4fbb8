//! A class cannot trip the breaker and say nothing about the dependency.

use redress_core::{BreakerConfig, CircuitBreaker, ClassSet, ErrorClass};

static BREAKER: CircuitBreaker<4> =
    CircuitBreaker::new(BreakerConfig::new(4).neutral(ClassSet::of(&[ErrorClass::Transient, ErrorClass::Unknown])));

fn main() {
    let _ = &BREAKER;
}
