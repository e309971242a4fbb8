//! Calls of the last while, counted in buckets.

use crate::sync::atomic::{AtomicU16, Ordering::Relaxed};

use crate::lock::Lock;

/// The calls of one bucket: all, failed, slow. Six bytes.
#[derive(Debug)]
pub(super) struct Bucket([AtomicU16; 3]);

/// Calls in the window of a [`RateBreaker`](super::RateBreaker).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Counts {
    /// Calls that count.
    pub calls: u32,
    /// Failed calls.
    pub failed: u32,
    /// Slow calls.
    pub slow: u32,
}

impl Bucket {
    /// The most calls that a bucket counts without the lock: calls that are counted at the same time have room above.
    pub(super) const MOST: u16 = u16::MAX - (1 << 12);

    pub(super) const fn new() -> Self {
        Self([const { AtomicU16::new(0) }; 3])
    }

    pub(super) fn calls(&self) -> u16 {
        let [calls, ..] = &self.0;
        calls.load(Relaxed)
    }

    pub(super) fn failed(&self) -> u16 {
        let [_, failed, _] = &self.0;
        failed.load(Relaxed)
    }

    pub(super) fn to_bytes(&self) -> [u8; 6] {
        let [[c0, c1], [f0, f1], [s0, s1]] = self.0.each_ref().map(|count| count.load(Relaxed).to_le_bytes());
        [c0, c1, f0, f1, s0, s1]
    }

    pub(super) fn set(&self, [c0, c1, f0, f1, s0, s1]: [u8; 6]) {
        for (count, bytes) in self.0.iter().zip([[c0, c1], [f0, f1], [s0, s1]]) {
            count.store(u16::from_le_bytes(bytes), Relaxed);
        }
    }

    /// Returns whether a bucket can have these bytes: neither the failed nor the slow calls are more than all, or than probes.
    pub(super) fn is_sound([c0, c1, f0, f1, s0, s1]: [u8; 6]) -> bool {
        let most = u16::from_le_bytes([c0, c1]);
        u16::from_le_bytes([f0, f1]) <= most && u16::from_le_bytes([s0, s1]) <= most
    }

    pub(super) fn clear(&self) {
        for count in &self.0 {
            count.store(0, Relaxed);
        }
    }

    /// Counts the success of a call without the lock, if the bucket holds fewer calls than `most`, at most [`MOST`](Self::MOST).
    #[inline]
    pub(super) fn add_success(&self, most: u16, lock: &Lock) -> bool {
        let [calls, ..] = &self.0;
        let has_room = calls.load(Relaxed) < most;
        if has_room {
            lock.increment(calls);
        }
        has_room
    }

    /// Counts a call. A bucket that holds `most` calls forgets half of them, and keeps its rates.
    pub(super) fn add(&self, is_failure: bool, is_slow: bool, most: u16) {
        let [calls, failed, slow] = &self.0;
        if calls.load(Relaxed) >= most {
            for count in &self.0 {
                count.store(count.load(Relaxed) / 2, Relaxed);
            }
        }
        // None of them is above the first, which is not full.
        Lock::increment_held(calls);
        if is_failure {
            failed.store(failed.load(Relaxed).wrapping_add(1), Relaxed);
        }
        if is_slow {
            slow.store(slow.load(Relaxed).wrapping_add(1), Relaxed);
        }
    }
}

impl Counts {
    /// Adds up all buckets.
    pub(super) fn of(buckets: &[Bucket]) -> Self {
        let mut sum = Self::default();
        for bucket in buckets {
            let [calls, failed, slow] = &bucket.0;
            // At most 255 times 16 bits.
            sum.calls = sum.calls.wrapping_add(calls.load(Relaxed).into());
            sum.failed = sum.failed.wrapping_add(failed.load(Relaxed).into());
            sum.slow = sum.slow.wrapping_add(slow.load(Relaxed).into());
        }
        sum
    }

    /// Returns whether this many of the calls are at least `percent` of them.
    pub(super) const fn reaches(&self, some: u32, percent: u8) -> bool {
        // Both products stay below 2^31.
        some.wrapping_mul(100) >= self.calls.wrapping_mul(percent as u32)
    }
}
