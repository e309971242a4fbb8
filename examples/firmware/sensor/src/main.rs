//! Reads a sensor in a superloop and sleeps in between.
//!
//! Started with `first=N` the millisecond counter begins at N, so that it can be watched to wrap. Exits 0 when every
//! reading was taken on time, else 1.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware_support::{args, exit, println, systick};

/// The board's crystal.
const CORE_HZ: u32 = 16_000_000;

const READINGS: u32 = 5;
const PERIOD_MS: u32 = 50;

#[entry]
fn main() -> ! {
    let Some(core) = cortex_m::Peripherals::take() else { exit(1) };
    let first = args::value("first").unwrap_or(0);
    systick::start(core.SYST, CORE_HZ, first);

    let mut due = first.wrapping_add(PERIOD_MS);
    let mut taken = 0;
    let mut late = false;
    while taken < READINGS {
        let lateness = systick::millis().wrapping_sub(due);
        // A difference in the upper half is an instant to come.
        if lateness > u32::MAX / 2 {
            systick::wait_for_interrupt();
            continue;
        }
        taken += 1;
        late |= lateness >= PERIOD_MS;
        println!("{} ms: reading {taken}, {lateness} ms late", systick::millis());
        due = due.wrapping_add(PERIOD_MS);
    }
    exit(i32::from(late))
}
