//! Counts failed calls: what is behind [`CircuitBreaker`].

use super::{Admission, BreakerState, CircuitBreaker, Counter, Head, Snapshot};
use crate::{
    ClassSet, Clock, ErrorClass, Millis,
    reading::Reading,
    time::Timestamp,
    window::{Slot, Stamps},
};

impl<const N: usize> Counter for [Slot; N] {
    fn handle(&self, head: &Head, permit: Snapshot, failure: Option<ErrorClass>, reading: &Reading<'_>) -> Admission {
        head.lock.with(|| handle(head, Stamps { latest: &head.latest, slots: self }, permit, failure, reading))
    }
}

impl<const N: usize> CircuitBreaker<N> {
    /// Returns how many failures the window holds at this moment; 0 unless the circuit is closed.
    pub fn failures<C: Clock>(&self, clock: &C) -> usize {
        let (head, reading) = (&self.head, Reading::of(clock, Timestamp::NEVER));
        head.lock.with(|| {
            if head.load().state() != BreakerState::Closed {
                return 0;
            }
            let span = reading.at_least(head.config.span(BreakerState::Closed));
            let passed = head.latest.passed(&reading, span);
            let stamps = self.stamps();
            stamps.update(stamps.slide(reading.now(), passed, span), 0, 0);
            stamps.ages().count()
        })
    }

    pub(super) const fn stamps(&self) -> Stamps<'_> {
        Stamps { latest: &self.head.latest, slots: &self.counter }
    }
}

/// Takes a request with the lock held.
fn handle(
    head: &Head,
    stamps: Stamps<'_>,
    permit: Snapshot,
    failure: Option<ErrorClass>,
    reading: &Reading<'_>,
) -> Admission {
    let (before, probes) = (head.load(), head.config.probes.into());
    if !permit.is_none() && !before.is_same_generation(permit) {
        return Admission::UNCHANGED;
    }
    let span = reading.at_least(head.config.span(before.state()));
    let passed = head.latest.passed(reading, span);
    let after = if permit.is_none() {
        match before.admit(probes, passed >= span) {
            Some(after) => after,
            None => return Admission::rejected(span.saturating_sub(passed)),
        }
    } else if let Some(class) = failure
        && head.config.trip_on.contains(class)
    {
        if before.is_closed() {
            let age = stamps.slide(reading.now(), passed, span);
            if !count(head, stamps, class, age) {
                return Admission::UNCHANGED;
            }
        }
        before.next(BreakerState::Open)
    } else {
        // Half-open: otherwise neither changes anything, which has been looked at before.
        let is_neutral = failure.is_some_and(|class| head.config.neutral.contains(class));
        let after = if is_neutral { before.without_probe() } else { before.with_answer() };
        if after.succeeded() < probes {
            head.store(after);
            return Admission::UNCHANGED;
        }
        // Failures of before the circuit opened do not count.
        stamps.clear();
        before.next(BreakerState::Closed)
    };
    head.enter(after, reading.now());
    Admission { permit: after, more: before.bits() & BreakerState::Open as u32 }
}

/// Counts a failure at the latest reading, after removing those of this age or more. Returns whether it is one too many.
#[expect(clippy::indexing_slicing, reason = "a class is below 8")]
fn count(head: &Head, stamps: Stamps<'_>, class: ErrorClass, age: Millis) -> bool {
    let own = head.config.own_threshold;
    let counted = if own.contains(class) { ClassSet::EMPTY.with(class) } else { own.complement() };
    // The tag of a class is its number plus one.
    let (tags, tag) = (u32::from(counted.bits()) << 1, (class as u32).wrapping_add(1));
    stamps.update(age, tag, tags) >= u32::from(head.config.thresholds[class as usize])
}
