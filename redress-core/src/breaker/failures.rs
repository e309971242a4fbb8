//! Counts failed calls: what is behind [`CircuitBreaker`].

use super::{Admission, BreakerState, CircuitBreaker, Counter, Head, Snapshot};
use crate::{
    ClassSet, Clock, ErrorClass, Millis,
    lock::Lock,
    reading::Reading,
    time::Timestamp,
    window::{Slot, Stamps},
};

impl<const N: usize> Counter for [Slot; N] {
    fn handle(&self, head: &Head, permit: Snapshot, failure: Option<ErrorClass>, reading: &Reading<'_>) -> Admission {
        let Some(stamps) = stamps(head, self) else { return Admission::UNCHANGED };
        head.lock.with(|| handle(head, stamps, permit, failure, reading))
    }
}

impl<const N: usize> CircuitBreaker<N> {
    /// Returns how many failures the window holds at this moment; 0 unless the circuit is closed.
    pub fn failures<C: Clock>(&self, clock: &C) -> usize {
        let (head, reading) = (&self.head, Reading::of(clock, Timestamp::NEVER));
        head.lock.with(|| match self.stamps() {
            Some(stamps) if head.load().state() == BreakerState::Closed => {
                let span = reading.at_least(head.config.span(BreakerState::Closed));
                let passed = head.latest.passed(&reading, span);
                stamps.slide(reading.now(), passed, span) as usize
            }
            _ => 0,
        })
    }

    pub(super) fn stamps(&self) -> Option<Stamps<'_>> {
        stamps(&self.head, &self.counter)
    }
}

/// Returns the stamps of a breaker. It counts one failure less than it has slots, because the one that is too many is not kept;
/// the first slot says which of the others are in use.
fn stamps<'a>(head: &'a Head, slots: &'a [Slot]) -> Option<Stamps<'a>> {
    let (used, slots) = slots.split_first()?;
    Some(Stamps { latest: &head.latest, used: used.word(), slots })
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
            let failures = stamps.slide(reading.now(), passed, span);
            if !is_one_too_many(head, stamps, class, failures) {
                stamps.add(Millis::ZERO, tag(class));
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

/// Returns whether one more failure of this class is one too many, with `failures` in the window. Classes with a threshold of
/// their own are counted in a pass over the slots.
#[expect(clippy::indexing_slicing, reason = "a class is below 8")]
fn is_one_too_many(head: &Head, stamps: Stamps<'_>, class: ErrorClass, failures: u32) -> bool {
    let own = head.config.own_threshold;
    let counted = if Lock::IS_CONTENDED && own.is_empty() {
        failures
    } else {
        let counted = if own.contains(class) { ClassSet::EMPTY.with(class) } else { own.complement() };
        stamps.tagged(u32::from(counted.bits()) << 1)
    };
    counted.wrapping_add(1) >= u32::from(head.config.thresholds[class as usize])
}

/// Returns the tag of a class: its number plus one.
const fn tag(class: ErrorClass) -> u32 {
    (class as u32).wrapping_add(1)
}
