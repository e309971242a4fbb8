//! embassy's time on SysTick: one tick a millisecond.
//!
//! SysTick has no comparator, so every tick checks whether a timer is due. A board with a comparator would arm
//! it with [`Queue::next_expiration`] instead and sleep through.

use core::cell::{Cell, RefCell};
use core::task::Waker;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;
use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::{Driver, TICK_HZ, time_driver_impl};
use embassy_time_queue_utils::Queue;

/// The counter is the tick: any other rate would make every span that embassy computes wrong.
const _: () = assert!(TICK_HZ == 1000, "this driver counts milliseconds");

struct SysTickDriver {
    now: Mutex<Cell<u64>>,
    due: Mutex<Cell<u64>>,
    queue: Mutex<RefCell<Queue>>,
}

time_driver_impl!(static DRIVER: SysTickDriver = SysTickDriver {
    now: Mutex::new(Cell::new(0)),
    due: Mutex::new(Cell::new(u64::MAX)),
    queue: Mutex::new(RefCell::new(Queue::new())),
});

/// Starts time on a core clocked with `core_hz`.
///
/// `scale` makes it run that many times as fast, so that a night passes in an hour; it is 1 on anything but a test.
pub fn start(mut syst: SYST, core_hz: u32, scale: u32) {
    syst.set_clock_source(SystClkSource::Core);
    syst.set_reload(core_hz / 1000 / scale.max(1) - 1);
    syst.clear_current();
    syst.enable_counter();
    syst.enable_interrupt();
}

impl SysTickDriver {
    fn wake_expired(&self, cs: CriticalSection<'_>) {
        let next = self.queue.borrow_ref_mut(cs).next_expiration(self.now.borrow(cs).get());
        self.due.borrow(cs).set(next);
    }
}

impl Driver for SysTickDriver {
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

#[exception]
fn SysTick() {
    critical_section::with(|cs| {
        let now = DRIVER.now.borrow(cs).get() + 1;
        DRIVER.now.borrow(cs).set(now);
        if now >= DRIVER.due.borrow(cs).get() {
            DRIVER.wake_expired(cs);
        }
    });
}
