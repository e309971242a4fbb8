//! The classifiers for all types that implement `std::error::Error`.

use std::{error::Error, ops::Deref};

use redress_core::{Classification, Classifier};

use crate::chain::{self, DynError};

/// Classifies any [`std::error::Error`] by its `source()` chain: known types first, then names.
///
/// The known types and the rules for names are listed in [`chain`]. Every environment of this crate has this classifier.
/// For errors that implement [`Classify`](crate::Classify), use [`SelfClassifier`](crate::SelfClassifier).
///
/// ```
/// use std::io;
/// use redress_std::{Classifier, DefaultClassifier, ErrorClass};
///
/// let wrapped = io::Error::other(io::Error::from(io::ErrorKind::ConnectionReset));
/// assert_eq!(DefaultClassifier.classify(&wrapped).class(), ErrorClass::Transient);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DefaultClassifier;

// Without the attribute, the compiler would only say that the error is no `Error`, and not what to do.
#[diagnostic::do_not_recommend]
impl<E: Error + 'static> Classifier<E> for DefaultClassifier {
    fn classify(&self, error: &E) -> Classification {
        chain::classify(error)
    }
}

/// The shape of values that own an error of any type: `Box<dyn Error + Send + Sync>`, `anyhow::Error`, `eyre::Report`.
#[derive(Clone, Copy, Debug)]
pub struct Boxed(());

#[diagnostic::do_not_recommend]
impl<E: Deref<Target: DynError>> Classifier<E, Boxed> for DefaultClassifier {
    fn classify(&self, error: &E) -> Classification {
        chain::boxed(error)
    }
}

/// Like [`DefaultClassifier`], without guessing from names: only types that are known have a class.
///
/// ```
/// use std::{fmt, io};
/// use redress_std::{Classifier, DefaultClassifier, ErrorClass, StrictClassifier};
///
/// #[derive(Debug)]
/// struct LoginTimeout;
/// # impl fmt::Display for LoginTimeout {
/// #     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str("login timed out") }
/// # }
/// impl std::error::Error for LoginTimeout {}
///
/// assert_eq!(DefaultClassifier.classify(&LoginTimeout).class(), ErrorClass::Transient);
/// assert_eq!(StrictClassifier.classify(&LoginTimeout).class(), ErrorClass::Unknown);
/// assert_eq!(StrictClassifier.classify(&io::Error::other(ErrorClass::Auth)).class(), ErrorClass::Auth);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StrictClassifier;

// Without the attribute, the compiler would only say that the error is no `Error`, and not what to do.
#[diagnostic::do_not_recommend]
impl<E: Error + 'static> Classifier<E> for StrictClassifier {
    fn classify(&self, error: &E) -> Classification {
        chain::classify_strictly(error)
    }
}

#[diagnostic::do_not_recommend]
impl<E: Deref<Target: DynError>> Classifier<E, Boxed> for StrictClassifier {
    fn classify(&self, error: &E) -> Classification {
        chain::boxed_strictly(error)
    }
}
