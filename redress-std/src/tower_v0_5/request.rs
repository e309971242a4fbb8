//! Copies of requests, and their policies.

use std::sync::Arc;

use ::http::{HeaderName, Request, header::HOST, uri::Authority};

use crate::SharedPolicy;

/// Chooses the policy of a request. Any `Fn(&Req) -> Arc<SharedPolicy>` does; [`OnePolicy`] is that of the layer.
#[diagnostic::on_unimplemented(
    message = "`{Self}` chooses no policy for a `{Req}`",
    note = "write `|request: &{Req}| policies.get(key_of(request))`, which returns an `Arc<SharedPolicy>`"
)]
pub trait ChoosePolicy<Req> {
    /// Returns the policy, which the call holds until it ends; `None` for that of the context the layer was made of.
    fn choose(&self, request: &Req) -> Option<Arc<SharedPolicy>>;
}

impl<Req, F: Fn(&Req) -> Arc<SharedPolicy>> ChoosePolicy<Req> for F {
    #[inline]
    fn choose(&self, request: &Req) -> Option<Arc<SharedPolicy>> {
        Some(self(request))
    }
}

/// One policy for all requests: that of the context, or the one given to [`PolicyLayer::shared`](super::PolicyLayer::shared).
#[derive(Clone, Debug)]
pub struct OnePolicy(pub(super) Option<Arc<SharedPolicy>>);

impl<Req> ChoosePolicy<Req> for OnePolicy {
    #[inline]
    fn choose(&self, _request: &Req) -> Option<Arc<SharedPolicy>> {
        self.0.clone()
    }
}

/// Returns the host, and the port if there is one, that a request goes to: the key of a policy per host. Out of the URI, or out
/// of the `Host` header if the URI is a path; empty without both.
pub fn authority<B>(request: &Request<B>) -> &str {
    let header = || request.headers().get(HOST).and_then(|host| host.to_str().ok());
    request.uri().authority().map(Authority::as_str).or_else(header).unwrap_or_default()
}

/// Makes the copies of requests that retries are made with. Any `Fn(&Req) -> Option<Req>` does; [`ByMethod`] copies HTTP requests
/// that are safe to repeat, [`ByClone`] any request.
///
/// An implementation that has returned a copy of a request MUST return one again: the call panics otherwise.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether a `{Req}` may be repeated",
    label = "no copies of `{Req}`",
    note = "if any request may be done twice: `.clone_with(ByClone)`",
    note = "else: `.clone_with(|request: &_| may_be_repeated(request).then(|| request.clone()))`"
)]
pub trait CloneRequest<Req> {
    /// A copy with all that the request has, its whole body included; `None` if it must not or can't be repeated.
    fn clone_request(&self, request: &Req) -> Option<Req>;
}

impl<Req, F: Fn(&Req) -> Option<Req>> CloneRequest<Req> for F {
    #[inline]
    fn clone_request(&self, request: &Req) -> Option<Req> {
        self(request)
    }
}

/// Copies HTTP requests that are safe to repeat: those whose method is idempotent (RFC 9110, section 9.2.2: GET, HEAD, OPTIONS,
/// TRACE, PUT and DELETE), and those with an `Idempotency-Key` header, by which the server recognises a second one
/// (draft-ietf-httpapi-idempotency-key-header).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ByMethod;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

impl<B: Clone> CloneRequest<Request<B>> for ByMethod {
    fn clone_request(&self, request: &Request<B>) -> Option<Request<B>> {
        let is_safe = request.method().is_idempotent() || request.headers().contains_key(IDEMPOTENCY_KEY);
        is_safe.then(|| request.clone())
    }
}

/// Copies each request by its `Clone`, also one that orders something: for services whose requests may all be done twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ByClone;

impl<Req: Clone> CloneRequest<Req> for ByClone {
    #[inline]
    fn clone_request(&self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}
