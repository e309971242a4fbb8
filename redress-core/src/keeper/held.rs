//! A kept connection and the policy that it needs when it is dropped.

use super::{Keep, kept::Kept};
use crate::{Millis, breaker::Snapshot};

/// A kept connection that ends: dropped, to the breaker its latest attempt was not made.
#[derive(Debug)]
pub(crate) struct Held<'c> {
    pub(super) keep: &'c Keep<'c>,
    pub(super) kept: Kept,
}

impl<'c> Held<'c> {
    pub(super) const fn new(keep: &'c Keep<'c>, slack: Millis) -> Self {
        Self { keep, kept: Kept::new(keep, slack) }
    }

    /// Moves the connection out, for as long as it is run.
    #[inline(always)]
    pub(super) fn take(&mut self) -> Kept {
        let kept = self.kept;
        self.kept.call.permit = Snapshot::SPENT;
        kept
    }

    /// Moves it back, after it gave up and so has no permit.
    #[inline(always)]
    pub(super) fn put(&mut self, kept: Kept) {
        self.kept = kept;
        self.kept.call.permit = Snapshot::SPENT;
    }
}

impl Drop for Held<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.kept.call.release(&self.keep.policy);
    }
}

/// A connection that is run, outside of its keeper. If that unwinds, its permit is given back.
#[derive(Debug)]
pub(super) struct Running<'k, 'c> {
    pub(super) keep: &'c Keep<'c>,
    /// Not beside the reference above: what shares memory with the state stays in the image, and the policy that the optimiser
    /// knows with it.
    pub(super) kept: &'k mut Kept,
}

impl Drop for Running<'_, '_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.kept.call.release(&self.keep.policy);
    }
}
