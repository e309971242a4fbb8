//! embassy's time as the other end of the serial line tells it, in simulations: a week passes in seconds, and a run repeats exactly.
//!
//! Like the time of a chip it begins at zero with each start. [`rtc`] goes on through deep sleep.

use core::cell::Cell;
use core::task::Waker;

use critical_section::Mutex;
use embassy_time_driver::{Driver, time_driver_impl};

use crate::timers::Timers;

struct ToldTime {
    /// The moment of the start, once it is known.
    started: Mutex<Cell<Option<u64>>>,
    timers: Timers,
}

time_driver_impl!(static DRIVER: ToldTime = ToldTime { started: Mutex::new(Cell::new(None)), timers: Timers::new() });

/// Sets the time, in milliseconds since the simulation began. The first time after a start is the moment of the start.
pub fn tell(rtc: u64) {
    critical_section::with(|cs| {
        let started = DRIVER.started.borrow(cs);
        let start = started.get().unwrap_or(rtc);
        started.set(Some(start));
        DRIVER.timers.set(cs, rtc.saturating_sub(start));
    });
}

/// Returns the milliseconds since the simulation began; `None` before they are known.
pub fn rtc() -> Option<u64> {
    critical_section::with(|cs| Some(DRIVER.started.borrow(cs).get()? + DRIVER.timers.now(cs)))
}

/// Returns when the next timer is due, in milliseconds since the simulation began; `u64::MAX` if there is none.
pub fn next_due() -> u64 {
    critical_section::with(|cs| {
        let start = DRIVER.started.borrow(cs).get().unwrap_or(0);
        start.saturating_add(DRIVER.timers.due(cs))
    })
}

impl Driver for ToldTime {
    fn now(&self) -> u64 {
        critical_section::with(|cs| self.timers.now(cs))
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| self.timers.schedule_wake(cs, at, waker));
    }
}
