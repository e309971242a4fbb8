//! Answers of the `http` crate.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{DATE, RETRY_AFTER},
};
use redress_std::{
    Backoff, Classification, ErrorClass,
    ErrorClass::{Auth, Concurrency, Permanent, Permission, RateLimit, ServerError, Transient},
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
        (StatusCode::GONE, Permanent),
        (StatusCode::UNPROCESSABLE_ENTITY, Permanent),
        (StatusCode::TOO_MANY_REQUESTS, RateLimit),
        (StatusCode::INTERNAL_SERVER_ERROR, ServerError),
        (StatusCode::SERVICE_UNAVAILABLE, ServerError),
        (StatusCode::GATEWAY_TIMEOUT, ServerError),
    ];
    for (status, class) in ROWS {
        let expected = Classification::new(class).http_status(status.as_u16());
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
    const ROWS: [(&[&str], Option<u32>); 15] = [
        (&[], None),
        (&["0"], Some(0)),
        (&["120"], Some(120_000)),
        (&[" 7 "], Some(7_000)),
        (&["99999999999999999999"], Some(u32::MAX)),
        (&["18446744073709551616"], Some(u32::MAX)),
        (&["-1"], None),
        (&["2.0"], Some(2_000)),
        (&["1.5"], Some(1_500)),
        (&["0.0001"], Some(1)),
        (&["1."], None),
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

fn fields(fields: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).expect("visible characters"))
    };
    fields.iter().map(pair).collect()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// Fields of several vendors, with a 429.
#[test]
fn fields_besides_retry_after() {
    const ROWS: &[(&[(&str, &str)], Option<u32>)] = &[
        (&[("retry-after-ms", "350")], Some(350)),
        (&[("retry-after-ms", "9.25")], Some(10)),
        (&[("x-ms-retry-after-ms", "1500")], Some(1_500)),
        (&[("x-ms-retry-after-ms", "18446744073709551616")], Some(u32::MAX)),
        (&[("retry-after-ms", "soon")], None),
        (&[("retry-after-ms", "-1"), ("x-ms-retry-after-ms", "5 ms")], None),
        // The longest counts, and junk in one does not hide another.
        (&[("retry-after", "1"), ("retry-after-ms", "350")], Some(1_000)),
        (&[("retry-after", "soon"), ("retry-after-ms", "350")], Some(350)),
        (&[("retry-after-ms", ""), ("retry-after", "2")], Some(2_000)),
        // Both versions of the draft.
        (&[("ratelimit", "\"default\";r=0;t=30")], Some(30_000)),
        (&[("ratelimit", "\"a\";r=0;t=30, \"b\";r=9;t=3600, \"c\";r=0;t=5")], Some(30_000)),
        (&[("ratelimit", "limit=100, remaining=0, reset=7")], Some(7_000)),
        (&[("ratelimit", "\"default\";t=30")], Some(30_000)),
        (&[("ratelimit", "\"default\";r=5;t=30")], None),
        (&[("ratelimit", "100 per minute")], None),
        (&[("ratelimit", "\"default\";r=0;t=18446744073709551616")], Some(u32::MAX)),
        (&[("ratelimit-reset", "30")], Some(30_000)),
        (&[("ratelimit-limit", "10"), ("ratelimit-remaining", "0"), ("ratelimit-reset", "50")], Some(50_000)),
        (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "60")], Some(60_000)),
        (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset-after", "64.57")], Some(64_570)),
        (&[("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", "900")], Some(900_000)),
        (&[("x-ratelimit-reset", "18446744073709551616")], Some(u32::MAX)),
        (&[("x-ratelimit-reset", "1")], Some(1_000)),
        (&[("x-ratelimit-reset", "soon")], None),
        (&[("x-ratelimit-reset", "-5")], None),
        // Something is left: another limit was hit, of which nothing is known.
        (&[("x-ratelimit-remaining", "4999"), ("x-ratelimit-reset", "3600")], None),
        // What says nothing about what is left leaves it to the status.
        (&[("x-ratelimit-remaining", "many"), ("x-ratelimit-reset", "60")], Some(60_000)),
        // An exhausted quota before one of which nothing is known.
        (&[("ratelimit", "\"a\";r=0;t=5"), ("x-ratelimit-reset", "60")], Some(5_000)),
        // The wait that is asked for before any quota.
        (&[("retry-after", "5"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "60")], Some(5_000)),
        (&[("retry-after", "soon"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "60")], Some(60_000)),
    ];
    for (given, millis) in ROWS {
        let headers = fields(given);
        assert_eq!(http::retry_after(&headers), millis.map(Millis::new), "{given:?}");
        let known = http::status_with_headers(StatusCode::TOO_MANY_REQUESTS, &headers).expect("a failure");
        assert_eq!((known.class(), known.hint()), (RateLimit, millis.map(Millis::new)), "{given:?}");
        assert_eq!(http::status_with_headers(StatusCode::OK, &headers), None);
    }
}

/// Of other statuses, the wait that is asked for; and a quota only if nothing is left of it.
#[test]
fn quotas_are_heard_with_the_statuses_that_they_explain() {
    let exhausted: &[_] = &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "60")];
    let left: &[_] = &[("x-ratelimit-remaining", "7"), ("x-ratelimit-reset", "60")];
    let unknown: &[_] = &[("ratelimit-reset", "60")];
    let asked: &[_] = &[("retry-after", "60")];
    for (status, given, class, hint) in [
        (403, exhausted, RateLimit, true),
        (403, asked, RateLimit, true),
        (403, &[("retry-after-ms", "60000")], RateLimit, true),
        (403, &[("ratelimit", "\"default\";r=0;t=60")], RateLimit, true),
        (403, &[("x-ratelimit-remaining", "0")], RateLimit, false),
        (403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "soon")], RateLimit, false),
        (403, &[("retry-after", "soon")], Permission, false),
        (403, left, Permission, false),
        (403, unknown, Permission, false),
        (403, &[], Permission, false),
        (503, exhausted, ServerError, true),
        (503, asked, ServerError, true),
        (503, left, ServerError, false),
        (503, unknown, ServerError, false),
        (500, asked, ServerError, true),
        (500, exhausted, ServerError, false),
        (401, asked, Auth, true),
        (401, exhausted, Auth, false),
    ] {
        let status = StatusCode::from_u16(status).expect("a status");
        let known = http::status_with_headers(status, &fields(given)).expect("a failure");
        let hint = hint.then_some(Millis::from_secs(60));
        assert_eq!((known.class(), known.hint()), (class, hint), "{status} {given:?}");
        assert_eq!(known.numeric_code(), Some(status.as_u16().into()));
    }
}

/// A forge's primary limit: the moment at which it ends, by the response's own date and by the system's clock.
#[test]
fn a_reset_may_be_a_moment() {
    let limited = |reset: String, date: Option<&str>| {
        let mut headers = fields(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &reset)]);
        headers.extend(date.map(|date| (DATE, HeaderValue::from_str(date).expect("a date"))));
        let known = http::status_with_headers(StatusCode::FORBIDDEN, &headers).expect("a failure");
        assert_eq!(known.class(), RateLimit);
        known.hint().map(Millis::get)
    };
    // 2019-09-18T05:34:00Z
    assert_eq!(limited("1568784840".into(), Some("Wed, 18 Sep 2019 05:33:23 GMT")), Some(37_000));
    assert_eq!(limited("1568784840000".into(), Some("Wed, 18 Sep 2019 05:33:23 GMT")), Some(37_000));
    assert_eq!(limited("1568784840".into(), None), Some(0));
    for date in [None, Some("soon"), Some("Thu, 01 Jan 1970 00:00:00 GMT"), Some("Fri, 31 Dec 9999 23:59:59 GMT")] {
        for unit in [1, 1_000] {
            let hint = limited(((now() + 600) * unit).to_string(), date).expect("a moment");
            assert!((540_000..=600_000).contains(&hint), "{hint}");
        }
    }
}

/// 37 s, whatever the client's clock says; a `Date` that the date was not made by is not believed.
#[test]
fn dates_are_judged_by_the_date_of_the_response() {
    let hint = |date: &str, until: &str| http::retry_after(&fields(&[("date", date), ("retry-after", until)]));
    assert_eq!(hint("Wed, 18 Sep 2019 05:33:23 GMT", "Wed, 18 Sep 2019 05:34:00 GMT"), Some(Millis::from_secs(37)));
    assert_eq!(hint("Wed, 18 Sep 2019 05:34:00 GMT", "Wed, 18 Sep 2019 05:33:23 GMT"), Some(Millis::ZERO));
    assert_eq!(hint("Thu, 01 Jan 1970 00:00:23 GMT", "Thu, 01 Jan 1970 00:01:00 GMT"), Some(Millis::from_secs(37)));
    assert_eq!(hint("Fri, 31 Dec 9999 23:59:00 GMT", "Fri, 31 Dec 9999 23:59:37 GMT"), Some(Millis::from_secs(37)));
    for date in ["Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "yesterday", ""] {
        let hint = hint(date, &date_in(600)).expect("a date").get();
        assert!((540_000..=600_000).contains(&hint), "{date}: {hint}");
    }
    assert_eq!(hint("Wed, 18 Sep 2019 05:33:23 GMT", "soon"), None);
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
