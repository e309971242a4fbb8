//! What calls do with a breaker, and what needs neither lock nor clock.

use super::{Admission, BreakerState, CircuitBreakerView, Snapshot};
use crate::{
    Clock, ErrorClass, Millis,
    lock::Lock,
    reading::Reading,
    time::{ClockRate, Timestamp},
};

impl CircuitBreakerView {
    /// Admits a call, at a reading as for [`Reading::of`]. The clock is read only if the circuit is not closed.
    pub(crate) fn admit<C: Clock>(&self, clock: &C, now: Timestamp) -> Admission {
        let snapshot = self.head.load();
        if snapshot.is_closed() {
            Admission { permit: snapshot, more: 0 }
        } else if Lock::IS_CONTENDED {
            self.ask(snapshot, clock, now)
        } else {
            self.handle(Snapshot::NONE, None, Millis::ZERO, clock, now)
        }
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
        self.handle(Snapshot::NONE, None, Millis::ZERO, clock, now)
    }

    /// Takes the result of an admitted call, the class of a failure, at a reading as for [`Reading::of`]. Returns the new state
    /// if it changed. What changes nothing costs neither lock nor clock: the end of a call that was admitted while the circuit
    /// was closed and did not fail with a class that trips it. `took` counts only for a permit that is watched.
    pub(crate) fn settle<C: Clock>(
        &self,
        permit: Snapshot,
        failure: Option<ErrorClass>,
        took: Millis,
        clock: &C,
        now: Timestamp,
    ) -> Option<BreakerState> {
        let counted = failure.filter(|class| self.head.config.trip_on.contains(*class));
        if counted.is_none() && permit.is_closed() {
            return None;
        }
        if failure.is_some_and(|class| self.head.config.neutral.contains(class)) {
            self.head.release(permit);
            return None;
        }
        self.handle(permit, counted, took, clock, now).permit.known_state()
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
        took: Millis,
        clock: &C,
        now: Timestamp,
    ) -> Admission {
        self.counter.handle(&self.head, permit, failure, &Reading::of(clock, now).after(took))
    }

    /// Takes the end of a call that its caller dropped in the middle of an attempt.
    pub(crate) fn abandon<C: Clock>(&self, permit: Snapshot, took: Millis, clock: &C) {
        let class = self.handle(Snapshot::ABANDONED, None, took, clock, Timestamp::NEVER).more;
        match ErrorClass::ALL.get(class.wrapping_sub(1) as usize) {
            Some(class) => {
                self.settle(permit, Some(*class), took, clock, Timestamp::NEVER);
            }
            None => self.head.release(permit),
        }
    }
}
