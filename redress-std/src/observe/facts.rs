//! Facts that the ready observers read from an event.

use redress_core::{Event, EventKind, Millis, StopReason};

/// Why the call stopped, if this event is its end. A rejection says so by its kind alone, unless it only delays an attempt.
pub(super) fn stop_reason(event: &Event) -> Option<StopReason> {
    match event.kind {
        EventKind::CircuitRejected if event.delay == Millis::ZERO => Some(StopReason::CircuitOpen),
        _ => event.stop_reason,
    }
}

/// How the call ended, if this event is its end: `success` or the reason to stop.
#[cfg(any(feature = "tracing", feature = "metrics"))]
pub(super) fn outcome(event: &Event) -> Option<&'static str> {
    match event.kind {
        EventKind::Success => Some(EventKind::Success.as_str()),
        _ => stop_reason(event).map(StopReason::as_str),
    }
}

/// The delay, where one was decided; it may be zero.
#[cfg(any(feature = "log", feature = "tracing"))]
pub(super) fn delay_ms(event: &Event) -> Option<u32> {
    let is_decided = matches!(event.kind, EventKind::Retry | EventKind::Scheduled) || event.delay > Millis::ZERO;
    is_decided.then(|| event.delay.get())
}
