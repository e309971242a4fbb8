//! No path of core allocates: full calls with breaker, budget, timeline, tokens and checkpoints, in every form.

use std::time::Duration;

use allocation_counter::measure;
use redress_core::{
    AttemptInfo, Attempts, Backoff, BreakerConfig, Budget, BudgetConfig, Checkpoint, CircuitBreaker, Classification,
    Decision, ErrorClass, Event, EventKind, Instant, Millis, Policy, Retry, RetryTimeline, SleepDecision, StopReason,
    classify::{http, retry_after::UnixSeconds},
    testing::{RecordingPolicy, Script, TestAsyncEnv, TestEnv, block_on},
};

static BREAKER: CircuitBreaker<8> = CircuitBreaker::new(BreakerConfig::new(4).recovery_timeout(Duration::from_secs(1)));
static WINDOW: Budget<64> = Budget::new(BudgetConfig::rolling(64, Duration::from_secs(60)));
static BUCKET: Budget = Budget::new(BudgetConfig::token_bucket(100).refill_per_second(500));
static RETRY: Retry = Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(50), Duration::from_secs(5)))
    .attempt_timeout(Duration::from_secs(2))
    .backoff_for(
        ErrorClass::RateLimit,
        Backoff::equal_jitter(Duration::from_millis(500), Duration::from_secs(60)).or_retry_after(),
    );
static POLICY: Policy = Policy::new(RETRY).circuit_breaker(&BREAKER).budget(&WINDOW);
static METERED: Policy = Policy::new(RETRY).circuit_breaker(&BREAKER).budget(&BUCKET);

const BUSY: Classification = Classification::new(ErrorClass::RateLimit).retry_after(Millis::new(700)).code(429);
const LOST: Classification = Classification::new(ErrorClass::Transient);

/// Trouble, then success.
const RECOVERS: [Result<u32, Classification>; 4] = [Err(LOST), Err(BUSY), Err(LOST), Ok(7)];
/// Trouble without end: opens the breaker after four calls.
const DOWN: [Result<u32, Classification>; 1] = [Err(LOST)];

/// Runs twice and counts the second time: a standard library may set something up on first use.
fn assert_allocates_nothing(what: &str, mut run: impl FnMut()) {
    run();
    let allocations = measure(&mut run).count_total;
    assert_eq!(allocations, 0, "{what}");
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(vec![1_u8]))).count_total, 1);
}

#[test]
fn blocking_calls() {
    for policy in [&POLICY, &METERED] {
        assert_allocates_nothing("call and execute", || {
            let mut timeline = RetryTimeline::<8>::new();
            let mut recording = RecordingPolicy::<4>::default();
            let mut slices = 0;
            let mut context = policy
                .context(TestEnv::new())
                .operation("fetch")
                .classifier(|failure: &Classification| *failure)
                .retry_result(|value: &u32| (*value == 0).then_some(LOST))
                .abort_if(|| false)
                .sleep_handler(|_, _| SleepDecision::Sleep)
                .observe(&mut timeline)
                .observe(&mut recording)
                .observe(|event: &Event| assert_ne!(event.kind, EventKind::BudgetExhausted))
                .on_attempt_start(|_| ())
                .on_attempt_end(|_| ())
                .slice(Duration::from_millis(100), || slices += 1);
            let mut script = Script::new(&RECOVERS);
            assert_eq!(context.call(|| script.step()), Ok(7));
            let mut script = Script::new(&RECOVERS);
            assert!(context.execute(|_: AttemptInfo| script.step()).is_ok());
            let permanent = context.execute(|| Err(Classification::new(ErrorClass::Permanent)));
            assert_eq!(permanent.stop_reason, Some(StopReason::NonRetryableClass));
        });
    }
}

/// Opens, rejects, probes, closes.
#[test]
fn a_breaker_around_its_states() {
    assert_allocates_nothing("breaker", || {
        // One for each run: the clock begins anew with it.
        let own = CircuitBreaker::<4>::new(BreakerConfig::new(4).recovery_timeout(Duration::from_secs(1)));
        let failing = Policy::new(RETRY.max_attempts(2)).circuit_breaker(&own);
        let mut timeline = RetryTimeline::<8>::new();
        let mut context = failing.context(TestEnv::new()).observe(&mut timeline);
        let mut script = Script::new(&DOWN);
        for _ in 0..4 {
            assert!(context.call(|| script.step()).is_err());
        }
        let rejected = context.execute(|| script.step());
        assert_eq!(rejected.stop_reason, Some(StopReason::CircuitOpen));
        context.env().clock().advance(Duration::from_secs(1));
        assert!(context.call(|| Ok::<_, Classification>(())).is_ok());
    });
}

#[test]
fn async_calls() {
    assert_allocates_nothing("async call and execute", || {
        let mut timeline = RetryTimeline::<8>::new();
        let mut context = METERED
            .context(TestAsyncEnv::new())
            .abort_if(|| false)
            .observe(&mut timeline)
            .slice(Duration::from_millis(100), || ());
        let mut script = Script::new(&RECOVERS);
        assert_eq!(block_on(context.call(async || script.step())), Ok(7));
        let mut script = Script::new(&RECOVERS);
        assert!(block_on(context.execute(async |_: AttemptInfo| script.step())).is_ok());
    });
}

#[test]
fn the_loop_form() {
    assert_allocates_nothing("loop form", || {
        let mut context = POLICY.context(TestEnv::new());
        let mut script = Script::new(&RECOVERS);
        let mut run = context.start().unwrap();
        let value = loop {
            match script.step() {
                Ok(value) => break run.succeed(value),
                Err(failure) => run.failed(failure).unwrap(),
            }
        };
        assert_eq!(value, 7);

        let mut context = METERED.context(TestAsyncEnv::new());
        let mut script = Script::new(&RECOVERS);
        block_on(async {
            let mut run = context.start().unwrap();
            loop {
                match script.step() {
                    Ok(value) => break run.succeed(value),
                    Err(failure) => run.failed(failure).await.unwrap(),
                }
            }
        });
    });
}

#[test]
fn the_bare_machine_and_checkpoints() {
    assert_allocates_nothing("machine and checkpoints", || {
        let mut attempts = Attempts::<32_768>::start(&METERED, Instant::ZERO).unwrap();
        assert!(matches!(attempts.on_failure(Instant::ZERO, BUSY, || 5), Decision::RetryAt(_)));
        let bytes = attempts.suspend(Instant::from_ticks(9)).to_bytes();
        let checkpoint = Checkpoint::from_bytes(&bytes).unwrap();
        assert!(Checkpoint::from_bytes(&bytes[1..]).is_err());

        let mut context = METERED.context(TestEnv::new()).sleep_handler(|_, _| SleepDecision::Defer);
        let resumed = context.resume(&checkpoint, Millis::new(100)).unwrap();
        let mut script = Script::new(&DOWN);
        let deferred = resumed.execute(|| script.step()).checkpoint.unwrap();
        let mut script = Script::new(&RECOVERS[1..]);
        let mut context = METERED.context(TestEnv::new());
        assert_eq!(context.resume(&deferred, Millis::ZERO).unwrap().call(|| script.step()), Ok(7));
    });
}

#[test]
fn classifiers() {
    assert_allocates_nothing("classifiers", || {
        let now = Some(UnixSeconds::new(1_772_600_767));
        let date: Option<&[u8]> = Some(b"Wed, 04 Mar 2026 05:06:37 GMT");
        assert!(http::status_with_retry_after(503, date, now).unwrap().hint().is_some());
        let mut context = METERED.context(TestEnv::new()).classifier(redress_core::DefaultClassifier);
        let _ = context.call(|| Err::<(), _>(std::num::IntErrorKind::Empty));
    });
}
