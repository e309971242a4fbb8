//! Settings of a policy that a context overrides, for single requests, hosts or devices.

use std::time::Duration;

use redress_core::{
    Backoff, BreakerConfig, BreakerState, Budget, BudgetConfig, Cause, CircuitBreaker, ErrorClass, Millis, Policy,
    Retry, StopReason,
    testing::{TestAsyncEnv, TestEnv, block_on},
};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(secs(1))).deadline(secs(60)));

fn transient() -> Result<(), ErrorClass> {
    Err(ErrorClass::Transient)
}

#[test]
fn a_deadline_holds_for_each_call_of_the_context() {
    let mut context = POLICY.context(TestEnv::new()).deadline(secs(3));
    for _ in 0..3 {
        let outcome = context.execute(transient);
        assert_eq!((outcome.attempts, outcome.stop_reason), (3, Some(StopReason::DeadlineExceeded)));
        assert_eq!(outcome.elapsed, Millis::from_secs(2));
    }
    // The policy and other contexts are as they were.
    assert_eq!(POLICY.context(TestEnv::new()).execute(transient).attempts, 6);
}

#[test]
fn a_deadline_ends_every_form_of_a_call() {
    // A pending attempt is cut.
    let mut context = POLICY.context(TestAsyncEnv::new()).deadline(secs(3));
    let hanging = block_on(context.execute(async || std::future::pending::<Result<(), ErrorClass>>().await));
    assert_eq!((hanging.attempts, hanging.stop_reason), (1, Some(StopReason::DeadlineExceeded)));
    assert_eq!((hanging.cause, hanging.elapsed), (Some(Cause::Timeout), Millis::from_secs(3)));

    // The loop form, blocking and async, tells what is left and makes no wait that would end later.
    let mut left = Vec::new();
    let mut context = POLICY.context(TestEnv::new()).deadline(secs(3));
    let mut run = context.start().unwrap();
    let error = loop {
        left.push(run.attempt().remaining);
        if let Err(error) = run.failed(ErrorClass::Transient) {
            break error;
        }
    };
    assert_eq!((error.attempts, error.reason), (3, StopReason::DeadlineExceeded));
    assert_eq!(left, [3, 2, 1].map(|left| Some(Millis::from_secs(left))));
    let mut context = POLICY.context(TestAsyncEnv::new()).deadline(secs(3));
    let mut run = context.start().unwrap();
    let error = block_on(async {
        loop {
            if let Err(error) = run.failed(ErrorClass::Transient).await {
                break error;
            }
        }
    });
    assert_eq!((error.attempts, error.reason), (3, StopReason::DeadlineExceeded));
}

#[test]
fn a_deadline_of_zero_makes_no_attempt_in_any_form() {
    let mut context = POLICY.context(TestEnv::new()).deadline(Duration::ZERO);
    let outcome = context.execute(|| -> Result<(), ErrorClass> { unreachable!("there is no time") });
    assert_eq!((outcome.attempts, outcome.stop_reason), (0, Some(StopReason::DeadlineExceeded)));
    assert_eq!(context.start().unwrap_err().reason(), StopReason::DeadlineExceeded);

    let mut context = POLICY.context(TestAsyncEnv::new()).deadline(Duration::ZERO);
    let outcome = block_on(context.execute(async || -> Result<(), ErrorClass> { unreachable!("there is no time") }));
    assert_eq!((outcome.attempts, outcome.stop_reason), (0, Some(StopReason::DeadlineExceeded)));
    assert!(context.start().is_err());

    let mut suspended = POLICY.context(TestEnv::new());
    let mut run = suspended.start().unwrap();
    run.failed(ErrorClass::Transient).unwrap();
    let checkpoint = run.suspend();
    let mut context = POLICY.context(TestEnv::new()).deadline(Duration::ZERO);
    let outcome = context.resume(&checkpoint, Millis::ZERO).unwrap().execute(transient);
    assert_eq!((outcome.attempts, outcome.stop_reason), (0, Some(StopReason::DeadlineExceeded)));
}

#[test]
fn a_rejection_by_a_deadline_of_zero_leaves_breaker_and_budget_alone() {
    let breaker = CircuitBreaker::<1>::new(BreakerConfig::new(1));
    let budget = Budget::<1>::new(BudgetConfig::rolling(1, secs(60)));
    let context = POLICY.context(TestEnv::new()).circuit_breaker(&breaker).budget(&budget);
    assert!(context.deadline(Duration::ZERO).call(transient).is_err());
    assert_eq!((breaker.state(), budget.remaining(&TestEnv::new())), (BreakerState::Closed, 1));
}

#[test]
fn a_suspended_call_goes_on_under_the_deadline_of_the_context_that_resumes_it() {
    let mut context = POLICY.context(TestEnv::new());
    let mut run = context.start().unwrap();
    run.failed(ErrorClass::Transient).unwrap();
    run.failed(ErrorClass::Transient).unwrap();
    let checkpoint = run.suspend();
    assert_eq!(checkpoint.elapsed(), Millis::from_secs(2));

    let mut longer = POLICY.context(TestEnv::new()).deadline(secs(3));
    let outcome = longer.resume(&checkpoint, Millis::ZERO).unwrap().execute(transient);
    // It was suspended in its third attempt, so this is the fourth.
    assert_eq!((outcome.attempts, outcome.stop_reason), (4, Some(StopReason::DeadlineExceeded)));
    let mut shorter = POLICY.context(TestEnv::new()).deadline(secs(2));
    let outcome = shorter.resume(&checkpoint, Millis::ZERO).unwrap().execute(transient);
    assert_eq!((outcome.attempts, outcome.stop_reason), (0, Some(StopReason::DeadlineExceeded)));
}

#[test]
fn an_attempt_timeout_ends_attempts() {
    let mut context = POLICY.context(TestAsyncEnv::new()).attempt_timeout(secs(5));
    let outcome = block_on(context.execute(async || {
        std::future::pending::<()>().await;
        transient()
    }));
    assert_eq!((outcome.attempts, outcome.cause), (6, Some(Cause::Timeout)));
    assert_eq!(outcome.elapsed, Millis::from_secs(6 * 5 + 5));

    let mut told = Vec::new();
    let mut context = POLICY.context(TestEnv::new()).attempt_timeout(Duration::ZERO);
    let _ = context.call(|attempt: redress_core::AttemptInfo| {
        told.push(attempt.remaining);
        Ok::<_, ErrorClass>(())
    });
    assert_eq!(told, [Some(Millis::new(1))], "zero counts as one millisecond");
}

#[test]
fn a_breaker_per_host_rejects_calls_to_this_host_only() {
    let hosts = [(); 2].map(|()| CircuitBreaker::<1>::new(BreakerConfig::new(1)));
    let context = |host: usize| POLICY.context(TestEnv::new()).circuit_breaker(&hosts[host]);
    assert!(context(0).call(transient).is_err());
    assert_eq!((hosts[0].state(), hosts[1].state()), (BreakerState::Open, BreakerState::Closed));
    assert_eq!(context(0).execute(transient).stop_reason, Some(StopReason::CircuitOpen));
    assert!(context(1).call(|| Ok::<_, ErrorClass>(())).is_ok());
    // All of one context's overrides hold together.
    let overridden = context(1).deadline(secs(2)).execute(transient);
    assert_eq!((overridden.attempts, hosts[1].state()), (2, BreakerState::Open));
}

#[test]
fn a_budget_per_device_limits_this_device_only() {
    let devices = [(); 2].map(|()| Budget::<1>::new(BudgetConfig::rolling(1, secs(60))));
    let attempts = |device: usize| POLICY.context(TestEnv::new()).budget(&devices[device]).execute(transient).attempts;
    assert_eq!([attempts(0), attempts(0), attempts(1)], [2, 1, 2]);
}

/// A context with overrides is kept, cloned and moved like any other.
#[test]
fn overrides_outlive_the_policy_they_were_made_of() {
    let breaker = CircuitBreaker::<1>::new(BreakerConfig::new(1));
    let context = {
        let shared: &'static Policy<'static> = &POLICY;
        shared.context(TestEnv::new()).circuit_breaker(&breaker)
    };
    let mut clone = context.clone();
    assert!(clone.call(transient).is_err());
    assert_eq!(clone.policy().retry().deadline_after(), Some(secs(60)));
    assert_eq!(breaker.state(), BreakerState::Open);
}
