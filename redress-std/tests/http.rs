//! Answers of the `http` crate.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::http::{HeaderMap, HeaderValue, Response, StatusCode, header::RETRY_AFTER};
use redress_std::{
    Backoff, Classification, ErrorClass,
    ErrorClass::{Auth, Concurrency, Permanent, Permission, RateLimit, ServerError, Transient, Unknown},
    Failure, Millis, Policy, Retry, StopReason, Threads, http,
};

fn headers(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(RETRY_AFTER, HeaderValue::from_str(value).expect("visible characters"));
    }
    headers
}

/// An HTTP date so many seconds from now, by the civil-from-days algorithm.
fn date_in(seconds: i64) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let then = now.as_secs().saturating_add_signed(seconds);
    let (mut days, time) = (then / 86_400, then % 86_400);
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1_970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    format!(
        "Sun, {:02} {} {year} {:02}:{:02}:{:02} GMT",
        days + 1,
        MONTHS[month],
        time / 3_600,
        time / 60 % 60,
        time % 60
    )
}

#[test]
fn statuses() {
    const ROWS: [(StatusCode, ErrorClass); 12] = [
        (StatusCode::BAD_REQUEST, Permanent),
        (StatusCode::UNAUTHORIZED, Auth),
        (StatusCode::FORBIDDEN, Permission),
        (StatusCode::NOT_FOUND, Permanent),
        (StatusCode::REQUEST_TIMEOUT, Transient),
        (StatusCode::CONFLICT, Concurrency),
        (StatusCode::GONE, Unknown),
        (StatusCode::UNPROCESSABLE_ENTITY, Permanent),
        (StatusCode::TOO_MANY_REQUESTS, RateLimit),
        (StatusCode::INTERNAL_SERVER_ERROR, ServerError),
        (StatusCode::SERVICE_UNAVAILABLE, ServerError),
        (StatusCode::GATEWAY_TIMEOUT, ServerError),
    ];
    for (status, class) in ROWS {
        let expected = Classification::new(class).code(status.as_u16().into());
        assert_eq!(http::classify(status), expected);
        assert_eq!(http::status(status), Some(expected));
        assert_eq!(http::status_with_headers(status, &HeaderMap::new()), Some(expected));
    }
    for status in [StatusCode::CONTINUE, StatusCode::OK, StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        assert_eq!(http::status(status), None);
        assert_eq!(http::status_with_headers(status, &headers(&["7"])), None);
    }
}

#[test]
fn retry_after_headers() {
    const ROWS: [(&[&str], Option<u32>); 11] = [
        (&[], None),
        (&["0"], Some(0)),
        (&["120"], Some(120_000)),
        (&[" 7 "], Some(7_000)),
        (&["99999999999999999999"], Some(u32::MAX)),
        (&["-1"], None),
        (&["1.5"], None),
        (&["soon"], None),
        (&["Thu, 01 Jan 1970 00:01:00 GMT"], Some(0)),
        (&["soon", "5"], Some(5_000)),
        (&["5", "60"], Some(60_000)),
    ];
    for (values, millis) in ROWS {
        assert_eq!(http::retry_after(&headers(values)), millis.map(Millis::new), "{values:?}");
    }
    let mut raw = HeaderMap::new();
    raw.insert(RETRY_AFTER, HeaderValue::from_bytes(b"\xFF\xFE").expect("opaque bytes are allowed"));
    assert_eq!(http::retry_after(&raw), None);
}

#[test]
fn dates_are_read_by_the_systems_clock() {
    let hint = http::retry_after(&headers(&[&date_in(600)])).expect("a date");
    assert!((540_000..=600_000).contains(&hint.get()), "{hint}");
    assert_eq!(http::retry_after(&headers(&[&date_in(-600)])), Some(Millis::ZERO));
}

#[test]
fn a_response_that_stays_a_failure_comes_back() {
    static POLICY: Policy = Policy::new(
        Retry::new(Backoff::constant(Duration::from_secs(3_600)))
            .backoff_for(ServerError, Backoff::none().or_retry_after_jittered(Duration::ZERO))
            .max_attempts(3),
    );

    let outcome = POLICY
        .context(Threads)
        .retry_result(http::response)
        .execute(|| Response::builder().status(503).header("retry-after", "0").body("down"));
    assert_eq!((outcome.attempts, outcome.stop_reason), (3, Some(StopReason::MaxAttemptsGlobal)));
    assert!(matches!(outcome.result, Err(Some(Failure::Result(response))) if *response.body() == "down"));

    let outcome =
        POLICY.context(Threads).retry_result(http::response).execute(|| Response::builder().status(204).body(()));
    assert!(outcome.is_ok());
}
