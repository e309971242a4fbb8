//! Errors of HTTP clients, provoked on loopback.

mod forgotten;
mod loopback;

use std::{error::Error, io::Write, net::SocketAddr, time::Duration};

use forgotten::classify_forgotten;
use loopback::{
    BUSY, CUT_OFF, GARBLED, GONE, LOCKED_OUT, LOST, MISSING, NOT_ALLOWED, NOT_IMPLEMENTED, OLD_HTTP, ROUND_AND_ROUND,
    TOO_LARGE, answering, refusing, resetting, silent,
};
use redress_std::{
    Backoff, Classifier, DefaultClassifier,
    ErrorClass::{self, Auth, Permanent, RateLimit, ServerError, Transient, Unknown},
    Millis, Policy, Recoverable, Retry, StopReason, StrictClassifier, Threads, Tokio, chain, hyper_v1, ureq_v3,
};

/// A label longer than names may have: refused by the resolver without asking anybody.
const NO_NAME: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// An error as someone's application wraps it.
#[derive(Debug)]
struct Wrapped<E>(E);

impl<E> std::fmt::Display for Wrapped<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("wrapped")
    }
}

impl<E: Error + 'static> Error for Wrapped<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// Holds the strict classifier to the table, also where the error is the cause of another, and the default classifier to the same
/// where the features are off.
fn assert_known<E: Error + 'static>(error: E, class: ErrorClass, code: Option<u32>) {
    let known = StrictClassifier.classify(&error);
    assert_eq!((known.class(), known.numeric_code()), (class, code), "{error:?}");
    if class != Unknown {
        assert_eq!(DefaultClassifier.classify(&error), known);
    }
    let forgotten = classify_forgotten(&error);
    assert_eq!(forgotten.class(), class, "forgotten: {error:?}");
    // Codes of the system are left out: ureq does not hand on the `io::Error` that it wraps.
    if code.is_some_and(|code| code >= 400) {
        assert_eq!(forgotten.numeric_code(), code, "forgotten: {error:?}");
    }
    let wrapped = Wrapped(error);
    assert_eq!(StrictClassifier.classify(&wrapped), known);
    assert_eq!(chain::boxed_strictly(&(Box::new(wrapped) as Box<dyn Error>)), known);
}

/// With whoever answers, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);
/// With whoever never will.
const IMPATIENCE: Duration = Duration::from_millis(50);

macro_rules! reqwest_tests {
    ($name:ident, $reqwest:ident, $module:ident) => {
        mod $name {
            use redress_std::$module;

            use super::*;

            async fn error_of(address: impl std::fmt::Display) -> ::$reqwest::Error {
                error_within(PATIENCE, address).await
            }

            async fn error_within(patience: Duration, address: impl std::fmt::Display) -> ::$reqwest::Error {
                let client = ::$reqwest::Client::builder().read_timeout(patience).build().expect("no TLS to set up");
                let fetch =
                    async { client.get(format!("http://{address}/")).send().await?.error_for_status()?.text().await };
                fetch.await.expect_err("nothing to fetch")
            }

            #[tokio::test]
            async fn errors() {
                let refused = refusal(refusing());
                let rows = [
                    (error_of(answering(BUSY)).await, ServerError, Some(503)),
                    (error_of(answering(MISSING)).await, Permanent, Some(404)),
                    (error_of(answering(LOCKED_OUT)).await, Auth, Some(401)),
                    (error_of(answering(CUT_OFF)).await, Transient, None),
                    (error_of(answering(LOST)).await, Transient, None),
                    (error_of(answering(GARBLED)).await, Unknown, None),
                    (error_of(answering(ROUND_AND_ROUND)).await, Permanent, None),
                    (error_of(refusing()).await, Transient, refused),
                    (error_within(IMPATIENCE, silent()).await, Transient, None),
                    (error_of("no host at all").await, Permanent, None),
                    (error_of("[::1").await, Permanent, None),
                    (error_of(NO_NAME).await, Transient, None),
                ];
                for (error, class, code) in rows {
                    assert_eq!($module::classify(&error), StrictClassifier.classify(&error));
                    assert_known(error, class, code);
                }
                // A reset, or the end of the stream: up to the operating system.
                assert_eq!($module::classify(&error_of(resetting()).await).class(), Transient);

                // A client without TLS, and an answer that the server will go on giving.
                let secret = ::$reqwest::Client::new().get(format!("https://{}/", silent())).send().await;
                assert_known(secret.expect_err("no TLS"), Permanent, None);
                for (answer, status) in
                    [(NOT_IMPLEMENTED, 501), (OLD_HTTP, 505), (NOT_ALLOWED, 405), (GONE, 410), (TOO_LARGE, 413)]
                {
                    assert_known(error_of(answering(answer)).await, Permanent, Some(status));
                }

                let bad_header = ::$reqwest::Client::new().get("http://127.0.0.1:1").header("a\n", "b").send().await;
                assert_known(bad_header.expect_err("no such header name"), Permanent, None);
                let late =
                    ::$reqwest::Client::new().get(format!("http://{}", silent())).timeout(IMPATIENCE).send().await;
                assert_known(late.expect_err("nobody answers"), Transient, None);
            }

            #[tokio::test]
            async fn responses() {
                let client = ::$reqwest::Client::new();
                let busy = client.get(format!("http://{}", answering(BUSY))).send().await.expect("an answer");
                let found = $module::response(&busy).expect("a failure");
                assert_eq!((found.class(), found.hint()), (ServerError, Some(Millis::from_secs(7))));
                let cut_off = client.get(format!("http://{}", answering(CUT_OFF))).send().await.expect("a head");
                assert_eq!($module::response(&cut_off), None);
            }

            #[tokio::test]
            async fn calls() {
                static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(3));

                let address =
                    answering("HTTP/1.1 429 Slow\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                let client = ::$reqwest::Client::new();
                let mut context = POLICY.context(Tokio).retry_result($module::response);
                let outcome = context.execute(|| client.get(format!("http://{address}")).send()).await;
                assert_eq!((outcome.attempts, outcome.last_class), (3, Some(RateLimit)));

                let outcome = POLICY.context(Tokio).execute(|| client.get("http://no host").send()).await;
                assert_eq!((outcome.attempts, outcome.stop_reason), (1, Some(StopReason::NonRetryableClass)));
            }
        }
    };
}

/// The operating system's number for a refused connection.
fn refusal(address: SocketAddr) -> Option<u32> {
    let error = std::net::TcpStream::connect(address).expect_err("nobody listens");
    error.raw_os_error().map(i32::unsigned_abs)
}

reqwest_tests!(reqwest_0_12, reqwest_v0_12, reqwest_v0_12);
reqwest_tests!(reqwest_0_13, reqwest, reqwest_v0_13);

#[test]
fn errors_of_ureq() {
    fn error_of(address: impl std::fmt::Display) -> ureq::Error {
        error_within(PATIENCE, address)
    }

    fn error_within(patience: Duration, address: impl std::fmt::Display) -> ureq::Error {
        let config = ureq::Agent::config_builder().timeout_recv_response(Some(patience)).max_redirects_will_error(true);
        let fetch = || {
            let agent = config.build().new_agent();
            agent.get(format!("http://{address}/")).call()?.body_mut().read_to_vec()
        };
        fetch().expect_err("nothing to fetch")
    }

    let rows = [
        (error_of(answering(BUSY)), ServerError, Some(503)),
        (error_of(answering(MISSING)), Permanent, Some(404)),
        (error_of(answering(LOCKED_OUT)), Auth, Some(401)),
        (error_of(answering(CUT_OFF)), Transient, None),
        (error_of(answering(LOST)), Transient, None),
        (error_of(answering(GARBLED)), Unknown, None),
        (error_of(answering(ROUND_AND_ROUND)), Permanent, None),
        (error_of(refusing()), Transient, refusal(refusing())),
        (error_within(IMPATIENCE, silent()), Transient, None),
        (error_of("no host at all"), Permanent, None),
        (error_of(NO_NAME), Unknown, None),
        (ureq::get("http://127.0.0.1:1").header("a\n", "b").call().expect_err("a bad header"), Permanent, None),
        (ureq::get("/path").call().expect_err("no host"), Permanent, None),
        (ureq::get(format!("https://{}/", silent())).call().expect_err("no TLS"), Permanent, None),
        (error_of(answering(NOT_IMPLEMENTED)), Permanent, Some(501)),
        (error_of(answering(GONE)), Permanent, Some(410)),
    ];
    for (error, class, code) in rows {
        assert_eq!(ureq_v3::classify(&error), StrictClassifier.classify(&error));
        assert_known(error, class, code);
    }
    assert_eq!(ureq_v3::classify(&error_of(resetting())).class(), Transient);

    // Once it went through `io::Error` it is still known.
    assert_known(ureq::Error::StatusCode(404).into_io(), Permanent, Some(404));
}

/// A log-in that has expired: one retry after it was renewed, and no more than one.
#[test]
fn a_401_is_retried_once_after_the_token_was_refreshed() {
    static API: Policy = Policy::new(Retry::new(Backoff::none()).limit_for(Auth, 1));

    struct Client {
        token: u32,
        server: SocketAddr,
    }

    impl Client {
        fn get(&self) -> Result<u16, ureq::Error> {
            let request =
                ureq::get(format!("http://{}/", self.server)).header("authorization", format!("Bearer {}", self.token));
            Ok(request.call()?.status().as_u16())
        }

        fn refresh_token(&mut self) {
            self.token += 1;
        }
    }

    let server = loopback::server(|mut stream| {
        let head = loopback::head(&mut stream);
        let answer = if head.contains("Bearer 2\r\n") { CUT_OFF } else { LOCKED_OUT };
        stream.write_all(answer.as_bytes()).expect("the client reads");
    });
    let call = |token| {
        let mut client = Recoverable::new(Client { token, server }, Client::refresh_token);
        let outcome = API.context(Threads).execute(client.run(|client: &mut Client| client.get()));
        (outcome.attempts, outcome.stop_reason, client.device().token)
    };
    assert_eq!(call(1), (2, None, 2));
    assert_eq!(call(2), (1, None, 2));
    assert_eq!(call(7), (2, Some(StopReason::MaxAttemptsPerClass), 8));
    // Without the limit, never.
    let mut client = Recoverable::new(Client { token: 1, server }, Client::refresh_token);
    let never = Policy::new(Retry::new(Backoff::none()));
    let outcome = never.context(Threads).execute(client.run(|client: &mut Client| client.get()));
    assert_eq!((outcome.attempts, outcome.stop_reason), (1, Some(StopReason::NonRetryableClass)));
}

mod hyper_1 {
    use hyper::{Request, body::Incoming, client::conn::http1};
    use hyper_util::{
        client::legacy::{Client, connect::HttpConnector},
        rt::{TokioExecutor, TokioIo},
    };
    use tokio::net::TcpStream;

    use super::*;

    type Connection = http1::SendRequest<String>;

    async fn connect(address: SocketAddr) -> Connection {
        let stream = TcpStream::connect(address).await.expect("a listener");
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("no handshake in HTTP/1");
        tokio::spawn(connection);
        sender
    }

    fn request(address: SocketAddr) -> Request<String> {
        Request::get(format!("http://{address}/")).body(String::new()).expect("a request")
    }

    /// Sends a request and reads the body to its end.
    async fn error_of(address: SocketAddr) -> hyper::Error {
        match connect(address).await.send_request(request(address)).await {
            Err(error) => error,
            Ok(response) => read(response.into_body()).await,
        }
    }

    async fn read(mut body: Incoming) -> hyper::Error {
        use hyper::body::Body;
        loop {
            let frame = std::future::poll_fn(|task| std::pin::Pin::new(&mut body).poll_frame(task)).await;
            if let Some(Err(error)) = frame {
                return error;
            }
            assert!(frame.is_some(), "the body should be cut off");
        }
    }

    #[tokio::test]
    async fn errors() {
        let rows = [
            (error_of(answering(CUT_OFF)).await, Transient),
            (error_of(answering(LOST)).await, Transient),
            (error_of(answering(GARBLED)).await, Unknown),
        ];
        for (error, class) in rows {
            assert_eq!(hyper_v1::classify(&error), StrictClassifier.classify(&error));
            assert_known(error, class, None);
        }
        assert_eq!(hyper_v1::classify(&error_of(resetting()).await).class(), Transient);

        // The connection is gone, and its task with it.
        let address = answering(LOST);
        let mut sender = connect(address).await;
        assert_known(sender.send_request(request(address)).await.expect_err("no answer"), Transient, None);
        assert_known(sender.send_request(request(address)).await.expect_err("closed"), Transient, None);
    }

    #[tokio::test]
    async fn errors_of_the_pooled_client() {
        let client: Client<HttpConnector, String> = Client::builder(TokioExecutor::new()).build_http();
        let refused = client.request(request(refusing())).await.expect_err("nobody listens");
        assert_known(refused, Transient, refusal(refusing()));
        assert_known(client.request(request(answering(LOST))).await.expect_err("no answer"), Transient, None);
        assert_known(client.request(request(answering(GARBLED))).await.expect_err("nonsense"), Unknown, None);
        for url in ["https://127.0.0.1:1/", "ftp://127.0.0.1:1/"] {
            let request = Request::get(url).body(String::new()).expect("a URL");
            assert_known(client.request(request).await.expect_err("a client without TLS"), Permanent, None);
        }
        let malformed = "http://no host/".parse::<hyper::Uri>().expect_err("no URL");
        assert_known(malformed, Permanent, None);
        let malformed = Request::get("http://no host/").body(()).expect_err("no URL");
        assert_known(malformed, Permanent, None);
    }
}
