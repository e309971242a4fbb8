//! The call sites users see, as they would write them, and who may hold what across threads.

use std::{
    convert::Infallible,
    future::poll_fn,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    task::Poll,
    time::Duration,
};

use redress_core::{
    AbortRetryError, AsyncEnvironment, AsyncSleeper, AttemptDecision, AttemptEnd, AttemptInfo, AttemptStart, Attempts,
    Backoff, BackoffContext, Blocking, BreakerConfig, BreakerState, Budget, BudgetConfig, BudgetView, ByClass, Cause,
    Checkpoint, CheckpointError, CircuitBreaker, CircuitBreakerView, ClassSet, Classification, Clock, ConfigError,
    Context, Decision, Environment, ErrorClass, Event, EventKind, Failure, Instant, Local, Millis, Outcome, Policy,
    Rejected, Retry, RetryError, RetryTimeline, Run, SeededRandom, SelfClassifier, SleepDecision, StopReason,
    TimelineEvent,
    breaker::Permit,
    classify::http,
    env::mode,
    testing::{ManualClock, TestEnv, block_on},
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

// ---- Firmware: policy in flash, the driver borrowed mutably -------------------------------------------------------

static BREAKER: CircuitBreaker<4> =
    CircuitBreaker::new(BreakerConfig::new(4).window(secs(60)).recovery_timeout(secs(30)));
static UPLINK: Policy = Policy::new(
    Retry::new(Backoff::decorrelated_jitter(millis(50), secs(5)))
        .max_attempts(6)
        .deadline(secs(30))
        .backoff_for(ErrorClass::RateLimit, Backoff::equal_jitter(millis(500), secs(60)).or_retry_after())
        .limit_for(ErrorClass::RateLimit, 3),
)
.circuit_breaker(&BREAKER);

/// A driver that must be borrowed mutably, by a future that borrows the frame as well.
struct Radio {
    noise: u32,
    sent: Vec<u8>,
}

impl Radio {
    async fn send(&mut self, frame: &[u8]) -> Result<usize, ErrorClass> {
        poll_fn(|_| Poll::Ready(())).await;
        if self.noise > 0 {
            self.noise -= 1;
            return Err(ErrorClass::Transient);
        }
        self.sent.extend_from_slice(frame);
        Ok(self.sent.len())
    }
}

/// What a board has: a tick counter, a timer, a seeded generator.
#[derive(Default)]
struct Ticks(ManualClock);

impl Clock for &Ticks {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        self.0.now()
    }
}

impl AsyncSleeper for &Ticks {
    async fn sleep(&mut self, ticks: u64) {
        let mut waited = false;
        poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
        self.0.advance_ticks(ticks);
    }
}

fn board(ticks: &Ticks) -> Local<&Ticks, &Ticks, SeededRandom> {
    Local::new(ticks, ticks, SeededRandom::new(0x00C0_FFEE))
}

#[test]
fn firmware_borrows_its_driver_inside_the_closure() {
    let ticks = Ticks::default();
    let mut radio = Radio { noise: 3, sent: Vec::new() };
    let frame = vec![1, 2, 3];

    let mut uplink = UPLINK.context(board(&ticks)).operation("uplink");
    let sent = block_on(uplink.call(async || radio.send(&frame).await));

    assert_eq!(sent, Ok(3));
    assert_eq!(radio.sent, [1, 2, 3]);
    assert!(ticks.0.now() >= Instant::from_ticks(150));
}

#[test]
fn the_loop_form_breaks_and_borrows() {
    async fn send(radio: &mut Radio, frame: &[u8], ticks: &Ticks) -> Result<usize, RetryError<ErrorClass>> {
        let mut uplink = UPLINK.context(board(ticks)).operation("uplink");
        let mut run = uplink.start()?;
        let ack = loop {
            match radio.send(frame).await {
                Ok(ack) => break run.succeed(ack),
                Err(e) => run.failed(e).await?,
            }
        };
        Ok(ack)
    }

    let ticks = Ticks::default();
    let mut radio = Radio { noise: 2, sent: Vec::new() };
    assert_eq!(block_on(send(&mut radio, b"frame", &ticks)), Ok(5));
    radio.noise = 99;
    let error = block_on(send(&mut radio, b"frame", &ticks)).unwrap_err();
    assert_eq!((error.reason, error.attempts), (StopReason::MaxAttemptsGlobal, 6));
    assert_eq!(error.error, Some(ErrorClass::Transient));
}

// ---- std: blocking, with everything at its default ----------------------------------------------------------------

#[test]
fn blocking_in_one_line() {
    let policy = Policy::new(Retry::new(Backoff::full_jitter(millis(100), secs(10))));
    let mut tries = 0;
    let mut get = |url| {
        tries += 1;
        if tries < 3 { Err(ErrorClass::ServerError) } else { Ok(url) }
    };

    let body = policy.context(TestEnv::new()).call(|| get("body"));

    assert_eq!(body, Ok("body"));
}

#[test]
fn results_timeline_and_abort() {
    #[derive(Debug, PartialEq)]
    struct Response(u16);

    let policy = Policy::new(Retry::new(Backoff::constant(millis(100))));
    let mut timeline = RetryTimeline::<8>::new();
    let mut answers = [503, 429, 200].into_iter();

    let outcome = policy
        .context(TestEnv::new())
        .operation("fetch_profile")
        .retry_result(|r: &Response| http::status(r.0))
        .abort_if(|| false)
        .observe(&mut timeline)
        .execute(|| Ok::<_, ErrorClass>(Response(answers.next().unwrap())));

    assert_eq!((outcome.value(), outcome.attempts), (Some(&Response(200)), 3));
    assert!(timeline.events().map(|event| event.class).eq([
        Some(ErrorClass::ServerError),
        Some(ErrorClass::RateLimit),
        None
    ]));
}

// ---- tokio: spawned, the future is Send ---------------------------------------------------------------------------

/// The clock and the timer of tokio.
#[derive(Clone)]
struct Tokio {
    start: tokio::time::Instant,
    random: SeededRandom,
}

impl Tokio {
    fn new() -> Self {
        Self { start: tokio::time::Instant::now(), random: SeededRandom::new(3) }
    }
}

impl Clock for Tokio {
    const TICK_HZ: u32 = 1_000_000;

    fn now(&self) -> Instant {
        Instant::from_ticks(self.start.elapsed().as_micros().try_into().unwrap_or(u64::MAX))
    }
}

impl Environment for Tokio {
    type Mode = mode::Spawned;
    type Classifier = SelfClassifier;

    const CLASSIFIER: SelfClassifier = SelfClassifier;
    const ABORT_POLL: Option<Millis> = Some(Millis::new(10));

    fn random(&mut self) -> u32 {
        redress_core::RandomSource::next_u32(&mut self.random)
    }
}

impl AsyncEnvironment for Tokio {
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        tokio::time::sleep(Duration::from_micros(ticks))
    }
}

static SHARED: CircuitBreaker<8> = CircuitBreaker::new(BreakerConfig::new(8));
static TOKENS: Budget = Budget::new(BudgetConfig::token_bucket(1_000).refill_per_success(1_000));
static SERVICE: Policy = Policy::new(Retry::new(Backoff::full_jitter(millis(1), millis(2))).attempt_timeout(secs(5)))
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
            let mut context =
                SERVICE.context(Tokio::new()).operation("fetch").abort_if(|| false).observe(&mut timeline);
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
            let mut context = SERVICE.context(Tokio::new());
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
        let mut context = SERVICE.context(Tokio::new()).sleep_handler(|_, _| SleepDecision::Defer);
        let checkpoint = context.execute(|| flaky(&count)).await.checkpoint.unwrap();
        let mut context = SERVICE.context(Tokio::new());
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
        .context(Tokio::new())
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

// ---- The bare machine ---------------------------------------------------------------------------------------------

#[test]
fn a_superloop_owns_its_own_time() {
    static SENSOR: Policy = Policy::new(Retry::new(Backoff::exponential(millis(10), secs(1))).max_attempts(3));

    let (mut now, mut alarm) = (Instant::from_ticks(500), None);
    let mut attempts = Attempts::<1_000>::start(&SENSOR, now).unwrap();
    let mut reads = 0;
    let reason = loop {
        // One turn of the superloop.
        if let Some(at) = alarm {
            if now < at {
                now = now.saturating_add(1);
                continue;
            }
            attempts.on_wake(now).unwrap();
        }
        reads += 1;
        match attempts.on_failure(now, ErrorClass::Transient, || 0) {
            Decision::RetryAt(t) => alarm = Some(t),
            Decision::Stop(reason) => break reason,
        }
        assert_eq!(attempts.poll_at(), alarm);
    };
    assert_eq!((reason, reads, now.ticks()), (StopReason::MaxAttemptsGlobal, 3, 530));
}

/// The machine asks the breaker, and reports to breaker and budget how the call ended.
#[test]
fn a_superloop_shares_breaker_and_budget_with_others() {
    static DOWN: CircuitBreaker<2> = CircuitBreaker::new(BreakerConfig::new(2));
    static SPARE: Budget = Budget::new(BudgetConfig::token_bucket(2).initial(1).refill_per_success(1_000));
    static SENSOR: Policy =
        Policy::new(Retry::new(Backoff::none()).max_attempts(2)).circuit_breaker(&DOWN).budget(&SPARE);

    let start = || Attempts::<1_000>::start(&SENSOR, Instant::ZERO);
    let clock = ManualClock::new();
    start().unwrap().on_success(Instant::ZERO);
    assert_eq!(SPARE.remaining(&clock), 2);
    for _ in 0..2 {
        let mut attempts = start().unwrap();
        assert!(matches!(attempts.on_failure(Instant::ZERO, ErrorClass::Transient, || 0), Decision::RetryAt(_)));
        attempts.on_wake(Instant::ZERO).unwrap();
        let stop = attempts.on_failure(Instant::ZERO, ErrorClass::Transient, || 0);
        assert_eq!(stop, Decision::Stop(StopReason::MaxAttemptsGlobal));
    }
    assert_eq!((DOWN.state(), SPARE.remaining(&clock)), (BreakerState::Open, 0));
    let rejected = start().unwrap_err();
    assert_eq!((rejected.reason(), rejected.retry_after()), (StopReason::CircuitOpen, Millis::from_secs(30)));
}

// ---- Deferral and resumption --------------------------------------------------------------------------------------

#[test]
fn a_deferred_call_goes_on_from_its_bytes() {
    static PATIENT: Policy =
        Policy::new(Retry::new(Backoff::exponential(secs(10), secs(600))).max_attempts(4).deadline(secs(3_600)));

    let mut context = PATIENT.context(TestEnv::new()).sleep_handler(|_, delay| {
        if delay > Millis::from_secs(15) { SleepDecision::Defer } else { SleepDecision::Sleep }
    });
    let outcome = context.execute(|| Err::<(), _>(ErrorClass::Transient));
    assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::Scheduled), 2));
    assert_eq!(outcome.next_delay, Some(Millis::from_secs(20)));

    // A queue, a database row, retained memory.
    let row = outcome.checkpoint.unwrap().to_bytes();

    let checkpoint = Checkpoint::from_bytes(&row).unwrap();
    let mut context = PATIENT.context(TestEnv::new());
    let outcome = context.resume(&checkpoint, secs(5)).unwrap().execute(|| Err::<(), _>(ErrorClass::Transient));
    assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::MaxAttemptsGlobal), 4));
    // What was left of 20 s, then the next delay, as if nothing had happened in between.
    assert!(context.env().sleeps().eq([Millis::from_secs(15), Millis::from_secs(40)]));
    assert_eq!(outcome.elapsed, Millis::from_secs(10 + 5 + 15 + 40));

    // The deadline goes on while the device is off.
    let late = context.resume(&checkpoint, secs(4_000)).unwrap().execute(|| Err::<(), _>(ErrorClass::Transient));
    assert_eq!((late.stop_reason, late.attempts), (Some(StopReason::DeadlineExceeded), 0));
}

// ---- Across threads -----------------------------------------------------------------------------------------------

// What is shared by tasks, threads and interrupt handlers.
assert_impl_all!(CircuitBreaker<4>: Send, Sync);
assert_impl_all!(CircuitBreakerView: Send, Sync);
assert_impl_all!(Budget<4>: Send, Sync);
assert_impl_all!(BudgetView: Send, Sync);
assert_impl_all!(Policy<'static>: Send, Sync, Copy);
assert_impl_all!(Retry<'static>: Send, Sync, Copy);
assert_impl_all!(Backoff<'static>: Send, Sync, Copy);
// What one call holds may move to another thread in the middle of it.
assert_impl_all!(Permit<'static>: Send, Sync);
assert_impl_all!(Attempts<'static, 1_000>: Send, Sync);
assert_impl_all!(RetryTimeline<8>: Send, Sync);
type Hooks = redress_core::context::Hooks<SelfClassifier>;
assert_impl_all!(Context<'static, Tokio>: Send, Sync);
assert_impl_all!(Run<'static, Tokio, Hooks>: Send, Sync);
assert_impl_all!(redress_core::Resumed<'static, Tokio, Hooks>: Send, Sync);
// A clock for tests is a cell: what it is in stays on its thread.
assert_not_impl_any!(ManualClock: Sync);
assert_not_impl_any!(Run<'static, Rc, Hooks>: Send);
type Rc = Local<ManualClock, std::rc::Rc<()>, fn() -> u32>;
// Plain data.
assert_impl_all!(Checkpoint: Send, Sync, Copy);
assert_impl_all!(Classification: Send, Sync, Copy);
assert_impl_all!(ErrorClass: Send, Sync, Copy);
assert_impl_all!(ClassSet: Send, Sync, Copy);
assert_impl_all!(ByClass<u8>: Send, Sync, Copy);
assert_impl_all!(BreakerConfig: Send, Sync, Copy);
assert_impl_all!(BudgetConfig: Send, Sync, Copy);
assert_impl_all!(BackoffContext: Send, Sync, Copy);
assert_impl_all!(Millis: Send, Sync, Copy);
assert_impl_all!(Instant: Send, Sync, Copy);
assert_impl_all!(Decision: Send, Sync, Copy);
assert_impl_all!(Event: Send, Sync, Copy);
assert_impl_all!(TimelineEvent: Send, Sync, Copy);
assert_impl_all!(AttemptStart: Send, Sync, Copy);
assert_impl_all!(AttemptEnd: Send, Sync, Copy);
assert_impl_all!((EventKind, StopReason, Cause, AttemptDecision, BreakerState, SleepDecision): Send, Sync, Copy);
assert_impl_all!(Outcome<u8, Infallible>: Send, Sync);
assert_impl_all!(Failure<u8, Infallible>: Send, Sync);
// They end up behind `?` in functions that return a boxed error.
assert_impl_all!(RetryError<std::io::Error>: std::error::Error, Send, Sync);
assert_impl_all!(Rejected: std::error::Error, Send, Sync, Copy);
assert_impl_all!(ConfigError: std::error::Error, Send, Sync, Copy);
assert_impl_all!(CheckpointError: std::error::Error, Send, Sync, Copy);
assert_impl_all!(AbortRetryError: std::error::Error, Send, Sync, Copy);

/// A blocking context lives in a thread, and its policy serves all of them.
#[test]
fn threads_share_a_policy() {
    static CALLS: AtomicU32 = AtomicU32::new(0);

    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                let sleep = |_ticks: u64| std::thread::yield_now();
                let mut context = SERVICE.context(Blocking::new(ManualClock::new(), sleep, SeededRandom::new(thread)));
                for call in 0..100 {
                    let mut fails = call % 3;
                    let result = context.call(|| {
                        CALLS.fetch_add(1, Relaxed);
                        if fails == 0 {
                            return Ok(());
                        }
                        fails -= 1;
                        Err(ErrorClass::Transient)
                    });
                    assert_eq!(result, Ok(()));
                }
            });
        }
    });
    assert_eq!(CALLS.load(Relaxed), 4 * (100 + 33 + 2 * 33));
    assert_eq!(SHARED.state(), BreakerState::Closed);
}
