//! One test for each defect known of another library, so that it cannot come back here. The names in brackets are where
//! the defect was seen.

mod backoff;
mod breaker;
mod deadlines;
mod hooks;
mod outcomes;
mod stops;

use std::time::Duration;

use redress_core::{
    Backoff, BreakerState, ErrorClass, Retry,
    testing::{FakeCircuitBreaker, ManualClock},
};

const TRANSIENT: Result<(), ErrorClass> = Err(ErrorClass::Transient);

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn constant(secs: u64) -> Retry<'static> {
    Retry::new(Backoff::constant(Duration::from_secs(secs)))
}

/// A breaker with one place for a probe, and nobody in it.
fn half_open() -> FakeCircuitBreaker {
    let breaker = FakeCircuitBreaker::new();
    breaker.force(BreakerState::HalfOpen);
    breaker
}

/// The probe's place is free, and there is only one.
fn assert_probe_is_free(breaker: &FakeCircuitBreaker) {
    let clock = ManualClock::new();
    assert_eq!(breaker.breaker().state(), BreakerState::HalfOpen);
    let probe = breaker.breaker().try_acquire(&clock);
    assert!(probe.is_ok(), "the probe's place is lost");
    assert!(breaker.breaker().try_acquire(&clock).is_err());
}
