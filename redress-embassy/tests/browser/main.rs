//! Calls in a page, where embassy-time's `wasm` driver keeps time with the browser's clock and timeouts.
//!
//! Waits are real. They are held against what was asked from below only: a busy machine may take as long as it likes.
#![cfg(target_family = "wasm")]

mod breaker;
mod tasks;

use core::{
    cell::{Cell, RefCell},
    time::Duration,
};

use embassy_time::{Instant, Timer};
use redress_embassy::{
    AsyncEnvironment, Backoff, Cause, Clock, Embassy, EmbassyClock, ErrorClass, Event, EventKind, Millis, Policy,
    Retry, SleepDecision, StopReason,
};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

// The driver asks the window for the time. Workers and Node have none.
wasm_bindgen_test_configure!(run_in_browser);

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const HOUR: Duration = Duration::from_secs(3_600);

/// Time from each moment to the next, in microseconds, which are the driver's ticks.
fn gaps(moments: &[Instant]) -> Vec<u64> {
    moments.windows(2).map(|pair| (pair[1] - pair[0]).as_micros()).collect()
}

#[wasm_bindgen_test]
async fn waits_are_never_shorter_than_asked() {
    assert_eq!(u64::from(EmbassyClock::TICK_HZ), embassy_time::TICK_HZ);
    for ticks in [0, 1, 500, 999, 1_000, 1_001, 3_700, 20_001] {
        let before = EmbassyClock.now();
        Embassy::seeded(1).sleep(ticks).await;
        assert!(EmbassyClock.now().ticks_since(before) >= ticks, "{ticks}");
    }
}

#[wasm_bindgen_test]
async fn a_call_retries_with_backoff_and_succeeds() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::exponential(millis(10), millis(40))).no_deadline());
    let (mut attempts, events) = (Vec::new(), RefCell::new(Vec::new()));
    let outcome = POLICY
        .context(Embassy::seeded(7))
        .operation("load")
        .observe(|event: &Event| events.borrow_mut().push((event.attempt, event.kind, event.delay.get())))
        .execute(async || {
            attempts.push(Instant::now());
            // Takes some time itself.
            Timer::after_millis(2).await;
            if attempts.len() < 5 { Err(ErrorClass::Transient) } else { Ok("answer") }
        })
        .await;
    assert_eq!((outcome.value(), outcome.attempts, outcome.stop_reason), (Some(&"answer"), 5, None));
    assert_eq!(
        events.into_inner(),
        [
            (1, EventKind::Retry, 10),
            (2, EventKind::Retry, 20),
            (3, EventKind::Retry, 40),
            (4, EventKind::Retry, 40),
            (5, EventKind::Success, 0),
        ]
    );
    let gaps = gaps(&attempts);
    for (gap, least) in gaps.iter().zip([12_000, 22_000, 42_000, 42_000]) {
        assert!(*gap >= least, "{gaps:?}");
    }
    assert!(outcome.elapsed >= Millis::new(120));
}

/// On its way; writes down when it is given up.
struct Answer<'a>(&'a RefCell<Vec<&'static str>>);

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().push("dropped");
    }
}

#[wasm_bindgen_test]
async fn an_attempt_that_hangs_is_dropped_after_its_timeout_and_the_next_gets_through() {
    static POLICY: Policy =
        Policy::new(Retry::new(Backoff::constant(millis(10))).attempt_timeout(millis(30)).no_deadline());
    let (mut attempts, log, causes) = (Vec::new(), RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let outcome = POLICY
        .context(Embassy::seeded(7))
        .observe(|event: &Event| causes.borrow_mut().push(event.cause))
        .execute(async || {
            log.borrow_mut().push("asked");
            attempts.push(Instant::now());
            if attempts.len() < 3 {
                let _answer = Answer(&log);
                core::future::pending::<()>().await;
            }
            Ok::<_, ErrorClass>("answer")
        })
        .await;
    assert_eq!((outcome.value(), outcome.attempts), (Some(&"answer"), 3));
    assert_eq!(log.into_inner(), ["asked", "dropped", "asked", "dropped", "asked"]);
    assert_eq!(causes.into_inner(), [Some(Cause::Timeout), Some(Cause::Timeout), None]);
    let gaps = gaps(&attempts);
    assert!(gaps.iter().all(|gap| *gap >= 40_000), "{gaps:?}");
}

#[wasm_bindgen_test]
async fn attempts_that_all_time_out_end_the_call() {
    static POLICY: Policy =
        Policy::new(Retry::new(Backoff::none()).max_attempts(2).attempt_timeout(millis(20)).no_deadline());
    let start = Instant::now();
    let outcome = POLICY
        .context(Embassy::seeded(7))
        .execute(async || {
            Timer::after_secs(3_600).await;
            Ok::<(), ErrorClass>(())
        })
        .await;
    assert_eq!((outcome.attempts, outcome.cause), (2, Some(Cause::Timeout)));
    assert_eq!(
        (outcome.stop_reason, outcome.last_class),
        (Some(StopReason::MaxAttemptsGlobal), Some(ErrorClass::Transient))
    );
    assert!(start.elapsed().as_millis() >= 40);
}

#[wasm_bindgen_test]
async fn a_result_that_is_there_in_time_wins() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).attempt_timeout(HOUR).no_deadline());
    let start = Instant::now();
    let outcome = POLICY
        .context(Embassy::seeded(7))
        .execute(async || {
            Timer::after_millis(20).await;
            Ok::<_, ErrorClass>("in time")
        })
        .await;
    assert_eq!((outcome.value(), outcome.attempts), (Some(&"in time"), 1));
    assert!(start.elapsed().as_millis() >= 20);
}

#[wasm_bindgen_test]
async fn a_deadline_ends_a_call_that_would_go_on_for_ever() {
    static POLICY: Policy =
        Policy::new(Retry::new(Backoff::constant(millis(30))).unlimited_attempts().deadline(millis(200)));
    let start = Instant::now();
    let mut attempts = Vec::new();
    let error = POLICY
        .context(Embassy::seeded(7))
        .call(async || {
            attempts.push(Instant::now());
            Err::<(), _>(ErrorClass::Transient)
        })
        .await
        .unwrap_err();
    assert_eq!((error.reason, error.error), (StopReason::DeadlineExceeded, Some(ErrorClass::Transient)));
    // The seventh comes after 180 ms at the earliest, and another wait would reach the deadline.
    assert!((1..=7).contains(&attempts.len()), "{attempts:?}");
    assert_eq!(error.attempts as usize, attempts.len());
    assert!(gaps(&attempts).iter().all(|gap| *gap >= 30_000), "{attempts:?}");
    assert!(start.elapsed().as_millis() >= 170, "{attempts:?}");
}

#[wasm_bindgen_test]
async fn a_wait_that_would_reach_the_deadline_is_not_begun() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(HOUR)).deadline(Duration::from_secs(1_800)));
    let error =
        POLICY.context(Embassy::seeded(7)).call(async || Err::<(), _>(ErrorClass::Transient)).await.unwrap_err();
    assert_eq!((error.reason, error.attempts), (StopReason::DeadlineExceeded, 1));
    assert_eq!(error.next_delay, Some(Millis::from_duration(HOUR)));
}

/// Delays of a device, each of which it has waited out.
async fn delays(id: u64) -> Vec<u64> {
    static POLICY: Policy =
        Policy::new(Retry::new(Backoff::full_jitter(millis(8), millis(40))).max_attempts(6).no_deadline());
    let (mut delays, mut attempts) = (Vec::new(), Vec::new());
    let mut context = POLICY.context(Embassy::seeded(id)).sleep_handler(|_, delay| {
        delays.push(u64::from(delay.get()));
        SleepDecision::Sleep
    });
    let error = context
        .call(async || {
            attempts.push(Instant::now());
            Err::<(), _>(ErrorClass::Transient)
        })
        .await
        .unwrap_err();
    assert_eq!((error.reason, attempts.len()), (StopReason::MaxAttemptsGlobal, 6));
    let gaps = gaps(&attempts);
    assert!(gaps.iter().zip(&delays).all(|(gap, delay)| *gap >= delay * 1_000), "{gaps:?} {delays:?}");
    delays
}

#[wasm_bindgen_test]
async fn devices_diverge_and_none_repeats_itself() {
    // The time is mixed into the seed.
    let (a, later, b) = (delays(0x1001).await, delays(0x1001).await, delays(0x1002).await);
    assert_ne!(a, later);
    assert_ne!(a, b);
    assert!(a.iter().chain(&later).chain(&b).all(|delay| *delay <= 40), "{a:?} {b:?}");
}

#[wasm_bindgen_test]
async fn an_abort_condition_cuts_a_wait_short() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(HOUR)).no_deadline());
    // Counted from the attempt on, so that no delay before it makes the call end before it has begun.
    let asked = Cell::new(None);
    let waited = || asked.get().is_some_and(|asked: Instant| asked.elapsed().as_millis() >= 30);
    let error = POLICY
        .context(Embassy::seeded(7))
        .abort_if(waited)
        .call(async || {
            asked.set(Some(Instant::now()));
            Err::<(), _>(ErrorClass::Transient)
        })
        .await
        .unwrap_err();
    assert_eq!((error.reason, error.attempts), (StopReason::Aborted, 1));
    assert!(waited());
}
