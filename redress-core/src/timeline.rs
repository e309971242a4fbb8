//! The last events of a call, in a fixed place.

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
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RetryTimeline<const N: usize> {
    /// A ring: from `next` on the older ones, before it the newer.
    events: [Option<TimelineEvent>; N],
    next: usize,
    dropped: u32,
}

impl<const N: usize> RetryTimeline<N> {
    /// An empty timeline.
    // Inlined, it would be made somewhere else and copied.
    #[cfg_attr(any(target_os = "none", target_family = "wasm"), inline(never))]
    pub const fn new() -> Self {
        Self { events: [None; N], next: 0, dropped: 0 }
    }

    /// The events kept, oldest first.
    pub fn events(&self) -> impl Iterator<Item = &TimelineEvent> {
        // By index: the length of a part would take a division.
        (self.next..N).chain(0..self.next).filter_map(|place| self.events.get(place)?.as_ref())
    }

    /// How many older events were dropped.
    pub const fn dropped(&self) -> u32 {
        self.dropped
    }

    fn push(&mut self, event: TimelineEvent) {
        // Written so that no index has to be checked: the timeline is in images that must not panic.
        let mut place = self.events.get_mut(self.next);
        if place.is_none() {
            self.next = 0;
            place = self.events.first_mut();
        }
        self.next = self.next.saturating_add(1);
        if place.is_none_or(|place| place.replace(event).is_some()) {
            self.dropped = self.dropped.saturating_add(1);
        }
    }
}

impl<const N: usize> Default for RetryTimeline<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Observer for RetryTimeline<N> {
    fn on_call_start(&mut self, _operation: &'static str) {
        // In place, without another one to copy from.
        self.events.iter_mut().for_each(|event| *event = None);
        (self.next, self.dropped) = (0, 0);
    }

    fn on_event(&mut self, event: &Event) {
        self.push(event.into());
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
