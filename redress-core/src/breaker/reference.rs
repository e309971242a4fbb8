//! The methods by which calls use a breaker, and the checks that need neither lock nor clock.

use super::{Admission, BreakerState, CircuitBreakerView, Snapshot};
use crate::{
    Clock, ErrorClass, Millis,
    lock::Lock,
    reading::Reading,
    time::{ClockRate, Timestamp},
};

impl CircuitBreakerView {
    /// Admits a call, at a reading as for [`Reading::of`]. The clock is read only if the circuit is not closed.
    #[inline]
    pub(crate) fn admit<C: Clock>(&self, clock: &C, now: Timestamp) -> Admission {
        let snapshot = self.head.load();
        if snapshot.admits_all() {
            Admission { permit: snapshot, more: 0 }
        } else {
            self.admit_some(snapshot, clock, now)
        }
    }

    /// Admits a call to a circuit that does not admit all.
    #[inline(always)]
    pub(super) fn admit_some<C: Clock>(&self, snapshot: Snapshot, clock: &C, now: Timestamp) -> Admission {
        if Lock::IS_CONTENDED { self.ask(snapshot, clock, now) } else { self.handle(Snapshot::NONE, None, clock, now) }
    }

    /// Rejects a call without the lock if that can be done, else asks with it.
    #[inline(never)]
    fn ask<C: Clock>(&self, snapshot: Snapshot, clock: &C, mut now: Timestamp) -> Admission {
        if snapshot.is_open() {
            if now == Timestamp::NEVER {
                now = clock.timestamp();
            }
            let left = self.head.left_open(snapshot, now, C::RATE.slack());
            if left != Millis::ZERO {
                return Admission { permit: Snapshot::NONE, more: left.get() };
            }
        }
        self.handle(Snapshot::NONE, None, clock, now)
    }

    /// Takes the result of an admitted call, the class of a failure, at a reading as for [`Reading::of`]. Returns the new state
    /// if it changed. What changes nothing costs neither lock nor clock: the end of a call that was admitted while the circuit
    /// was closed and did not fail with a class that trips it.
    #[cfg_attr(feature = "std", inline(always))]
    #[cfg_attr(not(feature = "std"), inline)]
    pub(crate) fn settle<C: Clock>(
        &self,
        permit: Snapshot,
        failure: Option<ErrorClass>,
        clock: &C,
        now: Timestamp,
    ) -> Option<BreakerState> {
        // No set has the bit 8, so that all are looked up alike.
        let class = failure.map_or(8, |class| class as u32);
        if permit.is_closed() && (u32::from(self.head.config.trip_on.bits()) >> class & 1) == 0 {
            return None;
        }
        #[cfg(feature = "std")]
        if failure.is_none() && self.count_success(permit, clock, now) {
            return None;
        }
        self.handle(permit, failure, clock, now).permit.known_state()
    }

    /// Takes a result as [`settle`](Self::settle) does, with the time that the call took.
    pub(crate) fn settle_after<C: Clock>(
        &self,
        permit: Snapshot,
        failure: Option<ErrorClass>,
        took: Millis,
        clock: &C,
        now: Timestamp,
    ) -> Option<BreakerState> {
        if !permit.is_watched() {
            return self.settle(permit, failure, clock, now);
        }
        let reading = Reading::of(clock, now).after(took);
        self.counter.handle(&self.head, permit, failure, &reading).permit.known_state()
    }

    /// Takes the end of a call that its caller dropped in the middle of an attempt.
    pub(crate) fn abandon<C: Clock>(&self, permit: Snapshot, took: Millis, clock: &C) {
        let reading = Reading::of(clock, Timestamp::NEVER).after(took);
        let class = self.counter.handle(&self.head, Snapshot::ABANDONED, None, &reading).more;
        match ErrorClass::ALL.get(class.wrapping_sub(1) as usize) {
            Some(class) => {
                self.counter.handle(&self.head, permit, Some(*class), &reading);
            }
            None => self.head.release(permit),
        }
    }

    /// Gives an admission back.
    pub(crate) fn release(&self, permit: Snapshot) {
        self.head.release(permit);
    }

    /// Passes a request on to the code of the breaker's kind: see [`Counter::handle`](super::Counter::handle).
    #[inline(never)]
    pub(super) fn handle<C: Clock>(
        &self,
        permit: Snapshot,
        failure: Option<ErrorClass>,
        clock: &C,
        now: Timestamp,
    ) -> Admission {
        self.counter.handle(&self.head, permit, failure, &Reading::of(clock, now))
    }
}
