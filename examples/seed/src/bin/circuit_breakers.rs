//! Circuit breakers: fail fast while a dependency is down.

use std::time::Duration;

use redress_std::{
    Backoff, BreakerConfig, BreakerState, CircuitBreaker, ClassSet, ErrorClass, Millis, Policy, Retry, StopReason,
    testing::TestEnv,
};

static BREAKER: CircuitBreaker<8> = CircuitBreaker::new(
    BreakerConfig::new(5)
        .window(Duration::from_secs(60))
        .recovery_timeout(Duration::from_secs(30))
        .trip_on(ClassSet::of(&[ErrorClass::Transient, ErrorClass::ServerError])),
);
static POLICY: Policy = Policy::new(
    Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(250), Duration::from_secs(5))).max_attempts(2),
)
.circuit_breaker(&BREAKER);

fn main() {
    // The test environment's clock advances only by waits. A program has `Threads` or `Tokio` here.
    let mut context = POLICY.context(TestEnv::new()).operation("fetch");

    // A class that is not in `trip_on` is an answer: the dependency lives.
    for _ in 0..9 {
        assert!(context.call(|| Err::<(), _>(ErrorClass::RateLimit)).is_err());
    }
    assert_eq!(BREAKER.state(), BreakerState::Closed);

    // The breaker counts calls, not attempts.
    for _ in 0..5 {
        assert_eq!(context.call(|| Err::<(), _>(ErrorClass::ServerError)).unwrap_err().attempts, 2);
    }
    println!("after five failed calls: {}", BREAKER.state().as_str());

    let rejected = context.call(|| Ok::<_, ErrorClass>(())).unwrap_err();
    println!("then: {rejected}; back in {:?}", rejected.next_delay);
    assert_eq!((rejected.reason, rejected.attempts), (StopReason::CircuitOpen, 0));
    assert_eq!(rejected.next_delay, Some(Millis::from_secs(30)));

    context.env().clock().advance(Duration::from_secs(30));
    assert!(context.call(|| Ok::<_, ErrorClass>(())).is_ok());
    println!("after half a minute and a success: {}", BREAKER.state().as_str());
    assert_eq!(BREAKER.state(), BreakerState::Closed);
}
