//! Hints of servers on loopback, as the responses of real HTTP clients show them.

mod loopback;

use std::{
    io::{Read, Write},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use loopback::{answering, server};
use redress_std::{
    Backoff, Classification,
    ErrorClass::{self, Permission, RateLimit, ServerError},
    Millis, Policy, Retry, StopReason, Threads, Tokio, http,
};

/// The head of an answer without a body.
macro_rules! answer {
    ($status:literal $(, $field:literal)*) => {
        concat!("HTTP/1.1 ", $status, " -\r\n", $($field, "\r\n",)* "content-length: 0\r\nconnection: close\r\n\r\n")
    };
}

const NEVER: u32 = u32::MAX;

/// Answers as servers really send them: what class they have, and after how many milliseconds to come back.
const ANSWERS: &[(&str, ErrorClass, Option<u32>)] = &[
    (answer!("429", "Retry-After: 2.0"), RateLimit, Some(2_000)),
    (answer!("429", "Retry-After: 0.35"), RateLimit, Some(350)),
    (answer!("503", "Retry-After: 7"), ServerError, Some(7_000)),
    (answer!("429", "Retry-After: 999999999"), RateLimit, Some(NEVER)),
    (answer!("429", "Retry-After: 18446744073709551616"), RateLimit, Some(NEVER)),
    (answer!("429", "Retry-After: -1"), RateLimit, None),
    (answer!("429", "Retry-After: \u{fc}"), RateLimit, None),
    (
        answer!("429", "Date: Wed, 18 Sep 2019 05:33:23 GMT", "Retry-After: Wed, 18 Sep 2019 05:34:00 GMT"),
        RateLimit,
        Some(37_000),
    ),
    (
        answer!("429", "Date: Thu, 01 Jan 1970 00:00:00 GMT", "Retry-After: Thu, 01 Jan 1970 00:00:37 GMT"),
        RateLimit,
        Some(37_000),
    ),
    (
        answer!("429", "Date: Fri, 31 Dec 9999 23:59:59 GMT", "Retry-After: Wed, 18 Sep 2019 05:34:00 GMT"),
        RateLimit,
        Some(0),
    ),
    (answer!("429", "retry-after-ms: 350"), RateLimit, Some(350)),
    (answer!("429", "x-ms-retry-after-ms: 1500"), RateLimit, Some(1_500)),
    (answer!("429", "RateLimit-Reset: 30"), RateLimit, Some(30_000)),
    (answer!("429", "RateLimit: \"burst\";r=0;t=30, \"day\";r=900;t=40000"), RateLimit, Some(30_000)),
    (answer!("429", "RateLimit: limit=10, remaining=0, reset=30"), RateLimit, Some(30_000)),
    (answer!("403", "retry-after: 60"), RateLimit, Some(60_000)),
    (
        answer!(
            "403",
            "date: Wed, 18 Sep 2019 05:33:23 GMT",
            "x-ratelimit-remaining: 0",
            "x-ratelimit-reset: 1568784863"
        ),
        RateLimit,
        Some(60_000),
    ),
    (answer!("403", "x-ratelimit-remaining: 12", "x-ratelimit-reset: 60"), Permission, None),
    (answer!("403"), Permission, None),
];

fn known(class: ErrorClass, hint: Option<u32>) -> (ErrorClass, Option<Millis>) {
    (class, hint.map(Millis::new))
}

fn found(classification: Option<Classification>) -> (ErrorClass, Option<Millis>) {
    let classification = classification.expect("a failure");
    (classification.class(), classification.hint())
}

#[tokio::test]
async fn of_reqwest() {
    for (head, class, hint) in ANSWERS {
        let url = format!("http://{}", answering(head));
        let response = reqwest_v0_12::get(&url).await.expect("an answer");
        assert_eq!(found(redress_std::reqwest_v0_12::response(&response)), known(*class, *hint), "{head}");
        let response = reqwest::get(&url).await.expect("an answer");
        assert_eq!(found(redress_std::reqwest_v0_13::response(&response)), known(*class, *hint), "{head}");
    }
}

#[test]
fn of_ureq() {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    for (head, class, hint) in ANSWERS {
        let response = agent.get(format!("http://{}", answering(head))).call().expect("an answer");
        assert_eq!(found(http::response(&response)), known(*class, *hint), "{head}");
    }
}

#[tokio::test]
async fn of_hyper() {
    use hyper_util::{
        client::legacy::{Client, connect::HttpConnector},
        rt::TokioExecutor,
    };

    let client: Client<HttpConnector, String> = Client::builder(TokioExecutor::new()).build_http();
    for (head, class, hint) in ANSWERS {
        let uri = format!("http://{}", answering(head)).parse().expect("an address");
        let response = client.get(uri).await.expect("an answer");
        assert_eq!(found(http::response(&response)), known(*class, *hint), "{head}");
    }
}

/// A server that gives one answer to every request, and counts them.
fn counting(answer: &'static str) -> (SocketAddr, Arc<AtomicU32>) {
    let requests = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&requests);
    let address = server(move |mut stream| {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
            head.extend(byte);
        }
        counter.fetch_add(1, Relaxed);
        stream.write_all(answer.as_bytes()).expect("the client reads");
    });
    (address, requests)
}

/// Zero, a date that has passed, a millisecond, on every 429: at most 3 attempts in 2 s.
#[tokio::test]
async fn no_answer_makes_a_hot_loop() {
    static POLICY: Policy = Policy::new(
        Retry::new(Backoff::equal_jitter(Duration::from_secs(1), Duration::from_secs(60)).or_retry_after())
            .unlimited_attempts()
            .deadline(Duration::from_secs(2)),
    );

    let hot = [
        answer!("429", "Retry-After: 0"),
        answer!("429", "Retry-After: 0.000001"),
        answer!("429", "Retry-After: Thu, 01 Jan 1970 00:00:01 GMT"),
        answer!("429", "Date: Wed, 18 Sep 2019 05:34:00 GMT", "Retry-After: Wed, 18 Sep 2019 05:33:57 GMT"),
        answer!("429", "retry-after-ms: 1"),
        answer!("403", "x-ratelimit-remaining: 0", "x-ratelimit-reset: 1"),
        answer!("429", "RateLimit: \"default\";r=0;t=0"),
    ];
    let calls = hot.map(|answer| {
        tokio::spawn(async move {
            let (address, requests) = counting(answer);
            let client = reqwest::Client::new();
            let mut context = POLICY.context(Tokio).retry_result(redress_std::reqwest_v0_13::response);
            let outcome = context.execute(|| client.get(format!("http://{address}")).send()).await;
            (answer, outcome.stop_reason, outcome.attempts, requests.load(Relaxed))
        })
    });
    for call in calls {
        let (answer, reason, attempts, requests) = call.await.expect("a call");
        assert_eq!((reason, attempts), (Some(StopReason::DeadlineExceeded), requests), "{answer}");
        assert!((1..=3).contains(&requests), "{requests} for {answer}");
    }
}

/// A hint of decades, without a deadline: the call stops at once, says why, and names the hint.
#[test]
fn no_answer_makes_a_call_sleep_for_days() {
    static POLICY: Policy = Policy::new(
        Retry::new(Backoff::equal_jitter(Duration::from_secs(1), Duration::from_secs(60)).or_retry_after())
            .no_deadline(),
    );

    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    for (answer, hint) in [
        (answer!("429", "Retry-After: 999999999"), NEVER),
        (answer!("429", "Retry-After: 3601"), 3_601_000),
        (answer!("503", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"), NEVER),
        (answer!("403", "x-ratelimit-remaining: 0", "x-ratelimit-reset: 9999999999"), NEVER),
        (answer!("429", "x-ms-retry-after-ms: 18446744073709551616"), NEVER),
    ] {
        let (address, requests) = counting(answer);
        let begun = Instant::now();
        let mut context = POLICY.context(Threads).retry_result(http::response);
        let outcome = context.execute(|| agent.get(format!("http://{address}")).call());
        assert!(begun.elapsed() < Duration::from_secs(60));
        assert_eq!(outcome.stop_reason, Some(StopReason::RetryAfterTooLong), "{answer}");
        assert_eq!((outcome.next_delay, requests.load(Relaxed)), (Some(Millis::new(hint)), 1), "{answer}");
        let error = outcome.into_result().expect_err("a failure");
        assert!(error.to_string().contains(": the server asked to wait "), "{error}");
    }
}
