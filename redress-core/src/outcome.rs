//! The results of calls.

use crate::{
    Cause, Checkpoint, ErrorClass, Millis, Policy, RetryError, StopReason,
    call::{Call, Stop},
    sentence::Sentence,
};

/// The last failure of a call, by value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Failure<T, E> {
    /// The operation returned this error.
    Error(E),
    /// The operation returned this value, which the result classifier calls a failure.
    Result(T),
    /// The attempt timed out.
    Timeout,
}

impl<T, E> Failure<T, E> {
    /// Borrows the error, if it was one.
    pub(crate) const fn error(&self) -> Option<&E> {
        match self {
            Self::Error(error) => Some(error),
            Self::Result(_) | Self::Timeout => None,
        }
    }

    /// Returns the error, if it was one.
    pub fn into_error(self) -> Option<E> {
        match self {
            Self::Error(error) => Some(error),
            Self::Result(_) | Self::Timeout => None,
        }
    }
}

/// A report about a call that has ended.
///
/// ```
/// use redress_core::{Backoff, ErrorClass, Policy, Retry, StopReason, testing::TestEnv};
///
/// static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(2));
///
/// let outcome = POLICY.context(TestEnv::new()).execute(|| Err::<(), _>(ErrorClass::Transient));
/// assert_eq!(outcome.stop_reason, Some(StopReason::MaxAttemptsGlobal));
/// assert_eq!((outcome.attempts, outcome.last_class), (2, Some(ErrorClass::Transient)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Outcome<T, E> {
    /// The name of the operation; empty if it has none.
    pub operation: &'static str,
    /// The value, or the last failure (`None` if nothing ran).
    pub result: Result<T, Option<Failure<T, E>>>,
    /// Why the call stopped; `None` after success.
    pub stop_reason: Option<StopReason>,
    /// Attempts that were started, those before the call was resumed included; 0 if none was made here.
    pub attempts: u32,
    /// The class of the latest failure; `None` after success.
    pub last_class: Option<ErrorClass>,
    /// The kind of the latest failure; `None` after success.
    pub cause: Option<Cause>,
    /// The numeric code of the failure after which the call ended, such as the status of a rejected HTTP response; `None` if it
    /// has none, if the call ended before or between attempts, and after success.
    pub code: Option<u32>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) is_http: bool,
    /// The attempt of the latest failure; `None` after success.
    pub last_failure_attempt: Option<u32>,
    /// How long the call took, to the millisecond.
    pub elapsed: Millis,
    /// The delay that was decided but not taken: after a deadline, a deferral, or for an open circuit. Of
    /// [`StopReason::RetryAfterTooLong`], the hint of the server.
    pub next_delay: Option<Millis>,
    /// The checkpoint to resume from, after a deferral ([`StopReason::Scheduled`]).
    pub checkpoint: Option<Checkpoint>,
}

impl<T, E> Outcome<T, E> {
    /// Returns whether the operation succeeded in the end.
    pub const fn is_ok(&self) -> bool {
        self.result.is_ok()
    }

    /// Borrows the value of the operation, if it succeeded.
    pub const fn value(&self) -> Option<&T> {
        match &self.result {
            Ok(value) => Some(value),
            Err(_) => None,
        }
    }

    /// Borrows the last error of the operation, if the call failed with one.
    pub const fn error(&self) -> Option<&E> {
        match &self.result {
            Err(Some(failure)) => failure.error(),
            _ => None,
        }
    }

    /// Returns the last error of the operation, if the call failed with one.
    pub fn into_error(self) -> Option<E> {
        self.result.err().flatten().and_then(Failure::into_error)
    }

    /// Converts it into what `call` returns.
    pub fn into_result(self) -> Result<T, RetryError<E>> {
        let reason = self.stop_reason.unwrap_or(StopReason::Aborted);
        self.result.map_err(|failure| RetryError {
            operation: self.operation,
            code: self.code,
            is_http: self.is_http,
            elapsed: self.elapsed,
            error: failure.and_then(Failure::into_error),
            reason,
            attempts: self.attempts,
            last_class: self.last_class,
            cause: self.cause,
            next_delay: self.next_delay,
            checkpoint: self.checkpoint,
        })
    }
}

/// Displays a sentence for people, like that of [`RetryError`].
impl<T, E> core::fmt::Display for Outcome<T, E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let sentence = Sentence {
            operation: self.operation,
            reason: self.stop_reason,
            attempts: self.attempts,
            class: self.last_class,
            cause: self.cause,
            code: self.code,
            is_http: self.is_http,
            elapsed: self.elapsed,
            next_delay: self.next_delay,
        };
        sentence.fmt(f)
    }
}

/// The end of a call, from which `call` and `execute` make what they return.
pub(crate) struct Report<'a, T, X> {
    pub(crate) result: Result<T, Option<Failure<T, X>>>,
    /// Why the call stopped; of a success it is of no use.
    pub(crate) stop: Stop,
    pub(crate) operation: &'static str,
    pub(crate) call: &'a Call,
    /// Says how to make a checkpoint, where a call can be deferred.
    pub(crate) policy: Option<&'a Policy<'a>>,
}

/// A type that a call can return: a `Result` or an [`Outcome`].
pub(crate) trait FromReport<T, X>: Sized {
    /// Whether the elapsed time is reported.
    const REPORTS_TIME: bool;

    /// Makes it of the end of a call.
    fn from_report(report: Report<'_, T, X>) -> Self;
}

impl<T, X> Report<'_, T, X> {
    /// Returns the latest failure, if anything ran.
    fn last(&self) -> Option<(ErrorClass, Cause)> {
        self.call.machine.last().filter(|_| self.call.machine.has_begun())
    }

    /// Returns the attempts begun, if anything ran.
    fn attempts(&self) -> u32 {
        if self.call.machine.has_begun() { self.call.machine.attempt() } else { 0 }
    }

    fn next_delay(&self) -> Option<Millis> {
        if self.stop.reason == StopReason::CircuitOpen {
            return Some(self.stop.retry_after);
        }
        self.call.machine.next_delay()
    }

    fn checkpoint(&self) -> Option<Checkpoint> {
        let policy = self.policy.filter(|_| self.stop.reason == StopReason::Scheduled)?;
        Some(self.call.machine.checkpoint(policy))
    }

    /// Makes the error, with what the operation returned last if that was an error.
    #[inline]
    pub(crate) fn into_error(self) -> RetryError<X> {
        let last = self.last();
        RetryError {
            operation: self.operation,
            code: self.stop.code,
            is_http: self.stop.is_http,
            elapsed: self.call.machine.elapsed(),
            reason: self.stop.reason,
            attempts: self.attempts(),
            last_class: last.map(|(class, _)| class),
            cause: last.map(|(_, cause)| cause),
            next_delay: self.next_delay(),
            checkpoint: self.checkpoint(),
            error: self.result.err().flatten().and_then(Failure::into_error),
        }
    }
}

impl<T, X> FromReport<T, X> for Result<T, RetryError<X>> {
    const REPORTS_TIME: bool = false;

    #[inline]
    fn from_report(report: Report<'_, T, X>) -> Self {
        match report {
            Report { result: Ok(value), .. } => Ok(value),
            report => Err(report.into_error()),
        }
    }
}

impl<T, X> FromReport<T, X> for Outcome<T, X> {
    const REPORTS_TIME: bool = true;

    fn from_report(report: Report<'_, T, X>) -> Self {
        let (machine, is_ok) = (&report.call.machine, report.result.is_ok());
        let last = report.last().filter(|_| !is_ok);
        Self {
            operation: report.operation,
            code: if is_ok { None } else { report.stop.code },
            is_http: report.stop.is_http,
            stop_reason: if is_ok { None } else { Some(report.stop.reason) },
            attempts: report.attempts(),
            last_class: last.map(|(class, _)| class),
            cause: last.map(|(_, cause)| cause),
            last_failure_attempt: last.and(machine.last_failure()),
            elapsed: if machine.has_begun() { machine.elapsed() } else { Millis::ZERO },
            next_delay: report.next_delay(),
            checkpoint: report.checkpoint(),
            result: report.result,
        }
    }
}
