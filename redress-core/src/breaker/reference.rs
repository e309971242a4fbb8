//! The breaker as a policy refers to it: what calls do with it, and what needs neither lock nor clock.

use super::{Admission, BreakerState, CircuitBreakerView, Snapshot};
use crate::{
    Clock, ErrorClass, Millis,
    lock::Lock,
    reading::Reading,
    time::{ClockRate, Timestamp},
};

/// The breaker of a policy: where it is, and where its code is.
///
/// # Design
///
/// A driver is in every image and would contain the code of a breaker in case the policy has one. Through this pointer, which
/// is set where a policy is given a breaker, an image without breakers contains a comparison instead.
#[derive(Clone, Copy)]
pub(crate) struct BreakerRef<'a> {
    breaker: &'a CircuitBreakerView,
    handle: fn(&CircuitBreakerView, Snapshot, Option<ErrorClass>, &Reading<'_>) -> Admission,
}

impl<'a> BreakerRef<'a> {
    pub(crate) const fn new(breaker: &'a CircuitBreakerView) -> Self {
        Self { breaker, handle: CircuitBreakerView::handle }
    }

    pub(crate) fn state(&self) -> BreakerState {
        self.breaker.state()
    }

    /// Admits a call, at a reading as for [`Reading::of`]. The clock is read only if the circuit is not closed.
    pub(crate) fn admit<C: Clock>(&self, clock: &C, now: Timestamp) -> Admission {
        let snapshot = self.breaker.load();
        if snapshot.is_closed() {
            Admission { permit: snapshot, more: 0 }
        } else if Lock::IS_CONTENDED {
            self.ask(snapshot, clock, now)
        } else {
            self.handle(Snapshot::NONE, None, clock, now)
        }
    }

    /// Rejects a call without the lock if that can be done, else asks with it.
    #[inline(never)]
    fn ask<C: Clock>(&self, snapshot: Snapshot, clock: &C, mut now: Timestamp) -> Admission {
        if now == Timestamp::NEVER {
            now = clock.timestamp();
        }
        let left = self.breaker.left_open(snapshot, now, C::RATE.slack());
        if left == Millis::ZERO {
            return self.handle(Snapshot::NONE, None, clock, now);
        }
        Admission { permit: Snapshot::NONE, more: left.get() }
    }

    /// Takes the result of an admitted call, the class of a failure, at a reading as for [`Reading::of`]. Returns the new state
    /// if it changed. What changes nothing costs neither lock nor clock: the end of a call that was admitted while the circuit
    /// was closed and did not fail with a class that trips it.
    pub(crate) fn settle<C: Clock>(
        &self,
        permit: Snapshot,
        failure: Option<ErrorClass>,
        clock: &C,
        now: Timestamp,
    ) -> Option<BreakerState> {
        let counted = failure.filter(|class| self.breaker.config.trip_on.contains(*class));
        if counted.is_none() && permit.is_closed() {
            return None;
        }
        if failure.is_some_and(|class| self.breaker.config.neutral.contains(class)) {
            self.release(permit);
            return None;
        }
        self.handle(permit, counted, clock, now).permit.known_state()
    }

    #[inline(never)]
    fn handle<C: Clock>(&self, permit: Snapshot, failure: Option<ErrorClass>, clock: &C, now: Timestamp) -> Admission {
        (self.handle)(self.breaker, permit, failure, &Reading::of(clock, now))
    }

    /// Gives an admission back.
    pub(crate) fn release(&self, permit: Snapshot) {
        self.breaker.release(permit);
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for BreakerRef<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        self.breaker.format(f);
    }
}

impl core::fmt::Debug for BreakerRef<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.breaker.fmt(f)
    }
}
