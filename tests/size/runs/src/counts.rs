//! How often a call reads the clock and enters a critical section.

use core::{
    hint::black_box,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use critical_section::RawRestoreState;
use redress_core::{
    Backoff, Blocking, BreakerConfig, Budget, BudgetConfig, CircuitBreaker, Clock, ErrorClass, Event, Instant, Policy,
    Retry,
};

static READINGS: AtomicU32 = AtomicU32::new(0);
static SECTIONS: AtomicU32 = AtomicU32::new(0);

fn count(counter: &AtomicU32) {
    counter.store(counter.load(Relaxed) + 1, Relaxed);
}

struct Counted;

critical_section::set_impl!(Counted);

// SAFETY: the emulated core is the only one, and none of its interrupts is enabled.
#[expect(unsafe_code, reason = "the signature of critical-section")]
unsafe impl critical_section::Impl for Counted {
    #[allow(clippy::semicolon_if_nothing_returned, reason = "the other packages of a build choose the type")]
    unsafe fn acquire() -> RawRestoreState {
        count(&SECTIONS);
        RawRestoreState::default()
    }

    unsafe fn release(_state: RawRestoreState) {}
}

impl Clock for Counted {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        count(&READINGS);
        Instant::from_ticks(READINGS.load(Relaxed).into())
    }
}

const RETRY: Retry = Retry::new(Backoff::full_jitter(Duration::from_millis(10), Duration::from_secs(1)));
static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(4));
static BUCKET: Budget = Budget::new(BudgetConfig::token_bucket(100).refill_per_success(100_000));
static WINDOW: Budget<8> = Budget::new(BudgetConfig::rolling(8, Duration::from_secs(60)));

static LIMITED: Policy = Policy::new(RETRY.no_deadline());
static BROKEN: Policy = Policy::new(RETRY.no_deadline()).circuit_breaker(&BREAKER);
static FULL: Policy = Policy::new(RETRY).circuit_breaker(&BREAKER).budget(&BUCKET);
static ROLLING: Policy = Policy::new(RETRY).circuit_breaker(&BREAKER).budget(&WINDOW);

/// Returns the readings and the critical sections of a call that fails so often.
fn counted(policy: &Policy<'_>, failures: u32, is_observed: bool) -> [u32; 2] {
    let before = [&READINGS, &SECTIONS].map(|counter| counter.load(Relaxed));
    let mut left = failures;
    let operation = || {
        if left == 0 {
            return Ok(());
        }
        left -= 1;
        Err(ErrorClass::Transient)
    };
    let context = policy.context(Blocking::new(Counted, |_: u64| (), || 0));
    let result = if is_observed {
        context.observe(|event: &Event| _ = black_box(*event)).call(operation)
    } else {
        { context }.call(operation)
    };
    let _ = black_box(result.is_ok());
    let [readings, sections] = [&READINGS, &SECTIONS].map(|counter| counter.load(Relaxed));
    [readings - before[0], sections - before[1]]
}

/// Calls with their names, in this order: the last two open the circuit and are rejected by it.
pub(crate) fn all() -> [(&'static str, [u32; 2]); 8] {
    [
        ("limited", counted(&LIMITED, 3, false)),
        ("breaker-success", counted(&BROKEN, 0, false)),
        ("full-success", counted(&FULL, 0, false)),
        ("full", counted(&FULL, 3, false)),
        ("full-observed", counted(&FULL, 3, true)),
        ("rolling", counted(&ROLLING, 3, false)),
        ("opens", {
            for _ in 0..3 {
                counted(&BROKEN, 6, false);
            }
            counted(&BROKEN, 6, false)
        }),
        ("rejected", counted(&BROKEN, 0, false)),
    ]
}
