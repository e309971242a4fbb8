//! Errors and what they were caused by.
//!
//! An error and its [`source`](Error::source)s make a chain, of which up to [`MAX_LINKS`] links are looked at. Inside of
//! a [`std::io::Error`] that wraps another error, that one is the next link.
//!
//! First the links are compared, from the outermost, with the types that are known:
//!
//! | type | class |
//! |---|---|
//! | [`std::io::Error`] | by its [kind](crate::io); `Permanent` around what rustls, OpenSSL and the like say of certificates, versions and servers without TLS |
//! | [`ErrorClass`] | itself |
//! | [`AbortRetryError`] | the call is [aborted](Classification::abort) |
//! | [`Rejected`], [`StopReason`] | of a call inside of this one that did not run: `Transient` for an open circuit; an abort stays one |
//! | errors of rustls and native-tls, also inside of hyper-util's and hyper-rustls's; hyper-util's "invalid URL" | `Permanent` for certificates, missing TLS, malformed URLs, by name and text |
//! | `tokio::time::error::Elapsed`, with feature `tokio` | `Transient` |
//! | errors of the `http` crate, with feature `http`: bad URLs, headers, methods | `Permanent` |
//! | errors of reqwest, ureq, hyper, tonic, tokio-postgres, sqlx, redis, rusqlite, diesel, rdkafka and rumqttc, with the feature of that name | by the tables of `reqwest_v0_13`, `ureq_v3` and so on |
//!
//! The first class other than `Unknown` is the answer. An error of reqwest, ureq, hyper or tonic whose feature is off, or whose version
//! is another, prints what its type would say: statuses, refused requests, lost connections have the same class and code as with
//! the feature, and so has a status of tonic with a pushback. The feature is needed for responses that are no errors, for
//! [`StrictClassifier`](crate::StrictClassifier), and for the delay in the details of a status of tonic.
//!
//! If no link has a class, names are read by the list of [`redress_core::classify::name`]: those of the innermost link first, and
//! in each link those of nested enums before the outer one. The code is the first that was found.
//!
//! # Design
//!
//! Names come last because a name is a guess: a refused connection inside of an `AuthBackendError` is a refused connection, and
//! retried. The cause comes before what wraps it because wrappers are named after what was attempted: `ConnectError` around
//! `BadPassword` is an authentication failure.

use std::{error::Error, io, iter, ops::Deref};

use redress_core::{
    AbortRetryError, Classification, Classifier, Classify, ErrorClass, Rejected, StopReason, classify::name,
};

use crate::{foreign, tls};

/// How many links of a chain are looked at. More of them are taken for a circle.
pub const MAX_LINKS: usize = 32;

/// Classifies like [`DefaultClassifier`](crate::DefaultClassifier), for errors behind `dyn Error`.
///
/// ```
/// use std::{error::Error, io};
/// use redress_std::{ErrorClass, chain};
///
/// let error: Box<dyn Error> = io::Error::from(io::ErrorKind::TimedOut).into();
/// assert_eq!(chain::classify(&*error).class(), ErrorClass::Transient);
/// ```
pub fn classify(error: &(dyn Error + 'static)) -> Classification {
    let known = first_answer(error, |link| known(link).or_else(|| foreign::classify(link)));
    if is_answer(&known) {
        return known;
    }
    let by_name = links(error).map(|link| name::DefaultClassifier.classify(link)).filter(is_answer).last();
    by_name.map_or(known, |guess| with_code(guess, known.numeric_code()))
}

/// Classifies like [`StrictClassifier`](crate::StrictClassifier), for errors behind `dyn Error`.
pub fn classify_strictly(error: &(dyn Error + 'static)) -> Classification {
    first_answer(error, known)
}

/// Returns the first class of the links, or `Unknown` with the first code.
fn first_answer(
    error: &(dyn Error + 'static),
    class_of: impl Fn(&(dyn Error + 'static)) -> Option<Classification>,
) -> Classification {
    let mut code = None;
    for known in links(error).filter_map(class_of) {
        code = known.numeric_code().or(code);
        if is_answer(&known) {
            return with_code(known, code);
        }
    }
    with_code(ErrorClass::Unknown.into(), code)
}

fn with_code(known: Classification, code: Option<u32>) -> Classification {
    code.map_or(known, |code| known.code(code))
}

/// [`classify`] for what owns an error of any type: `Box<dyn Error + Send + Sync>`, `anyhow::Error`, `eyre::Report`. The default
/// classifier does the same; this one is for classifiers of one's own that fall back on it.
///
/// ```
/// use std::{error::Error, io};
/// use redress_std::{Classification, ErrorClass, chain};
///
/// /// This service answers "not found" until a new tenant is known everywhere.
/// fn classify(error: &Box<dyn Error + Send + Sync>) -> Classification {
///     match error.downcast_ref::<io::Error>().map(io::Error::kind) {
///         Some(io::ErrorKind::NotFound) => ErrorClass::Transient.into(),
///         _ => chain::boxed(error),
///     }
/// }
/// # assert_eq!(classify(&io::Error::from(io::ErrorKind::NotFound).into()).class(), ErrorClass::Transient);
/// # assert_eq!(classify(&io::Error::from(io::ErrorKind::PermissionDenied).into()).class(), ErrorClass::Permission);
/// ```
pub fn boxed<E: Deref<Target: DynError>>(error: &E) -> Classification {
    classify(error.as_dyn())
}

/// [`boxed`] without guessing from names.
pub fn boxed_strictly<E: Deref<Target: DynError>>(error: &E) -> Classification {
    classify_strictly(error.as_dyn())
}

/// An error of any type, sendable or not. Sealed.
pub trait DynError: sealed::Sealed {
    /// The error.
    fn as_dyn(&self) -> &(dyn Error + 'static);
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! dyn_errors {
    ($($error:ty),*) => {$(
        impl sealed::Sealed for $error {}

        impl DynError for $error {
            fn as_dyn(&self) -> &(dyn Error + 'static) {
                self
            }
        }
    )*};
}

dyn_errors!(dyn Error, dyn Error + Send, dyn Error + Send + Sync);

fn links<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    iter::successors(Some(error), |link| next(*link)).take(MAX_LINKS)
}

/// The cause of an error. `io::Error` passes over the error which it wraps to that one's source.
fn next<'e>(link: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match link.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => link.source(),
    }
}

/// An error whose type is in the list of [`known_from_features`]. Its module implements this, so that the list names types and no
/// module, and modules can classify the errors that theirs wrap.
pub(crate) trait Link: Error + 'static {
    /// Returns the class of this link; `Unknown` leaves the answer to the next one.
    fn own_class(&self) -> Classification;
}

impl Link for io::Error {
    fn own_class(&self) -> Classification {
        let known = crate::io::classify(self);
        match self.get_ref() {
            Some(wrapped) if !is_answer(&known) && tls::is_lasting(wrapped) => ErrorClass::Permanent.into(),
            _ => known,
        }
    }
}

/// The class of a single link, if its type is known.
fn known(link: &(dyn Error + 'static)) -> Option<Classification> {
    if let Some(error) = link.downcast_ref::<io::Error>() {
        return Some(error.own_class());
    }
    if let Some(class) = link.downcast_ref::<ErrorClass>() {
        return Some(class.classify());
    }
    if let Some(abort) = link.downcast_ref::<AbortRetryError>() {
        return Some(abort.classify());
    }
    if let Some(rejected) = link.downcast_ref::<Rejected>() {
        return Some(rejected.classify());
    }
    if let Some(reason) = link.downcast_ref::<StopReason>() {
        return Some(reason.classify());
    }
    #[cfg(feature = "tokio")]
    if link.is::<::tokio::time::error::Elapsed>() {
        return Some(ErrorClass::Transient.into());
    }
    known_from_features(link).or_else(|| tls::known(link))
}

/// The class of a single link of a type that came with a feature.
#[allow(unused_variables, reason = "without features there is nothing to compare with")]
fn known_from_features(link: &(dyn Error + 'static)) -> Option<Classification> {
    macro_rules! known {
        ($($feature:literal: $error:ty),* $(,)?) => {$(
            #[cfg(feature = $feature)]
            if let Some(error) = link.downcast_ref::<$error>() {
                return Some(error.own_class());
            }
        )*};
    }

    known! {
        "reqwest-v0.12": ::reqwest_v0_12::Error,
        "reqwest-v0.13": ::reqwest::Error,
        "ureq-v3": ::ureq::Error,
        "hyper-v1": ::hyper::Error,
        "tonic-v0.14": ::tonic::Status,
        "tonic-v0.14": ::tonic::TimeoutExpired,
        "tokio-postgres-v0.7": ::tokio_postgres::Error,
        "sqlx-v0.8": ::sqlx_core_v0_8::error::Error,
        "sqlx-v0.9": ::sqlx_core::error::Error,
        "redis-v1": ::redis::RedisError,
        "rusqlite-v0": ::rusqlite::Error,
        "diesel-v2": ::diesel::result::Error,
        "diesel-v2": ::diesel::ConnectionError,
        "rdkafka-v0": ::rdkafka::error::KafkaError,
        "rdkafka-v0": ::rdkafka::types::RDKafkaErrorCode,
        "rumqttc-v0.25": ::rumqttc::ConnectionError,
        "rumqttc-v0.25": ::rumqttc::StateError,
        "rumqttc-v0.25": ::rumqttc::v5::ConnectionError,
        "rumqttc-v0.25": ::rumqttc::v5::StateError,
        "http": ::http::Error,
        "http": ::http::uri::InvalidUri,
        "http": ::http::uri::InvalidUriParts,
    }
    None
}

/// Returns the class of a connection's failure, if it has one; `Permanent` if it says that TLS or the URL is wrong.
#[cfg(any(feature = "reqwest-v0.12", feature = "reqwest-v0.13"))]
pub(crate) fn connect(error: &(dyn Error + 'static)) -> Option<Classification> {
    answer(error).or_else(|| links(error).any(tls::is_lasting).then(|| ErrorClass::Permanent.into()))
}

/// The class of an error of any type, if it has one.
#[cfg(any(feature = "reqwest-v0.12", feature = "reqwest-v0.13", feature = "sqlx-v0.8", feature = "sqlx-v0.9"))]
pub(crate) fn answer(error: &(dyn Error + 'static)) -> Option<Classification> {
    Some(classify_strictly(error)).filter(is_answer)
}

fn is_answer(classification: &Classification) -> bool {
    classification.is_abort() || classification.class() != ErrorClass::Unknown
}
