//! Policies, strategies and breakers that do as they are told.

use core::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use crate::{
    AttemptEnd, AttemptStart, Backoff, BackoffContext, BreakerConfig, BreakerState, CircuitBreaker, ClassSet,
    ErrorClass, Event, Millis, Observer, Policy, Retry, RetryTimeline, Strategy,
};

/// Retries at once, up to six attempts in all: for tests in which only the attempts matter.
pub static INSTANT_RETRIES: Policy<'static> = Policy::new(Retry::new(Backoff::none()).no_deadline().no_unknown_cap());

/// One attempt: for tests in which a retry would hide what failed.
pub static NO_RETRIES: Policy<'static> = Policy::new(Retry::new(Backoff::none()).max_attempts(1));

/// The delays of a list, one after the other over all calls, and then its last one; draws no random number.
#[derive(Debug)]
pub struct DeterministicStrategy<'a> {
    delays: &'a [Millis],
    asked: AtomicUsize,
}

impl<'a> DeterministicStrategy<'a> {
    /// A strategy with these delays; an empty list means none.
    pub const fn new(delays: &'a [Millis]) -> Self {
        Self { delays, asked: AtomicUsize::new(0) }
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Relaxed)
    }
}

impl Strategy for DeterministicStrategy<'_> {
    fn delay(&self, _context: &BackoffContext) -> Millis {
        // Tests ask from one thread; a plain load and store also work where there is no compare-and-swap.
        let asked = self.asked();
        self.asked.store(asked.saturating_add(1), Relaxed);
        self.delays.get(asked).or(self.delays.last()).copied().unwrap_or_default()
    }

    fn draws(&self) -> bool {
        false
    }
}

/// A breaker which is in the state a test wants it in.
///
/// ```
/// use redress_core::{BreakerState, Policy, StopReason, testing::{FakeCircuitBreaker, NO_RETRIES, TestEnv}};
///
/// let breaker = FakeCircuitBreaker::new();
/// breaker.force(BreakerState::Open);
/// let policy = NO_RETRIES.circuit_breaker(breaker.breaker());
/// let outcome = policy.context(TestEnv::new()).execute(|| Ok::<(), redress_core::ErrorClass>(()));
/// assert_eq!(outcome.stop_reason, Some(StopReason::CircuitOpen));
/// ```
#[derive(Debug)]
pub struct FakeCircuitBreaker(CircuitBreaker<1>);

impl FakeCircuitBreaker {
    /// A closed breaker that never opens by itself and, forced open, stays open for 49 days.
    pub const fn new() -> Self {
        let config = BreakerConfig::new(1).trip_on(ClassSet::of(&[ErrorClass::Permanent]));
        Self(CircuitBreaker::new(config.recovery_timeout(Duration::from_secs(49 * 86_400))))
    }

    /// Puts it into a state.
    pub fn force(&self, state: BreakerState) {
        self.0.force(state);
    }

    /// The breaker for a policy.
    pub const fn breaker(&self) -> &CircuitBreaker<1> {
        &self.0
    }
}

impl Default for FakeCircuitBreaker {
    fn default() -> Self {
        Self::new()
    }
}

/// An observer that records what a policy did in all calls: a timeline of the last `N` events, and counts.
#[derive(Debug, Default)]
pub struct RecordingPolicy<const N: usize> {
    /// The last events.
    pub timeline: RetryTimeline<N>,
    /// Calls started.
    pub calls: u32,
    /// Attempts started.
    pub attempts: u32,
    /// Attempts ended.
    pub ended: u32,
}

impl<const N: usize> Observer for &mut RecordingPolicy<N> {
    fn on_call_start(&mut self, _operation: &'static str) {
        self.calls = self.calls.saturating_add(1);
    }

    fn on_event(&mut self, event: &Event) {
        self.timeline.on_event(event);
    }

    fn on_attempt_start(&mut self, _start: &AttemptStart) {
        self.attempts = self.attempts.saturating_add(1);
    }

    fn on_attempt_end(&mut self, _end: &AttemptEnd) {
        self.ended = self.ended.saturating_add(1);
    }
}
