//! embassy's time on SysTick: one tick a millisecond.
//!
//! SysTick has no comparator, so every tick checks whether a timer is due. A board with a comparator would arm
//! it with `Queue::next_expiration` instead and sleep through.

use core::task::Waker;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;
use embassy_time_driver::{Driver, time_driver_impl};

use crate::timers::Timers;

struct SysTickDriver(Timers);

time_driver_impl!(static DRIVER: SysTickDriver = SysTickDriver(Timers::new()));

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

impl Driver for SysTickDriver {
    fn now(&self) -> u64 {
        critical_section::with(|cs| self.0.now(cs))
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| self.0.schedule_wake(cs, at, waker));
    }
}

#[exception]
fn SysTick() {
    critical_section::with(|cs| DRIVER.0.set(cs, DRIVER.0.now(cs) + 1));
}
