//! Copies of requests.

use ::http::{HeaderName, Request};

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
