//! Measures on the core and prints `name number` in each line: bytes of RAM, readings of the clock and
//! critical sections, bytes of the deepest stack, instructions.
//!
//! Meant for an emulator which counts instructions as time (`-icount shift=0`); then every run prints the same.
#![no_std]
#![no_main]

mod calls;
mod counter;
mod counts;
mod sizes;
mod stack;

use cortex_m_rt::entry;
use semihosting::{println, process::exit};

#[entry]
fn main() -> ! {
    let Some(core) = cortex_m::Peripherals::take() else { exit(1) };
    for (name, bytes) in sizes::all() {
        println!("{name} {bytes}");
    }
    for (name, [readings, sections]) in counts::all() {
        println!("{name}-readings {readings}\n{name}-sections {sections}");
    }
    let operation = stack::depth(calls::operation_alone);
    let mut counter = counter::Counter::new(core.SYST);
    for calls::Calls { name, first_try, one_failure } in calls::ALL {
        println!("{name}-stack {}", stack::depth(one_failure).saturating_sub(operation));
        let [nothing, once, twice] =
            [calls::operation_alone, first_try, one_failure].map(|call| counter.instructions(call));
        println!("{name}-first-try {}", once.saturating_sub(nothing));
        // The second attempt makes the operation once more.
        println!("{name}-decision {}", twice.saturating_sub(once).saturating_sub(nothing));
    }
    exit(0)
}
