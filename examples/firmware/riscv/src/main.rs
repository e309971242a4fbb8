//! Blocking work on a core without atomic compare-and-swap, timed by the machine timer.
//!
//! Exits 0 when every wait was at least as long as asked, else 1.

#![no_std]
#![no_main]

// For the critical section of a core with one hart.
use riscv as _;

use firmware_support::{exit, mtime, println};
use riscv_rt::entry;

const WAITS: u32 = 5;
const WAIT_MS: u32 = 20;

#[entry]
fn main() -> ! {
    let mut early = false;
    for wait in 1..=WAITS {
        let before = mtime::now();
        let due = before + u64::from(mtime::HZ / 1000 * WAIT_MS);
        mtime::sleep_until(due);
        let after = mtime::now();
        early |= after < due;
        println!("wait {wait}: {} ticks asked, {} slept", due - before, after - before);
    }
    exit(i32::from(early))
}
