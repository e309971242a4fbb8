//! The client that the proxy asks its upstream with: hyper's, under a policy.

use std::{error, fmt};

use axum::http::{Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use redress_std::{
    SharedPolicy, Tokio, http,
    tower_v0_5::{PolicyLayer, ServiceError},
};
use tower::{ServiceBuilder, util::BoxCloneSyncService};

use crate::Journal;

/// Why a request has no answer.
#[derive(Debug)]
pub enum ClientError {
    /// No answer came.
    Request(legacy::Error),
    /// The answer broke off.
    Answer(hyper::Error),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request(_) => "no answer",
            Self::Answer(_) => "the answer broke off",
        })
    }
}

impl error::Error for ClientError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(match self {
            Self::Request(error) => error,
            Self::Answer(error) => error,
        })
    }
}

impl From<legacy::Error> for ClientError {
    fn from(error: legacy::Error) -> Self {
        Self::Request(error)
    }
}

/// A body that can be cloned, and is whole in each clone.
pub type Whole = Full<Bytes>;

/// A client under a policy.
pub type Client = BoxCloneSyncService<Request<Whole>, Response<Bytes>, ServiceError<ClientError>>;

/// hyper's client, without policy. It retries nothing by itself, and each request has its own connection.
pub fn plain() -> legacy::Client<HttpConnector, Whole> {
    legacy::Client::builder(TokioExecutor::new()).retry_canceled_requests(false).pool_max_idle_per_host(0).build_http()
}

/// hyper's client under this policy, which tells the journal what it does.
pub fn client(policy: SharedPolicy, journal: Journal) -> Client {
    let layer = PolicyLayer::shared(policy, Tokio, |context| {
        context.operation("upstream").retry_result(http::response).observe(journal)
    });
    // Answers are collected inside of the policy, so that one which breaks off is a failure like others.
    BoxCloneSyncService::new(ServiceBuilder::new().layer(layer).and_then(collect).service(plain()))
}

async fn collect(response: Response<Incoming>) -> Result<Response<Bytes>, ClientError> {
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(ClientError::Answer)?.to_bytes();
    Ok(Response::from_parts(head, body))
}
