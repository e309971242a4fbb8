//! Tasks on embassy's own executor, which shares the page's event loop.

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use embassy_executor::{Executor, Spawner};
use embassy_sync::{blocking_mutex::raw::CriticalSectionRawMutex, channel::Channel, signal::Signal};
use embassy_time::{Instant, Timer};
use redress_embassy::{
    Backoff, BreakerConfig, BreakerState, CircuitBreaker, Embassy, ErrorClass, Policy, Retry, RetryError, StopReason,
};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::{HOUR, millis};

/// Starts an executor, which goes on for as long as the page is there.
fn start(tasks: impl FnOnce(Spawner)) {
    Box::leak(Box::new(Executor::new())).start(tasks);
}

/// What a task did; asserted in the test, because nobody sees a task panic.
type Done<T> = Channel<CriticalSectionRawMutex, T, 4>;

static REPAIRED: AtomicBool = AtomicBool::new(false);
static CALLED: Done<(u64, Result<Instant, RetryError<ErrorClass>>, u32)> = Channel::new();
static REPAIR: Signal<CriticalSectionRawMutex, Instant> = Signal::new();

#[embassy_executor::task(pool_size = 2)]
async fn call(id: u64) {
    static POLICY: Policy =
        Policy::new(Retry::new(Backoff::equal_jitter(millis(4), millis(16))).unlimited_attempts().no_deadline());
    let mut attempts = 0;
    let result = POLICY
        .context(Embassy::seeded(id))
        .call(async || {
            attempts += 1;
            if REPAIRED.load(Relaxed) { Ok(Instant::now()) } else { Err(ErrorClass::Transient) }
        })
        .await;
    CALLED.send((id, result, attempts)).await;
}

#[embassy_executor::task]
async fn repair() {
    Timer::after_millis(40).await;
    REPAIR.signal(Instant::now());
    REPAIRED.store(true, Relaxed);
}

#[wasm_bindgen_test]
async fn tasks_that_wait_let_others_run() {
    start(|spawner| {
        spawner.spawn(call(1).unwrap());
        spawner.spawn(call(2).unwrap());
        spawner.spawn(repair().unwrap());
    });
    // Were a wait to keep the executor, the repair would never come.
    let mut done = [CALLED.receive().await, CALLED.receive().await];
    let repaired = REPAIR.wait().await;
    done.sort_by_key(|(id, ..)| *id);
    assert_eq!(done.each_ref().map(|(id, ..)| *id), [1, 2]);
    for (id, result, attempts) in done {
        assert!(result.unwrap() >= repaired, "{id}");
        assert!(attempts >= 2, "{id}");
    }
}

static BREAKER: CircuitBreaker<3> = CircuitBreaker::new(BreakerConfig::new(3).recovery_timeout(HOUR));
static GUARDED: Policy = Policy::new(Retry::new(Backoff::none())).circuit_breaker(&BREAKER);
static OPENED: Signal<CriticalSectionRawMutex, ()> = Signal::new();
static OUTCOMES: Done<(&'static str, StopReason, u32)> = Channel::new();

#[embassy_executor::task]
async fn fail() {
    let once = GUARDED.once();
    let mut context = once.context(Embassy::seeded(1));
    for _ in 0..3 {
        let outcome = context.execute(async || Err::<(), _>(ErrorClass::Transient)).await;
        if let Some(reason) = outcome.stop_reason {
            OUTCOMES.send(("fail", reason, outcome.attempts)).await;
        }
    }
    OPENED.signal(());
}

#[embassy_executor::task]
async fn be_turned_away() {
    OPENED.wait().await;
    let outcome = GUARDED.context(Embassy::seeded(2)).execute(async || Ok::<_, ErrorClass>(())).await;
    if let Some(reason) = outcome.stop_reason {
        OUTCOMES.send(("be turned away", reason, outcome.attempts)).await;
    }
}

#[wasm_bindgen_test]
async fn tasks_share_a_breaker() {
    start(|spawner| {
        spawner.spawn(be_turned_away().unwrap());
        spawner.spawn(fail().unwrap());
    });
    for _ in 0..3 {
        assert_eq!(OUTCOMES.receive().await, ("fail", StopReason::MaxAttemptsGlobal, 1));
    }
    assert_eq!(OUTCOMES.receive().await, ("be turned away", StopReason::CircuitOpen, 0));
    assert_eq!(BREAKER.state(), BreakerState::Open);
}
