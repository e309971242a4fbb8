//! Copies of requests.

/// Makes the copies of requests that retries are made with. Any `Fn(&Req) -> Option<Req>` does; [`ByClone`] clones.
///
/// Where it gave a copy of a request once, an implementation MUST give one again: the call panics otherwise.
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

/// Copies each request by its `Clone`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ByClone;

impl<Req: Clone> CloneRequest<Req> for ByClone {
    #[inline]
    fn clone_request(&self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}
