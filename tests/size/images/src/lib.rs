//! One image per row of the size table: the same task, done by redress, by hand and by other crates.
//!
//! Blocking tasks are the board's operation, at most 5 attempts, full jitter from 10 ms up to 1 s, retried on what passes;
//! the last error is reported. Each function documents what its row adds.
#![no_std]

pub mod asynch;
pub mod backon;
pub mod hand;
pub mod redress;
pub mod relentless;
pub mod reliakit;
pub mod shapes;

/// Attempts of a call.
pub const ATTEMPTS: u32 = 5;
const BASE_MS: u32 = 10;
const CAP_MS: u32 = 1_000;
const DEADLINE_MS: u32 = 30_000;
const BASE: core::time::Duration = core::time::Duration::from_millis(BASE_MS as u64);
const CAP: core::time::Duration = core::time::Duration::from_millis(CAP_MS as u64);
const DEADLINE: core::time::Duration = core::time::Duration::from_millis(DEADLINE_MS as u64);
/// The retries of a busy device.
const BUSY: u8 = 2;

/// Returns whether the fault passes by itself.
#[must_use]
pub fn passes(fault: &board::Fault) -> bool {
    *fault != board::Fault::Refused
}

/// Defines an image that runs this function.
#[macro_export]
macro_rules! image {
    ($($path:ident)::+) => {
        board::image!($crate::$($path)::+());
        board::panic_handler!();
    };
}
