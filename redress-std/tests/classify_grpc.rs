//! Statuses of gRPC, as they arrive from a server on loopback.

mod forgotten;
mod loopback;

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use ::http::uri::PathAndQuery;
use bytes::Bytes;
use forgotten::classify_forgotten;
use hyper::{Request, body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use loopback::{LOST, answering, refusing, silent};
use redress_std::{
    Backoff, Classifier, DefaultClassifier,
    ErrorClass::{
        self, Auth, Concurrency, Permanent, Permission, RateLimit, ServerError as ServerFailed, Transient, Unknown,
    },
    Millis, Policy, Retry, StopReason, StrictClassifier, Tokio, tonic_v0_14,
};
use tonic::{
    Code, Status,
    client::Grpc,
    metadata::{MetadataMap, MetadataValue},
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;
use tonic_types::{ErrorDetails, StatusExt};

/// What the server answers to a path.
fn status_of(path: &str) -> Status {
    let details = |delay| ErrorDetails::with_retry_info(Some(delay));
    if let Some((code, values)) = path.strip_prefix("/pushback/").and_then(|rest| rest.split_once('/')) {
        let mut metadata = MetadataMap::new();
        for value in values.split('+') {
            let value = MetadataValue::try_from(value.replace("%FF", "\u{ff}").into_bytes()).expect("a value");
            metadata.append("grpc-retry-pushback-ms", value);
        }
        let code = Code::from_i32(code.parse().expect("a code"));
        return Status::with_details_and_metadata(code, "busy", Bytes::new(), metadata);
    }
    match path {
        "/delay/short" => {
            Status::with_error_details(Code::Unavailable, "busy", details(Duration::from_micros(1_500_001)))
        }
        "/delay/none" => Status::with_error_details(Code::Unavailable, "busy", details(Duration::ZERO)),
        "/delay/long" => {
            Status::with_error_details(Code::ResourceExhausted, "quota", details(Duration::from_secs(5_000_000)))
        }
        "/delay/among-others" => {
            let mut details = ErrorDetails::with_bad_request_violation("name", "is empty");
            details.set_quota_failure(vec![]).set_retry_info(Some(Duration::from_secs(3)));
            Status::with_error_details(Code::ResourceExhausted, "quota", details)
        }
        "/delay/other" => {
            Status::with_error_details(Code::Unavailable, "busy", ErrorDetails::with_help_link("soon", "nowhere"))
        }
        "/delay/garbled" => Status::with_details(Code::Unavailable, "busy", vec![0x1A, 0xFF, 0xFF, 0x01, 0x0A].into()),
        "/both" => {
            let mut status = Status::with_error_details(Code::Unavailable, "busy", details(Duration::from_secs(1)));
            status.metadata_mut().insert("grpc-retry-pushback-ms", MetadataValue::from_static("2500"));
            status
        }
        "/delay/but-never" => {
            let mut status = Status::with_error_details(Code::Unavailable, "busy", details(Duration::from_secs(1)));
            status.metadata_mut().insert("grpc-retry-pushback-ms", MetadataValue::from_static("-1"));
            status
        }
        path => {
            let code = path.trim_start_matches("/code/").parse().expect("a number");
            Status::new(Code::from_i32(code), "said by the server")
        }
    }
}

async fn answer(request: Request<Incoming>) -> Result<::http::Response<String>, Infallible> {
    Ok(status_of(request.uri().path()).into_http())
}

async fn server() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let builder = http2::Builder::new(TokioExecutor::new());
            tokio::spawn(builder.serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    });
    address
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::from_shared(format!("http://{address}")).expect("a URI")
}

async fn ask(channel: &Channel, path: &'static str) -> Result<(), Status> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let path = PathAndQuery::from_static(path);
    client.unary(tonic::Request::new(()), path, ProstCodec::<(), ()>::default()).await.map(drop)
}

#[tokio::test]
async fn codes() {
    const ROWS: [(&str, Code, ErrorClass); 16] = [
        ("/code/1", Code::Cancelled, Unknown),
        ("/code/2", Code::Unknown, Unknown),
        ("/code/3", Code::InvalidArgument, Permanent),
        ("/code/4", Code::DeadlineExceeded, Transient),
        ("/code/5", Code::NotFound, Permanent),
        ("/code/6", Code::AlreadyExists, Permanent),
        ("/code/7", Code::PermissionDenied, Permission),
        ("/code/8", Code::ResourceExhausted, RateLimit),
        ("/code/9", Code::FailedPrecondition, Permanent),
        ("/code/10", Code::Aborted, Concurrency),
        ("/code/11", Code::OutOfRange, Permanent),
        ("/code/12", Code::Unimplemented, Permanent),
        ("/code/13", Code::Internal, ServerFailed),
        ("/code/14", Code::Unavailable, Transient),
        ("/code/15", Code::DataLoss, Permanent),
        ("/code/16", Code::Unauthenticated, Auth),
    ];
    let channel = endpoint(server().await).connect_lazy();
    for (path, code, class) in ROWS {
        let status = ask(&channel, path).await.expect_err("never succeeds");
        assert_eq!((status.code(), status.message()), (code, "said by the server"));
        let known = tonic_v0_14::classify(&status);
        assert_eq!((known.class(), known.numeric_code()), (class, Some(i32::from(code).unsigned_abs())), "{code:?}");
        assert_eq!((known.hint(), tonic_v0_14::class_of_code(code)), (None, class));
        assert_eq!(classify_forgotten(&status), known, "{status:?}");
        assert_eq!(StrictClassifier.classify(&std::io::Error::other(status)), known);
    }
}

#[tokio::test]
async fn delays() {
    const ROWS: [(&str, ErrorClass, Option<u32>); 8] = [
        ("/delay/short", Transient, Some(1_501)),
        ("/delay/none", Transient, Some(0)),
        ("/delay/long", RateLimit, Some(u32::MAX)),
        ("/delay/among-others", RateLimit, Some(3_000)),
        ("/delay/other", Transient, None),
        ("/delay/garbled", Transient, None),
        ("/both", Transient, Some(2_500)),
        ("/delay/but-never", Permanent, None),
    ];
    let channel = endpoint(server().await).connect_lazy();
    for (path, class, hint) in ROWS {
        let status = ask(&channel, path).await.expect_err("never succeeds");
        let known = tonic_v0_14::classify(&status);
        assert_eq!((known.class(), known.hint()), (class, hint.map(Millis::new)), "{path}: {status:?}");
        // Without the type, the delay among the details is not read.
        let forgotten = classify_forgotten(&status);
        assert_eq!((forgotten.class(), forgotten.numeric_code()), (class, known.numeric_code()), "{path}: {status:?}");
    }
}

/// Proposal A6: negative or unreadable means do not retry.
#[tokio::test]
async fn pushbacks() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none().or_retry_after()).max_attempts(3));

    // 14 is `UNAVAILABLE`, 8 `RESOURCE_EXHAUSTED`, 10 `ABORTED`, 13 `INTERNAL`, 2 `UNKNOWN`, 16 `UNAUTHENTICATED`.
    const ROWS: [(&str, ErrorClass, Option<u32>); 20] = [
        ("/pushback/14/250", Transient, Some(250)),
        ("/pushback/14/0", Transient, Some(0)),
        ("/pushback/8/1000", RateLimit, Some(1_000)),
        ("/pushback/14/2147483647", Transient, Some(2_147_483_647)),
        ("/pushback/14/5+70", Transient, Some(70)),
        ("/pushback/14/-1", Permanent, None),
        ("/pushback/8/-1", Permanent, None),
        ("/pushback/10/-1", Permanent, None),
        ("/pushback/13/-2147483648", Permanent, None),
        ("/pushback/2/-1", Permanent, None),
        ("/pushback/16/-1", Auth, None),
        ("/pushback/14/soon", Permanent, None),
        ("/pushback/14/1.5", Permanent, None),
        ("/pushback/14/5ms", Permanent, None),
        ("/pushback/14/", Permanent, None),
        ("/pushback/14/%FF", Permanent, None),
        ("/pushback/14/2147483648", Permanent, None),
        ("/pushback/14/18446744073709551616", Permanent, None),
        ("/pushback/14/250+-1", Permanent, None),
        ("/pushback/14/soon+250", Permanent, None),
    ];
    let channel = endpoint(server().await).connect_lazy();
    for (path, class, hint) in ROWS {
        let status = ask(&channel, path).await.expect_err("never succeeds");
        let known = tonic_v0_14::classify(&status);
        assert_eq!((known.class(), known.hint()), (class, hint.map(Millis::new)), "{path}: {status:?}");
        assert_eq!(known.numeric_code(), Some(i32::from(status.code()).unsigned_abs()));
        assert_eq!(classify_forgotten(&status), known, "{status:?}");
        if hint.is_none() {
            let outcome = POLICY.context(Tokio).execute(|| ask(&channel, path)).await;
            assert_eq!((outcome.attempts, outcome.stop_reason), (1, Some(StopReason::NonRetryableClass)), "{path}");
        }
    }
}

/// Every cut and every flipped bit of details with a delay in them is read without a panic.
#[test]
fn damaged_details() {
    let sound = status_of("/delay/among-others").details().to_vec();
    for cut in 0..sound.len() {
        tonic_v0_14::classify(&Status::with_details(Code::Unavailable, "", sound[..cut].to_vec().into()));
    }
    for bit in 0..sound.len() * 8 {
        let mut damaged = sound.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        tonic_v0_14::classify(&Status::with_details(Code::Unavailable, "", damaged.into()));
    }
}

#[tokio::test]
async fn without_an_answer() {
    let class = |status: &Status| {
        let known = tonic_v0_14::classify(status);
        let forgotten = classify_forgotten(status);
        assert_eq!((forgotten.class(), forgotten.numeric_code()), (known.class(), known.numeric_code()), "{status:?}");
        known.class()
    };

    let refused = ask(&endpoint(refusing()).connect_lazy(), "/code/1").await.expect_err("nobody listens");
    assert_eq!(class(&refused), Transient, "{refused:?}");
    let lost = ask(&endpoint(answering(LOST)).connect_lazy(), "/code/1").await.expect_err("no HTTP/2");
    assert_eq!(class(&lost), Transient, "{lost:?}");
    let late = endpoint(silent()).timeout(Duration::from_millis(50)).connect_lazy();
    let late = ask(&late, "/code/1").await.expect_err("nobody answers");
    assert_eq!((late.code(), class(&late)), (Code::Cancelled, Transient), "{late:?}");

    let error = endpoint(refusing()).connect().await.expect_err("nobody listens");
    assert_eq!(StrictClassifier.classify(&error).class(), Transient, "{error:?}");
    assert_eq!(DefaultClassifier.classify(&error).class(), Transient);
    assert_eq!(classify_forgotten(&error).class(), Transient);

    // A channel that cannot be built will not be built.
    let error = Endpoint::from_shared("http://no host").expect_err("no URI");
    assert_eq!(DefaultClassifier.classify(&error).class(), Permanent, "{error:?}");
    assert_eq!(classify_forgotten(&error).class(), Permanent);
}

/// What a server writes into a message is no field of the metadata.
#[test]
fn a_message_is_no_pushback() {
    let said = r#"", metadata: MetadataMap { headers: {"grpc-retry-pushback-ms": "-1"} "#;
    let status = Status::new(Code::Unavailable, said);
    assert_eq!(classify_forgotten(&status).class(), Transient, "{status:?}");
    let status = Status::new(Code::OutOfRange, said.repeat(1_000));
    assert_eq!(
        (classify_forgotten(&status).class(), classify_forgotten(&status).numeric_code()),
        (Permanent, Some(11))
    );
}

#[tokio::test]
async fn calls() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none().or_retry_after()).max_attempts(3));

    let channel = endpoint(server().await).connect_lazy();
    let outcome = POLICY.context(Tokio).execute(|| ask(&channel, "/delay/none")).await;
    assert_eq!((outcome.attempts, outcome.stop_reason), (3, Some(StopReason::MaxAttemptsGlobal)));
    let outcome = POLICY.context(Tokio).execute(|| ask(&channel, "/code/12")).await;
    assert_eq!((outcome.attempts, outcome.stop_reason), (1, Some(StopReason::NonRetryableClass)));
}
