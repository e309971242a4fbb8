//! The last events of a call, in a fixed place.

use heapless::Vec;

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
    /// The kind of event.
    pub event: EventKind,
    /// The class of the failure.
    pub class: Option<ErrorClass>,
    /// Why the call stopped.
    pub stop_reason: Option<StopReason>,
    /// The kind of failure.
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
pub struct RetryTimeline<const N: usize> {
    /// Once it is full, the oldest is at `next`.
    events: Vec<TimelineEvent, N>,
    next: usize,
    dropped: u32,
}

impl<const N: usize> RetryTimeline<N> {
    /// An empty timeline.
    pub const fn new() -> Self {
        Self { events: Vec::new(), next: 0, dropped: 0 }
    }

    /// The events kept, oldest first.
    pub fn events(&self) -> impl Iterator<Item = &TimelineEvent> {
        // By index: the length of a part would take a division.
        let (len, mut place) = (self.events.len(), self.next);
        (0..len).filter_map(move |_| {
            let event = self.events.get(place);
            let next = place.wrapping_add(1);
            place = if next < len { next } else { 0 };
            event
        })
    }

    /// How many older events were dropped.
    pub const fn dropped(&self) -> u32 {
        self.dropped
    }

    fn push(&mut self, event: TimelineEvent) {
        if !self.events.is_full() {
            let _ = self.events.push(event);
            return;
        }
        // Written so that no index has to be checked: the timeline is in images that must not panic.
        if let Some(oldest) = self.events.get_mut(self.next) {
            *oldest = event;
        }
        self.dropped = self.dropped.saturating_add(1);
        let next = self.next.wrapping_add(1);
        self.next = if next < N { next } else { 0 };
    }
}

impl<const N: usize> core::fmt::Debug for RetryTimeline<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.events()).finish()
    }
}

#[cfg(feature = "defmt")]
impl<const N: usize> defmt::Format for RetryTimeline<N> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{} dropped, then", self.dropped());
        for event in self.events() {
            defmt::write!(f, " {}", event);
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
        self.events.clear();
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

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    const BLANK: TimelineEvent = TimelineEvent {
        attempt: 0,
        elapsed: Millis::ZERO,
        delay: Millis::ZERO,
        event: EventKind::Success,
        class: None,
        stop_reason: None,
        cause: None,
        state: None,
    };

    fn told<const N: usize>(events: u32) -> RetryTimeline<N> {
        let mut timeline = RetryTimeline::new();
        for attempt in 1..=events {
            timeline.push(TimelineEvent { attempt, ..BLANK });
        }
        timeline
    }

    #[test]
    fn the_last_events_are_kept_oldest_first_and_the_others_counted() {
        for (events, kept, dropped) in [
            (0, &[][..], 0),
            (1, &[1], 0),
            (2, &[1, 2], 0),
            (3, &[1, 2, 3], 0),
            (4, &[2, 3, 4], 1),
            (5, &[3, 4, 5], 2),
            (6, &[4, 5, 6], 3),
            (7, &[5, 6, 7], 4),
        ] {
            let timeline = told::<3>(events);
            assert_eq!(timeline.events().map(|event| event.attempt).collect::<std::vec::Vec<_>>(), kept);
            assert_eq!(timeline.dropped(), dropped);
        }
        assert_eq!((told::<0>(2).events().count(), told::<0>(2).dropped()), (0, 2));
    }

    #[test]
    fn a_new_call_starts_it_anew() {
        let mut timeline = told::<3>(5);
        timeline.on_call_start("");
        assert_eq!((timeline.events().count(), timeline.dropped()), (0, 0));
    }
}
