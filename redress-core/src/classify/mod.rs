//! From an error to a [`Classification`].
//!
//! A [`Classifier`] is a value: any `Fn(&E) -> Classification` is one, so adapters can ship classifiers for foreign
//! error types. Types which know their own class implement [`Classify`] and need no classifier.

pub mod http;
pub mod kafka;
pub mod mysql;
pub mod name;
pub mod postgres;
pub mod rate_limit;
pub mod redis;
pub mod retry_after;
pub mod sqlite;
pub mod sqlstate;

use crate::{ErrorClass, Millis};

/// The answer of a classifier about one failure: class, hint, code.
///
/// ```
/// use redress_core::{Classification, ErrorClass, Millis};
///
/// let busy = Classification::new(ErrorClass::RateLimit).retry_after(Millis::from_secs(2)).code(429);
/// assert_eq!(busy.hint(), Some(Millis::new(2_000)));
/// assert_eq!(busy.numeric_code(), Some(429));
/// ```
///
/// # Failures whose outcome is unknown
///
/// Some errors leave open whether the operation took effect: a commit whose answer was lost, SQLSTATE `40003`. To
/// repeat it may do it twice. [`outcome_unknown`](Self::outcome_unknown) marks them; they have the class `Permanent`, which is
/// not retried. Where the operation may be repeated, wrap the classifier in [`Idempotent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Classification {
    class: ErrorClass,
    kind: Kind,
    hint: Option<Millis>,
    code: Option<u32>,
    /// Whether the code is an HTTP status.
    is_http: bool,
}

/// The kind of a classification: one byte, as a flag for aborts alone would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Kind {
    Failure,
    Abort,
    OutcomeUnknown,
}

impl Classification {
    /// A failure of this class, without hints.
    pub const fn new(class: ErrorClass) -> Self {
        Self { class, kind: Kind::Failure, hint: None, code: None, is_http: false }
    }

    /// Not a failure at all: the operation itself asks to stop retrying. The call ends with
    /// [`StopReason::Aborted`](crate::StopReason::Aborted) and an earlier failure stays the reported one.
    pub const fn abort() -> Self {
        Self { class: ErrorClass::Unknown, kind: Kind::Abort, hint: None, code: None, is_http: false }
    }

    /// Creates the classification of a failure that leaves open whether the operation took effect. Its class is
    /// `Permanent`, so that it is never repeated; [`Idempotent`] makes it `Transient`.
    ///
    /// ```
    /// use redress_core::{Classification, ErrorClass};
    ///
    /// let lost = Classification::outcome_unknown();
    /// assert_eq!(lost.class(), ErrorClass::Permanent);
    /// assert_eq!(lost.idempotent().class(), ErrorClass::Transient);
    /// ```
    pub const fn outcome_unknown() -> Self {
        Self { class: ErrorClass::Permanent, kind: Kind::OutcomeUnknown, hint: None, code: None, is_http: false }
    }

    /// Returns the classification for an operation that may be repeated: `Transient` where the outcome is unknown, itself
    /// otherwise.
    pub const fn idempotent(self) -> Self {
        match self.kind {
            Kind::OutcomeUnknown => Self { class: ErrorClass::Transient, ..self },
            Kind::Failure | Kind::Abort => self,
        }
    }

    /// Sets the server's hint: the time from now until the next attempt is welcome.
    pub const fn retry_after(mut self, hint: Millis) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Adds a numeric code for logs: an errno, a vendor's number.
    pub const fn code(mut self, code: u32) -> Self {
        (self.code, self.is_http) = (Some(code), false);
        self
    }

    /// Adds an HTTP status as the code, which reports call by that name: "HTTP 404".
    pub const fn http_status(mut self, status: u16) -> Self {
        (self.code, self.is_http) = (Some(status as u32), true);
        self
    }

    /// The class.
    pub const fn class(&self) -> ErrorClass {
        self.class
    }

    /// Whether this is a wish to abort rather than a failure.
    pub const fn is_abort(&self) -> bool {
        matches!(self.kind, Kind::Abort)
    }

    /// Returns whether the failure leaves open if the operation took effect.
    pub const fn is_outcome_unknown(&self) -> bool {
        matches!(self.kind, Kind::OutcomeUnknown)
    }

    /// Returns the server's hint: the time from now until the next attempt is welcome.
    pub const fn hint(&self) -> Option<Millis> {
        self.hint
    }

    /// Returns the numeric code, if there is one.
    pub const fn numeric_code(&self) -> Option<u32> {
        self.code
    }

    /// Returns whether the code is an HTTP status.
    pub(crate) const fn is_http(&self) -> bool {
        self.is_http
    }
}

impl From<ErrorClass> for Classification {
    #[inline]
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
///
/// `B` tells errors from values that own one, such as `Box<dyn Error>`, where a classifier takes both; it is inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot tell the class of `{E}`",
    label = "the class of `{E}` is not known here",
    note = "implement `Classify` for the error and add `.classifier(SelfClassifier)` to the context",
    note = "or add a classifier of your own: `.classifier(|error: &{E}| ErrorClass::Transient)`",
    note = "the environments of redress-std know the classes of `Box<dyn Error>` and of all that implements `Error`"
)]
pub trait Classifier<E: ?Sized, B = ()> {
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

/// Wraps a classifier for operations that may be repeated: failures whose [outcome is
/// unknown](Classification::outcome_unknown) are `Transient`, and so retried.
///
/// ```
/// use redress_core::{Backoff, Classification, Idempotent, Policy, Retry, SelfClassifier, testing::TestEnv};
///
/// static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(3));
///
/// let lost = || Err::<(), _>(Classification::outcome_unknown());
/// let mut adds = POLICY.context(TestEnv::new()).classifier(SelfClassifier);
/// assert_eq!(adds.call(lost).unwrap_err().attempts, 1);
/// let mut sets = POLICY.context(TestEnv::new()).classifier(Idempotent(SelfClassifier));
/// assert_eq!(sets.call(lost).unwrap_err().attempts, 3);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Idempotent<C>(pub C);

#[diagnostic::do_not_recommend]
impl<E: ?Sized, B, C: Classifier<E, B>> Classifier<E, B> for Idempotent<C> {
    fn classify(&self, error: &E) -> Classification {
        self.0.classify(error).idempotent()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_outcome_is_retried_only_if_opted_in() {
        let lost = Classification::outcome_unknown().code(7);
        assert_eq!((lost.class(), lost.is_outcome_unknown(), lost.is_abort()), (ErrorClass::Permanent, true, false));
        let repeated = Idempotent(SelfClassifier).classify(&lost);
        assert_eq!((repeated.class(), repeated.numeric_code()), (ErrorClass::Transient, Some(7)));
        assert!(repeated.is_outcome_unknown());
        for other in [Classification::new(ErrorClass::Permanent), Classification::abort(), ErrorClass::Auth.into()] {
            assert_eq!(Idempotent(SelfClassifier).classify(&other), other);
        }
    }
}
