//! One test for each defect known of another library, so that it cannot come back here. The names in brackets are where
//! the defect was seen.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use redress_core::{
    AbortRetryError, AttemptDecision, AttemptEnd, AttemptInfo, AttemptStart, Attempts, Backoff, BackoffContext,
    BreakerConfig, BreakerState, Budget, BudgetConfig, Cause, CircuitBreaker, Classification, Clock, Decision,
    Environment, ErrorClass, Event, EventKind, Instant, Millis, Policy, RandomSource, Rejected, Retry, RetryError,
    RetryTimeline, SeededRandom, SelfClassifier, SleepDecision, StopReason,
    env::{BlockingEnvironment, mode},
    testing::{DeterministicStrategy, FakeCircuitBreaker, ManualClock, Script, TestAsyncEnv, TestEnv, block_on},
};

const TRANSIENT: Result<(), ErrorClass> = Err(ErrorClass::Transient);

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn constant(secs: u64) -> Retry<'static> {
    Retry::new(Backoff::constant(Duration::from_secs(secs)))
}

/// A breaker with one place for a probe, and nobody in it.
fn half_open() -> FakeCircuitBreaker {
    let breaker = FakeCircuitBreaker::new();
    breaker.force(BreakerState::HalfOpen);
    breaker
}

/// The probe's place is free, and there is only one.
fn assert_probe_is_free(breaker: &FakeCircuitBreaker) {
    let clock = ManualClock::new();
    assert_eq!(breaker.breaker().state(), BreakerState::HalfOpen);
    let probe = breaker.breaker().try_acquire(&clock);
    assert!(probe.is_ok(), "the probe's place is lost");
    assert!(breaker.breaker().try_acquire(&clock).is_err());
}

// ---- Breakers -----------------------------------------------------------------------------------------------------

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

// ---- Backoff ------------------------------------------------------------------------------------------------------

/// [Polly, cockatiel, stamina, backon, aws-sdk-rust, the Python library at attempt 1,025]
#[test]
fn high_attempt_numbers_do_not_overflow() {
    let (base, max) = (Duration::from_millis(250), secs(30));
    let failure = Classification::new(ErrorClass::Transient);
    for attempt in [31, 32, 33, 63, 64, 65, 1_024, 1_025, 2_000, u32::MAX - 1, u32::MAX] {
        for (backoff, least) in [
            (Backoff::exponential(base, max), 30_000),
            (Backoff::full_jitter(base, max), 0),
            (Backoff::equal_jitter(base, max), 15_000),
            (Backoff::token_backoff(base, max), 15_000),
            (Backoff::decorrelated_jitter(base, max), 250),
            (Backoff::fixed(&[Millis::new(5), Millis::new(7)]), 7),
        ] {
            for random in [0, u32::MAX] {
                let delay = backoff.delay(attempt, &failure, Millis::new(30_000), || random).get();
                assert!((least..=30_000).contains(&delay), "{backoff:?} at {attempt}: {delay}");
            }
        }
    }
}

/// Two thousand attempts in one call, as of a device that must come back after a night without its access point. [`RuView`:
/// a fleet that gave up; cockatiel: NaN]
#[test]
fn unlimited_attempts_go_on() {
    let retry = Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(250), secs(30)));
    let policy = Policy::new(retry.unlimited_attempts().no_deadline());
    let mut made = 0;
    let outcome = policy.context(TestEnv::new()).execute(|| {
        made += 1;
        if made == 2_000 { Ok(made) } else { Err(ErrorClass::Transient) }
    });
    assert_eq!((outcome.value(), outcome.attempts), (Some(&2_000), 2_000));
}

/// [backon: 118 s under a cap of 60; backoff, tokio-retry2, agenda, tower-resilience]
#[test]
fn jitter_stays_below_the_cap_and_still_spreads_there() {
    let (base, max) = (Duration::from_millis(100), secs(60));
    let failure = Classification::new(ErrorClass::Transient);
    for backoff in [
        Backoff::full_jitter(base, max),
        Backoff::equal_jitter(base, max),
        Backoff::token_backoff(base, max),
        Backoff::decorrelated_jitter(base, max),
    ] {
        let mut random = SeededRandom::new(5);
        let delays: Vec<_> = (0..1_000)
            .map(|_| backoff.delay(1_000, &failure, Millis::new(20_000), || random.next_u32()).get())
            .collect();
        assert!(delays.iter().all(|delay| *delay <= 60_000), "{backoff:?}");
        // Azure drops the jitter at the cap, Polly clamps after it: then capped clients come back together.
        assert!(delays.iter().collect::<HashSet<_>>().len() > 900, "{backoff:?}");
    }
}

/// [the Python library: a 60 s rate-limit wait made the next transient one 24.4 s]
#[test]
fn a_previous_delay_does_not_leak_into_another_class() {
    let retry = Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(250), secs(30)))
        .backoff_for(ErrorClass::RateLimit, Backoff::constant(secs(20)));
    let policy = Policy::new(retry.no_deadline());
    let mut attempts = Attempts::<1_000>::start(&policy, Instant::ZERO).unwrap();
    let mut next = |class, random| {
        let _ = attempts.on_failure(Instant::ZERO, class, || random);
        let delay = attempts.delay();
        attempts.on_wake(Instant::ZERO).unwrap();
        delay.get()
    };
    assert_eq!(next(ErrorClass::RateLimit, 0), 20_000);
    assert_eq!(next(ErrorClass::Transient, u32::MAX), 749, "as after no delay at all");
    assert_eq!(next(ErrorClass::Transient, u32::MAX), 2_246, "three times the one before");
    assert_eq!(next(ErrorClass::Transient, 0), 250, "never below the base");
}

/// [the Python library: infinity and NaN became 0 s, a hot loop; backon: negative factors became 60 s]
#[test]
fn a_strategy_of_ones_own_is_taken_at_its_word() {
    static LONGEST: DeterministicStrategy<'static> = DeterministicStrategy::new(&[Millis::MAX]);
    let policy = Policy::new(Retry::new(Backoff::custom(&LONGEST)).no_deadline());
    let mut attempts = Attempts::<1_000_000>::start(&policy, Instant::ZERO).unwrap();
    let decision = attempts.on_failure(Instant::ZERO, ErrorClass::Transient, || 0);
    assert_eq!(decision, Decision::RetryAt(Instant::from_ticks(u64::from(u32::MAX) * 1_000)));
}

// ---- Deadlines and hints ------------------------------------------------------------------------------------------

/// [tenacity, google-cloud-rust, `wait_for`, relentless, the Python library: waits 0.2 s, then fails]
#[test]
fn the_deadline_is_not_slept_out() {
    let policy = Policy::new(constant(10).deadline(secs(25)));
    let mut context = policy.context(TestEnv::new());
    let outcome = context.execute(|| TRANSIENT);
    assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::DeadlineExceeded), 3));
    assert_eq!(outcome.next_delay, Some(Millis::from_secs(10)), "the delay it did not take");
    assert_eq!(outcome.elapsed, Millis::from_secs(20), "not 25 s");
    assert_eq!(context.env().sleeps().count(), 2);
    // A wait that ends exactly at the deadline leaves no time for an attempt either.
    let policy = Policy::new(constant(10).deadline(secs(10)));
    assert_eq!(policy.context(TestEnv::new()).execute(|| TRANSIENT).elapsed, Millis::ZERO);
}

/// The deadline is looked at before each retry, not only after a failure: a sleeper may oversleep. [the Python library]
#[test]
fn no_attempt_begins_after_the_deadline() {
    let mut env = Oversleeper(TestEnv::new());
    let policy = Policy::new(constant(10).deadline(secs(15)));
    let mut made = 0;
    let outcome = policy.context(&mut env).execute(|| {
        made += 1;
        TRANSIENT
    });
    assert_eq!((made, outcome.attempts), (1, 1));
    assert_eq!(outcome.stop_reason, Some(StopReason::DeadlineExceeded));
}

struct Oversleeper(TestEnv);

impl Clock for &mut Oversleeper {
    const TICK_HZ: u32 = ManualClock::TICK_HZ;

    fn now(&self) -> Instant {
        self.0.clock().now()
    }
}

impl Environment for &mut Oversleeper {
    type Mode = mode::Blocking;
    type Classifier = SelfClassifier;

    const CLASSIFIER: SelfClassifier = SelfClassifier;

    fn random(&mut self) -> u32 {
        self.0.random()
    }
}

impl BlockingEnvironment for &mut Oversleeper {
    fn sleep(&mut self, ticks: u64) {
        self.0.sleep(ticks + 5_000);
    }
}

/// Each attempt is told how much of the deadline is left. [instructor: 210 s under a deadline of 120]
#[test]
fn an_attempt_knows_what_remains() {
    let policy = Policy::new(constant(10).deadline(secs(25)).attempt_timeout(secs(8)));
    let mut told = Vec::new();
    policy.context(TestEnv::new()).execute(|attempt: AttemptInfo| {
        told.push((attempt.number, attempt.remaining.unwrap().get()));
        TRANSIENT
    });
    assert_eq!(told, [(1, 8_000), (2, 8_000), (3, 5_000)]);
}

/// [the Python library cut 120 s to a deadline of 60; hermes-agent capped the hint; tower-resilience, `TrueLayer` ignore it]
#[test]
fn a_hint_is_not_shortened() {
    let asked = Classification::new(ErrorClass::RateLimit).retry_after(Millis::from_secs(120));
    let retry = Retry::new(Backoff::full_jitter(Duration::from_millis(10), secs(1)).or_retry_after()).max_attempts(2);
    let outcome = Policy::new(retry).context(TestEnv::new()).execute(|| Err::<(), _>(asked));
    assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::RetryAfterTooLong), 1));
    assert_eq!(outcome.next_delay, Some(Millis::from_secs(120)));
    assert_eq!(outcome.elapsed, Millis::ZERO);
    // With the time for it, it is waited out; jitter is only ever added, and in proportion.
    let policy = Policy::new(retry.deadline(secs(3_600)));
    let mut seen = HashSet::new();
    for seed in 0..200 {
        let mut context = policy.context(TestEnv::seeded(seed));
        let _ = context.call(|| Err::<(), _>(asked));
        let slept = context.env().sleeps().next().unwrap().get();
        assert!((120_000..=240_000).contains(&slept), "{slept}");
        seen.insert(slept / 1_000);
    }
    assert!(seen.len() > 60, "clients come back in step");
}

/// A 503 carries the header as much as a 429. [the Python library dropped it]
#[test]
fn a_hint_on_any_class_is_followed() {
    let policy = Policy::new(constant(1).deadline(secs(600)));
    let following = Policy::new(
        Retry::new(Backoff::constant(secs(1)).or_retry_after_jittered(Duration::ZERO))
            .deadline(secs(600))
            .max_attempts(2),
    );
    for class in [ErrorClass::ServerError, ErrorClass::Transient, ErrorClass::RateLimit, ErrorClass::Concurrency] {
        let asked = Classification::new(class).retry_after(Millis::from_secs(77));
        let mut context = following.context(TestEnv::new());
        let _ = context.call(|| Err::<(), _>(asked));
        assert!(context.env().sleeps().eq([Millis::from_secs(77)]), "{class}");
        let mut context = policy.context(TestEnv::new());
        let _ = context.call(|| Err::<(), _>(asked));
        assert_eq!(context.env().sleeps().next(), Some(Millis::from_secs(1)), "not asked to follow");
    }
}

// ---- Hooks and classifiers ----------------------------------------------------------------------------------------

/// [the Python library: a raising end hook made a successful operation run twice, a raising start hook burnt all attempts]
#[test]
fn a_failing_hook_does_not_run_an_operation_twice() {
    for result in [Ok(()), TRANSIENT] {
        let ran = Cell::new(0);
        let policy = Policy::new(constant(1));
        let hook = |_: &AttemptEnd| panic!("out of the hook");
        let mut context = policy.context(TestEnv::new()).on_attempt_end(hook);
        let call = || {
            context.call(|| {
                ran.set(ran.get() + 1);
                result
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(call)).is_err(), "a panic is not swallowed");
        assert_eq!(ran.get(), 1);
    }
    let hook = |_: &AttemptStart| panic!("out of the hook");
    let policy = Policy::new(constant(1));
    let mut context = policy.context(TestEnv::new()).on_attempt_start(hook);
    let call = || context.call(|| -> Result<(), ErrorClass> { unreachable!("the attempt began after all") });
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err(), "a panic is not swallowed");
    assert_eq!(context.env().sleeps().count(), 0, "nor is it a failure to be retried");
}

/// [the Python library: twice per terminal call]
#[test]
fn the_classifier_runs_once_per_failure() {
    let asked = Cell::new(0);
    let classifier = |class: &ErrorClass| {
        asked.set(asked.get() + 1);
        *class
    };
    for (class, attempts) in [(ErrorClass::Transient, 6), (ErrorClass::Permanent, 1), (ErrorClass::Unknown, 2)] {
        let policy = Policy::new(constant(1));
        asked.set(0);
        let outcome = policy.context(TestEnv::new()).classifier(classifier).execute(|| Err::<(), _>(class));
        assert_eq!((outcome.attempts, asked.get()), (attempts, attempts));

        asked.set(0);
        let mut context = policy.context(TestAsyncEnv::new()).classifier(classifier);
        let _ = block_on(context.call(async || Err::<(), _>(class)));
        assert_eq!(asked.get(), attempts);

        asked.set(0);
        let mut context = policy.context(TestEnv::new()).classifier(classifier);
        let mut run = context.start().unwrap();
        while run.failed(class).is_ok() {}
        assert_eq!(asked.get(), attempts);

        asked.set(0);
        let results = |class: &ErrorClass| {
            asked.set(asked.get() + 1);
            Some(*class)
        };
        policy.context(TestEnv::new()).retry_result(results).execute(|| Ok::<_, ErrorClass>(class));
        assert_eq!(asked.get(), attempts);
    }
}

// ---- After the last allowed failure -------------------------------------------------------------------------------

/// What a call left behind.
#[derive(Debug, PartialEq)]
struct Trace {
    reason: Option<StopReason>,
    events: Vec<EventKind>,
    ends: Vec<AttemptDecision>,
    tokens: u16,
    sleeps: usize,
    draws: usize,
    asked_to_sleep: usize,
}

/// An environment that counts draws.
struct Counting {
    env: TestEnv,
    draws: usize,
}

impl Clock for &mut Counting {
    const TICK_HZ: u32 = ManualClock::TICK_HZ;

    fn now(&self) -> Instant {
        self.env.clock().now()
    }
}

impl Environment for &mut Counting {
    type Mode = mode::Blocking;
    type Classifier = SelfClassifier;

    const CLASSIFIER: SelfClassifier = SelfClassifier;

    fn random(&mut self) -> u32 {
        self.draws += 1;
        self.env.random()
    }
}

impl BlockingEnvironment for &mut Counting {
    fn sleep(&mut self, ticks: u64) {
        self.env.sleep(ticks);
    }
}

fn trace(retry: Retry<'_>, tokens: u16, results: &[Result<(), Classification>], sleep: SleepDecision) -> Trace {
    let budget = Budget::<16>::new(BudgetConfig::rolling(tokens, secs(3_600)));
    let policy = Policy::new(retry).budget(&budget);
    let mut env = Counting { env: TestEnv::new(), draws: 0 };
    let mut script = Script::new(results);
    let (mut events, ends) = (Vec::new(), RefCell::new(Vec::new()));
    let mut asked_to_sleep = 0;
    let handler = |_: &BackoffContext, _| {
        asked_to_sleep += 1;
        sleep
    };
    let outcome = policy
        .context(&mut env)
        .observe(|event: &Event| events.push(event.kind))
        .on_attempt_end(|end| ends.borrow_mut().push(end.decision))
        .sleep_handler(handler)
        .execute(|| script.step());
    let reason = outcome.stop_reason;
    let left = budget.remaining(env.env.clock());
    let (sleeps, draws) = (env.env.sleeps().count(), env.draws);
    Trace { reason, events, ends: ends.into_inner(), tokens: tokens - left, sleeps, draws, asked_to_sleep }
}

/// After the last allowed failure there is no retry event, no token, no sleep and no draw, whichever limit it was that
/// allowed no more, and a sleep handler has no say. [the Python library up to 1.4.0: three attempts, three sleeps, three
/// tokens, and a handler could replace exhaustion]
#[test]
fn a_terminal_attempt_ends_the_call_and_nothing_else() {
    let jitter = Backoff::equal_jitter(Duration::from_millis(100), secs(1));
    let retry = Retry::new(jitter);
    let transient = [Err(ErrorClass::Transient.into())];
    let cases: [(&str, Retry<'_>, u16, &[Result<(), Classification>], StopReason, usize); 9] = [
        ("attempts", retry.max_attempts(3), 9, &transient, StopReason::MaxAttemptsGlobal, 2),
        ("one attempt", retry.max_attempts(1), 9, &transient, StopReason::MaxAttemptsGlobal, 0),
        ("class", retry.limit_for(ErrorClass::Transient, 1), 9, &transient, StopReason::MaxAttemptsPerClass, 1),
        ("class, 0", retry.limit_for(ErrorClass::Transient, 0), 9, &transient, StopReason::MaxAttemptsPerClass, 0),
        ("unknown", retry, 9, &[Err(Classification::new(ErrorClass::Unknown))], StopReason::MaxUnknownAttempts, 1),
        ("permanent", retry, 9, &[Err(Classification::new(ErrorClass::Permanent))], StopReason::NonRetryableClass, 0),
        (
            "no strategy",
            Retry::per_class().backoff_for(ErrorClass::RateLimit, jitter),
            9,
            &transient,
            StopReason::NoStrategy,
            0,
        ),
        ("budget", retry, 2, &transient, StopReason::BudgetExhausted, 2),
        ("abort", retry, 9, &[Err(Classification::abort())], StopReason::Aborted, 0),
    ];
    for (name, retry, tokens, results, reason, retries) in cases {
        for decision in [SleepDecision::Sleep, SleepDecision::Defer, SleepDecision::Abort] {
            // Deferring or aborting ends the call at the first retry there is, so only a call without one is the same.
            if decision != SleepDecision::Sleep && retries > 0 {
                continue;
            }
            let trace = trace(retry, tokens, results, decision);
            assert_eq!(trace.reason, Some(reason), "{name}");
            let retried = trace.events.iter().filter(|kind| **kind == EventKind::Retry).count();
            assert_eq!(retried, retries, "{name}: retry events");
            assert_eq!(trace.events.len(), retries + 1, "{name}: {:?}", trace.events);
            assert_eq!(trace.events.last(), Some(&reason.event()), "{name}");
            assert_eq!(usize::from(trace.tokens), retries, "{name}: tokens");
            assert_eq!((trace.sleeps, trace.asked_to_sleep), (retries, retries), "{name}: sleeps");
            assert_eq!(trace.ends.len(), retries + 1, "{name}: attempt ends");
            assert_eq!(trace.ends.last(), Some(&reason.decision()), "{name}");
            // A budget can only be asked once the delay is known to fit, which takes a draw.
            let drawn = retries + usize::from(reason == StopReason::BudgetExhausted);
            assert_eq!(trace.draws, drawn, "{name}: draws");
        }
    }
    // The deadline: the delay has to be drawn to know that it does not fit, but nothing else is spent.
    let trace = trace(Retry::new(Backoff::constant(secs(5))).deadline(secs(5)), 9, &transient, SleepDecision::Defer);
    assert_eq!(trace.reason, Some(StopReason::DeadlineExceeded));
    assert_eq!((trace.tokens, trace.sleeps, trace.asked_to_sleep), (0, 0, 0));
    assert_eq!(trace.events, [EventKind::DeadlineExceeded]);
}

/// [the Python library: n retries make n + 1 calls, and its documentation said otherwise; here the name says retries]
#[test]
fn limits_count_retries_for_every_class_alike() {
    for retries in 0..4_u8 {
        for class in [ErrorClass::Transient, ErrorClass::RateLimit, ErrorClass::Unknown] {
            let policy = Policy::new(constant(1).no_unknown_cap().limit_for(class, retries));
            let outcome = policy.context(TestEnv::new()).execute(|| Err::<(), _>(class));
            assert_eq!(outcome.attempts, u32::from(retries) + 1);
            assert_eq!(outcome.stop_reason, Some(StopReason::MaxAttemptsPerClass));
        }
        let policy = Policy::new(constant(1).max_unknown(retries));
        let outcome = policy.context(TestEnv::new()).execute(|| Err::<(), _>(ErrorClass::Unknown));
        assert_eq!(outcome.attempts, u32::from(retries) + 1);
    }
}

// ---- Abort and budget ---------------------------------------------------------------------------------------------

/// An abort that holds when the failure is judged costs no token and announces no retry; one that comes during the wait
/// ends it, and the token stays spent. [the Python library: retry event and token first, then aborted]
#[test]
fn an_abort_comes_before_the_token() {
    let budget = Budget::<8>::new(BudgetConfig::rolling(8, secs(3_600)));
    let policy = Policy::new(constant(1)).budget(&budget);
    let (aborted, mut kinds) = (Cell::new(false), Vec::new());
    let mut context =
        policy.context(TestEnv::new()).abort_if(|| aborted.get()).observe(|event: &Event| kinds.push(event.kind));
    let outcome = context.execute(|| {
        aborted.set(true);
        TRANSIENT
    });
    assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::Aborted), 1));
    assert_eq!((outcome.last_class, outcome.cause), (Some(ErrorClass::Transient), Some(Cause::Error)));
    assert_eq!(budget.remaining(context.env().clock()), 8);
    assert_eq!(kinds, [EventKind::Aborted]);

    let slices = Cell::new(0);
    let mut context = policy
        .context(TestEnv::new())
        .abort_if(|| slices.get() == 3)
        .slice(Duration::from_millis(100), || slices.set(slices.get() + 1));
    let outcome = context.execute(|| TRANSIENT);
    assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::Aborted), 1));
    assert_eq!(outcome.elapsed, Millis::new(300), "not the whole second");
    assert_eq!(budget.remaining(context.env().clock()), 7);
}

/// Asking to stop is not a failure: no class, no count, and the operation's own error comes back. [tenacity: cancellation
/// is retried]
#[test]
fn an_operation_that_asks_to_stop_is_not_retried() {
    let policy = Policy::new(constant(1));
    let mut context = policy.context(TestEnv::new());
    let error: RetryError<AbortRetryError> = context.call(|| Err::<(), _>(AbortRetryError)).unwrap_err();
    assert_eq!((error.reason, error.attempts, error.error), (StopReason::Aborted, 1, Some(AbortRetryError)));
    assert_eq!(error.last_class, None);
}

/// The ratio is of traffic: without successes the bucket runs dry, however long that takes. [Envoy, failsafe-go: a ratio
/// of what is in flight; aws-sdk-rust: the bucket was not wired up]
#[test]
fn a_token_bucket_bounds_retries_to_a_ratio_of_traffic() {
    let budget = Budget::<0>::new(BudgetConfig::token_bucket(10).refill_per_success(100));
    let policy = Policy::new(Retry::new(Backoff::none()).no_deadline()).budget(&budget);
    let mut retries = 0;
    for _ in 0..1_000 {
        // Each call fails once, then succeeds if it may retry.
        let mut first = true;
        let outcome =
            policy.context(TestEnv::new()).execute(|| if std::mem::take(&mut first) { TRANSIENT } else { Ok(()) });
        retries += outcome.attempts - 1;
        for _ in 0..9 {
            policy.context(TestEnv::new()).call(|| Ok::<_, ErrorClass>(())).unwrap();
        }
    }
    // 9 or 10 successes a round put back about one token.
    assert!((900..=1_010).contains(&retries), "{retries}");
}

// ---- Timelines and outcomes ---------------------------------------------------------------------------------------

/// [the Python library: unbounded, and a passed-in one grows from call to call]
#[test]
fn a_timeline_is_bounded_and_starts_anew_with_each_call() {
    let mut timeline = RetryTimeline::<4>::new();
    let size = size_of_val(&timeline);
    let policy = Policy::new(constant(1).max_attempts(20).deadline(secs(3_600)));
    policy.context(TestEnv::new()).observe(&mut timeline).execute(|| TRANSIENT);
    assert_eq!((timeline.events().count(), timeline.dropped()), (4, 16));
    assert_eq!(timeline.events().last().unwrap().event, EventKind::MaxAttemptsExceeded);
    policy.context(TestEnv::new()).observe(&mut timeline).execute(|| Ok::<_, ErrorClass>(()));
    assert_eq!((timeline.events().count(), timeline.dropped()), (1, 0), "only the latest call");
    let mut context = policy.context(TestEnv::new()).observe(&mut timeline);
    for _ in 0..3 {
        let _ = context.call(|| Err::<(), _>(ErrorClass::Permanent));
    }
    assert_eq!(timeline.events().count(), 1);
    assert_eq!(size_of_val(&timeline), size);
}

/// [reliakit: a permanent error is "exhausted"; relentless: time-out and attempts share a reason; tenacity hides the error]
#[test]
fn each_stop_has_its_own_reason_and_the_error_comes_back_by_value() {
    #[derive(Debug, PartialEq)]
    struct NotClone(ErrorClass);

    let policy = Policy::new(constant(10).deadline(secs(15)).max_attempts(9));
    let classify = |error: &NotClone| error.0;
    for (class, reason) in
        [(ErrorClass::Permanent, StopReason::NonRetryableClass), (ErrorClass::Transient, StopReason::DeadlineExceeded)]
    {
        let mut context = policy.context(TestEnv::new()).classifier(classify);
        let error = context.call(|| Err::<(), _>(NotClone(class))).unwrap_err();
        assert_eq!((error.reason, error.error), (reason, Some(NotClone(class))));
    }
    let names: HashSet<_> = [
        StopReason::MaxAttemptsGlobal,
        StopReason::MaxAttemptsPerClass,
        StopReason::NonRetryableClass,
        StopReason::MaxUnknownAttempts,
        StopReason::DeadlineExceeded,
        StopReason::NoStrategy,
        StopReason::BudgetExhausted,
        StopReason::Scheduled,
        StopReason::Aborted,
        StopReason::CircuitOpen,
    ]
    .map(StopReason::as_str)
    .into();
    assert_eq!(names.len(), 10);
}

/// Blocking, async and the loop form are one machine: same attempts, sleeps and reason. [backon: Retry-After works in one
/// loop of four]
#[test]
fn a_hint_works_in_every_form_of_a_call() {
    let asked = Classification::new(ErrorClass::RateLimit).retry_after(Millis::from_secs(7));
    let policy = Policy::new(Retry::new(Backoff::none().or_retry_after_jittered(Duration::ZERO)).max_attempts(3));
    let expected = [Millis::from_secs(7); 2];

    let mut context = policy.context(TestEnv::new());
    let _ = context.call(|| Err::<(), _>(asked));
    assert!(context.env().sleeps().eq(expected));

    let mut context = policy.context(TestEnv::new());
    let mut run = context.start().unwrap();
    while run.failed(asked).is_ok() {}
    drop(run);
    assert!(context.env().sleeps().eq(expected));

    let mut context = policy.context(TestAsyncEnv::new());
    let _ = block_on(context.call(async || Err::<(), _>(asked)));
    assert!(context.env().sleeps().eq(expected));

    let mut context = policy.context(TestAsyncEnv::new());
    block_on(async {
        let mut run = context.start().unwrap();
        while run.failed(asked).await.is_ok() {}
    });
    assert!(context.env().sleeps().eq(expected));

    let mut attempts = Attempts::<1_000>::start(&policy, Instant::ZERO).unwrap();
    assert_eq!(attempts.on_failure(Instant::ZERO, asked, || 0), Decision::RetryAt(Instant::from_ticks(7_000)));
}

/// Devices with different seeds do not retry in step. [backon without std: one hard-coded seed for all]
#[test]
fn a_fleet_does_not_retry_in_step() {
    let failure = Classification::new(ErrorClass::Transient);
    let backoff = Backoff::full_jitter(secs(1), secs(60));
    let first: HashSet<_> = (0..1_000)
        .map(|device| {
            let mut random = SeededRandom::new(device);
            backoff.delay(6, &failure, Millis::ZERO, || random.next_u32())
        })
        .collect();
    assert!(first.len() > 950, "{} different first delays of 1,000 devices", first.len());
}
