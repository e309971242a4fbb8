//! embassy's time as the other end of the serial line tells it, in simulations: a week passes in seconds, and a run repeats exactly.
//!
//! Like the time of a chip it begins at zero with each start. [`rtc`] goes on through deep sleep.

use core::cell::{Cell, RefCell};
use core::task::Waker;

use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::{Driver, TICK_HZ, time_driver_impl};
use embassy_time_queue_utils::Queue;

/// The line carries milliseconds.
const _: () = assert!(TICK_HZ == 1000, "this driver counts milliseconds");

struct ToldTime {
    /// The moment of the start, once it is known.
    started: Mutex<Cell<Option<u64>>>,
    /// Milliseconds since the start.
    now: Mutex<Cell<u64>>,
    due: Mutex<Cell<u64>>,
    queue: Mutex<RefCell<Queue>>,
}

time_driver_impl!(static DRIVER: ToldTime = ToldTime {
    started: Mutex::new(Cell::new(None)),
    now: Mutex::new(Cell::new(0)),
    due: Mutex::new(Cell::new(u64::MAX)),
    queue: Mutex::new(RefCell::new(Queue::new())),
});

/// Sets the time, in milliseconds since the simulation began. The first time after a start is the moment of the start.
pub fn tell(rtc: u64) {
    critical_section::with(|cs| {
        let started = DRIVER.started.borrow(cs);
        let start = started.get().unwrap_or(rtc);
        started.set(Some(start));
        let now = rtc.saturating_sub(start);
        DRIVER.now.borrow(cs).set(now);
        if now >= DRIVER.due.borrow(cs).get() {
            DRIVER.wake_expired(cs);
        }
    });
}

/// Returns the milliseconds since the simulation began; `None` before they are known.
pub fn rtc() -> Option<u64> {
    critical_section::with(|cs| Some(DRIVER.started.borrow(cs).get()? + DRIVER.now.borrow(cs).get()))
}

/// Returns when the next timer is due, in milliseconds since the simulation began; `u64::MAX` if there is none.
pub fn next_due() -> u64 {
    critical_section::with(|cs| {
        let start = DRIVER.started.borrow(cs).get().unwrap_or(0);
        start.saturating_add(DRIVER.due.borrow(cs).get())
    })
}

impl ToldTime {
    fn wake_expired(&self, cs: CriticalSection<'_>) {
        let next = self.queue.borrow_ref_mut(cs).next_expiration(self.now.borrow(cs).get());
        self.due.borrow(cs).set(next);
    }
}

impl Driver for ToldTime {
    fn now(&self) -> u64 {
        critical_section::with(|cs| self.now.borrow(cs).get())
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            // The guard must be gone before the queue is borrowed again.
            let earlier = self.queue.borrow_ref_mut(cs).schedule_wake(at, waker);
            if earlier {
                self.wake_expired(cs);
            }
        });
    }
}
