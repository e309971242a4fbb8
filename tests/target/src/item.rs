//! What happens in a call.

use redress_core::{
    AttemptDecision, AttemptEnd, BreakerState, Cause, ErrorClass, Event, EventKind, Millis, Outcome, StopReason,
};

/// One thing that happened. Times are since the start of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// An attempt began.
    Start(Millis),
    /// An observer was notified of an event.
    Event(EventItem),
    /// An observer was notified of the end of an attempt.
    End(EndItem),
    /// A wait of so many ticks was requested.
    Sleep(Millis),
    /// The call returned.
    Finish(FinishItem),
    /// Something happened that must not happen whatever the vector.
    Wrong(&'static str),
}

/// An event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `Event`")]
pub struct EventItem {
    pub kind: EventKind,
    pub attempt: u8,
    pub elapsed: Millis,
    pub delay: Millis,
    pub class: Option<ErrorClass>,
    pub stop_reason: Option<StopReason>,
    pub cause: Option<Cause>,
    pub state: Option<BreakerState>,
    pub retry_after: Option<Millis>,
}

/// The end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `AttemptEnd`")]
pub struct EndItem {
    pub attempt: u8,
    pub elapsed: Millis,
    pub decision: AttemptDecision,
    pub class: Option<ErrorClass>,
    pub stop_reason: Option<StopReason>,
    pub cause: Option<Cause>,
    pub delay: Millis,
}

/// The end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `Outcome`, and of what the calls share")]
pub struct FinishItem {
    pub stop_reason: Option<StopReason>,
    pub attempts: u8,
    pub last_class: Option<ErrorClass>,
    pub cause: Option<Cause>,
    pub last_failure_attempt: Option<u8>,
    pub next_delay: Option<Millis>,
    pub elapsed: Millis,
    pub draws: u8,
    pub state: Option<BreakerState>,
    pub remaining: Option<u16>,
}

/// Counts attempts and draws: those of vectors are few.
pub(crate) fn short(count: u32) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

impl From<&Event> for Item {
    fn from(event: &Event) -> Self {
        Self::Event(EventItem {
            kind: event.kind,
            attempt: short(event.attempt),
            elapsed: event.elapsed,
            delay: event.delay,
            class: event.class,
            stop_reason: event.stop_reason,
            cause: event.cause,
            state: event.state,
            retry_after: event.retry_after,
        })
    }
}

impl From<&AttemptEnd> for Item {
    fn from(end: &AttemptEnd) -> Self {
        Self::End(EndItem {
            attempt: short(end.attempt),
            elapsed: end.elapsed,
            decision: end.decision,
            class: end.class,
            stop_reason: end.stop_reason,
            cause: end.cause,
            delay: end.delay,
        })
    }
}

impl FinishItem {
    pub(crate) fn new<T, E>(
        outcome: &Outcome<T, E>,
        draws: u8,
        state: Option<BreakerState>,
        remaining: Option<u16>,
    ) -> Self {
        Self {
            stop_reason: outcome.stop_reason,
            attempts: short(outcome.attempts),
            last_class: outcome.last_class,
            cause: outcome.cause,
            last_failure_attempt: outcome.last_failure_attempt.map(short),
            next_delay: outcome.next_delay,
            elapsed: outcome.elapsed,
            draws,
            state,
            remaining,
        }
    }
}
