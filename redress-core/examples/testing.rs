//! Tests of your own code: time stands still, operations follow a script. Feature `testing`. Run by
//! `cargo run -p redress-core --example testing`.

use core::time::Duration;

use redress_core::{
    Backoff, BreakerState, ErrorClass, Millis, Policy, Retry, StopReason,
    testing::{FakeCircuitBreaker, Script, TestEnv},
};

const RETRY: Retry = Retry::new(Backoff::constant(Duration::from_secs(5)));

fn main() {
    // A script of results, and the waits between them, which take no time.
    let policy = Policy::new(RETRY);
    let mut script = Script::new(&[Err(ErrorClass::Transient), Err(ErrorClass::Transient), Ok(7)]);
    let env = TestEnv::new();
    assert_eq!(policy.context(&env).call(|| script.step()), Ok(7));
    assert!(env.sleeps().eq([Millis::from_secs(5); 2]));

    // What the code under test does while a circuit is open.
    let breaker = FakeCircuitBreaker::new();
    breaker.force(BreakerState::Open);
    let policy = Policy::new(RETRY).circuit_breaker(breaker.breaker());
    let rejected = policy.context(&env).call(|| Ok::<_, ErrorClass>(())).unwrap_err();
    println!("{rejected}");
    assert_eq!((rejected.reason, rejected.attempts), (StopReason::CircuitOpen, 0));
}
