//! The decisions of a breaker that counts rates: which calls are admitted, what a result changes, how long the circuit stays open.

use core::sync::atomic::Ordering::Relaxed;

use super::{Admission, Answer, BreakerMode, BreakerState, Bucket, Snapshot, Transition, UNCHANGED, View, flags};
use crate::{ErrorClass, Millis, reading::Reading, rng::Fnv, time::Timestamp};

impl View<'_> {
    pub(super) fn admit(self, reading: &Reading<'_>) -> Answer {
        let (before, probes) = (self.head.load(), u32::from(self.head.config.probes));
        let span = match before.state() {
            BreakerState::Closed => return (self.admit_share(before, reading), None),
            BreakerState::Open => self.open_time(),
            BreakerState::HalfOpen => self.head.config.span(BreakerState::HalfOpen),
        };
        let span = reading.at_least(span);
        let passed = self.head.latest.passed(reading, span);
        let is_open = before.state() == BreakerState::Open;
        if is_open && self.mode() == BreakerMode::Isolated {
            return (Admission::rejected(self.head.config.span(BreakerState::Open)), None);
        }
        if !is_open && before.admitted() < probes {
            let after = before.with_admitted(1);
            self.head.enter(after, reading.now());
            return (Admission { permit: after, more: 0 }, None);
        }
        if passed < span {
            return (Admission::rejected(span.saturating_sub(passed)), None);
        }
        // Open, there are no probes yet. Half-open, those that have answered keep their places.
        let answered = if is_open { 0 } else { self.failed_probes() };
        if is_open {
            self.clear();
        }
        let after = before
            .next(BreakerState::HalfOpen)
            .with_succeeded(before.succeeded())
            .with_admitted(answered.wrapping_add(1));
        let transition = self.enter(after, reading.now(), None);
        (Admission { permit: self.head.load(), more: is_open.into() }, transition)
    }

    /// Admits a share of the calls to a circuit that has closed a short time ago.
    fn admit_share(self, before: Snapshot, reading: &Reading<'_>) -> Admission {
        self.slide(reading);
        let (ramp, closed) = (self.config.ramp, Timestamp::from_millis(self.state.closed.load()));
        let passed = reading.now().since(closed).unwrap_or_default();
        let sum = u32::from(self.state.share.load(Relaxed));
        if passed >= ramp {
            let after = before.sharing_no_more();
            self.head.store(after);
            return Admission { permit: after, more: 0 };
        }
        // In 255ths, at least one of them. The span is at most an hour, so that the product fits.
        let share = passed.get().wrapping_mul(255).checked_div(ramp.get()).unwrap_or_default().max(1);
        let sum = sum.wrapping_add(share);
        let is_admitted = sum > 255;
        #[expect(clippy::cast_possible_truncation, reason = "from 1 to 255")]
        self.state.share.store(if is_admitted { sum.wrapping_sub(255) } else { sum } as u8, Relaxed);
        if is_admitted {
            Admission { permit: before, more: 0 }
        } else {
            Admission::rejected(ramp.saturating_sub(passed))
        }
    }

    pub(super) fn settle(self, permit: Snapshot, failure: Option<ErrorClass>, reading: &Reading<'_>) -> Answer {
        let before = self.head.load();
        if !before.is_same_generation(permit) {
            return UNCHANGED;
        }
        let config = &self.head.config;
        if failure.is_some_and(|class| config.neutral.contains(class)) {
            if before.state() == BreakerState::HalfOpen {
                self.head.store(before.without_probe());
            }
            return UNCHANGED;
        }
        let failure = failure.filter(|class| config.trip_on.contains(*class));
        let is_slow = self.config.is_slow(reading.took());
        if before.state() == BreakerState::HalfOpen {
            return self.settle_probe(before, failure, is_slow, reading);
        }
        let mode = self.mode();
        if mode == BreakerMode::Disabled {
            return UNCHANGED;
        }
        self.slide(reading);
        self.count(failure.is_some(), is_slow);
        if failure.is_none() && !is_slow || mode != BreakerMode::Automatic || !self.is_too_much() {
            return UNCHANGED;
        }
        self.open(failure, reading.now())
    }

    fn settle_probe(
        self,
        before: Snapshot,
        failure: Option<ErrorClass>,
        is_slow: bool,
        reading: &Reading<'_>,
    ) -> Answer {
        let needed = self.config.needed_probes();
        let now = reading.read();
        if failure.is_none() && !is_slow {
            let after = before.with_answer();
            if after.succeeded() < needed {
                self.head.store(after);
                return UNCHANGED;
            }
            let flags = if self.config.ramp.get() == 0 { 0 } else { Snapshot::SHARES };
            return self.close(now, flags);
        }
        if let Some(bucket) = self.buckets.first() {
            bucket.add(true, is_slow, Bucket::MOST);
        }
        if self.failed_probes().wrapping_add(needed) > u32::from(self.head.config.probes) {
            return self.open(failure, now);
        }
        UNCHANGED
    }

    /// Returns the probes that have failed in a half-open circuit, in which the buckets count nothing else.
    pub(super) fn failed_probes(self) -> u32 {
        self.buckets.first().map_or(0, Bucket::failed).into()
    }

    /// Opens the circuit.
    pub(super) fn open(self, class: Option<ErrorClass>, now: Timestamp) -> Answer {
        let (before, state) = (self.head.load(), self.state);
        let closed_for = now.since(Timestamp::from_millis(state.closed.load())).unwrap_or_default();
        let is_healthy = before.state() == BreakerState::Closed && closed_for >= self.config.healthy_after;
        let openings = if is_healthy { 0 } else { state.openings.load(Relaxed) };
        state.openings.store(openings.saturating_add(1), Relaxed);
        let after = before.next(BreakerState::Open);
        let transition = self.enter(after, now, class);
        (Admission { permit: after, more: 0 }, transition)
    }

    /// Closes the circuit. If it shares calls out, the first one is admitted.
    pub(super) fn close(self, now: Timestamp, flags: u32) -> Answer {
        self.clear();
        self.state.closed.store(now.millis());
        self.state.share.store(u8::MAX, Relaxed);
        let after = self.head.load().next(BreakerState::Closed).with_flags(flags);
        let transition = self.enter(after, now, None);
        (Admission { permit: after, more: 0 }, transition)
    }

    /// Enters a state and says what is heard of it.
    pub(super) fn enter(self, after: Snapshot, now: Timestamp, class: Option<ErrorClass>) -> Option<Transition> {
        let (from, to) = (self.head.load().state(), after.state());
        self.head.enter(self.with_flags(after), now);
        let open_for = if to == BreakerState::Open { self.open_time() } else { Millis::ZERO };
        // Half-open after half-open, the places of lost probes were given away.
        if from == BreakerState::HalfOpen && to == from { None } else { Some(Transition { from, to, class, open_for }) }
    }

    /// Returns the snapshot with the flags that it has under this configuration in this mode.
    pub(super) fn with_flags(self, after: Snapshot) -> Snapshot {
        let counts_nothing = after.state() == BreakerState::Closed && self.mode() == BreakerMode::Disabled;
        after.with_flags(flags(self.config) | if counts_nothing { Snapshot::COUNTS_NOTHING } else { 0 })
    }

    /// Returns how long the circuit stays open, from its latest opening.
    pub(super) fn open_time(self) -> Millis {
        let base = self.head.config.span(BreakerState::Open);
        let mut span = base;
        if self.config.longest_open.get() != 0 {
            let mut doublings = self.state.openings.load(Relaxed);
            while doublings > 1 && span < self.config.longest_open {
                span = span.saturating_add(span);
                doublings = doublings.wrapping_sub(1);
            }
            span = span.min(self.config.longest_open);
        }
        if self.config.jitter == 0 {
            return span;
        }
        let mut hash = Fnv::new();
        hash.add(self.state.seed.load(Relaxed));
        hash.add(self.head.latest.low_bits());
        hash.add(self.state.openings.load(Relaxed).into());
        // A part of 2^16, in percent of the span, which is below 2^31.
        let part = u32::from(hash.folded()).wrapping_mul(self.config.jitter.into()) / 100;
        #[expect(clippy::cast_possible_truncation, reason = "less than the span")]
        let more = (u64::from(span.get()).wrapping_mul(part.into()) >> 16) as u32;
        span.saturating_add(Millis::new(more))
    }
}
