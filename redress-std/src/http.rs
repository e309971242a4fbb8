//! Statuses, headers and responses of the `http` crate, which most HTTP libraries share. Feature `http`.
//!
//! Statuses have the classes of [`redress_core::classify::http`]. A 403 that says when to come back, or that nothing is left of a
//! quota, is a [`RateLimit`](redress_core::ErrorClass::RateLimit).
//!
//! # Hints
//!
//! | field | hint | heard with |
//! |---|---|---|
//! | `Retry-After`: seconds, decimals, a date | by [`retry_after`](values) | every failure |
//! | `retry-after-ms`, `x-ms-retry-after-ms` | milliseconds, decimals rounded up | every failure |
//! | `RateLimit`, in the old and the new syntax of the IETF draft | until the exhausted quota is renewed, by [`rate_limit`] | 429, and 403 and 503 if nothing is left |
//! | `RateLimit-Reset`, `X-RateLimit-Reset`, `X-Rate-Limit-Reset`, `X-RateLimit-Reset-After`: seconds, or a moment since 1970 | likewise; `-Remaining` of the same name says what is left | likewise |
//!
//! The first two say more than the others: if one of them can be read, quotas are not looked at. Of several hints the longest counts.
//! A 429 whose fields say that something is left of every quota has another reason, and no hint from them. Junk in a field is as if
//! the field were missing, and the class stays what it was; a hint of 2^64 is the longest span there is, and ends the call by its
//! [cap](redress_core::Retry::retry_after_cap).
//!
//! Dates and moments are judged by the response's own `Date`, else by the system's clock, unless that is plainly not set: see
//! [`retry_after`](values#which-clock-judges-a-date).
//!
//! # Calls
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

use ::http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{DATE, RETRY_AFTER},
    uri::{InvalidUri, InvalidUriParts},
};
use redress_core::{
    Classification, ErrorClass, Millis,
    classify::{
        http as numbers,
        rate_limit::{self, Quota},
        retry_after::{self as values, UnixSeconds},
    },
};

use crate::chain::Link;

/// Fields with a wait in milliseconds.
const MILLISECONDS: [&str; 2] = ["retry-after-ms", "x-ms-retry-after-ms"];
/// Fields that say what is left of a quota, and when it is renewed.
const QUOTAS: [(&str, &str); 4] = [
    ("ratelimit-remaining", "ratelimit-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset-after"),
    ("x-rate-limit-remaining", "x-rate-limit-reset"),
];
const QUOTA: &str = "ratelimit";

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

/// Like [`status`], with the hint that the headers give: see [this module](self#hints).
///
/// ```
/// use ::http::{HeaderMap, StatusCode};
/// use redress_std::{ErrorClass, Millis, http};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("x-ratelimit-remaining", "0".parse()?);
/// headers.insert("x-ratelimit-reset", "60".parse()?);
/// let limited = http::status_with_headers(StatusCode::FORBIDDEN, &headers).unwrap();
/// assert_eq!((limited.class(), limited.hint()), (ErrorClass::RateLimit, Some(Millis::from_secs(60))));
/// # Ok::<(), ::http::header::InvalidHeaderValue>(())
/// ```
pub fn status_with_headers(status: StatusCode, headers: &HeaderMap) -> Option<Classification> {
    let failure = self::status(status)?;
    let heard = Heard::of(headers);
    let hint = match status {
        StatusCode::TOO_MANY_REQUESTS => heard.of_rate_limit(),
        StatusCode::FORBIDDEN | StatusCode::SERVICE_UNAVAILABLE => heard.wait.or(heard.exhausted),
        _ => heard.wait,
    };
    let is_limited = status == StatusCode::FORBIDDEN && (heard.wait.is_some() || heard.is_exhausted);
    let limited = || Classification::new(ErrorClass::RateLimit).http_status(status.as_u16());
    let failure = if is_limited { limited() } else { failure };
    Some(hint.map_or(failure, |hint| failure.retry_after(hint)))
}

/// Whether a response is a failure, and of which kind, with the hint that its headers give: see [this module](self#hints).
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

/// Returns how long to wait according to the headers of a response with status 429: see [this module](self#hints). `None` if there
/// is no field that can be read.
///
/// ```
/// use ::http::{HeaderMap, header::RETRY_AFTER};
/// use redress_std::{Millis, http};
///
/// let mut headers = HeaderMap::new();
/// assert_eq!(http::retry_after(&headers), None);
/// headers.insert(RETRY_AFTER, "2.5".parse()?);
/// assert_eq!(http::retry_after(&headers), Some(Millis::new(2_500)));
/// # Ok::<(), ::http::header::InvalidHeaderValue>(())
/// ```
pub fn retry_after(headers: &HeaderMap) -> Option<Millis> {
    Heard::of(headers).of_rate_limit()
}

/// Hints and quotas in the headers of a failure.
#[derive(Clone, Copy, Default)]
struct Heard {
    /// The wait that the server asks for.
    wait: Option<Millis>,
    /// Whether nothing is left of some quota.
    is_exhausted: bool,
    /// The time until the last of the exhausted quotas is renewed.
    exhausted: Option<Millis>,
    /// Likewise for quotas of which it is not known what is left.
    unknown: Option<Millis>,
}

impl Heard {
    fn of(headers: &HeaderMap) -> Self {
        let fields = MILLISECONDS.into_iter().chain(QUOTAS.into_iter().flat_map(|(left, reset)| [left, reset]));
        // Most failures have none of these, so no clock is read for them.
        if !fields.chain([RETRY_AFTER.as_str(), QUOTA]).any(|field| headers.contains_key(field)) {
            return Self::default();
        }
        let now = wall_clock();
        let date = headers.get(DATE).map(HeaderValue::as_bytes);
        let bytes = |field| headers.get_all(field).iter().map(HeaderValue::as_bytes);

        let waits = bytes(RETRY_AFTER.as_str()).filter_map(|value| values::parse_dated(value, date, now));
        let millis = MILLISECONDS.into_iter().flat_map(bytes).filter_map(values::parse_millis);
        let mut heard = Self { wait: waits.chain(millis).max(), ..Self::default() };
        for quota in bytes(QUOTA).filter_map(rate_limit::parse) {
            heard.add(quota);
        }
        for (left, reset) in QUOTAS {
            let remaining = bytes(left).filter_map(rate_limit::remaining).min();
            let reset = bytes(reset).filter_map(|value| rate_limit::reset(value, date, now)).max();
            heard.add(Quota::new(remaining, reset));
        }
        heard
    }

    fn add(&mut self, quota: Quota) {
        if quota.is_exhausted() {
            self.is_exhausted = true;
            self.exhausted = self.exhausted.max(quota.reset);
        } else if quota.remaining.is_none() {
            self.unknown = self.unknown.max(quota.reset);
        }
    }

    /// Returns the hint for a failure that is a rate limit by its status.
    fn of_rate_limit(self) -> Option<Millis> {
        self.wait.or(self.exhausted).or(self.unknown)
    }
}

/// URLs, headers and methods that the crate refuses to build stay refused.
macro_rules! malformed {
    ($($error:ty),*) => {$(
        impl Link for $error {
            fn own_class(&self) -> Classification {
                ErrorClass::Permanent.into()
            }
        }
    )*};
}

malformed!(::http::Error, InvalidUri, InvalidUriParts);

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
