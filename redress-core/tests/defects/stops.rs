//! Defects of limits, aborts and budgets: what a call does when it stops.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use redress_core::{
    AbortRetryError, AttemptDecision, Backoff, BackoffContext, Blocking, Budget, BudgetConfig, Cause, Classification,
    ErrorClass, Event, EventKind, Millis, Policy, RandomSource, Retry, RetryError, SeededRandom, SleepDecision,
    StopReason,
    testing::{ManualClock, Script, TestEnv},
};

use crate::{TRANSIENT, constant, secs};

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

fn trace(retry: Retry<'_>, tokens: u16, results: &[Result<(), Classification>], sleep: SleepDecision) -> Trace {
    let budget = Budget::<16>::new(BudgetConfig::rolling(tokens, secs(3_600)));
    let policy = Policy::new(retry).budget(&budget);
    let (clock, mut random) = (ManualClock::new(), SeededRandom::new(1));
    let (mut sleeps, mut draws) = (0, 0);
    let sleeper = |ticks| {
        sleeps += 1;
        clock.advance_ticks(ticks);
    };
    let draw = || {
        draws += 1;
        random.next_u32()
    };
    let mut script = Script::new(results);
    let (mut events, ends) = (Vec::new(), RefCell::new(Vec::new()));
    let mut asked_to_sleep = 0;
    let handler = |_: &BackoffContext, _| {
        asked_to_sleep += 1;
        sleep
    };
    let outcome = policy
        .context(Blocking::new(&clock, sleeper, draw))
        .observe(|event: &Event| events.push(event.kind))
        .on_attempt_end(|end| ends.borrow_mut().push(end.decision))
        .sleep_handler(handler)
        .execute(|| script.step());
    let reason = outcome.stop_reason;
    let left = budget.remaining(&clock);
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
