//! Reports around errors without a type, as errors.

use std::{error::Error, fmt, ops::Deref};

use redress_core::RetryError;

use crate::chain::DynError;

/// A report whose error has no type, as an [`Error`]: for `?` in functions that return an `anyhow::Result` or a
/// `Result<_, Box<dyn Error>>`, and for layers around a `PolicyLayer` that need a `BoxError`.
///
/// [`RetryError`] and tower's `ServiceError` implement `Error` where the error of the operation does. `anyhow::Error` and
/// `Box<dyn Error + Send + Sync>` do not, so that `?` does not take a `RetryError` of them. In an `Untyped` it does. It displays as the
/// report, and its source is the error of the operation.
///
/// ```
/// use std::io;
/// use anyhow::Context;
/// use redress_std::{Backoff, Policy, PolicyExt, Retry, Untyped};
///
/// static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(2));
///
/// fn read() -> anyhow::Result<String> {
///     std::fs::read_to_string("/no/such/file").context("reading the settings")
/// }
///
/// fn settings() -> anyhow::Result<String> {
///     Ok(POLICY.call(read).map_err(Untyped)?)
/// }
///
/// let failure = settings().unwrap_err();
/// assert!(failure.to_string().starts_with("the call gave up after "));
/// assert_eq!(failure.chain().nth(1).unwrap().to_string(), "reading the settings");
/// assert!(failure.chain().any(|cause| cause.is::<io::Error>()));
/// ```
///
/// # Design
///
/// The compiler does not accept two implementations of `Error` for `RetryError`, one for errors and one for boxes of them, because
/// boxes may become errors some day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untyped<R>(pub R);

impl<R: fmt::Display> fmt::Display for Untyped<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Returns the source of a report: its error, or without one the reason to stop.
fn source<E: Deref<Target: DynError>>(report: &RetryError<E>) -> &(dyn Error + 'static) {
    match &report.error {
        Some(error) => error.as_dyn(),
        None => &report.reason,
    }
}

impl<E: Deref<Target: DynError> + fmt::Debug> Error for Untyped<RetryError<E>> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(source(&self.0))
    }
}

#[cfg(feature = "tower-v0.5")]
impl<E: Deref<Target: DynError> + fmt::Debug> Error for Untyped<crate::tower_v0_5::ServiceError<E>> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(match &self.0 {
            crate::tower_v0_5::ServiceError::NotReady(error) => error.as_dyn(),
            crate::tower_v0_5::ServiceError::GaveUp(report) => source(report),
        })
    }
}
