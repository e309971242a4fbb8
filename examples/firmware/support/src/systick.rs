//! A millisecond counter on SysTick, for superloops.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;

/// One writer, the handler: a load and a store are enough, and a Cortex-M0 has nothing more to offer.
static MILLIS: AtomicU32 = AtomicU32::new(0);

/// Starts the counter at `first`, on a core clocked with `core_hz`.
///
/// With a `first` shortly before `u32::MAX` the counter wraps early in the run.
pub fn start(mut syst: SYST, core_hz: u32, first: u32) {
    MILLIS.store(first, Relaxed);
    syst.set_clock_source(SystClkSource::Core);
    syst.set_reload(core_hz / 1000 - 1);
    syst.clear_current();
    syst.enable_counter();
    syst.enable_interrupt();
}

/// Sets the counter, as after a deep sleep in which it stood still.
pub fn set(count: u32) {
    cortex_m::interrupt::free(|_| MILLIS.store(count, Relaxed));
}

/// Returns the milliseconds since the start, wrapping after 49.7 days.
pub fn millis() -> u32 {
    MILLIS.load(Relaxed)
}

/// Sleeps until an interrupt: the next millisecond at the latest.
pub fn wait_for_interrupt() {
    cortex_m::asm::wfi();
}

#[exception]
fn SysTick() {
    MILLIS.store(MILLIS.load(Relaxed).wrapping_add(1), Relaxed);
}
