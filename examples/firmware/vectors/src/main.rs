//! Plays the vectors of `tests/vectors` and compares every event, wait and outcome with the host's: one image for three
//! cores. `.ci/run target` writes the table, builds the image for each core and runs it.
//!
//! Prints one line for each vector that differs. Exits with 0 if none does, with 1 if one does, with 2 without a table. With the
//! word `plant=N`, the N-th expectation is changed before it is compared, so that the run has to fail.

#![no_std]
#![no_main]

// For the critical section of a core with one hart.
#[cfg(target_arch = "riscv32")]
use riscv as _;

// The same for an ARM core.
#[cfg(target_arch = "arm")]
use cortex_m as _;

#[cfg(target_arch = "arm")]
use cortex_m_rt::entry;
use firmware_support::{args, exit, println};
use redress_target::{Compared, Plant, check};
#[cfg(target_arch = "riscv32")]
use riscv_rt::entry;

#[allow(
    clippy::wildcard_imports,
    clippy::unreadable_literal,
    clippy::large_stack_arrays,
    reason = "written by a program"
)]
mod table {
    include!(concat!(env!("OUT_DIR"), "/table.rs"));
}

#[entry]
fn main() -> ! {
    let plant = args::value("plant").map(Plant);
    let Compared { vectors, values, differences } =
        check(&table::TABLE, plant, &|difference| println!("DIFFERS {difference}"));
    println!("{vectors} vectors, {values} values compared, {differences} differences");
    exit(if vectors == 0 { 2 } else { i32::from(differences > 0) })
}
