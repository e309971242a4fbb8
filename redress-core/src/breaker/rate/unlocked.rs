//! Successes that are counted without the lock, until the bucket that counts is over or full.

use core::borrow::Borrow;

use super::{BreakerState, Bucket, Head, Rate, RateConfig, Snapshot};
#[cfg(feature = "std")]
use crate::{Clock, breaker::CircuitBreakerView, time::ClockRate};
use crate::{sync::atomic::Ordering::Relaxed, time::Timestamp};

/// A success takes no lock, until the time of the bucket is over.
const BY_TIME: u8 = 1;
/// It takes none, until the bucket is full.
const BY_CALLS: u8 = 1 << 1;

/// Returns how successes are counted in buckets of this length: by one of the constants above, or by none with the lock.
pub(super) const fn how(config: &RateConfig, bucket: u32) -> u8 {
    match config.window_calls {
        0 => BY_TIME,
        _ if bucket <= Bucket::MOST as u32 => BY_CALLS,
        _ => 0,
    }
}

impl Head {
    /// Returns how many calls the bucket that counts may hold for a success to be counted without the lock; `None` if that takes
    /// the lock. For breakers that count rates.
    #[inline(always)]
    pub(super) fn room(&self, now: impl FnOnce() -> Timestamp) -> Option<u16> {
        let ([_, unlocked, ..], length) = (self.config.thresholds, self.config.span(BreakerState::Closed));
        // By bits, so that time is looked at first.
        if unlocked & BY_TIME != 0 {
            return self.latest.is_within(now(), length).then_some(Bucket::MOST);
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most `Bucket::MOST`")]
        (unlocked & BY_CALLS != 0).then_some(length.get() as u16)
    }
}

impl<const N: usize, R: Borrow<RateConfig>> Rate<N, R> {
    /// Counts a success that changes nothing but one count. That takes no lock: a count that races with the change of a bucket
    /// is at most one call in the wrong one.
    #[inline]
    pub(super) fn count(&self, head: &Head, permit: Snapshot, most: u16) -> bool {
        head.load().is_same_generation(permit)
            && self
                .buckets
                .get(usize::from(self.state.current.load(Relaxed)))
                .is_some_and(|bucket| bucket.add_success(most, &head.lock))
    }
}

#[cfg(feature = "std")]
impl CircuitBreakerView {
    /// Counts the success of an admitted call, if the breaker's kind does that without the lock. Returns whether it did.
    #[inline(always)]
    pub(in crate::breaker) fn count_success<C: Clock>(&self, permit: Snapshot, clock: &C, now: Timestamp) -> bool {
        let now = || if now == Timestamp::NEVER { clock.timestamp() } else { now };
        permit.counts() && self.head.room(now).is_some_and(|most| self.counter.count_success(&self.head, permit, most))
    }
}

impl Snapshot {
    /// A closed circuit whose breaker is disabled counts no call. A closed circuit has no probes, of which this is the first.
    pub(super) const COUNTS_NOTHING: u32 = Self::ADMITTED;

    /// Returns whether the circuit is closed and counts calls.
    pub(super) const fn counts(self) -> bool {
        self.bits() & (Self::STATE | Self::COUNTS_NOTHING) == BreakerState::Closed as u32
    }

    /// Returns the same snapshot; a closed circuit counts calls.
    pub(super) const fn counting(self) -> Self {
        let is_closed = self.bits() & Self::STATE == BreakerState::Closed as u32;
        if is_closed { Self::from_bits(self.bits() & !Self::COUNTS_NOTHING) } else { self }
    }
}
