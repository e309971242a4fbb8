//! What happened in a call, in the words of the vectors.

use redress_core::{
    AttemptDecision, AttemptEnd, BreakerState, Cause, ErrorClass, Event, EventKind, Millis, Outcome, RetryError,
    StopReason,
};
use serde::Serialize;

/// A call.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct CallTrace {
    #[serde(flatten)]
    pub ending: Ending,
    pub sleeps_us: Vec<u64>,
    pub events: Vec<EventTrace>,
    pub attempt_starts_us: Vec<u64>,
    pub attempt_ends: Vec<EndTrace>,
    pub draws: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker_state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_remaining: Option<u16>,
}

/// What a call tells at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct Ending {
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<String>,
    pub attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure_attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_sleep_us: Option<u64>,
    pub elapsed_us: u64,
}

/// An event.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct EventTrace {
    pub event: &'static str,
    pub attempt: u32,
    pub t_us: u64,
    pub sleep_us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_us: Option<u64>,
}

/// The end of an attempt.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct EndTrace {
    pub attempt: u32,
    pub t_us: u64,
    pub decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sleep_us: Option<u64>,
}

/// A span in microseconds.
pub fn micros(span: Millis) -> u64 {
    u64::from(span.get()) * 1_000
}

/// The name of a class in the vectors.
pub fn class_name(class: ErrorClass) -> String {
    class.as_str().to_uppercase()
}

/// The name of a stop reason in the vectors.
pub fn reason_name(reason: StopReason) -> String {
    reason.as_str().to_uppercase()
}

/// The name of a cause in the vectors; these know no timeouts.
pub fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::Error => "exception",
        Cause::Result => "result",
        Cause::Timeout => "timeout",
        cause => cause.as_str(),
    }
}

impl EventTrace {
    /// An event of a breaker.
    pub fn of_breaker(kind: EventKind, t_us: u64, state: BreakerState, class: Option<ErrorClass>) -> Self {
        Self {
            event: kind.as_str(),
            t_us,
            state: Some(state.as_str()),
            class: class.map(class_name),
            ..Self::default()
        }
    }
}

impl From<&Event> for EventTrace {
    fn from(event: &Event) -> Self {
        Self {
            event: event.kind.as_str(),
            attempt: event.attempt,
            t_us: micros(event.elapsed),
            sleep_us: micros(event.delay),
            class: event.class.map(class_name),
            stop_reason: event.stop_reason.map(reason_name),
            cause: event.cause.map(cause_name),
            state: event.state.map(BreakerState::as_str),
            retry_after_us: event.retry_after.map(micros),
        }
    }
}

impl From<&AttemptEnd> for EndTrace {
    fn from(end: &AttemptEnd) -> Self {
        // The crate has a plain zero where the vectors have no value.
        let waits = matches!(end.decision, AttemptDecision::Retry | AttemptDecision::Scheduled);
        Self {
            attempt: end.attempt,
            t_us: micros(end.elapsed),
            decision: end.decision.as_str(),
            class: end.class.map(class_name),
            stop_reason: end.stop_reason.map(reason_name),
            cause: end.cause.map(cause_name),
            sleep_us: (waits || end.delay != Millis::ZERO).then(|| micros(end.delay)),
        }
    }
}

/// The delay which the vectors report. When to come back to an open circuit is in the crate's answer only.
fn next_sleep(reason: StopReason, delay: Option<Millis>) -> Option<u64> {
    if reason == StopReason::CircuitOpen { None } else { delay.map(micros) }
}

impl<T, E> From<&Outcome<T, E>> for Ending {
    fn from(outcome: &Outcome<T, E>) -> Self {
        Self {
            ok: outcome.is_ok(),
            stop_reason: outcome.stop_reason.map(reason_name),
            attempts: outcome.attempts,
            last_class: outcome.last_class.map(class_name),
            cause: outcome.cause.map(cause_name),
            last_failure_attempt: outcome.last_failure_attempt,
            next_sleep_us: match outcome.stop_reason {
                Some(reason) => next_sleep(reason, outcome.next_delay),
                None => outcome.next_delay.map(micros),
            },
            elapsed_us: micros(outcome.elapsed),
        }
    }
}

impl<E> From<&RetryError<E>> for Ending {
    fn from(error: &RetryError<E>) -> Self {
        Self {
            ok: false,
            stop_reason: Some(reason_name(error.reason)),
            attempts: error.attempts,
            last_class: error.last_class.map(class_name),
            cause: error.cause.map(cause_name),
            next_sleep_us: next_sleep(error.reason, error.next_delay),
            ..Self::default()
        }
    }
}
