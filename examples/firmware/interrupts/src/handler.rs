//! The interrupt handler: it counts time, and records a failure each time it does.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use cortex_m_rt::exception;
use redress_core::{BreakerState, ErrorClass, embedded::WrappingClock};

use crate::BREAKER;

/// Cycles from one interrupt to the next; a prime, so that it comes everywhere.
pub(crate) const PERIOD: u32 = 1_009;

/// Counts interrupts, and calls them milliseconds: so the shortest recovery timeout there is lasts for one of them, and
/// the circuit opens and closes all the time.
pub(crate) static CLOCK: WrappingClock<fn() -> u32, 1_000> = WrappingClock::new(|| HANDLER.recorded());

pub(crate) static HANDLER: Handler =
    Handler { recorded: AtomicU32::new(0), accepted: AtomicU32::new(0), opened: AtomicU32::new(0) };

/// What the handler did. It alone writes, but for the failures that the loop sets back while none is accepted.
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

    /// Counts as if an interrupt had come; for before the first.
    pub(crate) fn pass_time(&self) {
        self.recorded.store(self.recorded() + 1, Relaxed);
    }

    /// To be called while the circuit is half-open: the handler's failures are ignored then.
    pub(crate) fn forget_accepted(&self) {
        self.accepted.store(0, Relaxed);
    }

    fn record(&self) {
        self.recorded.store(self.recorded.load(Relaxed) + 1, Relaxed);
        // Nothing can come between the look and the record: the loop does not run.
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
