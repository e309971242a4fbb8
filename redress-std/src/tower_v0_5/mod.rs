//! A policy around any [`Service`](tower_service::Service): as a [`Layer`](tower_layer::Layer) of tower 0.5, and of
//! 0.4, which has the same traits. Feature `tower-v0.5`.
//!
//! The layer is made of a context, which says all that calls need: policy, environment, name, classifiers, abort
//! condition, observers.
//!
//! ```
//! # #[cfg(all(feature = "http", feature = "tokio"))] {
//! use std::{convert::Infallible, time::Duration};
//! use ::http::{Request, Response, StatusCode};
//! use bytes::Bytes;
//! use http_body_util::Full;
//! use redress_std::{Backoff, Budget, BudgetConfig, Policy, Retry, Tokio, http, tower_v0_5::PolicyLayer};
//! use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
//!
//! static BUDGET: Budget = Budget::new(BudgetConfig::DEFAULT);
//! static STOCK: Policy = Policy::new(
//!     Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(50), Duration::from_secs(5)).or_retry_after()),
//! )
//! .budget(&BUDGET);
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! # static BUSY: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(true);
//! # let client = service_fn(|request: Request<Full<Bytes>>| {
//! #     let status = if BUSY.swap(false, std::sync::atomic::Ordering::Relaxed) { 503 } else { 200 };
//! #     let answer = Response::builder().status(status).header("Retry-After", "2").body(request.into_body()).unwrap();
//! #     async { Ok::<_, Infallible>(answer) }
//! # });
//! let mut client = ServiceBuilder::new()
//!     .layer(PolicyLayer::new(STOCK.context(Tokio).operation("stock").retry_result(http::response)))
//!     .service(client);
//!
//! let order = Request::put("http://stock/7").body(Full::new(Bytes::from_static(b"{\"count\": 2}"))).unwrap();
//! let response = client.ready().await.unwrap().call(order).await.unwrap();
//! assert_eq!(response.status(), StatusCode::OK);
//! # }
//! # main();
//! # }
//! ```
//!
//! # What is a failure
//!
//! - An error of the service, by the context's classifier; so is an error while a retry waits for readiness. Tower's `BoxError`
//!   is classified by what is in the box.
//! - A response, if `retry_result` says so: [`http::response`](crate::http::response) for those of the `http` crate, with
//!   their `Retry-After`. The layer sees only the head: a body that breaks later is not a failure. To make it
//!   one, collect the body inside the layer (`client.and_then(collect)`).
//! - An attempt that takes longer than the policy's attempt timeout.
//!
//! # What comes back
//!
//! - The first response that is no failure.
//! - When the policy stops and the last attempt got a response, that response, as without the layer: the caller gets to
//!   see the 404, and the body of the 503. Events carry the reason to stop.
//! - Otherwise [`ServiceError`]: the service's error by value, why there is no further attempt, how many there were, and
//!   for an open circuit when to come back.
//!
//! # Which requests are repeated
//!
//! HTTP requests that are safe to repeat: those with an idempotent method or an `Idempotency-Key` header ([`ByMethod`]). A `POST`
//! is sent once. Requests of other types are repeated when [`clone_with`](PolicyLayer::clone_with) says so: by [`ByClone`] all of
//! them, or by a function that makes the copies, or refuses. Then there is a single attempt, which breaker and budget know as any
//! other.
//!
//! ```
//! # #[cfg(all(feature = "http", feature = "tokio"))] {
//! # use ::http::Request;
//! # use bytes::Bytes;
//! # use http_body_util::Full;
//! # use redress_std::{Backoff, Policy, Retry, Tokio, http, tower_v0_5::PolicyLayer};
//! # static STOCK: Policy = Policy::new(Retry::new(Backoff::none()));
//! // A search is no harm when done twice, though it is a POST.
//! let layer = PolicyLayer::new(STOCK.context(Tokio).retry_result(http::response::<Full<Bytes>>))
//!     .clone_with(|request: &Request<Full<Bytes>>| (request.uri().path() == "/search").then(|| request.clone()));
//! # let _: PolicyLayer<_, _, _> = layer;
//! # }
//! ```
//!
//! A copy has to hold the whole body. `http_body_util::Full<Bytes>` does: its clones share the bytes, and each is sent from
//! the beginning. A body that is a stream (`axum::body::Body`, `hyper::body::Incoming`) can't be cloned, rightly: what
//! was read of it for the first attempt is gone, and a retry would send the rest. Collect it first:
//! `Full::new(request.into_body().collect().await?.to_bytes())`, with a limit if others send it.
//!
//! # A breaker and a budget per host
//!
//! [`PolicyLayer::per_request`] chooses the policy of each request, by its [`authority`], a header or any key that tells
//! dependencies apart. A host that is down then opens no circuit but its own.
//!
//! # Readiness
//!
//! The first attempt is made with the service that was asked [for readiness](tower_service::Service::poll_ready); each
//! retry with a clone of it that is waited for, as part of the attempt. So limits of inner layers hold for every
//! attempt, and no place in them is kept during a wait. An open breaker doesn't show as not ready; calls are answered at
//! once.
//!
//! # Cancellation
//!
//! Dropping the future at any point drops the attempt or the wait in it, and is to the breaker as if the call had not
//! been made. So tower's timeout around this layer hides from the breaker that a dependency hangs. The policy's own deadline and
//! attempt timeout do not, nor does a timeout inside; and a breaker that counts
//! [abandoned calls](redress_core::breaker::RateConfig::abandoned_calls) learns of a drop if the context is
//! [watched](redress_core::Context::watched).
//!
//! # If there is no method `call`
//!
//! The compiler says so of a service one of whose parts is missing: a class for its errors (see
//! [which classifier](crate#which-classifier)), copies of its requests ([`CloneRequest`]), or `Clone` and `Send`. It names the part
//! where the service is an argument of type `impl Service<Request>`.
//!
//! # Design
//!
//! The future of a call is boxed: it is that of an `async fn`, which has no name. What it costs is one allocation.

mod environment;
mod error;
mod layer;
mod request;
mod service;

pub use self::{
    environment::ServiceEnvironment,
    error::ServiceError,
    layer::PolicyLayer,
    request::{ByClone, ByMethod, ChoosePolicy, CloneRequest, OnePolicy, authority},
    service::PolicyService,
};
