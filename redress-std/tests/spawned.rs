//! Spawned tasks share a policy with a breaker and a budget, in each form of a call.

use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use redress_std::{
    AttemptInfo, Backoff, BreakerConfig, BreakerState, Budget, BudgetConfig, CircuitBreaker, ErrorClass, Policy, Retry,
    RetryError, RetryTimeline, SelfClassifier, SleepDecision, Tokio,
};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

static SHARED: CircuitBreaker<8> = CircuitBreaker::new(BreakerConfig::new(8));
static TOKENS: Budget = Budget::new(BudgetConfig::token_bucket(1_000).refill_per_success(1_000));
static SERVICE: Policy = Policy::new(
    Retry::new(Backoff::full_jitter(Duration::from_millis(1), Duration::from_millis(2))).attempt_timeout(secs(5)),
)
.circuit_breaker(&SHARED)
.budget(&TOKENS);

/// Fails twice of three times.
async fn flaky(count: &AtomicU32) -> Result<u32, ErrorClass> {
    tokio::task::yield_now().await;
    let number = count.fetch_add(1, Relaxed);
    if number % 3 == 2 { Ok(number) } else { Err(ErrorClass::Transient) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spawned_task_calls_with_a_closure() {
    let calls = (0..32).map(|_| {
        tokio::spawn(async {
            let count = AtomicU32::new(0);
            let mut timeline = RetryTimeline::<8>::new();
            let mut context = SERVICE
                .context(Tokio)
                .classifier(SelfClassifier)
                .operation("fetch")
                .abort_if(|| false)
                .observe(&mut timeline);
            let value = context.call(|| flaky(&count)).await;
            let outcome = context.execute(|_: AttemptInfo| flaky(&count)).await;
            (value, outcome.attempts)
        })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), (Ok(2), 3));
    }
    assert_eq!(SHARED.state(), BreakerState::Closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spawned_task_calls_in_the_loop_form() {
    let calls = (0..32).map(|_| {
        tokio::spawn(async {
            let count = AtomicU32::new(0);
            let mut context = SERVICE.context(Tokio).classifier(SelfClassifier);
            let mut run = context.start()?;
            loop {
                match flaky(&count).await {
                    Ok(value) => return Ok::<_, RetryError<ErrorClass>>(run.succeed(value)),
                    Err(e) => run.failed(e).await?,
                }
            }
        })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), Ok(2));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spawned_task_resumes() {
    let call = tokio::spawn(async {
        let count = AtomicU32::new(0);
        let mut context = SERVICE.context(Tokio).classifier(SelfClassifier).sleep_handler(|_, _| SleepDecision::Defer);
        let checkpoint = context.execute(|| flaky(&count)).await.checkpoint.unwrap();
        let mut context = SERVICE.context(Tokio).classifier(SelfClassifier);
        let called = context.resume(&checkpoint, secs(1)).unwrap().call(|| flaky(&count)).await;
        let mut run = context.resume(&checkpoint, secs(1)).unwrap().start().await.unwrap();
        run.failed(ErrorClass::Transient).await.unwrap();
        (called, run.succeed(7))
    });
    assert_eq!(call.await.unwrap(), (Ok(2), 7));
}

/// On tokio's paused clock a night passes at once, so nothing here waits for real.
#[tokio::test(start_paused = true)]
async fn the_paused_clock_drives_it() {
    static PATIENT: Policy =
        Policy::new(Retry::new(Backoff::constant(secs(3_600))).deadline(secs(36_000)).attempt_timeout(secs(60)));

    let mut tries = 0;
    let outcome = PATIENT
        .context(Tokio)
        .classifier(SelfClassifier)
        .execute(|| {
            tries += 1;
            let hangs = tries == 1;
            async move {
                if hangs {
                    std::future::pending::<()>().await;
                }
                if tries < 4 { Err(ErrorClass::Transient) } else { Ok(()) }
            }
        })
        .await;
    assert_eq!((outcome.is_ok(), outcome.attempts), (true, 4));
    // A minute for the attempt that hung, then three waits.
    let elapsed = outcome.elapsed.get();
    assert!((10_860_000..10_860_100).contains(&elapsed), "{elapsed}");
}
