//! Defects of circuit breakers.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use redress_core::{
    BreakerConfig, BreakerState, Budget, BudgetConfig, CircuitBreaker, Classification, ErrorClass, EventKind, Millis,
    Policy, Rejected, RetryTimeline, StopReason,
    testing::{ManualClock, TestAsyncEnv, TestEnv},
};

use crate::{TRANSIENT, assert_probe_is_free, constant, half_open, secs};

/// [execution-policy, tower-resilience before 0.13, the Python library]
#[test]
fn a_probe_is_not_leaked_by_cancelling() {
    let breaker = half_open();
    let policy = Policy::new(constant(1)).circuit_breaker(breaker.breaker());
    let mut context = policy.context(TestAsyncEnv::new());
    for _ in 0..20 {
        let call = context.call(async || std::future::pending::<Result<(), ErrorClass>>().await);
        let mut call = Box::pin(call);
        let mut waker = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(call.as_mut().poll(&mut waker).is_pending());
        assert!(breaker.breaker().try_acquire(&ManualClock::new()).is_err(), "the call is the probe");
    }
    assert_probe_is_free(&breaker);
}

/// [the Python library: an exception outside of those it expects]
#[test]
fn a_probe_is_not_leaked_by_a_panic() {
    let breaker = half_open();
    let policy = Policy::new(constant(1)).circuit_breaker(breaker.breaker());
    let call = || policy.context(TestEnv::new()).call(|| -> Result<(), ErrorClass> { panic!("out of the operation") });
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
    assert_probe_is_free(&breaker);
}

/// [the Python library]
#[test]
fn a_probe_is_not_leaked_by_a_throwing_classifier() {
    let breaker = half_open();
    let policy = Policy::new(constant(1)).circuit_breaker(breaker.breaker());
    let throws = |_: &ErrorClass| -> ErrorClass { panic!("out of the classifier") };
    let call = || policy.context(TestEnv::new()).classifier(throws).call(|| TRANSIENT);
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
    assert_probe_is_free(&breaker);
}

/// A policy inside of another ends with its own error, which is an error like any other. [the Python library]
#[test]
fn a_probe_is_not_leaked_by_a_nested_policy() {
    let inner = Policy::new(constant(1).max_attempts(2));
    let outer = half_open();
    let policy = Policy::new(constant(1).max_attempts(2)).circuit_breaker(outer.breaker());
    let run = |result: Result<(), Classification>| {
        policy.context(TestEnv::new()).execute(|| inner.context(TestEnv::new()).call(|| result))
    };
    // Abort inside is abort outside, and to the breaker no answer at all.
    let outcome = run(Err(Classification::abort()));
    assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::Aborted), 1));
    assert_probe_is_free(&outer);
    // A failure inside is a failure outside, of the same class: to this breaker an answer.
    let outcome = run(Err(ErrorClass::Transient.into()));
    assert_eq!((outcome.attempts, outcome.last_class), (2, Some(ErrorClass::Transient)));
    assert_eq!(outcome.error().map(|error| error.reason), Some(StopReason::MaxAttemptsGlobal));
    assert_eq!(outer.breaker().state(), BreakerState::Closed);
    // An open circuit inside says when to come back, also outside.
    let rejected = half_open();
    rejected.force(BreakerState::Open);
    let inner = Policy::new(constant(1)).circuit_breaker(rejected.breaker());
    let outcome = policy.context(TestEnv::new()).execute(|| inner.context(TestEnv::new()).call(|| TRANSIENT));
    assert_eq!(outcome.last_class, Some(ErrorClass::Transient));
}

/// Whoever takes the place and never reports loses it after the lease. [resilience4j, nora, `OmniRoute`: stuck for six days]
#[test]
fn a_probe_which_never_reports_does_not_wedge_the_breaker() {
    let breaker = CircuitBreaker::<1>::new(BreakerConfig::new(1).recovery_timeout(secs(1)).probe_lease(secs(10)));
    let clock = ManualClock::new();
    breaker.record_failure(ErrorClass::Transient, &clock);
    clock.advance(secs(1));
    let lost = breaker.try_acquire(&clock).unwrap();
    clock.advance(Duration::from_millis(9_999));
    assert_eq!(breaker.try_acquire(&clock).unwrap_err().retry_after(), Millis::new(1));
    clock.advance(Duration::from_millis(1));
    let next = breaker.try_acquire(&clock).unwrap();
    // It comes back after all: too late to say anything.
    assert_eq!(lost.failure(ErrorClass::Transient, &clock), None);
    assert_eq!(next.success(&clock), Some(BreakerState::Closed));
}

/// [reliakit, failsafe: 1,000 of 1,000; recloser, opossum]
#[test]
fn half_open_lets_no_more_probes_through_than_configured() {
    for probes in 1..=15 {
        let breaker = CircuitBreaker::<1>::new(BreakerConfig::new(1).recovery_timeout(secs(1)).probes(probes));
        let clock = ManualClock::new();
        breaker.record_failure(ErrorClass::Transient, &clock);
        clock.advance(secs(1));
        let admitted: Vec<_> = (0..1_000).filter_map(|_| breaker.try_acquire(&clock).ok()).collect();
        assert_eq!(admitted.len(), usize::from(probes));
        // Only all of their answers together close the circuit.
        for (answered, probe) in (1..).zip(admitted) {
            let closed = probe.success(&clock).is_some();
            assert_eq!(closed, answered == probes);
        }
    }
}

/// [Polly, nv-redfish, the Python library]
#[test]
fn a_call_admitted_while_closed_does_not_close_a_later_half_open() {
    let breaker = CircuitBreaker::<4>::new(BreakerConfig::new(2).recovery_timeout(secs(1)));
    let clock = ManualClock::new();
    let early: Vec<_> = (0..4).map(|_| breaker.try_acquire(&clock).unwrap()).collect();
    for _ in 0..2 {
        breaker.record_failure(ErrorClass::Transient, &clock);
    }
    clock.advance(secs(1));
    let probe = breaker.try_acquire(&clock).unwrap();
    let mut early = early.into_iter();
    assert_eq!(early.next().unwrap().success(&clock), None);
    assert_eq!(early.next().unwrap().failure(ErrorClass::Transient, &clock), None);
    drop(early.next());
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    assert!(breaker.try_acquire(&clock).is_err(), "none of them gave back a place that was not theirs");
    assert_eq!(probe.success(&clock), Some(BreakerState::Closed));
    // Nor do they count against the circuit that closed since.
    assert_eq!(early.next().unwrap().failure(ErrorClass::Transient, &clock), None);
    assert_eq!(breaker.record_failure(ErrorClass::Transient, &clock), None);
}

/// [tower-resilience: 1,000 failures to open instead of 50]
#[test]
fn the_window_slides() {
    let breaker = CircuitBreaker::<3>::new(BreakerConfig::new(3).window(secs(10)));
    let clock = ManualClock::new();
    for _ in 0..1_000 {
        assert_eq!(breaker.record_failure(ErrorClass::Transient, &clock), None, "two in any ten seconds");
        clock.advance(secs(5));
    }
    clock.advance(secs(5));
    for failure in 0..3 {
        let opened = breaker.record_failure(ErrorClass::Transient, &clock);
        assert_eq!(opened.is_some(), failure == 2);
        clock.advance(secs(2));
    }
}

/// Successes neither fill nor empty the window, and there is room for no more stamps than were given. [tower-resilience:
/// 786 KB and 30 us a call at 21,000 records; recloser: 357 KB leaked; the Python library: an entry per token]
#[test]
fn calls_in_the_window_cost_neither_time_nor_memory() {
    let breaker = CircuitBreaker::<4>::new(BreakerConfig::new(4).window(secs(60)));
    let budget = Budget::<4>::new(BudgetConfig::rolling(4, secs(60)));
    let clock = ManualClock::new();
    for call in 0..100_000 {
        let permit = breaker.try_acquire(&clock).unwrap();
        if call % 25_000 == 0 {
            permit.failure(ErrorClass::Transient, &clock);
            assert!(budget.try_consume(1, &clock));
            clock.advance(secs(25));
        } else {
            permit.success(&clock);
        }
    }
    // All there is: four stamps each, inside of the values.
    assert_eq!(size_of_val(&breaker) - size_of::<CircuitBreaker<0>>(), 4 * 4);
    assert_eq!(size_of_val(&budget) - size_of::<Budget<0>>(), 4 * 4);
    // The failures of 75 and of 100 s ago are gone, those of 25 and 50 s ago count.
    assert_eq!(budget.remaining(&clock), 2);
    assert_eq!(breaker.record_failure(ErrorClass::Transient, &clock), None);
    assert_eq!(breaker.record_failure(ErrorClass::Transient, &clock), Some(BreakerState::Open));
}

/// An answer that is a failure of the request shows that the dependency lives. [smallrye, the Python library]
#[test]
fn a_class_that_does_not_trip_is_an_answer_in_half_open() {
    let breaker = CircuitBreaker::<1>::new(BreakerConfig::new(1).recovery_timeout(secs(1)));
    let clock = ManualClock::new();
    breaker.record_failure(ErrorClass::Transient, &clock);
    clock.advance(secs(1));
    let probe = breaker.try_acquire(&clock).unwrap();
    assert_eq!(probe.failure(ErrorClass::Permanent, &clock), Some(BreakerState::Closed));
}

/// [the Python library: the class's threshold can only lower the other]
#[test]
fn a_threshold_of_a_class_may_be_above_the_general_one() {
    let config = BreakerConfig::new(2).threshold_for(ErrorClass::RateLimit, 5);
    let breaker = CircuitBreaker::<8>::new(config);
    let clock = ManualClock::new();
    breaker.record_failure(ErrorClass::Transient, &clock);
    for failure in 1..=5 {
        let opened = breaker.record_failure(ErrorClass::RateLimit, &clock);
        assert_eq!(opened.is_some(), failure == 5);
    }
}

/// A rejection is one thing with a reason, however the call was made. [the Python library: no reason, no timeline]
#[test]
fn a_rejected_call_says_why_and_when_to_come_back() {
    let breaker = CircuitBreaker::<1>::new(BreakerConfig::new(1).recovery_timeout(secs(30)));
    let policy = Policy::new(constant(1)).circuit_breaker(&breaker);
    let mut timeline = RetryTimeline::<4>::new();
    let mut context = policy.context(TestEnv::new()).observe(&mut timeline);
    breaker.record_failure(ErrorClass::Transient, context.env().clock());
    context.env().clock().advance(secs(10));
    let never = || -> Result<(), ErrorClass> { panic!("the operation ran") };
    let outcome = context.execute(never);
    assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::CircuitOpen), 0));
    assert_eq!(outcome.next_delay, Some(Millis::from_secs(20)));
    let error = context.call(never).unwrap_err();
    assert_eq!((error.reason, error.next_delay), (StopReason::CircuitOpen, Some(Millis::from_secs(20))));
    let rejected: Rejected = context.start().unwrap_err();
    assert_eq!((rejected.reason(), rejected.retry_after()), (StopReason::CircuitOpen, Millis::from_secs(20)));
    assert!(timeline.events().map(|event| event.event).eq([EventKind::CircuitRejected]));
}
