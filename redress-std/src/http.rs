//! Statuses, headers and responses of the `http` crate, which most HTTP libraries share. Feature `http`.
//!
//! Statuses have the classes of [`redress_core::classify::http`]; dates in `Retry-After` are compared with the
//! system's wall clock.
//!
//! For operations that return a response for every status, as most clients do:
//!
//! ```
//! use ::http::Response;
//! use redress_std::{Backoff, ErrorClass, Policy, Retry, Threads, http};
//!
//! static POLICY: Policy = Policy::new(Retry::new(Backoff::none().or_retry_after()).max_attempts(1));
//!
//! # fn fetch() -> std::io::Result<Response<()>> {
//! #     Ok(Response::builder().status(429).header("Retry-After", "7").body(()).unwrap())
//! # }
//! let outcome = POLICY.context(Threads).retry_result(http::response).execute(|| fetch());
//! assert_eq!((outcome.attempts, outcome.last_class), (1, Some(ErrorClass::RateLimit)));
//! ```
//!
//! This module and the crate share a name: where both are used, the crate is `::http`.
//!
//! Clients with a response type of their own give [`status`] or [`status_with_headers`] what they have:
//! `.retry_result(|r: &reqwest::Response| http::status_with_headers(r.status(), r.headers()))`.

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use std::time::SystemTime;

use ::http::{HeaderMap, Response, StatusCode, header::RETRY_AFTER};
use redress_core::{
    Classification, Millis,
    classify::{
        http as numbers,
        retry_after::{self as values, UnixSeconds},
    },
};

/// The class of a status, with the status as the code: for errors which carry one.
///
/// ```
/// use ::http::StatusCode;
/// use redress_std::{ErrorClass, http};
///
/// assert_eq!(http::classify(StatusCode::UNAUTHORIZED).class(), ErrorClass::Auth);
/// ```
pub fn classify(status: StatusCode) -> Classification {
    numbers::classify_status(status.as_u16())
}

/// Whether a status is a failure, and of which kind; `None` below 400.
///
/// ```
/// use ::http::StatusCode;
/// use redress_std::{ErrorClass, http};
///
/// assert_eq!(http::status(StatusCode::NO_CONTENT), None);
/// assert_eq!(http::status(StatusCode::BAD_GATEWAY).map(|c| c.class()), Some(ErrorClass::ServerError));
/// ```
pub fn status(status: StatusCode) -> Option<Classification> {
    numbers::status(status.as_u16())
}

/// Like [`status`], with the `Retry-After` header as the hint.
pub fn status_with_headers(status: StatusCode, headers: &HeaderMap) -> Option<Classification> {
    let failure = self::status(status)?;
    Some(match retry_after(headers) {
        Some(hint) => failure.retry_after(hint),
        None => failure,
    })
}

/// Whether a response is a failure, and of which kind, with its `Retry-After` header as the hint.
///
/// ```
/// use ::http::Response;
/// use redress_std::{Millis, http};
///
/// let busy = Response::builder().status(503).header("Retry-After", "120").body(())?;
/// assert_eq!(http::response(&busy).and_then(|c| c.hint()), Some(Millis::from_secs(120)));
/// # Ok::<(), ::http::Error>(())
/// ```
pub fn response<B>(response: &Response<B>) -> Option<Classification> {
    status_with_headers(response.status(), response.headers())
}

/// How long to wait according to the `Retry-After` header: seconds, or a date by the system's clock. `None` if there is
/// no header that can be read; of several the longest counts.
///
/// ```
/// use ::http::{HeaderMap, header::RETRY_AFTER};
/// use redress_std::{Millis, http};
///
/// let mut headers = HeaderMap::new();
/// assert_eq!(http::retry_after(&headers), None);
/// headers.insert(RETRY_AFTER, "3".parse()?);
/// assert_eq!(http::retry_after(&headers), Some(Millis::from_secs(3)));
/// # Ok::<(), ::http::header::InvalidHeaderValue>(())
/// ```
pub fn retry_after(headers: &HeaderMap) -> Option<Millis> {
    let values = headers.get_all(RETRY_AFTER);
    // Most failures have no such header, so no clock is read for them.
    values.iter().next()?;
    let now = wall_clock();
    values.iter().filter_map(|value| values::parse(value.as_bytes(), now)).max()
}

/// `None` for a system whose clock stands before 1970.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
fn wall_clock() -> Option<UnixSeconds> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(UnixSeconds::new(since.as_secs()))
}

/// The standard library has no clock there.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
fn wall_clock() -> Option<UnixSeconds> {
    #[cfg(feature = "web")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    let now = Some(UnixSeconds::new((js_sys::Date::now() / 1_000.0) as u64));
    #[cfg(not(feature = "web"))]
    let now = None;
    now
}
