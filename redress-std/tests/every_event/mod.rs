//! Calls that between them report every kind of event.

use std::{cell::RefCell, collections::HashSet, time::Duration};

use redress_std::{
    Backoff, BreakerConfig, Budget, BudgetConfig, CircuitBreaker, Classification, ErrorClass, Event, EventKind, Level,
    Observer, Policy, Retry, SleepDecision, testing::TestEnv,
};

/// How many kinds there are.
const KINDS: usize = 14;

/// Makes the calls before an observer and returns each event's name and level, in their order.
pub(crate) fn every_event<O: Observer>(observer: impl Fn() -> O) -> Vec<(&'static str, Level)> {
    let events = RefCell::new(Vec::new());
    let kinds = RefCell::new(HashSet::<EventKind>::new());
    let keep = |event: &Event| {
        kinds.borrow_mut().insert(event.kind);
        events.borrow_mut().push((event.kind.as_str(), event.level()));
    };
    let transient = || Err::<(), _>(Classification::from(ErrorClass::Transient));
    let make = |policy: &Policy<'_>, class: ErrorClass| {
        let mut context = policy.context(TestEnv::new()).observe(observer()).observe(keep);
        assert!(context.call(|| Err::<(), _>(class)).is_err());
    };

    let retry = Retry::new(Backoff::constant(Duration::from_secs(1))).max_attempts(2);
    make(&Policy::new(retry), ErrorClass::Transient);
    make(&Policy::new(retry), ErrorClass::Permanent);
    make(&Policy::new(retry.max_unknown(0)), ErrorClass::Unknown);
    make(&Policy::new(retry.limit_for(ErrorClass::RateLimit, 0)), ErrorClass::RateLimit);
    make(&Policy::new(retry.deadline(Duration::from_millis(10))), ErrorClass::Transient);
    make(&Policy::new(Retry::per_class().backoff_for(ErrorClass::Unknown, Backoff::none())), ErrorClass::Transient);
    let spent = Budget::<0>::new(BudgetConfig::rolling(0, Duration::from_secs(1)));
    make(&Policy::new(retry).budget(&spent), ErrorClass::Transient);

    let policy = Policy::new(retry);
    let context = || policy.context(TestEnv::new()).observe(observer()).observe(keep);
    assert!(context().call(|| Ok::<_, ErrorClass>(())).is_ok());
    let mut failures = 1;
    let mut flaky = || {
        failures -= 1;
        if failures < 0 { Ok(()) } else { transient() }
    };
    assert!(context().call(&mut flaky).is_ok());
    assert!(context().call(|| Err::<(), _>(Classification::abort())).is_err());
    assert!(context().sleep_handler(|_, _| SleepDecision::Defer).call(transient).is_err());

    let breaker = CircuitBreaker::<1>::new(BreakerConfig::new(1).recovery_timeout(Duration::from_secs(5)));
    let policy = Policy::new(retry.max_attempts(1)).circuit_breaker(&breaker);
    let env = TestEnv::new();
    let mut context = policy.context(&env).observe(observer()).observe(keep);
    assert!(context.call(transient).is_err());
    assert!(context.call(transient).is_err());
    env.clock().advance(Duration::from_secs(5));
    assert!(context.call(|| Ok::<_, Classification>(())).is_ok());
    drop(context);

    assert_eq!(kinds.take().len(), KINDS);
    events.take()
}
