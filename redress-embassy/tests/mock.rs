//! Calls in embassy time, which passes when told.
#![cfg(not(target_family = "wasm"))]

mod mock_time;

use core::{
    cell::{Cell, RefCell},
    future::pending,
    pin::pin,
    task::Poll,
    time::Duration,
};

use embassy_sync::{blocking_mutex::raw::NoopRawMutex, signal::Signal};
use embassy_time::{Duration as Ticks, Instant, MockDriver, TICK_HZ, Timer};
use mock_time::{alone, poll, run};
use redress_embassy::{
    AsyncEnvironment, Backoff, BreakerConfig, BreakerState, Cause, Checkpoint, CircuitBreaker, Clock, Embassy,
    EmbassyClock, EmbassySleeper, ErrorClass, Local, Millis, Policy, Recoverable, Retry, RetryError, SeededRandom,
    SleepDecision, StopReason,
};

/// Fails so many times; what a driver looks like, as it can only be borrowed mutably.
struct Radio {
    failures: u32,
    sent: Vec<Instant>,
    resets: u32,
}

impl Radio {
    const fn failing(failures: u32) -> Self {
        Self { failures, sent: Vec::new(), resets: 0 }
    }

    async fn send(&mut self) -> Result<usize, ErrorClass> {
        self.sent.push(Instant::now());
        Timer::at(Instant::now()).await;
        if self.failures == 0 {
            return Ok(self.sent.len());
        }
        self.failures -= 1;
        Err(ErrorClass::Transient)
    }

    async fn reset(&mut self) {
        Timer::at(Instant::now()).await;
        self.resets += 1;
    }
}

const SECOND: Duration = Duration::from_secs(1);

static STEADY: Policy = Policy::new(Retry::new(Backoff::constant(SECOND)).max_attempts(3));
static JITTERY: Policy =
    Policy::new(Retry::new(Backoff::full_jitter(SECOND, Duration::from_secs(60))).max_attempts(6).no_deadline());

#[test]
fn a_wait_is_one_tick_longer_than_asked_and_not_shorter() {
    let _turn = alone();
    assert_eq!(u64::from(EmbassyClock::TICK_HZ), TICK_HZ);
    for ticks in [1, 2, 1_000_000, 86_400 * TICK_HZ] {
        let mut env = Embassy::seeded(1);
        let mut wait = pin!(env.sleep(ticks));
        assert!(poll(wait.as_mut()).is_pending());
        MockDriver::get().advance(Ticks::from_ticks(ticks));
        assert!(poll(wait.as_mut()).is_pending(), "{ticks} ticks later it may still be the tick before");
        MockDriver::get().advance(Ticks::from_ticks(1));
        assert!(poll(wait.as_mut()).is_ready());
    }
}

#[test]
fn no_wait_lets_others_run_once() {
    let _turn = alone();
    let mut env = Embassy::seeded(1);
    let mut wait = pin!(env.sleep(0));
    assert!(poll(wait.as_mut()).is_pending());
    assert!(poll(wait.as_mut()).is_ready());
}

#[test]
fn a_wait_beyond_the_end_of_time_does_not_panic() {
    let _turn = alone();
    let mut env = Embassy::seeded(1);
    let mut wait = pin!(env.sleep(u64::MAX));
    assert!(poll(wait.as_mut()).is_pending());
}

#[test]
fn a_closure_borrows_the_radio_mutably_and_attempts_come_when_the_policy_says() {
    let _turn = alone();
    let mut radio = Radio::failing(2);
    let mut uplink = STEADY.context(Embassy::seeded(7)).operation("uplink");
    assert_eq!(run(uplink.call(async || radio.send().await)), Ok(3));
    for gap in radio.sent.windows(2).map(|pair| pair[1] - pair[0]) {
        assert!((1_000..=1_003).contains(&gap.as_millis()), "{gap}");
    }
}

#[test]
fn operation_and_recovery_borrow_the_same_radio() {
    let _turn = alone();
    let mut radio = Recoverable::new(Radio::failing(2), async |radio: &mut Radio| radio.reset().await);
    let mut uplink = STEADY.context(Embassy::seeded(7));
    let sent = run(uplink.call(radio.run(async |radio: &mut Radio| radio.send().await)));
    assert_eq!((sent, radio.device().resets), (Ok(3), 2));
}

#[test]
fn the_loop_form_has_the_question_mark_and_needs_no_closure() {
    async fn report(radio: &mut Radio) -> Result<usize, RetryError<ErrorClass>> {
        let mut uplink = STEADY.context(Embassy::seeded(7));
        let mut run = uplink.start()?;
        loop {
            match radio.send().await {
                Ok(sent) => return Ok(run.succeed(sent)),
                Err(error) => run.failed(error).await?,
            }
            radio.reset().await;
        }
    }
    let _turn = alone();
    let mut radio = Radio::failing(2);
    assert_eq!((run(report(&mut radio)), radio.resets), (Ok(3), 2));
    let mut radio = Radio::failing(9);
    let error = run(report(&mut radio)).unwrap_err();
    assert_eq!(
        (error.reason, error.error, radio.resets),
        (StopReason::MaxAttemptsGlobal, Some(ErrorClass::Transient), 2)
    );
}

#[test]
fn an_attempt_that_hangs_is_given_up_after_its_timeout() {
    static IMPATIENT: Policy =
        Policy::new(Retry::new(Backoff::none()).max_attempts(2).attempt_timeout(Duration::from_millis(400)));
    let _turn = alone();
    let start = Instant::now();
    let outcome = run(IMPATIENT.context(Embassy::seeded(7)).execute(async || {
        pending::<()>().await;
        Ok::<(), ErrorClass>(())
    }));
    assert_eq!((outcome.attempts, outcome.cause), (2, Some(Cause::Timeout)));
    assert_eq!(outcome.stop_reason, Some(StopReason::MaxAttemptsGlobal));
    assert!((800..=804).contains(&start.elapsed().as_millis()), "{}", start.elapsed());
}

#[test]
fn the_deadline_ends_an_attempt_that_is_still_running() {
    static BRIEF: Policy = Policy::new(Retry::new(Backoff::none()).deadline(SECOND));
    let _turn = alone();
    let start = Instant::now();
    let hangs = async || pending::<Result<(), ErrorClass>>().await;
    let outcome = run(BRIEF.context(Embassy::seeded(7)).execute(hangs));
    assert_eq!((outcome.attempts, outcome.stop_reason), (1, Some(StopReason::DeadlineExceeded)));
    assert_eq!((outcome.last_class, outcome.cause), (Some(ErrorClass::Transient), Some(Cause::Timeout)));
    // A timer of embassy lasts up to one tick longer than asked.
    assert!((1_000..=1_002).contains(&start.elapsed().as_millis()), "{}", start.elapsed());
}

#[test]
fn a_result_that_is_there_in_time_wins() {
    static PATIENT: Policy = Policy::new(Retry::new(Backoff::none()).attempt_timeout(Duration::from_millis(400)));
    let _turn = alone();
    let call = run(PATIENT.context(Embassy::seeded(7)).call(async || {
        Timer::after_millis(390).await;
        Ok::<_, ErrorClass>("in time")
    }));
    assert_eq!(call, Ok("in time"));
}

#[test]
fn the_deadline_is_not_overrun() {
    static BRIEF: Policy = Policy::new(Retry::new(Backoff::constant(SECOND)).deadline(Duration::from_millis(2_500)));
    let _turn = alone();
    let start = Instant::now();
    let mut radio = Radio::failing(9);
    let error = run(BRIEF.context(Embassy::seeded(7)).call(async || radio.send().await)).unwrap_err();
    assert_eq!((error.reason, error.attempts), (StopReason::DeadlineExceeded, 3));
    assert_eq!(error.next_delay, Some(Millis::from_secs(1)));
    assert!(start.elapsed() < Ticks::from_millis(2_500));
}

#[test]
fn a_call_dropped_while_it_waits_gives_its_probe_back() {
    static BREAKER: CircuitBreaker<1> = CircuitBreaker::new(BreakerConfig::new(1).recovery_timeout(SECOND));
    static GUARDED: Policy = Policy::new(Retry::new(Backoff::constant(SECOND))).circuit_breaker(&BREAKER);
    let _turn = alone();
    assert_eq!(BREAKER.record_failure(ErrorClass::Transient, &EmbassyClock), Some(BreakerState::Open));
    // The circuit counts milliseconds; with ticks shorter than that it stays open for up to one more.
    MockDriver::get().advance(Ticks::from_millis(1_001));
    for _ in 0..20 {
        let mut radio = Radio::failing(9);
        let mut context = GUARDED.context(Embassy::seeded(7));
        {
            let mut call = pin!(context.call(async || radio.send().await));
            for _ in 0..3 {
                assert!(poll(call.as_mut()).is_pending());
            }
            assert_eq!(BREAKER.state(), BreakerState::HalfOpen);
            assert!(BREAKER.try_acquire(&EmbassyClock).is_err(), "the one probe is out");
        }
        assert_eq!(radio.sent.len(), 1);
    }
    let mut radio = Radio::failing(0);
    assert_eq!(run(GUARDED.context(Embassy::seeded(7)).call(async || radio.send().await)), Ok(1));
    assert_eq!(BREAKER.state(), BreakerState::Closed);
}

fn delays(id: u64) -> Vec<Millis> {
    let mut delays = Vec::new();
    let mut radio = Radio::failing(9);
    let mut context = JITTERY.context(Embassy::seeded(id)).sleep_handler(|_, delay| {
        delays.push(delay);
        SleepDecision::Sleep
    });
    assert!(run(context.call(async || radio.send().await)).is_err());
    delays
}

/// The time is a part of the seed, so devices that start at the same tick diverge by their ids, and a context that a function
/// makes anew for each call does not repeat the delays of the one before.
#[test]
fn devices_diverge_and_so_do_contexts_that_are_made_anew() {
    let _turn = alone();
    let start = Instant::now();
    let a = delays(0x1001);
    assert_eq!(a.len(), 5);
    let later = delays(0x1001);
    assert!(Instant::now() > start);
    assert!(a.iter().zip(&later).all(|(a, later)| a != later), "{a:?} {later:?}");
    MockDriver::get().reset();
    let again = delays(0x1001);
    MockDriver::get().reset();
    let b = delays(0x1002);
    assert!(a.iter().zip(&b).all(|(a, b)| a != b), "{a:?} {b:?}");
    assert!(start.as_ticks() != 0 || a == again, "{a:?} {again:?}");
}

#[test]
fn any_source_of_random_numbers_serves() {
    let _turn = alone();
    let drawn = Cell::new(0);
    let mut radio = Radio::failing(2);
    let mut context = JITTERY.context(Embassy::with(|| {
        drawn.set(drawn.get() + 1);
        0
    }));
    assert_eq!(run(context.call(async || radio.send().await)), Ok(3));
    assert_eq!(drawn.get(), 2);
}

#[test]
fn a_call_goes_on_from_a_checkpoint_where_it_was() {
    let _turn = alone();
    let mut radio = Radio::failing(9);
    let mut context = STEADY.context(Embassy::seeded(7)).sleep_handler(|_, _| SleepDecision::Defer);
    let deferred = run(context.call(async || radio.send().await)).unwrap_err();
    assert_eq!((deferred.reason, deferred.next_delay), (StopReason::Scheduled, Some(Millis::from_secs(1))));
    let bytes = deferred.checkpoint.unwrap().to_bytes();

    // The clock starts anew, as after deep sleep.
    MockDriver::get().reset();
    let checkpoint = Checkpoint::from_bytes(&bytes).unwrap();
    let mut radio = Radio::failing(1);
    let mut context = STEADY.context(Embassy::seeded(7));
    let resumed = context.resume(&checkpoint, Millis::new(400)).unwrap();
    assert_eq!(run(resumed.call(async || radio.send().await)), Ok(2));
    assert!((600..=602).contains(&radio.sent[0].as_millis()));
    assert!((1_600..=1_605).contains(&radio.sent[1].as_millis()));
}

#[test]
fn an_abort_condition_cuts_a_wait_short() {
    let _turn = alone();
    let start = Instant::now();
    let mut radio = Radio::failing(9);
    let abort = || start.elapsed() >= Ticks::from_millis(300);
    let error = run(STEADY.context(Embassy::seeded(7)).abort_if(abort).call(async || radio.send().await)).unwrap_err();
    assert_eq!((error.reason, error.attempts), (StopReason::Aborted, 1));
    assert!((300..=312).contains(&start.elapsed().as_millis()), "{}", start.elapsed());
}

/// Polls a call until it is to be stopped, then once more.
fn stop_after<T>(millis: u64, stop: &Signal<NoopRawMutex, ()>, call: impl Future<Output = T>) -> T {
    let mut call = pin!(call);
    for _ in 0..millis {
        assert!(poll(call.as_mut()).is_pending());
        MockDriver::get().advance(Ticks::from_millis(1));
    }
    stop.signal(());
    let Poll::Ready(ended) = poll(call.as_mut()) else { panic!("it ends at once") };
    ended
}

#[test]
fn a_signal_ends_a_wait_and_an_attempt_and_is_taken_by_the_call_it_ends() {
    let _turn = alone();
    let stop = Signal::<NoopRawMutex, ()>::new();
    let mut context = STEADY.context(Embassy::seeded(7)).cancel_on(|| stop.wait());

    let mut radio = Radio::failing(9);
    let waiting = stop_after(300, &stop, context.execute(async || radio.send().await));
    assert_eq!((waiting.attempts, waiting.stop_reason), (1, Some(StopReason::Aborted)));
    assert!((300..=301).contains(&waiting.elapsed.get()), "{}", waiting.elapsed);

    let hanging = stop_after(20, &stop, context.execute(async || pending::<Result<(), ErrorClass>>().await));
    assert_eq!((hanging.attempts, hanging.stop_reason), (1, Some(StopReason::Aborted)));

    // Of a signal that came between two calls the next one takes note, and the one after it goes on.
    stop.signal(());
    assert_eq!(run(context.call(async || radio.send().await)).unwrap_err().reason, StopReason::Aborted);
    assert_eq!(radio.sent.len(), 1);
    let mut radio = Radio::failing(1);
    assert_eq!(run(context.call(async || radio.send().await)), Ok(2));
}

#[test]
fn slices_feed_a_watchdog_and_make_a_wait_hardly_longer() {
    let _turn = alone();
    let fed = RefCell::new(Vec::new());
    let mut radio = Radio::failing(1);
    let start = Instant::now();
    let mut context = STEADY
        .context(Embassy::seeded(7))
        .slice(Duration::from_millis(100), || fed.borrow_mut().push(start.elapsed().as_millis()));
    assert_eq!(run(context.call(async || radio.send().await)), Ok(2));
    assert!((1_000..=1_005).contains(&start.elapsed().as_millis()), "{}", start.elapsed());
    let fed = fed.into_inner();
    assert!((10..=11).contains(&fed.len()), "{fed:?}");
    assert!(fed.windows(2).all(|pair| pair[1] - pair[0] <= 102), "{fed:?}");
}

#[test]
fn clock_and_sleeper_serve_in_an_environment_of_parts() {
    let _turn = alone();
    let mut radio = Radio::failing(1);
    let env = Local::new(EmbassyClock, EmbassySleeper, SeededRandom::new(7));
    assert_eq!(run(STEADY.context(env).call(async || radio.send().await)), Ok(2));
}
