//! The window of a breaker that counts rates: which bucket counts, and whether the window holds too much.

use core::sync::atomic::Ordering::Relaxed;

use super::{BreakerState, Bucket, Counts, View};
use crate::{Millis, reading::Reading, time::Timestamp};

impl View<'_> {
    /// Moves on to a reading: buckets that have left the window are empty.
    pub(super) fn slide(self, reading: &Reading<'_>) {
        if self.config.window_calls != 0 {
            // Only for the time since the circuit closed.
            self.head.latest.passed(reading, self.head.config.span(BreakerState::Open));
            self.head.latest.store(reading.now());
            return;
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 255")]
        let buckets = self.buckets.len() as u32;
        let length = reading.at_least(self.head.config.span(BreakerState::Closed));
        let window = Millis::new(length.get().saturating_mul(buckets));
        let mut passed = self.head.latest.passed(reading, window);
        if passed < length {
            return;
        }
        if passed >= window {
            self.clear();
            self.head.latest.store(reading.now());
            // After a clock was set back, too.
            if reading.now().since(Timestamp::from_millis(self.state.closed.load())).is_none() {
                self.state.closed.store(reading.now().millis());
            }
            return;
        }
        let mut begin = reading.now().before(passed);
        while passed >= length {
            self.advance();
            passed = passed.saturating_sub(length);
            begin = begin.after(length);
        }
        self.head.latest.store(begin);
    }

    /// Begins the next bucket.
    fn advance(self) {
        let next = self.state.current.load(Relaxed).wrapping_add(1);
        let next = if usize::from(next) < self.buckets.len() { next } else { 0 };
        self.state.current.store(next, Relaxed);
        if let Some(bucket) = self.current() {
            bucket.clear();
        }
    }

    fn current(&self) -> Option<&Bucket> {
        self.buckets.get(usize::from(self.state.current.load(Relaxed)))
    }

    pub(super) fn count(self, is_failure: bool, is_slow: bool) {
        let is_full = |bucket: &Bucket| u32::from(bucket.calls()) >= self.head.config.span(BreakerState::Closed).get();
        let is_of_calls = self.config.window_calls != 0;
        if is_of_calls && self.current().is_some_and(is_full) {
            self.advance();
        }
        if let Some(bucket) = self.current() {
            bucket.add(is_failure, is_slow, if is_of_calls { u16::MAX } else { Bucket::MOST });
        }
    }

    /// Returns whether the window holds so many failures or slow calls that the circuit opens.
    pub(super) fn is_too_much(self) -> bool {
        let (config, counts) = (self.config, Counts::of(self.buckets));
        if config.failure_count != 0 && counts.failed >= config.failure_count.into() {
            return true;
        }
        counts.calls >= config.minimum_calls.into()
            && (counts.reaches(counts.failed, config.failure_rate)
                || config.slow.get() != 0 && counts.reaches(counts.slow, config.slow_rate))
    }

    pub(super) fn clear(self) {
        for bucket in self.buckets {
            bucket.clear();
        }
    }
}
