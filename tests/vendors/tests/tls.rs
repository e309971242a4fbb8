//! Clients with TLS before servers whose certificates, names or protocols are wrong.

#[path = "../../../redress-std/tests/loopback/mod.rs"]
mod loopback;

use std::{
    io::{Read, Write},
    net::SocketAddr,
    sync::Arc,
};

use redress_std::{
    Backoff,
    ErrorClass::{Permanent, Transient},
    Policy, Retry, Threads, hyper_v1, reqwest_v0_12, reqwest_v0_13, ureq_v3,
};
use redress_vendors::class;

use self::loopback::server;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

/// A certificate that nobody has signed but its owner, and its key.
fn certificate(name: &str, is_expired: bool) -> rcgen::CertifiedKey<rcgen::KeyPair> {
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
    if is_expired {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    }
    let signing_key = rcgen::KeyPair::generate().expect("a key");
    let cert = params.self_signed(&signing_key).expect("a certificate");
    rcgen::CertifiedKey { cert, signing_key }
}

/// A server with this certificate, and with TLS 1.3 alone or 1.2 alone.
fn secure(
    identity: &rcgen::CertifiedKey<rcgen::KeyPair>,
    version: &'static rustls::SupportedProtocolVersion,
) -> SocketAddr {
    let key = rustls::pki_types::PrivateKeyDer::try_from(identity.signing_key.serialize_der()).expect("a key");
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_no_client_auth()
        .with_single_cert(vec![identity.cert.der().clone()], key)
        .expect("a certificate");
    let config = Arc::new(config);
    server(move |stream| {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).expect("settings");
        let mut stream = rustls::StreamOwned::new(connection, stream);
        let mut request = [0; 1024];
        if stream.read(&mut request).is_ok_and(|read| read > 0) {
            let _ = stream.write_all(ANSWER);
        }
    })
}

/// A server that speaks HTTP where the client expects TLS.
fn plain() -> SocketAddr {
    server(|mut stream| {
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    })
}

/// A server that hangs up in the middle of the handshake: by a reset, or in silence.
fn hanging_up(is_reset: bool) -> SocketAddr {
    server(move |mut stream| {
        let _ = if is_reset { stream.peek(&mut [0]) } else { stream.read(&mut [0; 4096]) };
    })
}

/// Fetches with each client, and compares the class of its error.
async fn expect(url: &str, expected: redress_std::ErrorClass) {
    let client = reqwest::Client::new();
    let error = client.get(url).send().await.expect_err(url);
    assert_eq!((class(&error), reqwest_v0_13::classify(&error).class()), (expected, expected), "{url}: {error:?}");

    let client = ::reqwest_v0_12::Client::new();
    let error = client.get(url).send().await.expect_err(url);
    assert_eq!((class(&error), reqwest_v0_12::classify(&error).class()), (expected, expected), "{url}: {error:?}");

    let error = ureq::get(url).call().expect_err(url);
    assert_eq!((class(&error), ureq_v3::classify(&error).class()), (expected, expected), "{url}: {error:?}");

    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector =
        hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build();
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build(connector);
    let request = hyper::Request::get(url).body(String::new()).expect("a URL");
    let error = client.request(request).await.expect_err(url);
    assert_eq!(class(&error), expected, "{url}: {error:?}");
    let _ = hyper_v1::classify;
}

fn provider() {
    // Another test may have been faster.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_servers_without_tls_stay_wrong() {
    provider();
    let localhost = certificate("localhost", false);
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let self_signed = secure(&localhost, version);
        expect(&format!("https://localhost:{}/", self_signed.port()), Permanent).await;
        expect(&format!("https://127.0.0.1:{}/", self_signed.port()), Permanent).await;
    }
    let expired = secure(&certificate("localhost", true), &rustls::version::TLS13);
    expect(&format!("https://localhost:{}/", expired.port()), Permanent).await;
    expect(&format!("https://localhost:{}/", plain().port()), Permanent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_breaks_may_pass() {
    provider();
    for is_reset in [true, false] {
        expect(&format!("https://localhost:{}/", hanging_up(is_reset).port()), Transient).await;
    }
    let refusing = loopback::refusing();
    expect(&format!("https://localhost:{}/", refusing.port()), Transient).await;
}

/// A certificate that the client trusts, for another name, and one that is trusted once it has expired.
#[tokio::test(flavor = "multi_thread")]
async fn names_and_dates_of_trusted_certificates() {
    provider();
    for (name, is_expired) in [("elsewhere", false), ("localhost", true)] {
        let identity = certificate(name, is_expired);
        let address = secure(&identity, &rustls::version::TLS13);
        let root = reqwest::Certificate::from_der(identity.cert.der()).expect("a certificate");
        let client = reqwest::Client::builder().tls_certs_only([root]).build().expect("settings");
        let error = client.get(format!("https://localhost:{}/", address.port())).send().await.expect_err(name);
        assert_eq!(class(&error), Permanent, "{error:?}");
    }
    let identity = certificate("localhost", false);
    let address = secure(&identity, &rustls::version::TLS13);
    let root = reqwest::Certificate::from_der(identity.cert.der()).expect("a certificate");
    let client = reqwest::Client::builder().tls_certs_only([root]).build().expect("settings");
    let answer = client.get(format!("https://localhost:{}/", address.port())).send().await.expect("all is right");
    assert_eq!(answer.status(), 200);
}

#[test]
fn a_refused_certificate_is_asked_for_once() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(5));

    provider();
    let address = secure(&certificate("localhost", false), &rustls::version::TLS13);
    let url = format!("https://localhost:{}/", address.port());
    assert_eq!(POLICY.context(Threads).execute(|| ureq::get(&url).call()).attempts, 1);
}
