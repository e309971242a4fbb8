//! A clock that goes on while the core is reset: the emulator's own, where a board has a battery-backed one.

use semihosting::sys::arm_compat::{sys_elapsed, sys_tickfreq};

/// Returns the milliseconds since the emulator started; zero where it keeps no such clock.
pub fn millis() -> u64 {
    let ticks_per_second = sys_tickfreq().unwrap_or(0) as u64;
    let ticks = sys_elapsed().unwrap_or(0);
    ticks.checked_div(ticks_per_second / 1000).unwrap_or(0)
}
