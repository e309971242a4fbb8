//! Calls in tokio: exact waits under a paused clock, and futures that move between threads.

use std::{
    cell::Cell,
    future::pending,
    io::{self, ErrorKind},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use redress_std::{
    AttemptInfo, Backoff, BreakerConfig, BreakerState, Budget, BudgetConfig, Cause, CircuitBreaker, Classification,
    Clock, ErrorClass, Millis, Policy, PolicyExt, Retry, RetryTimeline, SleepDecision, StdClock, StopReason, Threads,
    Tokio, TokioClock, TokioLocal, http,
};
use tokio::time::{Instant, sleep};

static FIVE_SECONDS: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(5))).max_attempts(4));
static DOUBLING: Policy =
    Policy::new(Retry::new(Backoff::exponential(Duration::from_secs(1), Duration::from_secs(60))).max_attempts(5));
static AT_ONCE: Policy = Policy::new(Retry::new(Backoff::none()).no_deadline());

async fn reset<T>() -> io::Result<T> {
    Err(ErrorKind::ConnectionReset.into())
}

fn assert_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test(start_paused = true)]
async fn waits_are_exact_on_a_paused_clock() {
    let before = Instant::now();
    let outcome = DOUBLING.context(Tokio).execute(reset::<()>).await;
    assert_eq!(before.elapsed(), Duration::from_secs(1 + 2 + 4 + 8));
    assert_eq!(outcome.elapsed, Millis::from_secs(15));
    assert_eq!((outcome.attempts, outcome.stop_reason), (5, Some(StopReason::MaxAttemptsGlobal)));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_counts_the_paused_clock() {
    static POLICY: Policy = Policy::new(
        Retry::new(Backoff::constant(Duration::from_secs(5))).deadline(Duration::from_secs(12)).no_unknown_cap(),
    );

    let outcome = POLICY.context(Tokio).execute(reset::<()>).await;
    assert_eq!((outcome.attempts, outcome.stop_reason), (3, Some(StopReason::DeadlineExceeded)));
    assert_eq!((outcome.elapsed, outcome.next_delay), (Millis::from_secs(10), Some(Millis::from_secs(5))));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_times_out() {
    static POLICY: Policy = Policy::new(
        Retry::new(Backoff::constant(Duration::from_secs(1))).attempt_timeout(Duration::from_secs(3)).max_attempts(2),
    );

    let outcome = POLICY.context(Tokio).execute(pending::<io::Result<()>>).await;
    assert_eq!((outcome.attempts, outcome.cause), (2, Some(Cause::Timeout)));
    assert_eq!((outcome.elapsed, outcome.last_class), (Millis::from_secs(7), Some(ErrorClass::Transient)));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_an_attempt_that_is_still_running() {
    static TIMED: Policy = Policy::new(
        Retry::new(Backoff::none()).deadline(Duration::from_secs(3)).attempt_timeout(Duration::from_secs(2)),
    );

    // With and without an attempt timeout, whichever comes first.
    let untimed = Policy::new(Retry::new(Backoff::none()).deadline(Duration::from_secs(3)));
    for (policy, attempts) in [(&untimed, 1), (&TIMED, 2)] {
        let breaker = CircuitBreaker::<1>::new(BreakerConfig::new(1));
        let before = Instant::now();
        let context = policy.context(Tokio).circuit_breaker(&breaker);
        let outcome = context.clone().execute(pending::<io::Result<()>>).await;
        assert_eq!((outcome.attempts, outcome.stop_reason), (attempts, Some(StopReason::DeadlineExceeded)));
        assert_eq!((outcome.last_class, outcome.cause), (Some(ErrorClass::Transient), Some(Cause::Timeout)));
        // A deadline counts what milliseconds may hide, so it may be up to two of them sooner.
        assert!((2_998..=3_000).contains(&before.elapsed().as_millis()), "{:?}", before.elapsed());
        assert_eq!(breaker.state(), BreakerState::Open, "an attempt that hangs is a failure");
    }
}

/// As in a loop that also serves other events, each of which drops the wait.
#[tokio::test(start_paused = true)]
async fn a_wait_that_is_dropped_by_select_has_used_up_its_attempt() {
    static THREE: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(5))).max_attempts(3));

    let mut context = THREE.context(Tokio);
    let mut run = context.start().expect("no circuit");
    let mut attempts = 0;
    let error = loop {
        attempts += 1;
        tokio::select! {
            failed = run.failed(io::Error::from(ErrorKind::ConnectionReset)) => match failed {
                Ok(()) => panic!("the other event is sooner"),
                Err(error) => break error,
            },
            () = sleep(Duration::from_millis(100)) => {}
        }
    };
    assert_eq!((attempts, error.attempts, error.reason), (3, 3, StopReason::MaxAttemptsGlobal));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_recorded_when_its_future_is_polled() {
    let budget = Budget::<1>::new(BudgetConfig::rolling(1, Duration::from_secs(60)));
    let mut context = FIVE_SECONDS.context(Tokio).budget(&budget);
    let mut run = context.start().expect("no circuit");
    for _ in 0..10 {
        drop(run.failed(io::Error::from(ErrorKind::ConnectionReset)));
        drop(run.failed_as(ErrorClass::Transient, ()));
        drop(run.failed_result::<()>(ErrorClass::Transient));
    }
    assert_eq!((run.attempt().number, budget.remaining(&TokioClock)), (1, 1));
    run.failed(io::Error::from(ErrorKind::ConnectionReset)).await.expect("the first retry");
    assert_eq!((run.attempt().number, budget.remaining(&TokioClock)), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_abort_from_another_task_cuts_the_wait_within_10_ms() {
    let shutdown = Arc::new(AtomicBool::new(false));
    let stopper = tokio::spawn({
        let shutdown = Arc::clone(&shutdown);
        async move {
            sleep(Duration::from_millis(2_345)).await;
            shutdown.store(true, Relaxed);
        }
    });
    let outcome = FIVE_SECONDS.context(Tokio).abort_if(|| shutdown.load(Relaxed)).execute(reset::<()>).await;
    stopper.await.expect("no panic");
    assert_eq!((outcome.attempts, outcome.stop_reason), (1, Some(StopReason::Aborted)));
    assert!((2_345..=2_355).contains(&outcome.elapsed.get()), "{}", outcome.elapsed);
}

#[tokio::test(start_paused = true)]
async fn an_abort_condition_makes_no_wait_longer() {
    let outcome = FIVE_SECONDS.context(Tokio).abort_if(|| false).execute(reset::<()>).await;
    assert_eq!(outcome.elapsed, Millis::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn both_shapes_of_closures_give_the_same() {
    let mut spawned = RetryTimeline::<16>::new();
    let mut local = RetryTimeline::<16>::new();
    let outcome = DOUBLING.context(Tokio).observe(&mut spawned).execute(reset::<()>).await;
    let twin = DOUBLING.context(TokioLocal).observe(&mut local).execute(async || reset::<()>().await).await;
    assert!(spawned.events().eq(local.events()));
    assert_eq!((outcome.attempts, outcome.elapsed), (twin.attempts, twin.elapsed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closures_are_called_in_spawned_tasks() {
    let calls = Arc::new(AtomicU32::new(0));
    let task = tokio::spawn({
        let calls = Arc::clone(&calls);
        async move {
            let operation = || {
                let calls = Arc::clone(&calls);
                async move {
                    tokio::task::yield_now().await;
                    if calls.fetch_add(1, Relaxed) < 2 { reset().await } else { Ok("done") }
                }
            };
            AT_ONCE.context(Tokio).operation("spawned").call(operation).await
        }
    });
    assert_eq!(task.await.expect("no panic").expect("the third succeeds"), "done");
    assert_eq!(calls.load(Relaxed), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_loop_form_runs_in_spawned_tasks() {
    let task = tokio::spawn(async {
        let mut context = AT_ONCE.context(Tokio).operation("spawned loop");
        let mut run = context.start()?;
        let mut sent = Vec::new();
        loop {
            sent.push(run.attempt().number);
            match if sent.len() < 3 { reset().await } else { Ok(()) } {
                Ok(()) => break,
                Err(error) => run.failed(error).await?,
            }
        }
        Ok::<_, redress_std::RetryError<io::Error>>(run.succeed(sent))
    });
    assert_eq!(task.await.expect("no panic").expect("the third succeeds"), [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_needs_one_line() -> Result<(), Box<dyn std::error::Error>> {
    let task = tokio::spawn(async { AT_ONCE.context(Tokio).call(async || Ok::<_, io::Error>(7)).await });
    assert_eq!(task.await??, 7);
    let outcome =
        tokio::spawn(async { AT_ONCE.context(Tokio).execute(|| async { Ok::<_, io::Error>(8) }).await }).await?;
    assert_eq!(outcome.value(), Some(&8));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_call_site_of_a_service() {
    let shutdown = AtomicBool::new(false);
    let mut timeline = RetryTimeline::<16>::new();
    let mut statuses = [503, 429, 200].into_iter();
    let mut send = || {
        let status = statuses.next().unwrap_or(200);
        async move { ::http::Response::builder().status(status).body("body") }
    };
    let outcome = FIVE_SECONDS
        .context(Tokio)
        .operation("fetch_profile")
        .retry_result(|r: &::http::Response<&str>| http::status(r.status()))
        .abort_if(|| shutdown.load(Relaxed))
        .observe(&mut timeline)
        .execute(|| assert_send(send()))
        .await;
    assert!(outcome.is_ok());
    assert_eq!((outcome.attempts, outcome.elapsed), (3, Millis::from_secs(10)));
    let classes: Vec<_> = timeline.events().filter_map(|event| event.class).collect();
    assert_eq!(classes, [ErrorClass::ServerError, ErrorClass::RateLimit]);
}

#[tokio::test(start_paused = true)]
async fn a_deferred_call_is_resumed_in_a_spawned_task() {
    let outcome = FIVE_SECONDS.context(Tokio).sleep_handler(|_, _| SleepDecision::Defer).execute(reset::<()>).await;
    assert_eq!(outcome.stop_reason, Some(StopReason::Scheduled));
    let checkpoint = outcome.checkpoint.expect("a deferral has one");
    let before = Instant::now();
    let task = tokio::spawn(async move {
        let mut context = FIVE_SECONDS.context(Tokio);
        let resumed = context.resume(&checkpoint, Duration::from_secs(2)).expect("the same policy");
        resumed.call(|| async { Ok::<_, io::Error>("resumed") }).await
    });
    assert_eq!(task.await.expect("no panic").expect("succeeds"), "resumed");
    assert_eq!(before.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn local_closures_lend_what_they_captured() {
    struct Radio(Vec<u8>);
    impl Radio {
        async fn send(&mut self, byte: u8) -> io::Result<usize> {
            self.0.push(byte);
            if self.0.len() < 3 { reset().await } else { Ok(self.0.len()) }
        }
    }

    let tasks = tokio::task::LocalSet::new();
    let sent = tasks.run_until(async {
        let task = tokio::task::spawn_local(async {
            let not_send = Rc::new(Cell::new(1));
            let mut radio = Radio(Vec::new());
            FIVE_SECONDS.context(TokioLocal).call(async || radio.send(not_send.get()).await).await
        });
        task.await.expect("no panic")
    });
    assert_eq!(sent.await.expect("the third succeeds"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_gives_the_probe_back() {
    static BREAKER: CircuitBreaker<1> = CircuitBreaker::new(BreakerConfig::new(1));
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(1)).circuit_breaker(&BREAKER);

    assert!(POLICY.context(Tokio).call(reset::<()>).await.is_err());
    assert_eq!(BREAKER.state(), BreakerState::Open);
    let rejected = POLICY.context(Tokio).execute(reset::<()>).await;
    // A breaker counts milliseconds, and nobody who comes back when it says so comes too soon: a fraction is a whole one.
    let back = rejected.next_delay.expect("says when to come back");
    assert_eq!(rejected.attempts, 0);
    assert!((30_000..=30_001).contains(&back.get()), "{back}");

    sleep(back.to_duration()).await;
    let probe =
        tokio::time::timeout(Duration::from_secs(1), POLICY.context(Tokio).call(pending::<io::Result<()>>)).await;
    assert!(probe.is_err());
    assert_eq!(BREAKER.state(), BreakerState::HalfOpen);
    assert!(POLICY.context(Tokio).call(async || Ok::<_, io::Error>(())).await.is_ok());
    assert_eq!(BREAKER.state(), BreakerState::Closed);
}

/// Retries without delay still go through tokio's timer, which yields now and then.
#[tokio::test]
async fn endless_retries_let_other_tasks_run() {
    static ENDLESS: Policy =
        Policy::new(Retry::new(Backoff::none()).unlimited_attempts().no_deadline().no_unknown_cap());

    let stop = Arc::new(AtomicBool::new(false));
    tokio::spawn({
        let stop = Arc::clone(&stop);
        async move { stop.store(true, Relaxed) }
    });
    let operation = || async { if stop.load(Relaxed) { Ok(()) } else { reset().await } };
    assert!(ENDLESS.context(Tokio).execute(operation).await.is_ok());
}

/// An open breaker has to look the same to threads and tasks.
#[test]
fn threads_and_tasks_share_a_breaker() {
    static BREAKER: CircuitBreaker<1> =
        CircuitBreaker::new(BreakerConfig::new(1).recovery_timeout(Duration::from_secs(3_600)));
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(1)).circuit_breaker(&BREAKER);

    assert!(POLICY.call(|| Err::<(), _>(ErrorClass::Transient)).is_err());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let rejected = runtime.block_on(POLICY.context(Tokio).execute(reset::<()>));
    assert_eq!(rejected.stop_reason, Some(StopReason::CircuitOpen));
    let wait = rejected.next_delay.expect("says when to come back");
    assert!((3_000_000..=3_600_001).contains(&wait.get()), "{wait}");
    assert_eq!(POLICY.context(Threads).execute(|| Ok::<_, io::Error>(())).stop_reason, Some(StopReason::CircuitOpen));
}

/// Its time stands at a moment before this process's clocks were used first, if this test is the first to run.
#[tokio::test(start_paused = true)]
async fn a_clock_that_was_paused_before_moves_all_the_same() {
    std::thread::sleep(Duration::from_millis(20));
    assert!(StdClock.now() > TokioClock.now());
    let before = TokioClock.now();
    sleep(Duration::from_millis(7)).await;
    assert_eq!(TokioClock.now().ticks_since(before), 7_000_000);
}

#[tokio::test]
async fn the_future_of_a_call_is_little_more_than_that_of_the_operation() {
    fn size<F: Future>(future: F) -> usize {
        let size = size_of_val(&future);
        drop(future);
        size
    }
    async fn operation() -> io::Result<()> {
        let buffer = [0_u8; 1_000];
        tokio::task::yield_now().await;
        if buffer.len() == 1_000 { Ok(()) } else { reset().await }
    }

    let bare = size(operation());
    let mut context = AT_ONCE.context(Tokio);
    let calls = [size(context.call(operation)), size(context.execute(operation))];
    let mut local = AT_ONCE.context(TokioLocal);
    let local_calls = [size(local.call(operation)), size(local.execute(operation))];
    println!("operation {bare}, call and execute {calls:?}, local {local_calls:?}");
    for call in calls.into_iter().chain(local_calls) {
        assert!(call <= bare + 128, "{call} is more than {bare} + 128");
    }
    // Straight from the policy, the future holds the context as well.
    let direct = [size(AT_ONCE.context(Tokio).call(operation)), size(AT_ONCE.context(Tokio).execute(operation))];
    println!("straight from the policy {direct:?}");
    for call in direct {
        assert!(call <= bare + 192, "{call} is more than {bare} + 192");
    }
}

/// Compiles, or doesn't: what may be spawned.
#[test]
fn futures_are_send_where_the_operation_is() {
    let mut context = FIVE_SECONDS
        .context(Tokio)
        .retry_result(|(): &()| None::<Classification>)
        .abort_if(|| false)
        .sleep_handler(|_, _| SleepDecision::Sleep)
        .slice(Duration::from_secs(1), || {})
        .observe(|_: &redress_std::Event| {});
    drop(assert_send(context.call(reset::<()>)));
    drop(assert_send(context.execute(reset::<()>)));
    drop(assert_send(context.call(|_: AttemptInfo| reset::<()>())));
    drop(assert_send(context.execute(|_: AttemptInfo| reset::<()>())));
    let mut run = assert_send(context.start().expect("nothing rejects"));
    drop(assert_send(run.failed(io::Error::other("x"))));
    drop(run);
    drop(assert_send(FIVE_SECONDS.context(Tokio).call(reset::<()>)));
    drop(assert_send(FIVE_SECONDS.context(Tokio).execute(reset::<()>)));
}
