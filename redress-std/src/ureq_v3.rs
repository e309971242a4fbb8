//! Errors and responses of ureq 3. Feature `ureq-v3`.
//!
//! | error | class |
//! |---|---|
//! | `StatusCode` | that of the [status](redress_core::classify::http) |
//! | `Timeout`, `HostNotFound`, `ConnectionFailed`, `ConnectProxyFailed` | [`Transient`](ErrorClass::Transient) |
//! | `Io`, `Other` | by what is [inside](crate::chain); of a refused certificate, `Permanent` |
//! | `BadUri`, `Http`, `InvalidProxyUrl`, `RequireHttpsOnly`, `TlsRequired`, `Tls`, `Rustls`, `NativeTls`, `Pem`, `Der`, `TooManyRedirects`, `RedirectFailed`, `BodyExceedsLimit` | [`Permanent`](ErrorClass::Permanent) |
//! | every other | [`Unknown`](ErrorClass::Unknown) |
//!
//! A name that cannot be resolved is an `Io` error of an unknown kind in ureq, without the cause.
//!
//! By default, ureq makes an error of every status from 400 on and drops the headers, `Retry-After` among them. With
//! `http_status_as_error(false)` they stay, and `.retry_result(http::response)` of feature `http` reads them.

use redress_core::{
    Classification, ErrorClass,
    classify::{
        http,
        name::{NameBuffer, leading_identifier},
    },
};
use ureq::Error;

use crate::chain::{self, Link};

/// The class of an error, by the table of [this module](self).
///
/// ```
/// use redress_std::{ErrorClass, ureq_v3};
///
/// let error = ureq::get("no address").call().unwrap_err();
/// assert_eq!(ureq_v3::classify(&error).class(), ErrorClass::Permanent);
/// ```
pub fn classify(error: &Error) -> Classification {
    chain::classify_strictly(error)
}

impl Link for Error {
    fn own_class(&self) -> Classification {
        let class = match self {
            Error::StatusCode(status) => return http::classify_status(*status),
            // It has no `source`: what it wraps only shows here.
            Error::Io(error) => return chain::classify_strictly(error),
            Error::Other(error) => return chain::classify_strictly(&**error),
            Error::Timeout(_) | Error::HostNotFound | Error::ConnectionFailed | Error::ConnectProxyFailed(_) => {
                ErrorClass::Transient
            }
            Error::BadUri(_)
            | Error::Http(_)
            | Error::InvalidProxyUrl
            | Error::RequireHttpsOnly(_)
            | Error::TlsRequired
            | Error::Tls(_)
            | Error::RedirectFailed
            | Error::TooManyRedirects
            | Error::BodyExceedsLimit(_) => ErrorClass::Permanent,
            // Variants that are there only with features of ureq: certificates and keys, versions and ciphers.
            other => match leading_identifier(other, &mut NameBuffer::new()) {
                "Rustls" | "NativeTls" | "Pem" | "Der" => ErrorClass::Permanent,
                _ => ErrorClass::Unknown,
            },
        };
        class.into()
    }
}
