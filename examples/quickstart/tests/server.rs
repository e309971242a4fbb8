//! Every fault, seen by a real client as what it should be.

use std::io::ErrorKind;
use std::time::{Duration, Instant, SystemTime};

use quickstart::client::{self, Failure, TransportKind};
use quickstart::server::{Fault, FaultyServer, HEALTHY};

/// Longer than any loopback answer, even on a busy machine; shorter than [`Fault::SlowBody`] by far.
const PATIENT: Duration = Duration::from_secs(5);
/// For faults that are expected to run into it.
const IMPATIENT: Duration = Duration::from_millis(300);

/// One request against one fault. The path must be healthy afterwards, and each `get` must be one request: a client
/// which retries on its own would make every count of the policy wrong.
fn meet(fault: Fault, timeout: Duration) -> Result<String, Failure> {
    let server = FaultyServer::start().expect("starts");
    let agent = client::agent(timeout);
    server.script("/it", &[fault]);
    let met = client::get(&agent, &server.url("/it"));
    assert_eq!(server.requests("/it").len(), 1);
    assert_eq!(client::get(&client::agent(PATIENT), &server.url("/it")).expect("healthy after the script"), HEALTHY);
    met
}

#[track_caller]
fn io_kind(failure: &Failure) -> ErrorKind {
    match failure {
        Failure::Transport { error: ureq::Error::Io(e), .. } => e.kind(),
        other => panic!("not an I/O error: {other:?}"),
    }
}

#[test]
fn reset_is_a_connection_reset() {
    let failure = meet(Fault::Reset, PATIENT).expect_err("a fault");
    assert_eq!(io_kind(&failure), ErrorKind::ConnectionReset);
    assert_eq!(failure.transport(), Some(TransportKind::Reset));
    assert!(!failure.is_timeout());
}

#[test]
fn hang_is_a_timeout() {
    let failure = meet(Fault::Hang, IMPATIENT).expect_err("a fault");
    assert!(failure.is_timeout(), "{failure:?}");
    assert_eq!(failure.status(), None);
}

#[test]
fn slow_body_is_a_timeout_after_the_status() {
    let failure = meet(Fault::SlowBody, IMPATIENT).expect_err("a fault");
    assert!(failure.is_timeout(), "{failure:?}");
}

#[test]
fn truncated_body_is_an_error() {
    let failure = meet(Fault::TruncatedBody, PATIENT).expect_err("a fault");
    assert_eq!(io_kind(&failure), ErrorKind::UnexpectedEof);
    assert_eq!(failure.transport(), Some(TransportKind::Closed));
}

#[test]
fn statuses_arrive_without_retry_after() {
    for status in [401, 403, 408, 429, 500, 503] {
        let failure = meet(Fault::Status(status), PATIENT).expect_err("a fault");
        assert_eq!(failure.status(), Some(status));
        assert_eq!(failure.retry_after(), None);
        assert_eq!(failure.transport(), None);
    }
}

#[test]
fn retry_after_in_seconds() {
    for status in [429, 503] {
        let failure = meet(Fault::RetryAfterSeconds { status, secs: 7 }, PATIENT).expect_err("a fault");
        assert_eq!(failure.status(), Some(status));
        assert_eq!(failure.retry_after(), Some(&b"7"[..]));
    }
}

#[test]
fn retry_after_as_a_date_is_never_early() {
    let before = SystemTime::now();
    let failure = meet(Fault::RetryAfterDate { status: 429, secs: 7 }, PATIENT).expect_err("a fault");
    let after = SystemTime::now();
    assert_eq!(failure.status(), Some(429));
    let text = std::str::from_utf8(failure.retry_after().expect("a header")).expect("ASCII");
    let date = httpdate::parse_http_date(text).expect("a date");
    assert!(date >= before + Duration::from_secs(7), "{text} is early");
    assert!(date < after + Duration::from_secs(8), "{text} is late");
}

#[test]
fn ok_has_its_body() {
    assert_eq!(meet(Fault::Ok("hello"), PATIENT).expect("no fault"), "hello");
    assert_eq!(meet(Fault::Ok(""), PATIENT).expect("no fault"), "");
}

#[test]
fn faults_come_in_order_and_a_new_script_replaces_the_old() {
    let server = FaultyServer::start().expect("starts");
    let agent = client::agent(PATIENT);
    let ask = |path| match client::get(&agent, &server.url(path)) {
        Ok(body) => body,
        Err(failure) => failure.to_string(),
    };
    server.script("/a", &[Fault::Status(503), Fault::Reset, Fault::Ok("a")]);
    server.script("/b", &[Fault::Status(500), Fault::Status(502)]);
    assert_eq!(ask("/a"), "503");
    assert_eq!(ask("/b"), "500");
    assert_eq!(ask("/a?page=2"), "connection reset");
    server.script("/b", &[Fault::Status(401)]);
    assert_eq!(ask("/b"), "401");
    assert_eq!(ask("/a"), "a");
    assert_eq!((ask("/a"), ask("/b"), ask("/c")), (HEALTHY.into(), HEALTHY.into(), HEALTHY.into()));

    let arrivals = server.requests("/a");
    assert_eq!(arrivals.len(), 4);
    assert!(arrivals.is_sorted());
    assert_eq!(server.requests("/never"), []);
}

#[test]
fn nobody_listens_after_drop() {
    let server = FaultyServer::start().expect("starts");
    let url = server.url("/");
    drop(server);
    let failure = client::get(&client::agent(PATIENT), &url).expect_err("nobody there");
    assert_eq!(io_kind(&failure), ErrorKind::ConnectionRefused);
    assert_eq!(failure.transport(), Some(TransportKind::Refused));
}

#[test]
fn drop_releases_a_client_that_waits() {
    let server = FaultyServer::start().expect("starts");
    server.script("/", &[Fault::Hang]);
    let url = server.url("/");
    let begun = Instant::now();
    let client = std::thread::spawn(move || client::get(&client::agent(Duration::from_secs(60)), &url));
    while server.requests("/").is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the request never arrived");
        std::thread::yield_now();
    }
    drop(server);
    let failure = client.join().expect("no panic").expect_err("no answer came");
    assert!(!failure.is_timeout(), "{failure:?}");
    assert!(begun.elapsed() < Duration::from_secs(30), "released only by its own time-out");
}

#[test]
fn many_clients_at_once_share_one_script() {
    let server = FaultyServer::start().expect("starts");
    server.script("/", &[Fault::Status(503); 8]);
    let url = server.url("/");
    let failures = std::thread::scope(|scope| {
        let clients: Vec<_> =
            (0..16).map(|_| scope.spawn(|| client::get(&client::agent(PATIENT), &url).is_err())).collect();
        clients.into_iter().map(|client| client.join().expect("no panic")).filter(|failed| *failed).count()
    });
    assert_eq!(failures, 8);
    assert_eq!(server.requests("/").len(), 16);
}
