//! One breaker and one budget in `static`s, shared by all that use a link. Run by `cargo run -p redress-core --example shared`.

use core::time::Duration;

use redress_core::{
    Backoff, BreakerConfig, BreakerState, Budget, BudgetConfig, CircuitBreaker, ErrorClass, Policy, Retry, StopReason,
    testing::TestEnv,
};

static LINK: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(4).recovery_timeout(Duration::from_secs(30)));
static TOKENS: Budget = Budget::new(BudgetConfig::token_bucket(10));
static READINGS: Policy =
    Policy::new(Retry::new(Backoff::none()).max_attempts(3)).circuit_breaker(&LINK).budget(&TOKENS);
static ALARMS: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(9)).circuit_breaker(&LINK);

fn main() {
    let env = TestEnv::new(); // on a board: one environment per task
    let mut readings = READINGS.context(&env).operation("readings");
    for _ in 0..4 {
        assert!(readings.call(|| Err::<(), _>(ErrorClass::Transient)).is_err());
    }
    // Four calls have failed, with two retries each. The circuit is open for the alarms as well.
    println!("the circuit is {}, {} tokens are left", LINK.state().as_str(), TOKENS.remaining(&env));
    assert_eq!((LINK.state(), TOKENS.remaining(&env)), (BreakerState::Open, 2));
    let mut alarms = ALARMS.context(&env).operation("alarms");
    let error = alarms.call(|| Ok::<_, ErrorClass>(())).unwrap_err();
    println!("{error}");
    assert_eq!((error.reason, error.attempts), (StopReason::CircuitOpen, 0));

    env.clock().advance(Duration::from_secs(30));
    assert!(alarms.call(|| Ok::<_, ErrorClass>(())).is_ok());
    assert_eq!(LINK.state(), BreakerState::Closed);
}
