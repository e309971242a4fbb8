//! Observers that are idle when a call begins are told nothing of it.

use std::cell::Cell;

use redress_core::{
    AttemptEnd, AttemptStart, Backoff, BreakerConfig, CircuitBreaker, ErrorClass, Event, Observer, Policy, Retry,
    testing::TestEnv,
};

/// Counts what it is told.
struct Teller<'a> {
    is_idle: &'a Cell<bool>,
    told: &'a Cell<u32>,
}

impl Teller<'_> {
    fn count(&self) {
        self.told.set(self.told.get() + 1);
    }
}

impl Observer for Teller<'_> {
    const CAN_BE_IDLE: bool = true;

    fn is_idle(&self) -> bool {
        self.is_idle.get()
    }

    fn wants_time(&self) -> bool {
        self.count();
        true
    }

    fn on_call_start(&mut self, _operation: &'static str) {
        self.count();
    }

    fn on_event(&mut self, _event: &Event) {
        self.count();
    }

    fn on_attempt_start(&mut self, _start: &AttemptStart) {
        self.count();
    }

    fn on_attempt_end(&mut self, _end: &AttemptEnd) {
        self.count();
    }
}

/// Returns how often the observer is told something of each of three calls: one that succeeds at once, one that fails twice and opens
/// the circuit, one that is rejected. `idle`: whether it is idle when they begin.
fn told_of_calls(idle: [bool; 3]) -> [u32; 3] {
    let breaker = CircuitBreaker::<1>::new(BreakerConfig::new(1));
    let policy = Policy::new(Retry::new(Backoff::none()).max_attempts(2)).circuit_breaker(&breaker);
    let (is_idle, told) = (Cell::new(false), Cell::new(0));
    let mut context = policy.context(TestEnv::new()).observe(Teller { is_idle: &is_idle, told: &told });
    let mut told_of = |idle, result: Result<(), ErrorClass>| {
        is_idle.set(idle);
        told.set(0);
        assert_eq!(context.call(|| result).is_ok(), result.is_ok());
        told.get()
    };
    let failure = Err(ErrorClass::Transient);
    [told_of(idle[0], Ok(())), told_of(idle[1], failure), told_of(idle[2], failure)]
}

#[test]
fn an_idle_observer_is_told_nothing_and_is_asked_before_each_call() {
    let told = told_of_calls([false; 3]);
    assert!(told.iter().all(|told| *told > 0), "{told:?}");
    assert_eq!(told_of_calls([true; 3]), [0; 3]);
    assert_eq!(told_of_calls([false, true, false]), [told[0], 0, told[2]]);
}

/// Beside one that is not idle it is told all, as its own filters say.
#[test]
fn an_observer_that_is_not_idle_hears_beside_one_that_is() {
    let policy = Policy::new(Retry::new(Backoff::none()).max_attempts(2));
    let (is_idle, told) = (Cell::new(true), Cell::new(0));
    let mut events = Vec::new();
    let result = policy
        .context(TestEnv::new())
        .observe(Teller { is_idle: &is_idle, told: &told })
        .observe(|event: &Event| events.push(event.kind))
        .call(|| Err::<(), _>(ErrorClass::Transient));
    assert!(result.is_err());
    assert_eq!(events.len(), 2);
    assert!(told.get() > 0);
}
