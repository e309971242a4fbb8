//! Reads a flaky sensor in a superloop and sleeps in between: the bare machine, no executor, no heap.
//!
//! [`reader`] and [`thermometer`] are the parts of an application; [`part`] is the sensor on the bus, [`story`] plays its
//! faults and checks the readings.
//!
//! Start it with the word `device=N`, and with `first=N` if the millisecond counter is to begin there, or with `wrap`
//! to wrap the counter within every span. Exits with 0 if all expectations hold, else with 1; with 2 without a device.

#![no_std]
#![no_main]

mod part;
mod reader;
mod story;
mod thermometer;
mod wrap;

use cortex_m_rt::entry;
use firmware_support::{args, exit, println, systick};

/// The board's crystal.
const CORE_HZ: u32 = 16_000_000;

#[entry]
fn main() -> ! {
    let Some(core) = cortex_m::Peripherals::take() else { exit(1) };
    // There is no default: devices that share a seed retry in step.
    let Some(device) = args::value("device") else { exit(2) };
    systick::start(core.SYST, CORE_HZ, args::value("first").unwrap_or(0));
    let result = if args::has("wrap") { wrap::run() } else { story::run(device) };
    match result {
        Ok(()) => exit(0),
        Err(fault) => {
            println!("FAIL {fault}");
            exit(1)
        }
    }
}
