//! A clock that stands still until told.

use core::{cell::Cell, time::Duration};

use crate::{
    Clock, Millis,
    time::{ClockRate, Instant},
};

/// A clock of one tick per millisecond that moves only when told, also backwards.
///
/// ```
/// use core::time::Duration;
/// use redress_core::{Clock, testing::ManualClock};
///
/// let clock = ManualClock::new();
/// clock.advance(Duration::from_secs(2));
/// assert_eq!(clock.now().ticks(), 2_000);
/// ```
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ManualClock(Cell<u64>);

impl ManualClock {
    /// Creates a clock at zero.
    pub const fn new() -> Self {
        Self(Cell::new(0))
    }

    /// Lets time pass, rounded up to whole milliseconds.
    pub fn advance(&self, span: Duration) {
        self.advance_ticks(Self::RATE.ticks(Millis::from_duration(span)));
    }

    /// Lets this many ticks pass.
    pub fn advance_ticks(&self, ticks: u64) {
        self.0.set(self.0.get().saturating_add(ticks));
    }

    /// Sets the clock to a moment.
    pub fn set(&self, now: Instant) {
        self.0.set(now.ticks());
    }
}

impl Clock for ManualClock {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        Instant::from_ticks(self.0.get())
    }
}
