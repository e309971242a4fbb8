//! The last events of a call, in a fixed place.

use heapless::HistoryBuf;

use crate::{BreakerState, Cause, ErrorClass, Event, EventKind, Millis, Observer, StopReason};

/// One entry of a timeline: an [`Event`] without what is the same for all of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct TimelineEvent {
    /// The attempt it happened at; 0 before the first and for the breaker.
    pub attempt: u32,
    /// Time since the start of the call.
    pub elapsed: Millis,
    /// The delay that was decided; zero where none was.
    pub delay: Millis,
    /// What happened.
    pub event: EventKind,
    /// The class of the failure.
    pub class: Option<ErrorClass>,
    /// Why the call stopped.
    pub stop_reason: Option<StopReason>,
    /// What the failure was.
    pub cause: Option<Cause>,
    /// The new state of the breaker.
    pub state: Option<BreakerState>,
}

impl From<&Event> for TimelineEvent {
    fn from(event: &Event) -> Self {
        Self {
            attempt: event.attempt,
            elapsed: event.elapsed,
            delay: event.delay,
            event: event.kind,
            class: event.class,
            stop_reason: event.stop_reason,
            cause: event.cause,
            state: event.state,
        }
    }
}

/// The last `N` events of a call. Full, it drops the oldest and counts them; a new call starts it anew.
///
/// ```
/// use redress_core::{Backoff, ErrorClass, EventKind, Policy, Retry, RetryTimeline, testing::TestEnv};
///
/// static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(2));
///
/// let mut timeline = RetryTimeline::<8>::new();
/// let outcome = POLICY.context(TestEnv::new()).observe(&mut timeline).execute(|| Err::<(), _>(ErrorClass::Transient));
/// assert!(!outcome.is_ok());
/// let kinds: Vec<_> = timeline.events().map(|event| event.event).collect();
/// assert_eq!(kinds, [EventKind::Retry, EventKind::MaxAttemptsExceeded]);
/// ```
#[derive(Debug)]
pub struct RetryTimeline<const N: usize> {
    events: HistoryBuf<TimelineEvent, N>,
    dropped: u32,
}

impl<const N: usize> RetryTimeline<N> {
    /// An empty timeline.
    pub const fn new() -> Self {
        Self { events: HistoryBuf::new(), dropped: 0 }
    }

    /// The events kept, oldest first.
    pub fn events(&self) -> impl Iterator<Item = &TimelineEvent> {
        self.events.oldest_ordered()
    }

    /// How many older events were dropped.
    pub const fn dropped(&self) -> u32 {
        self.dropped
    }
}

impl<const N: usize> Default for RetryTimeline<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Observer for RetryTimeline<N> {
    fn on_call_start(&mut self, _operation: &'static str) {
        self.events.clear();
        self.dropped = 0;
    }

    fn on_event(&mut self, event: &Event) {
        if self.events.is_full() {
            self.dropped = self.dropped.saturating_add(1);
        }
        self.events.write(event.into());
    }
}

impl<const N: usize> Observer for &mut RetryTimeline<N> {
    fn on_call_start(&mut self, operation: &'static str) {
        (**self).on_call_start(operation);
    }

    fn on_event(&mut self, event: &Event) {
        (**self).on_event(event);
    }
}
