//! What gives a call up when dropped is not dropped in passing.
#![deny(unused_must_use)]

use redress_core::{
    Checkpoint, Millis, Rejected,
    breaker::Permit,
    testing::{FakeCircuitBreaker, INSTANT_RETRIES, ManualClock, TestEnv},
};

fn start() -> Result<(), Rejected> {
    INSTANT_RETRIES.context(TestEnv::new()).start()?;
    Ok(())
}

fn acquire(breaker: &FakeCircuitBreaker) -> Result<(), Rejected> {
    breaker.breaker().try_acquire(&ManualClock::new())?;
    Ok(())
}

fn resume(checkpoint: &Checkpoint) {
    INSTANT_RETRIES.context(TestEnv::new()).resume(checkpoint, Millis::ZERO).unwrap();
}

fn main() {
    let _: fn(&FakeCircuitBreaker) -> _ = acquire;
    let _ = (start, resume, None::<Permit<'static>>);
}
