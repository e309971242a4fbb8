//! What came out of a call.

use crate::{
    Cause, Checkpoint, ErrorClass, Millis, Rejected, RetryError, StopReason,
    attempts::Progress,
    driver::small::{Details, Ending},
};

/// The last failure of a call, by value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Failure<T, E> {
    /// The operation returned this error.
    Error(E),
    /// The operation returned this value, which the result classifier calls a failure.
    Result(T),
    /// The attempt timed out.
    Timeout,
}

impl<T, E> Failure<T, E> {
    /// The error, if it was one.
    pub fn into_error(self) -> Option<E> {
        match self {
            Self::Error(error) => Some(error),
            Self::Result(_) | Self::Timeout => None,
        }
    }
}

/// A call that ended without success: why, and the last failure if anything ran.
#[derive(Debug)]
pub(crate) struct Ended<T, E> {
    pub(crate) reason: StopReason,
    pub(crate) failure: Option<Failure<T, E>>,
}

/// All about a call that has ended.
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
    /// The value, or the last failure (`None` if nothing ran).
    pub result: Result<T, Option<Failure<T, E>>>,
    /// Why the call stopped; `None` after success.
    pub stop_reason: Option<StopReason>,
    /// Attempts that were started.
    pub attempts: u32,
    /// The class of the latest failure; `None` after success.
    pub last_class: Option<ErrorClass>,
    /// What the latest failure was; `None` after success.
    pub cause: Option<Cause>,
    /// The attempt of the latest failure; `None` after success.
    pub last_failure_attempt: Option<u32>,
    /// How long the call took, to the millisecond.
    pub elapsed: Millis,
    /// The delay that was decided but not taken: after a deadline, a deferral, or for an open circuit.
    pub next_delay: Option<Millis>,
    /// Where to resume, after a deferral ([`StopReason::Scheduled`]).
    pub checkpoint: Option<Checkpoint>,
}

impl<T, E> Outcome<T, E> {
    /// Whether the operation succeeded in the end.
    pub const fn is_ok(&self) -> bool {
        self.result.is_ok()
    }

    /// The value of the operation, if it succeeded.
    pub const fn value(&self) -> Option<&T> {
        match &self.result {
            Ok(value) => Some(value),
            Err(_) => None,
        }
    }

    /// The last error of the operation, if the call failed with one.
    pub const fn error(&self) -> Option<&E> {
        match &self.result {
            Err(Some(Failure::Error(error))) => Some(error),
            _ => None,
        }
    }

    /// As `call` returns it.
    pub fn into_result(self) -> Result<T, RetryError<E>> {
        let reason = self.stop_reason.unwrap_or(StopReason::Aborted);
        self.result.map_err(|failure| RetryError {
            error: failure.and_then(Failure::into_error),
            reason,
            attempts: self.attempts,
            last_class: self.last_class,
            cause: self.cause,
            next_delay: self.next_delay,
            checkpoint: self.checkpoint,
        })
    }

    /// Success at the first attempt.
    pub(crate) const fn first(value: T, elapsed: Millis) -> Self {
        Self {
            result: Ok(value),
            stop_reason: None,
            attempts: 1,
            last_class: None,
            cause: None,
            last_failure_attempt: None,
            elapsed,
            next_delay: None,
            checkpoint: None,
        }
    }

    /// Out of the pieces which the [small driver](crate::driver) has.
    #[inline]
    pub(crate) fn small(
        last: Option<Result<T, Failure<T, E>>>,
        ending: &Ending,
        details: &Details,
        checkpoint: Option<Checkpoint>,
    ) -> Self {
        let (result, stop_reason) = match last {
            Some(Ok(value)) => (Ok(value), None),
            Some(Err(failure)) => (Err(Some(failure)), Some(ending.reason)),
            None => (Err(None), Some(ending.reason)),
        };
        let last = ending.last.filter(|_| stop_reason.is_some());
        Self {
            result,
            stop_reason,
            attempts: ending.attempts,
            last_class: last.map(|(class, _)| class),
            cause: last.map(|(_, cause)| cause),
            last_failure_attempt: last.and(details.last_failure),
            elapsed: details.elapsed,
            next_delay: ending.next_delay,
            checkpoint,
        }
    }

    pub(crate) fn rejected(rejected: Rejected) -> Self {
        let error = RetryError::<E>::from(rejected);
        Self {
            result: Err(None),
            stop_reason: Some(error.reason),
            attempts: 0,
            last_class: None,
            cause: None,
            last_failure_attempt: None,
            elapsed: Millis::ZERO,
            next_delay: error.next_delay,
            checkpoint: None,
        }
    }

    pub(crate) fn new(
        result: Result<T, Ended<T, E>>,
        progress: &Progress,
        elapsed: Millis,
        checkpoint: Option<Checkpoint>,
    ) -> Self {
        let (result, stop_reason) = match result {
            Ok(value) => (Ok(value), None),
            Err(Ended { reason, failure }) => (Err(failure), Some(reason)),
        };
        let last = if stop_reason.is_some() { progress.last() } else { None };
        Self {
            result,
            stop_reason,
            attempts: progress.attempt(),
            last_class: last.map(|(class, _)| class),
            cause: last.map(|(_, cause)| cause),
            last_failure_attempt: last.and(progress.last_failure()),
            elapsed,
            next_delay: progress.next_delay(),
            checkpoint,
        }
    }
}
