//! What an observer is told.

use crate::{BreakerState, ErrorClass, Millis};

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        /// By its name, which is interned.
        #[cfg(feature = "defmt")]
        impl defmt::Format for $name {
            fn format(&self, f: defmt::Formatter<'_>) {
                let name = match self {
                    $(Self::$variant => defmt::intern!($text),)*
                };
                defmt::write!(f, "{=istr}", name);
            }
        }

        impl $name {
            /// The name used by every sink, in snake case.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

named! {
    /// Why there was no further attempt.
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
    }
}

named! {
    /// What happened, as a name.
    EventKind {
        /// The operation succeeded.
        Success = "success",
        /// A retry was decided; [`Event::delay`] comes first.
        Retry = "retry",
        /// The attempts, or the retries of the class, are used up.
        MaxAttemptsExceeded = "max_attempts_exceeded",
        /// The failure is of a class that is never retried.
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
    }
}

named! {
    /// What a failure was.
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
    /// What was decided at the end of an attempt.
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
    /// The event that goes with it.
    #[expect(clippy::indexing_slicing, reason = "as many as there are reasons")]
    pub const fn event(self) -> EventKind {
        // Looked up, because a branch for each takes ten times as much.
        const EVENTS: [EventKind; 10] = [
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
        ];
        EVENTS[self as usize]
    }

    /// What it means for the attempt that ended.
    pub const fn decision(self) -> AttemptDecision {
        match self {
            Self::Scheduled => AttemptDecision::Scheduled,
            Self::Aborted => AttemptDecision::Aborted,
            _ => AttemptDecision::Raise,
        }
    }
}

/// One thing that happened during a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The name of the operation; empty if it has none.
    pub operation: &'static str,
    /// The attempt it happened at; 0 before the first and for the breaker.
    pub attempt: u32,
    /// Time since the start of the call; zero unless an observer [wants times](crate::Observer::WANTS_TIME) or there
    /// is a deadline.
    pub elapsed: Millis,
    /// The delay that was decided; zero where none was.
    pub delay: Millis,
    /// The class of the failure.
    pub class: Option<ErrorClass>,
    /// Why the call stopped.
    pub stop_reason: Option<StopReason>,
    /// What the failure was.
    pub cause: Option<Cause>,
    /// The new state of the breaker.
    pub state: Option<BreakerState>,
    /// The other side's hint.
    pub retry_after: Option<Millis>,
    /// The numeric code of the failure.
    pub code: Option<u32>,
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
    /// What was decided.
    pub decision: AttemptDecision,
    /// The class of its failure.
    pub class: Option<ErrorClass>,
    /// Why the call stopped.
    pub stop_reason: Option<StopReason>,
    /// What its failure was.
    pub cause: Option<Cause>,
    /// The delay before the next attempt; zero if there is none.
    pub delay: Millis,
}

/// Is told what happens; cannot fail and cannot change a decision.
///
/// `()` observes nothing and costs nothing. Closures of `&Event` are observers, pairs and triples of observers are, and
/// so is a mutable reference to a [`RetryTimeline`](crate::RetryTimeline).
///
/// An observer MUST NOT panic and SHOULD NOT block. The environments of `redress-std` keep a panic of it from the call.
pub trait Observer {
    /// Whether there is an observer at all; if not, it need not be told.
    const ACTIVE: bool = true;

    /// Whether [`Event::elapsed`] shall be filled in, which costs reading the clock.
    const WANTS_TIME: bool = true;

    /// A call starts.
    fn on_call_start(&mut self, operation: &'static str) {
        let _ = operation;
    }

    /// Something happened.
    fn on_event(&mut self, event: &Event) {
        let _ = event;
    }

    /// An attempt begins.
    fn on_attempt_start(&mut self, start: &AttemptStart) {
        let _ = start;
    }

    /// An attempt has ended.
    fn on_attempt_end(&mut self, end: &AttemptEnd) {
        let _ = end;
    }
}

impl Observer for () {
    const ACTIVE: bool = false;
    const WANTS_TIME: bool = false;
}

impl<F: FnMut(&Event)> Observer for F {
    fn on_event(&mut self, event: &Event) {
        self(event);
    }
}

macro_rules! observe_together {
    ($($name:ident $index:tt),*) => {
        impl<$($name: Observer),*> Observer for ($($name,)*) {
            const ACTIVE: bool = $($name::ACTIVE)||*;
            const WANTS_TIME: bool = $($name::WANTS_TIME)||*;

            fn on_call_start(&mut self, operation: &'static str) {
                $(self.$index.on_call_start(operation);)*
            }

            fn on_event(&mut self, event: &Event) {
                $(self.$index.on_event(event);)*
            }

            fn on_attempt_start(&mut self, start: &AttemptStart) {
                $(self.$index.on_attempt_start(start);)*
            }

            fn on_attempt_end(&mut self, end: &AttemptEnd) {
                $(self.$index.on_attempt_end(end);)*
            }
        }
    };
}

observe_together!(A 0, B 1);
observe_together!(A 0, B 1, C 2);

/// Observes through a reference: for observers that are looked at after the call.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ByRef<'a, O>(pub &'a mut O);

impl<O: Observer> Observer for ByRef<'_, O> {
    const ACTIVE: bool = O::ACTIVE;
    const WANTS_TIME: bool = O::WANTS_TIME;

    fn on_call_start(&mut self, operation: &'static str) {
        self.0.on_call_start(operation);
    }

    fn on_event(&mut self, event: &Event) {
        self.0.on_event(event);
    }

    fn on_attempt_start(&mut self, start: &AttemptStart) {
        self.0.on_attempt_start(start);
    }

    fn on_attempt_end(&mut self, end: &AttemptEnd) {
        self.0.on_attempt_end(end);
    }
}

/// An observer out of a closure that is told of each attempt's end.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OnAttemptEnd<F>(pub F);

impl<F: FnMut(&AttemptEnd)> Observer for OnAttemptEnd<F> {
    fn on_attempt_end(&mut self, end: &AttemptEnd) {
        (self.0)(end);
    }
}

/// An observer out of a closure that is told of each attempt's start.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OnAttemptStart<F>(pub F);

impl<F: FnMut(&AttemptStart)> Observer for OnAttemptStart<F> {
    fn on_attempt_start(&mut self, start: &AttemptStart) {
        (self.0)(start);
    }
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
        ] {
            assert_eq!(reason.event(), event);
        }
    }
}
