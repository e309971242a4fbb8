//! The call sites users see, as they would write them, and who may hold what across threads.

mod threads;

use std::{future::poll_fn, task::Poll, time::Duration};

use redress_core::{
    Attempts, Backoff, BreakerConfig, BreakerState, Budget, BudgetConfig, Checkpoint, CircuitBreaker, Clock, Decision,
    ErrorClass, Instant, Millis, Policy, Retry, RetryError, RetryTimeline, SleepDecision, StopReason,
    classify::http,
    testing::{ManualClock, TestAsyncEnv, TestEnv, block_on},
};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

// ---- Firmware: policy in flash, the driver borrowed mutably --------------------------------------------------------

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

#[test]
fn firmware_borrows_its_driver_inside_the_closure() {
    let env = TestAsyncEnv::new(); // on a board: `Embassy::seeded(device_id)`
    let mut radio = Radio { noise: 3, sent: Vec::new() };
    let frame = vec![1, 2, 3];

    let mut uplink = UPLINK.context(&env).operation("uplink");
    let sent = block_on(uplink.call(async || radio.send(&frame).await));

    assert_eq!(sent, Ok(3));
    assert_eq!(radio.sent, [1, 2, 3]);
    assert!(env.now() >= Instant::from_ticks(150));
}

#[test]
fn the_loop_form_breaks_and_borrows() {
    async fn send(radio: &mut Radio, frame: &[u8], env: &TestAsyncEnv) -> Result<usize, RetryError<ErrorClass>> {
        let mut uplink = UPLINK.context(env).operation("uplink");
        let mut run = uplink.start()?;
        let ack = loop {
            match radio.send(frame).await {
                Ok(ack) => break run.succeed(ack),
                Err(e) => run.failed(e).await?,
            }
        };
        Ok(ack)
    }

    let env = TestAsyncEnv::new();
    let mut radio = Radio { noise: 2, sent: Vec::new() };
    assert_eq!(block_on(send(&mut radio, b"frame", &env)), Ok(5));
    radio.noise = 99;
    let error = block_on(send(&mut radio, b"frame", &env)).unwrap_err();
    assert_eq!((error.reason, error.attempts), (StopReason::MaxAttemptsGlobal, 6));
    assert_eq!(error.error, Some(ErrorClass::Transient));
}

// ---- std: blocking, with everything at its default -----------------------------------------------------------------

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

// ---- The bare machine ----------------------------------------------------------------------------------------------

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

// ---- Deferral and resumption ---------------------------------------------------------------------------------------

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
