//! What is sent: bodies, and requests that may be repeated.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
};

use ::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use redress_std::{
    BreakerConfig, BreakerState, CircuitBreaker, Policy, Tokio, http,
    tower_v0_5::{ByClone, PolicyLayer},
};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::{IDEMPOTENCY_KEY, RETRY, THREE, answer, get, script, text};

#[tokio::test(start_paused = true)]
async fn every_attempt_sends_the_whole_body() {
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let received = Arc::clone(&bodies);
    let server = service_fn(move |request: Request<Full<Bytes>>| {
        let received = Arc::clone(&received);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.expect("it's whole").to_bytes();
            let mut received = received.lock().expect("no panic");
            received.push((head.method, head.uri.to_string(), head.headers, body));
            Ok::<_, Infallible>(answer(if received.len() < 3 { 503 } else { 200 }, "stored"))
        }
    });
    let mut service = PolicyLayer::new(THREE.context(Tokio).retry_result(http::response)).layer(server);

    let sent = Bytes::from(vec![b'x'; 100_000]);
    let request =
        Request::put("http://stock/7").header("x-order", "12").body(Full::new(sent.clone())).expect("a request");
    let response = service.ready().await.expect("ready").call(request).await.expect("a response");
    assert_eq!((response.status(), text(response).await.as_str()), (StatusCode::OK, "stored"));
    let bodies = bodies.lock().expect("no panic");
    assert_eq!(bodies.len(), 3);
    let headers = HeaderMap::from_iter([("x-order".parse().expect("a name"), HeaderValue::from_static("12"))]);
    for received in &*bodies {
        assert_eq!(*received, (Method::PUT, "http://stock/7".to_owned(), headers.clone(), sent.clone()));
    }
}

/// Cannot be cloned, as a body that is a stream.
#[derive(Debug)]
struct Stream;

#[tokio::test(start_paused = true)]
async fn what_cannot_be_copied_is_sent_once_and_the_breaker_knows() {
    static BREAKER: CircuitBreaker<2> = CircuitBreaker::new(BreakerConfig::new(2));
    static POLICY: Policy = Policy::new(RETRY).circuit_breaker(&BREAKER);

    let (server, requests) = script(&[answer(503, "down")]);
    let context = POLICY.context(Tokio).retry_result(http::response);
    let service = PolicyLayer::new(context).clone_with(|_: &Stream| None).layer(server);
    for sent in 1..=2 {
        assert_eq!(service.clone().oneshot(Stream).await.expect("a response").status(), 503);
        assert_eq!(requests.load(Relaxed), sent);
    }
    assert_eq!(BREAKER.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn only_what_is_safe_to_repeat_is_repeated() {
    let idempotent = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE, Method::PUT, Method::DELETE];
    let others = [Method::POST, Method::PATCH, Method::CONNECT];
    for (method, sent) in idempotent.map(|method| (method, 3)).into_iter().chain(others.map(|method| (method, 1))) {
        for (key, sent) in [(None, sent), (Some("7f"), 3)] {
            let (server, requests) = script(&[answer(503, "down")]);
            let service = PolicyLayer::new(THREE.context(Tokio).retry_result(http::response)).layer(server);
            let mut request = get();
            *request.method_mut() = method.clone();
            request.headers_mut().extend(key.map(|key| (IDEMPOTENCY_KEY, HeaderValue::from_static(key))));
            assert_eq!(service.oneshot(request).await.expect("a response").status(), 503);
            assert_eq!(requests.load(Relaxed), sent, "{method}, key {key:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn any_request_is_repeated_when_that_is_said() {
    let (server, requests) = script(&[answer(503, "down")]);
    let context = THREE.context(Tokio).retry_result(http::response);
    let mut request = get();
    *request.method_mut() = Method::POST;
    let answered = PolicyLayer::new(context).clone_with(ByClone).layer(server).oneshot(request).await;
    assert_eq!(answered.expect("a response").status(), 503);
    assert_eq!(requests.load(Relaxed), 3);
}
