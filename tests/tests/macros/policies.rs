//! Policies in place.

use std::time::Duration;

use redress_core::{
    Backoff, BreakerConfig, CircuitBreaker, ErrorClass, RetryError, RetryTimeline, StopReason, retry, testing::TestEnv,
};

use crate::Flaky;

static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(1));

#[test]
fn a_policy_in_place_lives_as_long_as_the_program() {
    #[retry(context = TestEnv::new(), backoff = Backoff::none(), max_attempts = 2, no_deadline, circuit_breaker = BREAKER)]
    fn guarded(flaky: &Flaky) -> Result<u32, RetryError<ErrorClass>> {
        flaky.get()
    }

    let error = guarded(&Flaky::failing(9)).unwrap_err();
    assert_eq!((error.reason, error.attempts), (StopReason::MaxAttemptsGlobal, 2));
    assert_eq!(guarded(&Flaky::failing(0)).unwrap_err().reason, StopReason::CircuitOpen);
}

/// The delays of a call, all of whose attempts fail like this.
fn delays(
    class: ErrorClass,
    call: impl FnOnce(ErrorClass, &mut RetryTimeline<16>) -> Result<(), RetryError<ErrorClass>>,
) -> Vec<Duration> {
    let mut timeline = RetryTimeline::new();
    call(class, &mut timeline).unwrap_err();
    timeline
        .events()
        .filter(|event| event.event == redress_core::EventKind::Retry)
        .map(|event| event.delay.into())
        .collect()
}

#[test]
fn without_a_backoff_there_is_decorrelated_jitter_up_to_five_seconds() {
    #[retry(context = TestEnv::new(), max_attempts = 9, observe = timeline)]
    fn call(class: ErrorClass, timeline: &mut RetryTimeline<16>) -> Result<(), RetryError<ErrorClass>> {
        Err(class)
    }

    let delays = delays(ErrorClass::Transient, call);
    assert_eq!(delays.len(), 8);
    for delay in delays {
        assert!((Duration::from_millis(250)..=Duration::from_secs(5)).contains(&delay), "{delay:?}");
    }
}

#[test]
fn backoffs_of_classes_alone_leave_the_others_without() {
    #[retry(
        context = TestEnv::new(),
        backoff_for(rate_limit = Backoff::constant(Duration::from_secs(1)), unknown = Backoff::none()),
        limit_for(rate_limit = 3),
        observe = timeline,
    )]
    fn call(class: ErrorClass, timeline: &mut RetryTimeline<16>) -> Result<(), RetryError<ErrorClass>> {
        Err(class)
    }

    #[retry(
        context = TestEnv::new(),
        backoff = Backoff::constant(Duration::from_secs(2)),
        backoff_for(rate_limit = Backoff::constant(Duration::from_secs(1))),
        max_attempts = 2,
        observe = timeline,
    )]
    fn with_default(class: ErrorClass, timeline: &mut RetryTimeline<16>) -> Result<(), RetryError<ErrorClass>> {
        Err(class)
    }

    let of = |class| delays(class, call);
    assert_eq!(of(ErrorClass::RateLimit), [Duration::from_secs(1); 3]);
    assert_eq!(of(ErrorClass::Transient), []);
    let of = |class| delays(class, with_default);
    assert_eq!(of(ErrorClass::RateLimit), [Duration::from_secs(1)]);
    assert_eq!(of(ErrorClass::Transient), [Duration::from_secs(2)]);
}
