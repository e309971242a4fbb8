//! The stories, against what they should be: real connections on loopback, real faults.

use axum::http::{Method, StatusCode};
use redress_std::{Cause, ErrorClass, Event, EventKind, EventKind::*, Millis};
use tower_proxy::{
    Fault, HEALTHY, Journal, Seen, Upstream, plain,
    stories::{self, Answer, BODY, Told},
};

fn quiet() -> Journal {
    Journal::new(false)
}

fn kinds(told: &Told) -> Vec<EventKind> {
    told.events.iter().map(|event| event.kind).collect()
}

fn failures(told: &Told) -> Vec<(Option<ErrorClass>, Option<Cause>)> {
    told.events.iter().filter(|event| event.kind == Retry).map(|event| (event.class, event.cause)).collect()
}

fn answer(status: StatusCode, body: &str) -> Answer {
    Answer { status, retry_after: None, body: body.to_owned() }
}

/// So many requests, each of them whole.
fn assert_whole(told: &Told, method: &Method, count: usize) {
    assert_eq!(told.seen.len(), count);
    for Seen { method: its_method, path, body } in &told.seen {
        assert_eq!((its_method, path.as_str()), (method, "/orders/7"));
        assert!(*body == BODY[..], "{} of {} bytes", body.len(), BODY.len());
    }
}

#[tokio::test]
async fn retry_after_is_honoured_in_both_forms_and_the_body_is_whole_each_time() {
    let script = [
        Fault::Status(StatusCode::SERVICE_UNAVAILABLE),
        Fault::RetryAfter(StatusCode::TOO_MANY_REQUESTS, 1),
        Fault::RetryAfterDate(StatusCode::TOO_MANY_REQUESTS, 1),
    ];
    let told = stories::faults(quiet(), Method::PUT, &script).await.expect("an answer");
    assert_eq!(told.answers, [answer(StatusCode::OK, HEALTHY)]);
    assert_eq!(kinds(&told), [Retry, Retry, Retry, Success]);
    assert_whole(&told, &Method::PUT, 4);
    let hints: Vec<_> = told.events.iter().map(|event| event.retry_after.map(Millis::get)).collect();
    assert_eq!((hints[0], hints[1]), (None, Some(1_000)));
    assert!(hints[2].is_some_and(|hint| (1..=2_000).contains(&hint)), "{hints:?}");
    for Event { retry_after, delay, .. } in &told.events[1..3] {
        assert!(*delay >= retry_after.expect("a hint"), "never sooner than asked");
    }
}

#[tokio::test]
async fn connections_that_fail_are_retried() {
    let told =
        stories::faults(quiet(), Method::PUT, &[Fault::Reset, Fault::Cut, Fault::Hang]).await.expect("an answer");
    assert_eq!(told.answers, [answer(StatusCode::OK, HEALTHY)]);
    assert_eq!(kinds(&told), [Retry, Retry, Retry, Success]);
    let transient = |cause| (Some(ErrorClass::Transient), Some(cause));
    assert_eq!(failures(&told), [transient(Cause::Error), transient(Cause::Error), transient(Cause::Timeout)]);
    assert_whole(&told, &Method::PUT, 4);
}

#[tokio::test]
async fn a_server_that_is_too_slow_each_time_is_a_gateway_timeout() {
    let told = stories::faults(quiet(), Method::GET, &[Fault::Hang; 6]).await.expect("an answer");
    let [Answer { status: StatusCode::GATEWAY_TIMEOUT, body, .. }] = told.answers.as_slice() else {
        panic!("{:?}", told.answers)
    };
    assert!(
        body.contains(" gave up after 6 attempts in ") && body.ends_with(": no attempts left (transient, timed out)")
    );
    assert_whole(&told, &Method::GET, 6);
}

#[tokio::test]
async fn what_the_server_says_in_the_end_reaches_the_client() {
    let told = stories::faults(quiet(), Method::PUT, &[Fault::Status(StatusCode::NOT_FOUND)]).await.expect("an answer");
    assert_eq!(told.answers, [answer(StatusCode::NOT_FOUND, "scripted")]);
    assert_eq!(kinds(&told), [PermanentFail]);

    let told =
        stories::faults(quiet(), Method::PUT, &[Fault::Status(StatusCode::BAD_GATEWAY); 6]).await.expect("an answer");
    assert_eq!(told.answers, [answer(StatusCode::BAD_GATEWAY, "scripted")]);
    assert_eq!(kinds(&told), [Retry, Retry, Retry, Retry, Retry, MaxAttemptsExceeded]);
    assert_whole(&told, &Method::PUT, 6);
}

#[tokio::test]
async fn what_must_not_be_done_twice_is_sent_once() {
    let script = [Fault::RetryAfter(StatusCode::SERVICE_UNAVAILABLE, 1)];
    let told = stories::faults(quiet(), Method::POST, &script).await.expect("an answer");
    let expected = Answer { retry_after: Some("1".to_owned()), ..answer(StatusCode::SERVICE_UNAVAILABLE, "scripted") };
    assert_eq!(told.answers, [expected]);
    assert_eq!(kinds(&told), [MaxAttemptsExceeded]);
    assert_whole(&told, &Method::POST, 1);

    let told = stories::faults(quiet(), Method::POST, &[Fault::Reset]).await.expect("an answer");
    assert_eq!(told.answers[0].status, StatusCode::BAD_GATEWAY);
    assert_whole(&told, &Method::POST, 1);
}

#[tokio::test]
async fn a_server_that_is_down_at_the_start() {
    let told = stories::down_at_start(quiet()).await.expect("an answer");
    assert_eq!(told.answers, [answer(StatusCode::OK, HEALTHY)]);
    assert_eq!(failures(&told)[0], (Some(ErrorClass::Transient), Some(Cause::Error)));
    assert_whole(&told, &Method::PUT, 1);
}

#[tokio::test]
async fn a_server_that_is_killed_while_it_answers() {
    let told = stories::killed(quiet()).await.expect("an answer");
    assert_eq!(told.answers, [answer(StatusCode::OK, HEALTHY)]);
    assert_eq!(failures(&told)[..2], [(Some(ErrorClass::Transient), Some(Cause::Error)); 2], "{:?}", told.events);
    // It saw the request that it died of, and the one it answered.
    assert_whole(&told, &Method::PUT, 2);
}

#[tokio::test]
async fn an_open_breaker_answers_at_once_and_says_when_to_come_back() {
    let told = stories::breaker(quiet()).await.expect("answers");
    let statuses: Vec<_> = told.answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [502, 502, 503, 200]);
    let retry_after: Vec<_> = told.answers.iter().map(|answer| answer.retry_after.as_deref()).collect();
    assert_eq!(retry_after, [None, None, Some("1"), None]);
    let expected = [
        Retry,
        MaxAttemptsExceeded,
        Retry,
        MaxAttemptsExceeded,
        CircuitOpened,
        CircuitRejected,
        CircuitHalfOpen,
        Success,
        CircuitClosed,
    ];
    assert_eq!(kinds(&told), expected);
    assert_whole(&told, &Method::PUT, 1);
}

/// What the upstream plays is what it says, seen by a client without policy.
#[tokio::test]
async fn faults_are_real() {
    let upstream = Upstream::start().expect("it starts");
    upstream.script(&[Fault::Reset]);
    let request = axum::http::Request::get(format!("http://{}/", upstream.address()));
    let error = plain().request(request.body(<_>::default()).expect("a request")).await.expect_err("a reset");
    let mut causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let io = causes.find_map(|error| error.downcast_ref::<std::io::Error>()).expect("an error of the system");
    assert_eq!(io.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(upstream.seen().len(), 1);
}
