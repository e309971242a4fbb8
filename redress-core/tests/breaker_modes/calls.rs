//! What calls do with breakers: times, attempts, calls that are abandoned, moves by hand.

use std::{
    cell::Cell,
    future::{Future, pending},
    pin::pin,
    task::{Context as TaskContext, Poll, Waker},
    time::Duration,
};

use redress_core::{
    AsyncSleeper, Backoff, Blocking, BreakerConfig, BreakerState, CircuitBreaker, CircuitBreakerView, Clock,
    ErrorClass, Instant, Local, Millis, Policy, RandomSource, Retry, StopReason,
    breaker::{BreakerMode, RateBreaker, RateConfig},
    testing::ManualClock,
};

use super::compare::span;

#[derive(Clone, Copy)]
pub(crate) struct Halves;

impl RandomSource for Halves {
    fn next_u32(&mut self) -> u32 {
        1 << 31
    }
}

/// Never wakes: the tests drop calls that wait.
struct Asleep;

impl AsyncSleeper for Asleep {
    fn sleep(&mut self, _ticks: u64) -> impl Future<Output = ()> {
        pending()
    }
}

fn retries<'a>(attempts: u32) -> Policy<'a> {
    Policy::new(Retry::new(Backoff::exponential(span(1), span(8))).max_attempts(attempts).no_deadline())
}

/// Makes so many calls of a host that does not answer, and returns the requests it sees and how the last call ended.
fn calls_of_a_dead_host(policy: &Policy<'_>, calls: u32) -> (u32, Option<StopReason>) {
    let clock = ManualClock::new();
    let requests = Cell::new(0);
    let mut context = policy.context(Blocking::new(&clock, |ticks| clock.advance_ticks(ticks), Halves)).watched();
    let mut reason = None;
    for _ in 0..calls {
        let result = context.call(|| {
            requests.set(requests.get() + 1);
            Err::<(), _>(ErrorClass::Transient)
        });
        reason = result.err().map(|error| error.reason);
    }
    (requests.get(), reason)
}

#[test]
fn per_attempt_an_open_circuit_stops_calls_that_are_retrying() {
    const AT_THREE: RateConfig = RateConfig::new(100).failure_count(3);
    static PER_CALL: RateConfig = AT_THREE;
    static PER_ATTEMPT: RateConfig = AT_THREE.per_attempt();
    let (plain, per_call) = (CircuitBreaker::<3>::new(BreakerConfig::new(3)), RateBreaker::<10>::new(&PER_CALL));
    let breakers: [(&CircuitBreakerView, u32); 2] = [(&plain, 18), (&per_call, 18)];
    for (breaker, requests) in breakers {
        let policy = retries(6).circuit_breaker(breaker);
        assert_eq!(calls_of_a_dead_host(&policy, 3), (requests, Some(StopReason::MaxAttemptsGlobal)));
        assert_eq!(breaker.state(), BreakerState::Open);
    }
    let breaker = RateBreaker::<10>::new(&PER_ATTEMPT);
    let policy = retries(6).circuit_breaker(&breaker);
    assert_eq!(calls_of_a_dead_host(&policy, 3), (3, Some(StopReason::CircuitOpen)));
}

#[test]
fn a_call_that_is_stopped_while_retrying_has_its_last_error_and_may_come_back() {
    static CONFIG: RateConfig =
        RateConfig::new(100).failure_count(2).per_attempt().recovery_timeout(Duration::from_secs(1));
    let breaker = RateBreaker::<10>::new(&CONFIG);
    let policy = retries(6).circuit_breaker(&breaker);
    let clock = ManualClock::new();
    let events = Cell::new(Vec::new());
    let mut context = policy
        .context(Blocking::new(&clock, |ticks| clock.advance_ticks(ticks), Halves))
        .watched()
        .observe(|event: &redress_core::Event| {
            let mut seen = events.take();
            seen.push(event.kind.as_str());
            events.set(seen);
        });
    let error = context.call(|| Err::<(), _>(ErrorClass::ServerError)).unwrap_err();
    assert_eq!((error.reason, error.attempts), (StopReason::CircuitOpen, 2));
    assert_eq!((error.error, error.last_class), (Some(ErrorClass::ServerError), Some(ErrorClass::ServerError)));
    // It failed at 1 ms, and its second wait of 2 ms is over.
    assert_eq!(error.next_delay, Some(Millis::new(998)));
    assert_eq!(events.take(), ["retry", "circuit_opened", "retry", "circuit_rejected"]);

    clock.advance(span(998));
    assert_eq!(context.call(|| Ok::<_, ErrorClass>(7)), Ok(7));
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn slow_calls_are_timed_without_a_deadline_and_open_the_circuit() {
    static CONFIG: RateConfig = RateConfig::new(100).minimum_calls(4).slow_calls(Duration::from_millis(50), 50);
    let breaker = RateBreaker::<10>::new(&CONFIG);
    let policy = retries(3).circuit_breaker(&breaker);
    let clock = ManualClock::new();
    let mut context = policy.context(Blocking::new(&clock, |ticks| clock.advance_ticks(ticks), Halves)).watched();
    let mut take = |millis| {
        context.call(|| {
            clock.advance_ticks(millis);
            Ok::<_, ErrorClass>(())
        })
    };
    for millis in [50, 49, 0] {
        assert_eq!(take(millis), Ok(()));
    }
    let counts = breaker.counts(&clock);
    assert_eq!((counts.calls, counts.failed, counts.slow), (3, 0, 1));
    assert_eq!((breaker.state(), take(1_000)), (BreakerState::Closed, Ok(())));
    assert_eq!(breaker.state(), BreakerState::Open);
}

/// Per attempt, a wait between attempts makes no attempt slow; per call, it is part of the call.
#[test]
fn an_attempt_is_timed_without_the_waits_before_it() {
    const BASE: RateConfig = RateConfig::new(100).minimum_calls(100).slow_calls(Duration::from_millis(20), 100);
    static PER_ATTEMPT: RateConfig = BASE.per_attempt();
    static PER_CALL: RateConfig = BASE;
    for (config, calls, slow) in [(&PER_ATTEMPT, 2, 0), (&PER_CALL, 1, 1)] {
        let breaker = RateBreaker::<10>::new(config);
        let policy =
            Policy::new(Retry::new(Backoff::exponential(span(30), span(30))).no_deadline()).circuit_breaker(&breaker);
        let clock = ManualClock::new();
        let mut context = policy.context(Blocking::new(&clock, |ticks| clock.advance_ticks(ticks), Halves)).watched();
        let mut failures = 1;
        let result = context.call(|| {
            clock.advance_ticks(10);
            if failures == 0 {
                return Ok(());
            }
            failures -= 1;
            Err(ErrorClass::Transient)
        });
        let counts = breaker.counts(&clock);
        assert_eq!((result, counts.calls, counts.slow), (Ok(()), calls, slow));
    }
}

/// Begins a call and drops it after so long. With a failure first, it is dropped in the wait after it.
fn give_up(policy: &Policy<'_>, clock: &ManualClock, after: u64, in_a_wait: bool) {
    let mut context = policy.context(Local::new(clock, Asleep, Halves)).watched();
    let mut call =
        pin!(context.call(async || { if in_a_wait { Err::<(), _>(ErrorClass::Transient) } else { pending().await } }));
    assert_eq!(call.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())), Poll::Pending);
    clock.advance_ticks(after);
}

#[test]
fn calls_given_up_in_the_middle_of_an_attempt_open_the_circuit_if_it_is_to_count_them() {
    static COUNTS: RateConfig =
        RateConfig::new(100).failure_count(3).abandoned_calls(Duration::from_secs(1), ErrorClass::Transient);
    static DEFAULT: RateConfig = RateConfig::new(100).failure_count(3);
    let cases: [(&'static RateConfig, u64, bool, BreakerState); 4] = [
        (&COUNTS, 1_000, false, BreakerState::Open),
        (&COUNTS, 999, false, BreakerState::Closed),
        (&COUNTS, 60_000, true, BreakerState::Closed),
        (&DEFAULT, 60_000, false, BreakerState::Closed),
    ];
    for (config, after, in_a_wait, state) in cases {
        let breaker = RateBreaker::<10>::new(config);
        let policy = retries(6).circuit_breaker(&breaker);
        let clock = ManualClock::new();
        for _ in 0..3 {
            give_up(&policy, &clock, after, in_a_wait);
        }
        assert_eq!(breaker.state(), state, "{after} ms, in a wait: {in_a_wait}");
    }
    let breaker = CircuitBreaker::<3>::new(BreakerConfig::new(3));
    for _ in 0..1_000 {
        give_up(&retries(6).circuit_breaker(&breaker), &ManualClock::new(), 60_000, false);
    }
    assert_eq!(breaker.state(), BreakerState::Closed, "by default none counts");
}

#[test]
fn a_call_that_is_suspended_was_not_given_up() {
    static CONFIG: RateConfig =
        RateConfig::new(100).failure_count(1).abandoned_calls(Duration::from_secs(1), ErrorClass::Transient);
    let breaker = RateBreaker::<10>::new(&CONFIG);
    let policy = retries(6).circuit_breaker(&breaker);
    let clock = ManualClock::new();
    let mut context = policy.context(Local::new(&clock, Asleep, Halves)).watched();
    let run = context.start().unwrap();
    clock.advance(span(2_000));
    let _ = run.suspend();
    assert_eq!((breaker.state(), breaker.counts(&clock).calls), (BreakerState::Closed, 0));
    drop(context.start().unwrap());
    assert_eq!(breaker.counts(&clock).calls, 0);
    let run = context.start().unwrap();
    clock.advance(span(1_000));
    drop(run);
    assert_eq!(breaker.state(), BreakerState::Open);
}

/// A breaker that counts failures, moved by hand from any moment of any clock.
#[test]
fn a_breaker_that_counts_failures_is_moved_by_hand() {
    for start in [0, 1, 59_999, 1 << 32, 1 << 40] {
        let breaker = CircuitBreaker::<3>::new(BreakerConfig::new(3));
        let clock = ManualClock::new();
        clock.set(Instant::from_ticks(start));
        let fail = || breaker.record_failure(ErrorClass::Transient, &clock);
        assert_eq!((fail(), fail(), breaker.failures(&clock)), (None, None, 2));
        let before = breaker.try_acquire(&clock).unwrap();
        breaker.close(&clock);
        assert_eq!((breaker.state(), breaker.failures(&clock)), (BreakerState::Closed, 0));
        assert_eq!(before.failure(ErrorClass::Transient, &clock), None, "admitted before");
        assert_eq!((fail(), fail(), breaker.state()), (None, None, BreakerState::Closed));
        assert_eq!(fail(), Some(BreakerState::Open));

        breaker.close(&clock);
        assert_eq!((breaker.state(), breaker.retry_after(&clock)), (BreakerState::Closed, None));
        breaker.open(&clock);
        clock.advance(span(29_999));
        assert_eq!(breaker.retry_after(&clock), Some(Millis::new(1)));
        assert!(breaker.try_acquire(&clock).is_err());
        clock.advance(span(1));
        breaker.try_acquire(&clock).unwrap().success(&clock);
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert!(!breaker.set_mode(BreakerMode::Isolated, &clock), "it has no modes");
        assert_eq!((breaker.state(), clock.now() >= Instant::from_ticks(start)), (BreakerState::Closed, true));
    }
}

#[test]
fn a_breaker_of_any_kind_is_moved_through_its_policy() {
    static CONFIG: RateConfig = RateConfig::new(100);
    let breaker = RateBreaker::<10>::new(&CONFIG);
    let view: &CircuitBreakerView = &breaker;
    let policy = retries(1).circuit_breaker(view);
    let clock = ManualClock::new();
    let mut context = policy.context(Blocking::new(&clock, |ticks| clock.advance_ticks(ticks), Halves));
    assert!(view.set_mode(BreakerMode::Isolated, &clock));
    clock.advance(span(86_400_000));
    let error = context.call(|| Ok::<_, ErrorClass>(())).unwrap_err();
    assert_eq!((error.reason, error.next_delay), (StopReason::CircuitOpen, Some(Millis::from_secs(30))));
    assert!(view.set_mode(BreakerMode::Disabled, &clock));
    for _ in 0..100 {
        assert!(context.call(|| Err::<(), _>(ErrorClass::Transient)).is_err());
    }
    assert_eq!((view.state(), breaker.counts(&clock).calls), (BreakerState::Closed, 0));
}
