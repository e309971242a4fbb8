//! The fingerprint of limits and backoffs, by which a checkpoint recognises its policy.

use super::Retry;
use crate::{counts::Counts, rng::Fnv};

impl Retry<'_> {
    /// Returns a number that tells limits and backoffs apart: two different ones have the same in one case of 65,536. FNV-1a, with
    /// its halves folded together.
    pub(crate) const fn fingerprint(&self) -> u16 {
        let mut hash = Fnv::new();
        hash.add(self.max_attempts);
        hash.add(self.deadline.get());
        let Counts([low, high]) = self.caps;
        hash.add(low);
        hash.add(high);
        hash.add(self.limited.bits() as u32);
        let mut rest = self.backoffs.as_slice();
        while let [backoff, others @ ..] = rest {
            backoff.fingerprint(&mut hash);
            rest = others;
        }
        hash.folded()
    }
}
