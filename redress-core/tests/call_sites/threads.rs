//! What may be sent and shared across threads.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use redress_core::{
    AbortRetryError, AttemptDecision, AttemptEnd, AttemptStart, Attempts, Backoff, BackoffContext, Blocking,
    BreakerConfig, BreakerState, Budget, BudgetConfig, BudgetView, ByClass, Cause, Checkpoint, CheckpointError,
    CircuitBreaker, CircuitBreakerView, ClassSet, Classification, Clock, ConfigError, Context, Decision, ErrorClass,
    Event, EventKind, Failure, Instant, Local, Millis, Outcome, Policy, Rejected, Retry, RetryError, RetryTimeline,
    Run, SeededRandom, SelfClassifier, SleepDecision, StopReason, TimelineEvent, breaker::Permit, testing::ManualClock,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

static SHARED: CircuitBreaker<8> = CircuitBreaker::new(BreakerConfig::new(8));
static TOKENS: Budget = Budget::new(BudgetConfig::token_bucket(1_000).refill_per_success(1_000));
static SERVICE: Policy =
    Policy::new(Retry::new(Backoff::full_jitter(millis(1), millis(2)))).circuit_breaker(&SHARED).budget(&TOKENS);

/// A clock that threads may share.
struct Still;

impl Clock for Still {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        Instant::ZERO
    }
}

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
type Everywhere = Blocking<Still, fn(u64), fn() -> u32>;
assert_impl_all!(Context<'static, Everywhere>: Send, Sync);
assert_impl_all!(Run<'static, Everywhere, Hooks>: Send, Sync);
assert_impl_all!(redress_core::Resumed<'static, Everywhere, Hooks>: Send, Sync);

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
