//! Circuit breakers: fail fast while a dependency is down. Run by `cargo run -p redress-std --example circuit_breakers`.

use std::time::Duration;

use redress_std::{
    Backoff, BreakerConfig, BreakerState, CircuitBreaker, ClassSet, ErrorClass, Policy, Retry, StopReason, Threads,
};

static BREAKER: CircuitBreaker<8> = CircuitBreaker::new(
    BreakerConfig::new(5)
        .window(Duration::from_secs(60))
        .recovery_timeout(Duration::from_millis(30))
        .trip_on(ClassSet::of(&[ErrorClass::Transient, ErrorClass::ServerError])),
);
static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(2)).circuit_breaker(&BREAKER);

fn main() {
    let mut context = POLICY.context(Threads).operation("fetch");
    // A class that is not in `trip_on` is an answer: the dependency lives.
    for _ in 0..9 {
        assert!(context.call(|| Err::<(), _>(ErrorClass::RateLimit)).is_err());
    }
    assert_eq!(BREAKER.state(), BreakerState::Closed);

    // The breaker counts calls, not attempts.
    for _ in 0..5 {
        assert_eq!(context.call(|| Err::<(), _>(ErrorClass::ServerError)).unwrap_err().attempts, 2);
    }
    let rejected = context.call(|| Ok::<_, ErrorClass>(())).unwrap_err();
    println!("after five failed calls: {rejected}");
    assert_eq!((rejected.reason, rejected.attempts), (StopReason::CircuitOpen, 0));

    std::thread::sleep(rejected.next_delay.expect("the time until a probe is let through").into());
    assert!(context.call(|| Ok::<_, ErrorClass>(())).is_ok());
    println!("after the recovery timeout and a success: {}", BREAKER.state().as_str());
    assert_eq!(BREAKER.state(), BreakerState::Closed);
}
