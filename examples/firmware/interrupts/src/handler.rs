//! The interrupt handler: at each interrupt it counts time and records a failure.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use cortex_m_rt::exception;
use redress_core::{BreakerState, ErrorClass, embedded::WrappingClock};

use crate::BREAKER;

/// Cycles from one interrupt to the next; a prime number, so that interrupts come at every point of the loop.
pub(crate) const PERIOD: u32 = 1_009;

/// A clock whose milliseconds are interrupts: the shortest recovery timeout lasts for one of them, so that the circuit
/// opens and closes all the time.
pub(crate) static CLOCK: WrappingClock<fn() -> u32, 1_000> = WrappingClock::new(|| HANDLER.recorded());

pub(crate) static HANDLER: Handler =
    Handler { recorded: AtomicU32::new(0), accepted: AtomicU32::new(0), opened: AtomicU32::new(0) };

/// Counts of the handler. Only the handler writes them, except that the loop resets the failures while none is accepted.
pub(crate) struct Handler {
    recorded: AtomicU32,
    /// Failures since the circuit closed.
    accepted: AtomicU32,
    opened: AtomicU32,
}

impl Handler {
    pub(crate) fn recorded(&self) -> u32 {
        self.recorded.load(Relaxed)
    }

    pub(crate) fn accepted(&self) -> u32 {
        self.accepted.load(Relaxed)
    }

    pub(crate) fn opened(&self) -> u32 {
        self.opened.load(Relaxed)
    }

    /// Counts as an interrupt does; for the time before the first.
    pub(crate) fn pass_time(&self) {
        self.recorded.store(self.recorded() + 1, Relaxed);
    }

    /// Resets the count of failures. Call it while the circuit is half-open, when failures of the handler are ignored.
    pub(crate) fn forget_accepted(&self) {
        self.accepted.store(0, Relaxed);
    }

    fn record(&self) {
        self.recorded.store(self.recorded.load(Relaxed) + 1, Relaxed);
        // State and record belong together, because the loop does not run meanwhile.
        if BREAKER.state() == BreakerState::Closed {
            self.accepted.store(self.accepted.load(Relaxed) + 1, Relaxed);
        }
        if BREAKER.record_failure(ErrorClass::Transient, &CLOCK) == Some(BreakerState::Open) {
            self.opened.store(self.opened.load(Relaxed) + 1, Relaxed);
        }
    }
}

#[exception]
fn SysTick() {
    HANDLER.record();
}
