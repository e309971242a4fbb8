//! From an error to a [`Classification`].
//!
//! A [`Classifier`] is a value: any `Fn(&E) -> Classification` is one, so adapters can ship classifiers for foreign
//! error types. Types which know their own class implement [`Classify`] and need no classifier.

pub mod http;
pub mod name;
pub mod rate_limit;
pub mod retry_after;
pub mod sqlstate;

use crate::{ErrorClass, Millis};

/// What a classifier found out about one failure.
///
/// ```
/// use redress_core::{Classification, ErrorClass, Millis};
///
/// let busy = Classification::new(ErrorClass::RateLimit).retry_after(Millis::from_secs(2)).code(429);
/// assert_eq!(busy.hint(), Some(Millis::new(2_000)));
/// assert_eq!(busy.numeric_code(), Some(429));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Classification {
    class: ErrorClass,
    aborts: bool,
    hint: Option<Millis>,
    code: Option<u32>,
}

impl Classification {
    /// A failure of this class, without hints.
    pub const fn new(class: ErrorClass) -> Self {
        Self { class, aborts: false, hint: None, code: None }
    }

    /// Not a failure at all: the operation itself asks to stop retrying. The call ends with
    /// [`StopReason::Aborted`](crate::StopReason::Aborted) and an earlier failure stays the reported one.
    pub const fn abort() -> Self {
        Self { class: ErrorClass::Unknown, aborts: true, hint: None, code: None }
    }

    /// Adds the other side's wish when to come back.
    pub const fn retry_after(mut self, hint: Millis) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Adds a numeric code for logs: an HTTP status, an errno, a vendor's number.
    pub const fn code(mut self, code: u32) -> Self {
        self.code = Some(code);
        self
    }

    /// The class.
    pub const fn class(&self) -> ErrorClass {
        self.class
    }

    /// Whether this is a wish to abort rather than a failure.
    pub const fn is_abort(&self) -> bool {
        self.aborts
    }

    /// When the other side wants to be asked again, counted from now.
    pub const fn hint(&self) -> Option<Millis> {
        self.hint
    }

    /// The numeric code, if one was given.
    pub const fn numeric_code(&self) -> Option<u32> {
        self.code
    }
}

impl From<ErrorClass> for Classification {
    fn from(class: ErrorClass) -> Self {
        Self::new(class)
    }
}

/// An error (or result) that knows its own class.
pub trait Classify {
    /// The class of this value. Called once per failure.
    fn classify(&self) -> Classification;
}

impl<T: Classify + ?Sized> Classify for &T {
    fn classify(&self) -> Classification {
        (**self).classify()
    }
}

impl Classify for ErrorClass {
    fn classify(&self) -> Classification {
        Classification::new(*self)
    }
}

impl Classify for Classification {
    fn classify(&self) -> Classification {
        *self
    }
}

/// Tells the class of an error.
///
/// A classifier MUST NOT panic, MUST answer without blocking, and is called exactly once per failure.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot tell the class of `{E}`",
    label = "the class of `{E}` is not known here",
    note = "implement `Classify` for the error and add `.classifier(SelfClassifier)` to the context",
    note = "or add a classifier of your own: `.classifier(|error: &{E}| ErrorClass::Transient)`",
    note = "for `Box<dyn Error>` and its like, redress-std has `.classifier(chain::boxed)`"
)]
pub trait Classifier<E: ?Sized> {
    /// The class of this error.
    fn classify(&self, error: &E) -> Classification;
}

#[diagnostic::do_not_recommend]
impl<E: ?Sized, F, C> Classifier<E> for F
where
    F: Fn(&E) -> C,
    C: Into<Classification>,
{
    fn classify(&self, error: &E) -> Classification {
        self(error).into()
    }
}

/// The classifier of errors that implement [`Classify`]: asks the error.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SelfClassifier;

#[diagnostic::do_not_recommend]
impl<E: Classify + ?Sized> Classifier<E> for SelfClassifier {
    fn classify(&self, error: &E) -> Classification {
        error.classify()
    }
}
