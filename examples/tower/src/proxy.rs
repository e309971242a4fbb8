//! The proxy: hands requests on, under the client's policy.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{
        HeaderMap, Method, Request, StatusCode, Uri,
        header::{CONNECTION, CONTENT_LENGTH, RETRY_AFTER, TRANSFER_ENCODING},
        uri::{Authority, Scheme},
    },
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use redress_std::{Cause, tower_v0_5::ServiceError};
use tokio::{net::TcpListener, task::JoinHandle};
use tower::ServiceExt;

use crate::client::{Client, ClientError};

/// A proxy on a free port of loopback, which ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    server: JoinHandle<io::Result<()>>,
}

impl Proxy {
    /// Starts a proxy before this upstream.
    pub async fn start(upstream: SocketAddr, client: Client) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let authority = Authority::try_from(upstream.to_string()).map_err(io::Error::other)?;
        let app = Router::new().fallback(forward).with_state((authority, client));
        let server = tokio::spawn(async { axum::serve(listener, app).await });
        Ok(Self { address, server })
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The body arrives as a stream, which could be sent only once. As [`Bytes`] it is whole; axum limits it to 2 MB.
async fn forward(
    State((authority, client)): State<(Authority, Client)>,
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut target = uri.into_parts();
    target.scheme = Some(Scheme::HTTP);
    target.authority = Some(authority);
    let Ok(target) = Uri::from_parts(target) else { return StatusCode::BAD_REQUEST.into_response() };
    own_connection(&mut headers);
    let mut request = Request::new(body.into());
    *request.method_mut() = method;
    *request.uri_mut() = target;
    *request.headers_mut() = headers;
    match client.oneshot(request).await {
        Ok(mut response) => {
            own_connection(response.headers_mut());
            response.map(Body::from)
        }
        Err(error) => refuse(&error),
    }
}

/// Takes out what is said of one connection and does not hold for the next.
fn own_connection(headers: &mut HeaderMap) {
    for name in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, axum::http::header::HOST] {
        headers.remove(name);
    }
}

/// Builds the proxy's own response, for calls that end without one of the upstream server.
fn refuse(error: &ServiceError<ClientError>) -> Response {
    if let Some(wait) = error.retry_after() {
        let secs = wait.as_millis().div_ceil(1_000).to_string();
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, secs)], error.to_string()).into_response();
    }
    let timed_out = matches!(error, ServiceError::GaveUp(error) if error.cause == Some(Cause::Timeout));
    let status = if timed_out { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY };
    (status, error.to_string()).into_response()
}
