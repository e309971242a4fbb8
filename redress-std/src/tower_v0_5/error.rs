//! Why a service under a policy has no response.

use std::{error::Error, fmt, time::Duration};

use redress_core::{Classification, Classify, Millis, RetryError, StopReason};

/// The error of a service under a policy: why there is no response.
///
/// ```
/// use std::time::Duration;
/// use redress_std::tower_v0_5::ServiceError;
///
/// fn answer<E>(error: &ServiceError<E>) -> (u16, Option<Duration>) {
///     match error.retry_after() {
///         Some(wait) => (503, Some(wait)),
///         None => (502, None),
///     }
/// }
/// # use redress_std::{Backoff, BreakerConfig, CircuitBreaker, Policy, PolicyExt, Retry};
/// # static BREAKER: CircuitBreaker<1> = CircuitBreaker::new(BreakerConfig::new(1));
/// # static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(1)).circuit_breaker(&BREAKER);
/// # let down = || ServiceError::GaveUp(POLICY.call(|| Err::<(), _>(std::io::Error::other("down"))).unwrap_err());
/// # BREAKER.record_failure(redress_std::ErrorClass::Transient, &redress_std::StdClock);
/// # assert_eq!(answer(&down()).0, 503);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceError<E> {
    /// The service failed when it was asked for readiness, before there was a call.
    NotReady(E),
    /// The policy said stop: why, with the last error of the service, if it was one.
    GaveUp(RetryError<E>),
}

impl<E> ServiceError<E> {
    /// Returns the time until the circuit admits calls; `None` if it is not open.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::GaveUp(error) if error.reason == StopReason::CircuitOpen => error.next_delay.map(Millis::to_duration),
            _ => None,
        }
    }

    /// Returns the error of the service, if it was one.
    pub fn into_error(self) -> Option<E> {
        match self {
            Self::NotReady(error) => Some(error),
            Self::GaveUp(error) => error.error,
        }
    }
}

impl<E> fmt::Display for ServiceError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady(_) => f.write_str("the service takes no calls"),
            Self::GaveUp(error) => error.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for ServiceError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotReady(error) => Some(error),
            Self::GaveUp(error) => error.source(),
        }
    }
}

/// For calls inside of calls, as [`RetryError`]'s; a service that takes no calls is a failure by its error.
impl<E: Error + 'static> Classify for ServiceError<E> {
    fn classify(&self) -> Classification {
        match self {
            Self::NotReady(error) => crate::chain::classify(error),
            Self::GaveUp(error) => error.classify(),
        }
    }
}
