//! Events: the reports that observers receive.

use crate::{BreakerState, Classification, Classify, ErrorClass, Millis, named::named};

named! {
    @
    /// The reason against another attempt. Its [name](Self::as_str) is for fields and labels, its display for people.
    #[non_exhaustive]
    StopReason {
        /// `max_attempts` attempts were made.
        MaxAttemptsGlobal = "max_attempts_global",
        /// The class of the failure has used up its retries.
        MaxAttemptsPerClass = "max_attempts_per_class",
        /// `Auth`, `Permission` or `Permanent`.
        NonRetryableClass = "non_retryable_class",
        /// Too many failures of class `Unknown`.
        MaxUnknownAttempts = "max_unknown_attempts",
        /// The deadline has passed, or the next wait would reach it.
        DeadlineExceeded = "deadline_exceeded",
        /// The class has no backoff, and there is no default.
        NoStrategy = "no_strategy",
        /// The retry budget is spent.
        BudgetExhausted = "budget_exhausted",
        /// The sleep handler deferred the retry; a checkpoint tells where to resume.
        Scheduled = "scheduled",
        /// The abort condition held, or the operation or the sleep handler asked to stop.
        Aborted = "aborted",
        /// The circuit breaker let nothing through.
        CircuitOpen = "circuit_open",
        /// The server asked for a longer wait than [`Retry::retry_after_cap`](crate::Retry::retry_after_cap) allows.
        RetryAfterTooLong = "retry_after_too_long",
    }
}

named! {
    /// The kind of an event.
    #[non_exhaustive]
    EventKind {
        /// The operation succeeded.
        Success = "success",
        /// A retry was decided; [`Event::delay`] comes first.
        Retry = "retry",
        /// The attempts, or the retries of the class, are used up.
        MaxAttemptsExceeded = "max_attempts_exceeded",
        /// The failure is of a class that is not retried by default, and has no limit that allows it.
        PermanentFail = "permanent_fail",
        /// The retries of unknown failures are used up.
        MaxUnknownAttemptsExceeded = "max_unknown_attempts_exceeded",
        /// The deadline has passed or would be reached by the wait.
        DeadlineExceeded = "deadline_exceeded",
        /// There is no backoff for the class.
        NoStrategyConfigured = "no_strategy_configured",
        /// The retry budget is spent.
        BudgetExhausted = "budget_exhausted",
        /// The retry was handed over to be made later.
        Scheduled = "scheduled",
        /// The call was aborted.
        Aborted = "aborted",
        /// The circuit is open; the call was not made.
        CircuitRejected = "circuit_rejected",
        /// The circuit closed.
        CircuitClosed = "circuit_closed",
        /// The circuit opened.
        CircuitOpened = "circuit_opened",
        /// The circuit admits probes.
        CircuitHalfOpen = "circuit_half_open",
        /// The server asked for a longer wait than the policy allows; [`Event::retry_after`] is its hint.
        RetryAfterTooLong = "retry_after_too_long",
        /// A [kept](crate::keeper) connection is up. [`Event::attempt`] is the number of attempts it took, [`Event::elapsed`] the time
        /// offline.
        SessionEstablished = "session_established",
        /// A kept connection that was up is down again. [`Event::elapsed`] is the time it was up.
        SessionLost = "session_lost",
    }
}

named! {
    /// The form of a failure.
    #[non_exhaustive]
    Cause {
        /// The operation returned an error.
        Error = "error",
        /// The operation returned a value that the result classifier calls a failure.
        Result = "result",
        /// The attempt timed out.
        Timeout = "timeout",
    }
}

named! {
    /// The decision at the end of an attempt.
    #[non_exhaustive]
    AttemptDecision {
        /// It succeeded.
        Success = "success",
        /// There will be another.
        Retry = "retry",
        /// The failure is handed to the caller.
        Raise = "raise",
        /// The next one was handed over to be made later.
        Scheduled = "scheduled",
        /// The call was aborted.
        Aborted = "aborted",
    }
}

impl From<BreakerState> for EventKind {
    fn from(entered: BreakerState) -> Self {
        match entered {
            // In the order of the states, which makes this an addition.
            BreakerState::Closed => Self::CircuitClosed,
            BreakerState::Open => Self::CircuitOpened,
            BreakerState::HalfOpen => Self::CircuitHalfOpen,
        }
    }
}

impl StopReason {
    /// Returns the kind of the event that goes with it.
    #[expect(clippy::indexing_slicing, reason = "as many as there are reasons")]
    pub const fn event(self) -> EventKind {
        // Looked up, because a branch for each takes ten times as much.
        const EVENTS: [EventKind; 11] = [
            EventKind::MaxAttemptsExceeded,
            EventKind::MaxAttemptsExceeded,
            EventKind::PermanentFail,
            EventKind::MaxUnknownAttemptsExceeded,
            EventKind::DeadlineExceeded,
            EventKind::NoStrategyConfigured,
            EventKind::BudgetExhausted,
            EventKind::Scheduled,
            EventKind::Aborted,
            EventKind::CircuitRejected,
            EventKind::RetryAfterTooLong,
        ];
        EVENTS[self as usize]
    }

    /// Returns what it means for the attempt that ended.
    pub const fn decision(self) -> AttemptDecision {
        match self {
            Self::Scheduled => AttemptDecision::Scheduled,
            Self::Aborted => AttemptDecision::Aborted,
            _ => AttemptDecision::Raise,
        }
    }
}

impl core::fmt::Display for StopReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::MaxAttemptsGlobal => "no attempts left",
            Self::MaxAttemptsPerClass => "no retries left for this class",
            Self::NonRetryableClass => "not retryable",
            Self::MaxUnknownAttempts => "no retries left for unknown failures",
            Self::DeadlineExceeded => "no time left before the deadline",
            Self::NoStrategy => "no backoff for this class",
            Self::BudgetExhausted => "the retry budget is spent",
            Self::Scheduled => "the retry is deferred",
            Self::Aborted => "aborted",
            Self::CircuitOpen => "the circuit is open",
            Self::RetryAfterTooLong => "the server asked for a longer wait than the policy allows",
        })
    }
}

impl core::error::Error for StopReason {}

/// For calls inside of calls: an open circuit is a `Transient` failure, an abort stays one. Any other reason says nothing of
/// the failure before it.
impl Classify for StopReason {
    fn classify(&self) -> Classification {
        match self {
            Self::CircuitOpen => ErrorClass::Transient.into(),
            Self::Aborted => Classification::abort(),
            _ => ErrorClass::Unknown.into(),
        }
    }
}

/// The level of an event in logs: that of defmt, log and tracing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Level {
    /// For debugging.
    Debug,
    /// Worth a line in production.
    Info,
    /// Action may be needed.
    Warn,
}

/// One thing that happened during a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Event {
    /// The kind of the event.
    pub kind: EventKind,
    /// The name of the operation; empty if it has none.
    pub operation: &'static str,
    /// The attempt it happened at; 0 before the first and for the breaker.
    pub attempt: u32,
    /// Time since the start of the call; zero unless an observer [wants times](crate::Observer::WANTS_TIME) or there
    /// is a deadline.
    pub elapsed: Millis,
    /// The delay that was decided; zero where none was. Where an open circuit or a spent budget delays an attempt of a
    /// [kept connection](crate::keeper), that wait; it does not end the call.
    pub delay: Millis,
    /// The class of the failure.
    pub class: Option<ErrorClass>,
    /// Why the call stopped.
    pub stop_reason: Option<StopReason>,
    /// The kind of the failure: an error, a returned value, a timeout.
    pub cause: Option<Cause>,
    /// The new state of the breaker.
    pub state: Option<BreakerState>,
    /// The hint of the dependency: its Retry-After, with a retry and where it ended the call.
    pub retry_after: Option<Millis>,
    /// The numeric code of the failure.
    pub code: Option<u32>,
}

impl Event {
    /// Returns the level at which every sink reports the event.
    ///
    /// | level | events |
    /// |---|---|
    /// | debug | success of the first attempt; a call rejected by an open circuit, which told of itself when it opened |
    /// | info | a retry; a session established or lost; success after retries; a call that was scheduled or aborted; a circuit that closes or admits probes |
    /// | warn | a call that gave up; a circuit that opens |
    ///
    /// No event is an error: whether a call that gave up is one, its caller knows.
    pub const fn level(&self) -> Level {
        match self.kind {
            EventKind::Success if self.attempt <= 1 => Level::Debug,
            EventKind::CircuitRejected => Level::Debug,
            EventKind::Success
            | EventKind::Retry
            | EventKind::Scheduled
            | EventKind::Aborted
            | EventKind::CircuitClosed
            | EventKind::CircuitHalfOpen
            | EventKind::SessionEstablished
            | EventKind::SessionLost => Level::Info,
            EventKind::MaxAttemptsExceeded
            | EventKind::PermanentFail
            | EventKind::MaxUnknownAttemptsExceeded
            | EventKind::DeadlineExceeded
            | EventKind::NoStrategyConfigured
            | EventKind::BudgetExhausted
            | EventKind::CircuitOpened
            | EventKind::RetryAfterTooLong => Level::Warn,
        }
    }
}

/// An attempt begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct AttemptStart {
    /// Its number; the first is 1.
    pub attempt: u32,
    /// The name of the operation; empty if it has none.
    pub operation: &'static str,
    /// Time since the start of the call, as in [`Event::elapsed`].
    pub elapsed: Millis,
}

/// An attempt has ended; fires before any wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct AttemptEnd {
    /// Its number; the first is 1.
    pub attempt: u32,
    /// The name of the operation; empty if it has none.
    pub operation: &'static str,
    /// Time since the start of the call, as in [`Event::elapsed`].
    pub elapsed: Millis,
    /// The decision after the attempt.
    pub decision: AttemptDecision,
    /// The class of its failure.
    pub class: Option<ErrorClass>,
    /// Why the call stopped.
    pub stop_reason: Option<StopReason>,
    /// The kind of its failure.
    pub cause: Option<Cause>,
    /// The delay before the next attempt; zero if there is none.
    pub delay: Millis,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_event() {
        for (reason, event) in [
            (StopReason::MaxAttemptsGlobal, EventKind::MaxAttemptsExceeded),
            (StopReason::MaxAttemptsPerClass, EventKind::MaxAttemptsExceeded),
            (StopReason::NonRetryableClass, EventKind::PermanentFail),
            (StopReason::MaxUnknownAttempts, EventKind::MaxUnknownAttemptsExceeded),
            (StopReason::DeadlineExceeded, EventKind::DeadlineExceeded),
            (StopReason::NoStrategy, EventKind::NoStrategyConfigured),
            (StopReason::BudgetExhausted, EventKind::BudgetExhausted),
            (StopReason::Scheduled, EventKind::Scheduled),
            (StopReason::Aborted, EventKind::Aborted),
            (StopReason::CircuitOpen, EventKind::CircuitRejected),
            (StopReason::RetryAfterTooLong, EventKind::RetryAfterTooLong),
        ] {
            assert_eq!(reason.event(), event);
        }
    }
}
