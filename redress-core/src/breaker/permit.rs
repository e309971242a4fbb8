//! The use of a breaker without a policy: permits, and failures that no call reports.

use super::{BreakerRef, BreakerState, CircuitBreakerView, Snapshot};
use crate::{Clock, ErrorClass, Rejected, StopReason, time::Timestamp};

impl CircuitBreakerView {
    /// Admits a call. The clock is read only if the circuit is not closed.
    ///
    /// # Errors
    ///
    /// The call is rejected. The error has the time until calls are admitted.
    pub fn try_acquire<C: Clock>(&self, clock: &C) -> Result<Permit<'_>, Rejected> {
        let admission = BreakerRef::new(self).admit(clock, Timestamp::NEVER);
        if admission.permit.is_none() {
            return Err(Rejected { reason: StopReason::CircuitOpen, retry_after: admission.retry_after() });
        }
        Ok(Permit { breaker: self, snapshot: admission.permit })
    }

    /// Records a failure that no admitted call reports. Ignored unless the circuit is closed. Takes one pass over the slots with
    /// the lock held. Returns the new state if it changed.
    ///
    /// With the feature `std`, it must not be called in an interrupt or signal handler, which might wait for the thread that it
    /// interrupted. Without that feature it may.
    pub fn record_failure<C: Clock>(&self, class: ErrorClass, clock: &C) -> Option<BreakerState> {
        let snapshot = self.load();
        if !snapshot.is_closed() {
            return None;
        }
        BreakerRef::new(self).settle(snapshot, Some(class), clock, Timestamp::NEVER)
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
    pub fn success<C: Clock>(mut self, clock: &C) -> Option<BreakerState> {
        self.settle(None, clock)
    }

    /// Records that the call failed for good. Returns the new state if it changed.
    pub fn failure<C: Clock>(mut self, class: ErrorClass, clock: &C) -> Option<BreakerState> {
        self.settle(Some(class), clock)
    }

    /// Releases the permit as if the call had not been made, like dropping it.
    pub fn release(self) {}

    fn settle<C: Clock>(&mut self, failure: Option<ErrorClass>, clock: &C) -> Option<BreakerState> {
        let snapshot = core::mem::replace(&mut self.snapshot, Snapshot::SPENT);
        BreakerRef::new(self.breaker).settle(snapshot, failure, clock, Timestamp::NEVER)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        BreakerRef::new(self.breaker).release(self.snapshot);
    }
}
