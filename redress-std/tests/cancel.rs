//! Calls that a token or a shutdown ends: at once, without polling, in every form.

use std::{
    future::{pending, poll_fn},
    io::{self, ErrorKind},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use redress_std::{
    AttemptDecision, AttemptEnd, AttemptStart, Backoff, BreakerConfig, BreakerState, Budget, BudgetConfig,
    CircuitBreaker, EventKind, Millis, Policy, Retry, RetryTimeline, SleepDecision, StopReason, Tokio, TokioClock,
    TokioLocal,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

static FIVE_SECONDS: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(5))).max_attempts(4));
static UNTIMED: Policy =
    Policy::new(Retry::new(Backoff::constant(Duration::from_secs(5))).max_attempts(4).no_deadline());

async fn reset<T>() -> io::Result<T> {
    Err(ErrorKind::ConnectionReset.into())
}

/// Cancels after so many milliseconds.
fn cancel_after(token: &CancellationToken, millis: u64) {
    let token = token.clone();
    tokio::spawn(async move {
        sleep(Duration::from_millis(millis)).await;
        token.cancel();
    });
}

#[tokio::test(start_paused = true)]
async fn a_token_ends_a_wait_at_once() {
    for policy in [&FIVE_SECONDS, &UNTIMED] {
        let token = CancellationToken::new();
        cancel_after(&token, 7_345);
        let begun = Instant::now();
        let outcome = policy.context(Tokio).cancel_on(|| token.cancelled()).execute(reset::<()>).await;
        assert_eq!((outcome.attempts, outcome.stop_reason), (2, Some(StopReason::Aborted)));
        assert_eq!((begun.elapsed(), outcome.elapsed), (Duration::from_millis(7_345), Millis::new(7_345)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_ends_a_pending_attempt_at_once() {
    for policy in [&FIVE_SECONDS, &UNTIMED] {
        let token = CancellationToken::new();
        cancel_after(&token, 345);
        let dropped = Arc::new(());
        let operation = || {
            let held = Arc::clone(&dropped);
            async move {
                pending::<()>().await;
                drop(held);
                reset::<()>().await
            }
        };
        let mut timeline = RetryTimeline::<8>::new();
        let mut context = policy.context(Tokio).cancel_on(|| token.cancelled()).observe(&mut timeline);
        let outcome = context.execute(operation).await;
        assert_eq!((outcome.attempts, outcome.stop_reason), (1, Some(StopReason::Aborted)));
        assert_eq!((outcome.elapsed, outcome.last_class), (Millis::new(345), None));
        assert_eq!(Arc::strong_count(&dropped), 1);
        assert!(timeline.events().map(|event| event.event).eq([EventKind::Aborted]));
    }
}

/// As a span per attempt needs it.
#[tokio::test(start_paused = true)]
async fn each_attempt_that_starts_ends_for_observers() {
    let token = CancellationToken::new();
    cancel_after(&token, 6_000);
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    let mut attempts = 0;
    let mut context = FIVE_SECONDS
        .context(TokioLocal)
        .cancel_on(|| token.cancelled())
        .on_attempt_start(|start: &AttemptStart| starts.push(start.attempt))
        .on_attempt_end(|end: &AttemptEnd| ends.push((end.attempt, end.decision, end.class.is_some())));
    let error = context
        .call(async || {
            attempts += 1;
            if attempts == 1 { reset::<()>().await } else { pending().await }
        })
        .await
        .expect_err("cancelled");
    // The error is that of the attempt before.
    assert_eq!((error.reason, error.attempts, error.error.is_some()), (StopReason::Aborted, 2, true));
    assert_eq!(starts, [1, 2]);
    assert_eq!(ends, [(1, AttemptDecision::Retry, true), (2, AttemptDecision::Aborted, false)]);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_cancelled_before_lets_no_attempt_begin() {
    let token = CancellationToken::new();
    let mut context = FIVE_SECONDS.context(Tokio).cancel_on(|| token.cancelled());
    // One context, many calls: each asks anew.
    assert_eq!(context.call(async || Ok::<_, io::Error>(1)).await.expect("no reason to stop"), 1);
    token.cancel();
    for _ in 0..2 {
        let called = AtomicBool::new(false);
        let outcome = context
            .execute(|| {
                called.store(true, Relaxed);
                reset::<()>()
            })
            .await;
        assert_eq!((outcome.attempts, outcome.stop_reason), (0, Some(StopReason::Aborted)));
        assert!(!called.load(Relaxed));
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_there_at_the_cancellation_counts() {
    let token = CancellationToken::new();
    let mut context = FIVE_SECONDS.context(Tokio).cancel_on(|| token.cancelled());
    let operation = || async {
        sleep(Duration::from_millis(10)).await;
        token.cancel();
        Ok::<_, io::Error>("paid")
    };
    assert_eq!(context.call(operation).await.expect("it was done"), "paid");

    let token = CancellationToken::new();
    let mut context = FIVE_SECONDS.context(Tokio).cancel_on(|| token.cancelled());
    let operation = || async {
        token.cancel();
        reset::<()>().await
    };
    let outcome = context.execute(operation).await;
    assert_eq!((outcome.attempts, outcome.stop_reason, outcome.elapsed), (1, Some(StopReason::Aborted), Millis::ZERO));
}

#[tokio::test(start_paused = true)]
async fn breaker_and_budget_learn_nothing() {
    let breaker = CircuitBreaker::<1>::new(BreakerConfig::new(1).recovery_timeout(Duration::from_secs(1)));
    let budget = Budget::<4>::new(BudgetConfig::rolling(4, Duration::from_secs(60)));
    let context = || FIVE_SECONDS.context(Tokio).circuit_breaker(&breaker).budget(&budget);
    let hangs = || async { pending::<io::Result<()>>().await };

    let token = CancellationToken::new();
    cancel_after(&token, 100);
    let outcome = context().cancel_on(|| token.cancelled()).execute(hangs).await;
    assert_eq!(outcome.stop_reason, Some(StopReason::Aborted));
    assert_eq!((breaker.state(), budget.remaining(&TokioClock)), (BreakerState::Closed, 4));

    // A probe that is cancelled gives its place back and leaves the circuit half-open.
    assert!(context().call(|| async { Err::<(), _>(io::Error::from(ErrorKind::PermissionDenied)) }).await.is_err());
    assert_eq!(breaker.state(), BreakerState::Closed);
    let opened = FIVE_SECONDS.context(Tokio).circuit_breaker(&breaker).execute(reset::<()>).await;
    assert_eq!((opened.attempts, breaker.state()), (4, BreakerState::Open));
    sleep(Duration::from_secs(2)).await;
    let token = CancellationToken::new();
    cancel_after(&token, 100);
    let probe = context().cancel_on(|| token.cancelled()).execute(hangs).await;
    assert_eq!((probe.attempts, probe.stop_reason), (1, Some(StopReason::Aborted)));
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    assert!(context().call(|| async { Ok::<_, io::Error>(()) }).await.is_ok());
    assert_eq!((breaker.state(), budget.remaining(&TokioClock)), (BreakerState::Closed, 4));
}

#[tokio::test(start_paused = true)]
async fn a_resumed_call_is_cancelled_in_its_wait_and_in_its_attempt() {
    let deferred = FIVE_SECONDS.context(Tokio).sleep_handler(|_, _| SleepDecision::Defer).execute(reset::<()>).await;
    let checkpoint = deferred.checkpoint.expect("a deferral has one");
    for (cancelled, attempts) in [(2_000, 0), (6_000, 2)] {
        let token = CancellationToken::new();
        cancel_after(&token, cancelled);
        let begun = Instant::now();
        let mut context = FIVE_SECONDS.context(Tokio).cancel_on(|| token.cancelled());
        let resumed = context.resume(&checkpoint, Millis::ZERO).expect("the same policy");
        let outcome = resumed.execute(|| async { pending::<io::Result<()>>().await }).await;
        assert_eq!((outcome.attempts, outcome.stop_reason), (attempts, Some(StopReason::Aborted)));
        assert_eq!(begun.elapsed(), Duration::from_millis(cancelled));
    }
    let token = CancellationToken::new();
    token.cancel();
    let mut context = FIVE_SECONDS.context(Tokio).cancel_on(|| token.cancelled());
    let resumed = context.resume(&checkpoint, Millis::ZERO).expect("the same policy");
    assert_eq!(resumed.start().await.expect_err("cancelled").reason(), StopReason::Aborted);
}

#[tokio::test(start_paused = true)]
async fn the_loop_form_is_cancelled_in_its_waits() {
    let token = CancellationToken::new();
    cancel_after(&token, 7_000);
    let begun = Instant::now();
    let mut context = FIVE_SECONDS.context(Tokio).cancel_on(|| token.cancelled());
    let mut run = context.start().expect("nothing cancelled yet");
    let error = loop {
        let error = reset::<()>().await.expect_err("always");
        if let Err(error) = run.failed(error).await {
            break error;
        }
    };
    assert_eq!((error.reason, error.attempts), (StopReason::Aborted, 2));
    assert_eq!(begun.elapsed(), Duration::from_secs(7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_watch_ends_spawned_calls() {
    static WEEK: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(86_400))).no_deadline());

    let (shutdown, stopped) = watch::channel(false);
    let (attempts, begun) = (Arc::new(AtomicU32::new(0)), watch::channel(()).0);
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let (stopped, attempts, begun) = (stopped.clone(), Arc::clone(&attempts), begun.clone());
            tokio::spawn(async move {
                let stopped = move || {
                    let mut stopped = stopped.clone();
                    async move { drop(stopped.wait_for(|is_stopped| *is_stopped).await) }
                };
                let operation = || {
                    attempts.fetch_add(1, Relaxed);
                    begun.send_replace(());
                    // Half of them hang, the others wait.
                    async move { if task % 2 == 0 { pending().await } else { reset::<()>().await } }
                };
                WEEK.context(Tokio).cancel_on(stopped).execute(operation).await.stop_reason
            })
        })
        .collect();
    let mut started = begun.subscribe();
    while attempts.load(Relaxed) < 8 {
        let _ = started.changed().await;
    }
    shutdown.send_replace(true);
    for task in tasks {
        assert_eq!(task.await.expect("no panic"), Some(StopReason::Aborted));
    }
    assert_eq!(attempts.load(Relaxed), 8);
}

/// Polls of a call's future until it is done.
async fn polls<F: Future>(call: F) -> u32 {
    let mut polls = 0;
    let mut call = pin!(call);
    poll_fn(|context| {
        polls += 1;
        call.as_mut().poll(context).map(drop)
    })
    .await;
    polls
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_is_not_polled() {
    let token = CancellationToken::new();
    let plain = polls(FIVE_SECONDS.context(Tokio).execute(reset::<()>)).await;
    let cancellable = polls(FIVE_SECONDS.context(Tokio).cancel_on(|| token.cancelled()).execute(reset::<()>)).await;
    // Once at the start and once after each of three waits.
    assert_eq!((plain, cancellable), (4, 4));
    let asking = polls(FIVE_SECONDS.context(Tokio).abort_if(|| false).execute(reset::<()>)).await;
    assert!(asking > 1_000, "{asking}");
}

#[tokio::test(start_paused = true)]
async fn conditions_and_futures_add_up_in_any_order() {
    let (one, two) = (CancellationToken::new(), CancellationToken::new());
    let flag = AtomicBool::new(false);
    cancel_after(&one, 1_000);
    let both = || FIVE_SECONDS.context(Tokio).cancel_on(|| one.cancelled()).cancel_on(|| two.cancelled());
    let outcome = both().abort_if(|| flag.load(Relaxed)).execute(reset::<()>).await;
    assert_eq!((outcome.stop_reason, outcome.elapsed), (Some(StopReason::Aborted), Millis::from_secs(1)));

    let (one, two) = (CancellationToken::new(), CancellationToken::new());
    cancel_after(&two, 1_000);
    let mut context = FIVE_SECONDS
        .context(Tokio)
        .abort_if(|| flag.load(Relaxed))
        .cancel_on(|| one.cancelled())
        .cancel_on(|| two.cancelled());
    let outcome = context.execute(reset::<()>).await;
    assert_eq!((outcome.stop_reason, outcome.elapsed), (Some(StopReason::Aborted), Millis::from_secs(1)));
    flag.store(true, Relaxed);
    let token = CancellationToken::new();
    let mut context = FIVE_SECONDS.context(Tokio).abort_if(|| flag.load(Relaxed)).cancel_on(|| token.cancelled());
    assert_eq!(context.execute(reset::<()>).await.attempts, 0);
    let mut context = FIVE_SECONDS.context(Tokio).cancel_on(|| token.cancelled()).abort_if(|| flag.load(Relaxed));
    assert_eq!(context.execute(reset::<()>).await.attempts, 0);
}
