//! Policies, strategies and breakers with scripted answers.

use core::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use crate::{
    AttemptEnd, AttemptStart, Backoff, BackoffContext, BreakerConfig, BreakerState, CircuitBreaker, ClassSet,
    ErrorClass, Event, Millis, Observer, Policy, Retry, RetryTimeline, Strategy,
};

/// Retries at once, up to six attempts in all: for tests in which only the attempts matter. Neither deadline nor cap on
/// unknown failures.
pub static INSTANT_RETRIES: Policy<'static> = Policy::new(Retry::new(Backoff::none()).no_deadline().no_unknown_cap());

/// One attempt: for tests in which a retry would hide what failed.
pub static NO_RETRIES: Policy<'static> = Policy::new(Retry::new(Backoff::none()).max_attempts(1));

/// The delays of a list, one after the other over all calls, and then its last one; draws no random number.
///
/// ```
/// use redress_core::{Backoff, ErrorClass, Millis, Policy, Retry, testing::{DeterministicStrategy, TestEnv}};
///
/// static DELAYS: [Millis; 2] = [Millis::new(5), Millis::new(70)];
/// let strategy = DeterministicStrategy::new(&DELAYS);
/// let policy = Policy::new(Retry::new(Backoff::custom(&strategy)).max_attempts(4));
/// let mut context = policy.context(TestEnv::new());
/// assert!(context.call(|| Err::<(), _>(ErrorClass::Transient)).is_err());
/// assert!(context.env().sleeps().eq([5, 70, 70].map(Millis::new)));
/// assert_eq!(strategy.asked(), 3);
/// ```
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
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FakeCircuitBreaker(CircuitBreaker<1>);

impl FakeCircuitBreaker {
    /// A closed breaker that never opens by itself and, forced open, stays open for 24 days.
    pub const fn new() -> Self {
        let config = BreakerConfig::new(1).trip_on(ClassSet::of(&[ErrorClass::Permanent]));
        Self(CircuitBreaker::new(config.recovery_timeout(Duration::from_secs(24 * 86_400))))
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
///
/// ```
/// use redress_core::{ErrorClass, EventKind, testing::{INSTANT_RETRIES, RecordingPolicy, TestEnv}};
///
/// let mut recording = RecordingPolicy::<8>::default();
/// let mut context = INSTANT_RETRIES.context(TestEnv::new()).observe(&mut recording);
/// assert_eq!(context.call(|| Ok::<_, ErrorClass>(7)), Ok(7));
/// assert!(context.call(|| Err::<(), _>(ErrorClass::Transient)).is_err());
/// assert_eq!((recording.calls, recording.attempts, recording.ended), (2, 7, 7));
/// assert_eq!(recording.timeline.events().last().map(|event| event.event), Some(EventKind::MaxAttemptsExceeded));
/// ```
#[derive(Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
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
