//! Writes to an EEPROM that is busy, on a stuck bus, or gone: blocking calls under a policy in flash, on a core without
//! atomic compare-and-swap, timed by the machine timer. Then the same with clocks and sleepers that misbehave.
//!
//! [`eeprom`] is the part of an application, with the policy in [`story`]; [`chip`] is the memory on the bus.
//!
//! Start it with the word `device=N`. Exits with 0 if all expectations hold, else with 1; with 2 without a device.

#![no_std]
#![no_main]

// For the critical section of a core with one hart.
use riscv as _;

mod chip;
mod eeprom;
mod story;
mod trouble;

use firmware_support::{args, exit, mtime, println};
use redress_core::{Clock, Instant};
use riscv_rt::entry;

/// The machine timer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mtime;

impl Clock for Mtime {
    const TICK_HZ: u32 = mtime::HZ;

    fn now(&self) -> Instant {
        Instant::from_ticks(mtime::now())
    }
}

/// Sleeps in WFI for so many ticks.
pub(crate) fn sleep(ticks: u64) {
    mtime::sleep_until(mtime::now().saturating_add(ticks));
}

/// Returns the fault unless the expectation holds.
pub(crate) fn require(holds: bool, fault: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(fault) }
}

#[entry]
fn main() -> ! {
    // There is no default: devices that share a seed retry in step.
    let Some(device) = args::value("device") else { exit(2) };
    if let Err(fault) = story::run(device).and_then(|()| trouble::run(device)) {
        println!("FAIL {fault}");
        exit(1)
    }
    exit(0)
}
