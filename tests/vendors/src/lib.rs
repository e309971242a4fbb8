//! The classifiers of redress-std on what crates and servers of vendors really say. See the tests.

use std::error::Error;

use redress_std::{Classification, Classifier, DefaultClassifier, ErrorClass, StrictClassifier};

/// Returns what the strict classifier says of an error, if the default one agrees.
///
/// # Panics
///
/// It does not.
pub fn known<E: Error + 'static>(error: &E) -> Classification {
    let known = StrictClassifier.classify(error);
    if known.class() != ErrorClass::Unknown {
        assert_eq!(DefaultClassifier.classify(error), known, "{error:?}");
    }
    known
}

/// Returns the class of an error, as [`known`] does.
pub fn class<E: Error + 'static>(error: &E) -> ErrorClass {
    known(error).class()
}
