//! The timers of embassy for a clock that is moved on from outside. The code that moves it also wakes what is due.

use core::cell::{Cell, RefCell};
use core::task::Waker;

use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::TICK_HZ;
use embassy_time_queue_utils::Queue;

/// The clock is moved on by milliseconds: any other rate would make every span that embassy computes wrong.
const _: () = assert!(TICK_HZ == 1000, "this driver counts milliseconds");

pub(crate) struct Timers {
    now: Mutex<Cell<u64>>,
    due: Mutex<Cell<u64>>,
    queue: Mutex<RefCell<Queue>>,
}

impl Timers {
    pub(crate) const fn new() -> Self {
        Self {
            now: Mutex::new(Cell::new(0)),
            due: Mutex::new(Cell::new(u64::MAX)),
            queue: Mutex::new(RefCell::new(Queue::new())),
        }
    }

    /// Returns the milliseconds since the start.
    pub(crate) fn now(&self, cs: CriticalSection<'_>) -> u64 {
        self.now.borrow(cs).get()
    }

    /// Returns when the next timer is due; `u64::MAX` if there is none.
    #[cfg(feature = "told-time")]
    pub(crate) fn due(&self, cs: CriticalSection<'_>) -> u64 {
        self.due.borrow(cs).get()
    }

    /// Sets the clock and wakes what is due.
    pub(crate) fn set(&self, cs: CriticalSection<'_>, now: u64) {
        self.now.borrow(cs).set(now);
        if now >= self.due.borrow(cs).get() {
            self.wake_expired(cs);
        }
    }

    pub(crate) fn schedule_wake(&self, cs: CriticalSection<'_>, at: u64, waker: &Waker) {
        // The guard must be gone before the queue is borrowed again.
        let earlier = self.queue.borrow_ref_mut(cs).schedule_wake(at, waker);
        if earlier {
            self.wake_expired(cs);
        }
    }

    fn wake_expired(&self, cs: CriticalSection<'_>) {
        let next = self.queue.borrow_ref_mut(cs).next_expiration(self.now(cs));
        self.due.borrow(cs).set(next);
    }
}
