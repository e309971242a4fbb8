//! HTTP status codes.
//!
//! | status | class | because |
//! |---|---|---|
//! | 400, 402, 404 to 406, 410 to 417, 422, 424, 426, 428, 431, 451 | [`Permanent`](ErrorClass::Permanent) | the same request gets the same answer |
//! | 401, 407, 511 | [`Auth`](ErrorClass::Auth) | the server, a proxy or the network wants a log-in |
//! | 403 | [`Permission`](ErrorClass::Permission) | logged in, and still not allowed |
//! | 408, 421, 425 | [`Transient`](ErrorClass::Transient) | too slow this time; the wrong connection; too early, before the TLS handshake was over |
//! | 409, 423 | [`Concurrency`](ErrorClass::Concurrency) | someone else was faster, or holds a lock |
//! | 429 | [`RateLimit`](ErrorClass::RateLimit) | too many requests |
//! | 501, 505, 506, 508, 510 | [`Permanent`](ErrorClass::Permanent) | what the server cannot do, or how it is configured, stays so |
//! | other 5xx | [`ServerError`](ErrorClass::ServerError) | the server failed |
//! | every other | [`Unknown`](ErrorClass::Unknown) | not a failure, or not registered |
//!
//! RFC 9110 defines the codes, RFC 6585 defines 428, 429, 431 and 511, and IANA's registry of status codes has the others. 412 is permanent because the condition is part of the request: an operation that reads the new version before it
//! writes again has a conflict, and classifies it as [`Concurrency`](ErrorClass::Concurrency). Of 404, 405, 410 and 413, three
//! requests learn no more than one. Where a resource may appear later, classify 404 as `Transient`.
//!
//! A body may say more than the status. A key-value store that answers throttling with status 400 and a type in the body is
//! one line:
//!
//! ```
//! use redress_core::{Classification, ErrorClass, classify::http};
//!
//! # struct Response { status: u16, body: &'static str }
//! let classify = |r: &Response| match r.body.contains("ThrottlingException") {
//!     true => Some(Classification::new(ErrorClass::RateLimit).http_status(r.status)),
//!     false => http::status(r.status),
//! };
//! # let slow_down = Response { status: 400, body: r#"{"__type":"ThrottlingException"}"# };
//! assert_eq!(classify(&slow_down).map(|c| c.class()), Some(ErrorClass::RateLimit)); // in `.retry_result(classify)`
//! ```
//!
//! A status is a plain number here: no HTTP library is needed, and none excluded.

use super::Classification;
use super::retry_after::{self, UnixSeconds};
use crate::ErrorClass;

/// The class of a status, by the table of [this module](self).
///
/// ```
/// use redress_core::{ErrorClass, classify::http};
///
/// assert_eq!(http::status_class(429), ErrorClass::RateLimit);
/// assert_eq!(http::status_class(200), ErrorClass::Unknown); // not a failure, so no class fits
/// ```
#[expect(clippy::indexing_slicing, reason = "compared first")]
pub const fn status_class(status: u16) -> ErrorClass {
    let client = status.wrapping_sub(400) as usize;
    if client < CLIENT.len() {
        return CLIENT[client];
    }
    match status {
        451 | 501 | 505 | 506 | 508 | 510 => ErrorClass::Permanent,
        511 => ErrorClass::Auth,
        500..=599 => ErrorClass::ServerError,
        _ => ErrorClass::Unknown,
    }
}

/// The classes of 400 to 431, looked up because that takes half of the code of comparing.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const CLIENT: [ErrorClass; 32] = {
    let mut classes = [ErrorClass::Permanent; 32];
    let mut status = 400;
    while status < 432 {
        classes[status - 400] = match status {
            401 | 407 => ErrorClass::Auth,
            403 => ErrorClass::Permission,
            408 | 421 | 425 => ErrorClass::Transient,
            409 | 423 => ErrorClass::Concurrency,
            429 => ErrorClass::RateLimit,
            418..=420 | 427 | 430 => ErrorClass::Unknown,
            _ => ErrorClass::Permanent,
        };
        status += 1;
    }
    classes
};

/// The class of a status, with the status as the numeric code: for errors which carry one.
///
/// ```
/// use redress_core::{ErrorClass, classify::http};
///
/// let down = http::classify_status(503);
/// assert_eq!((down.class(), down.numeric_code()), (ErrorClass::ServerError, Some(503)));
/// ```
pub const fn classify_status(status: u16) -> Classification {
    Classification::new(status_class(status)).http_status(status)
}

/// Whether a status is a failure and of which kind: for operations which return a response for every status.
///
/// `None` for 100 to 399, the answers which are not failures; everything else is classified as by [`classify_status`],
/// also numbers below 100, which some clients use for "no answer".
///
/// ```
/// use redress_core::{ErrorClass, classify::http};
///
/// assert_eq!(http::status(204), None);
/// assert_eq!(http::status(404).map(|c| c.class()), Some(ErrorClass::Permanent));
/// ```
pub const fn status(status: u16) -> Option<Classification> {
    match status {
        100..=399 => None,
        _ => Some(classify_status(status)),
    }
}

/// Like [`status`], with the value of the response's `Retry-After` header as the hint.
///
/// The hint is attached to every failure, of any status: RFC 9110 defines the header for 503, RFC 6585 for 429. A 403 with a hint is a [`RateLimit`](ErrorClass::RateLimit): it says when the permission comes back. A value
/// that can't be read gives no hint. `now` is the wall clock, needed for values that are dates;
/// where there is none, `None` keeps the date parser out of the image.
///
/// ```
/// use redress_core::{ErrorClass, Millis, classify::http};
///
/// let busy = http::status_with_retry_after(503, Some(b"120"), None).unwrap();
/// assert_eq!(busy.class(), ErrorClass::ServerError);
/// assert_eq!(busy.hint(), Some(Millis::from_secs(120)));
/// ```
pub fn status_with_retry_after(status: u16, header: Option<&[u8]>, now: Option<UnixSeconds>) -> Option<Classification> {
    let failure = self::status(status)?;
    Some(match header.and_then(|value| retry_after::parse(value, now)) {
        Some(hint) if status == 403 => Classification::new(ErrorClass::RateLimit).http_status(403).retry_after(hint),
        Some(hint) => failure.retry_after(hint),
        None => failure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorClass::{Auth, Concurrency, Permanent, Permission, RateLimit, ServerError, Transient, Unknown};
    use crate::Millis;

    #[test]
    fn vectors() {
        const ROWS: [(u16, ErrorClass); 18] = [
            (400, Permanent),
            (401, Auth),
            (403, Permission),
            (404, Permanent),
            (408, Transient),
            (409, Concurrency),
            (422, Permanent),
            (429, RateLimit),
            (500, ServerError),
            (502, ServerError),
            (503, ServerError),
            (599, ServerError),
            (600, Unknown),
            (499, Unknown),
            (200, Unknown),
            (301, Unknown),
            (418, Unknown),
            (100, Unknown),
        ];
        for (status, class) in ROWS {
            assert_eq!(status_class(status), class, "{status}");
            assert_eq!(classify_status(status), Classification::new(class).http_status(status));
        }
    }

    #[test]
    fn registered_statuses_have_the_classes_of_the_table() {
        const ROWS: [(ErrorClass, &[u16]); 7] = [
            (
                Permanent,
                &[
                    400, 402, 404, 405, 406, 410, 411, 412, 413, 414, 415, 416, 417, 422, 424, 426, 428, 431, 451, 501,
                    505, 506, 508, 510,
                ],
            ),
            (Auth, &[401, 407, 511]),
            (Permission, &[403]),
            (Transient, &[408, 421, 425]),
            (Concurrency, &[409, 423]),
            (RateLimit, &[429]),
            (ServerError, &[500, 502, 503, 504, 507]),
        ];
        for (class, statuses) in ROWS {
            for status in statuses {
                assert_eq!(status_class(*status), class, "{status}");
            }
        }
        // Every other: below 500 unknown, above a failure of the server.
        for status in 0..=u16::MAX {
            if !ROWS.iter().any(|(_, statuses)| statuses.contains(&status)) {
                let class = if matches!(status, 500..=599) { ServerError } else { Unknown };
                assert_eq!(status_class(status), class, "{status}");
            }
        }
    }

    #[test]
    fn only_answers_below_400_are_no_failures() {
        for code in 0..=u16::MAX {
            assert_eq!(status(code).is_none(), (100..400).contains(&code), "{code}");
        }
    }

    #[test]
    fn every_failure_takes_a_hint() {
        let hint = |code, header: Option<&[u8]>| status_with_retry_after(code, header, None).map(|c| c.hint());
        for code in [404, 429, 500, 503] {
            assert_eq!(hint(code, Some(b"7")), Some(Some(Millis::from_secs(7))));
            assert_eq!(hint(code, Some(b"soon")), Some(None));
            assert_eq!(hint(code, None), Some(None));
        }
        assert_eq!(hint(200, Some(b"7")), None);
    }

    #[test]
    fn a_forbidden_request_with_a_hint_is_a_rate_limit() {
        let known = |header: Option<&[u8]>| status_with_retry_after(403, header, None);
        let limited = Classification::new(RateLimit).http_status(403).retry_after(Millis::from_secs(60));
        assert_eq!(known(Some(b"60")), Some(limited));
        assert_eq!(known(Some(b"soon")), Some(Classification::new(Permission).http_status(403)));
        assert_eq!(known(None), Some(Classification::new(Permission).http_status(403)));
    }

    #[test]
    fn a_date_needs_a_clock() {
        let date: Option<&[u8]> = Some(b"Thu, 01 Jan 1970 00:01:00 GMT");
        let hint = |now| status_with_retry_after(429, date, now).and_then(|c| c.hint());
        assert_eq!(hint(None), None);
        assert_eq!(hint(Some(UnixSeconds::new(10))), Some(Millis::from_secs(50)));
    }
}
