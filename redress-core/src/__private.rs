//! Items that the expansions of `#[derive(Classify)]` and `#[retry]` call. They are no public interface and may change at any time.

use core::time::Duration;

use crate::{Backoff, Classification, Millis, RetryError};

/// The backoff of functions without one of their own.
pub const DEFAULT_BACKOFF: Backoff<'static> =
    Backoff::decorrelated_jitter(Duration::from_millis(250), Duration::from_secs(5));

/// Converts a field to the delay that the server asks for.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a span of time",
    label = "not a span of time",
    note = "a hint is a `Duration`, a `Millis`, what becomes one by `Into<Millis>`, or an `Option` of these",
    note = "a number has no unit; name it: `retry_after = Millis::from_secs(*seconds)`"
)]
pub trait Hint {
    /// The hint, if there is one.
    fn hint(&self) -> Option<Millis>;
}

#[diagnostic::do_not_recommend]
impl<T: Clone + Into<Millis>> Hint for T {
    fn hint(&self) -> Option<Millis> {
        Some(self.clone().into())
    }
}

impl<T: Hint> Hint for Option<T> {
    fn hint(&self) -> Option<Millis> {
        self.as_ref().and_then(T::hint)
    }
}

/// A number for logs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a code",
    label = "not a code",
    note = "a code is an integer of up to 32 bits, or an `Option` of one",
    note = "any other becomes one by an expression: `code = status.as_u16()`"
)]
pub trait Code {
    /// The code, if there is one.
    fn code(&self) -> Option<u32>;
}

macro_rules! codes {
    ($($unsigned:ty, $signed:ty;)*) => {$(
        impl Code for $unsigned {
            fn code(&self) -> Option<u32> {
                Some(u32::from(*self))
            }
        }

        /// C returns an errno with its sign turned: the number is what the tables have.
        impl Code for $signed {
            fn code(&self) -> Option<u32> {
                Some(u32::from(self.unsigned_abs()))
            }
        }
    )*};
}

codes! { u8, i8; u16, i16; u32, i32; }

impl<T: Code> Code for Option<T> {
    fn code(&self) -> Option<u32> {
        self.as_ref().and_then(T::code)
    }
}

/// Adds a hint, if there is one.
pub fn with_hint(classification: Classification, hint: &impl Hint) -> Classification {
    match hint.hint() {
        Some(hint) => classification.retry_after(hint),
        None => classification,
    }
}

/// Adds a code, if there is one.
pub fn with_code(classification: Classification, code: &impl Code) -> Classification {
    match code.code() {
        Some(code) => classification.code(code),
        None => classification,
    }
}

/// The result that a decorated function returns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot say why `{E}` was not retried any more",
    label = "the error of the decorated function",
    note = "return `Result<_, RetryError<{E}>>`: the body still returns `Result<_, {E}>`",
    note = "or implement `From<RetryError<{E}>>` for `{Self}`"
)]
pub trait Reported<E> {
    /// Why the call ended.
    fn report(error: RetryError<E>) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E, X: From<RetryError<E>>> Reported<E> for X {
    fn report(error: RetryError<E>) -> Self {
        error.into()
    }
}

/// The result of a call as the decorated function returns it.
pub fn reported<T, E, X: Reported<E>>(result: Result<T, RetryError<E>>) -> Result<T, X> {
    result.map_err(X::report)
}
