//! The use of a breaker without a policy: permits, and failures that no call reports.

use core::time::Duration;

use super::{BreakerState, CircuitBreakerView, Snapshot};
use crate::{Clock, ErrorClass, Millis, Rejected, StopReason, time::Timestamp};

impl CircuitBreakerView {
    /// Admits a call. The clock is read only if the circuit is not closed.
    ///
    /// # Errors
    ///
    /// The call is rejected. The error has the time until calls are admitted.
    pub fn try_acquire<C: Clock>(&self, clock: &C) -> Result<Permit<'_>, Rejected> {
        let snapshot = self.head.load();
        if snapshot.admits_all() {
            return Ok(Permit { breaker: self, snapshot });
        }
        let admission = self.admit_some(snapshot, clock, Timestamp::NEVER);
        if admission.permit.is_none() {
            return Err(Rejected { reason: StopReason::CircuitOpen, retry_after: admission.retry_after() });
        }
        Ok(Permit { breaker: self, snapshot: admission.permit })
    }

    /// Records a failure that no admitted call reports. Ignored unless the circuit is closed. Takes at most one pass over the slots with
    /// the lock held. Returns the new state if it changed.
    ///
    /// With the feature `std`, it must not be called in an interrupt or signal handler, which might wait for the thread that it
    /// interrupted. Without that feature it may.
    pub fn record_failure<C: Clock>(&self, class: ErrorClass, clock: &C) -> Option<BreakerState> {
        let snapshot = self.head.load();
        if snapshot.state() != BreakerState::Closed {
            return None;
        }
        self.settle(snapshot, Some(class), clock, Timestamp::NEVER)
    }
}

/// The right to one call. Takes the result of the call; dropping it releases the permit as if the call had not been made.
#[derive(Debug)]
#[must_use = "dropping the permit releases it as if the call had not been made"]
pub struct Permit<'a> {
    breaker: &'a CircuitBreakerView,
    snapshot: Snapshot,
}

#[cfg(feature = "defmt")]
impl defmt::Format for Permit<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Permit({})", self.snapshot.state());
    }
}

impl Permit<'_> {
    /// Records that the call succeeded. Returns the new state if it changed.
    #[cfg_attr(feature = "std", inline(always))]
    pub fn success<C: Clock>(mut self, clock: &C) -> Option<BreakerState> {
        self.settle(None, clock)
    }

    /// Records that the call succeeded after this long, which counts for a breaker with
    /// [`slow_calls`](super::RateConfig::slow_calls). Returns the new state if it changed.
    pub fn success_after<C: Clock>(mut self, took: Duration, clock: &C) -> Option<BreakerState> {
        self.settle_after(None, took, clock)
    }

    /// Records that the call failed for good. Returns the new state if it changed.
    pub fn failure<C: Clock>(mut self, class: ErrorClass, clock: &C) -> Option<BreakerState> {
        self.settle(Some(class), clock)
    }

    /// Records that the call failed for good after this long, as [`success_after`](Self::success_after) does. Returns the new
    /// state if it changed.
    pub fn failure_after<C: Clock>(mut self, class: ErrorClass, took: Duration, clock: &C) -> Option<BreakerState> {
        self.settle_after(Some(class), took, clock)
    }

    /// Records that the call was given up after this long, without a result. It counts if the breaker has
    /// [`abandoned_calls`](super::RateConfig::abandoned_calls), else the permit is released.
    pub fn abandon<C: Clock>(mut self, took: Duration, clock: &C) {
        let snapshot = self.take();
        self.breaker.abandon(snapshot, Millis::from_duration(took), clock);
    }

    /// Releases the permit as if the call had not been made, like dropping it.
    pub fn release(self) {}

    /// Returns the snapshot, so that the drop that follows changes nothing.
    const fn take(&mut self) -> Snapshot {
        core::mem::replace(&mut self.snapshot, Snapshot::SPENT)
    }

    #[cfg_attr(feature = "std", inline(always))]
    fn settle<C: Clock>(&mut self, failure: Option<ErrorClass>, clock: &C) -> Option<BreakerState> {
        let snapshot = self.take();
        self.breaker.settle(snapshot, failure, clock, Timestamp::NEVER)
    }

    fn settle_after<C: Clock>(
        &mut self,
        failure: Option<ErrorClass>,
        took: Duration,
        clock: &C,
    ) -> Option<BreakerState> {
        let snapshot = self.take();
        self.breaker.settle_after(snapshot, failure, Millis::from_duration(took), clock, Timestamp::NEVER)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.breaker.head.release(self.snapshot);
    }
}
