//! Hardware support of the example images, one module per piece of hardware.
//!
//! | module | feature | holds |
//! |---|---|---|
//! | [`args`] | | `name=value` words of the emulator's command line |
//! | [`rtc`] | | a clock that goes on while the core is reset |
//! | [`retained`] | | RAM that a reset leaves alone |
//! | `lm3s6965` | `lm3s6965` | clock tree and UART0 of the Cortex-M3 board |
//! | `systick` | `systick` | milliseconds for a superloop, WFI |
//! | `time_driver` | `time-driver` | embassy's time on SysTick |
//! | `told_time` | `told-time` | embassy's time as the modem tells it, for a week in seconds |
//! | `interrupts_off` | `timed-single-core` | a critical section that measures how long interrupts are off |
//! | `executor` | `executor` | embassy's executor, WFI |
//! | `mtime` | `virt` | the RISC-V machine timer, WFI |
//!
//! [`exit`] ends the emulator with a code; with the feature `panic-handler` a panic ends it with 101. Every `unsafe` of
//! the images is in this crate, each beside its reason.

#![no_std]

pub mod args;
#[cfg(all(feature = "executor", target_arch = "arm"))]
pub mod executor;
#[cfg(all(feature = "timed-single-core", target_arch = "arm"))]
pub mod interrupts_off;
#[cfg(all(feature = "lm3s6965", target_arch = "arm"))]
pub mod lm3s6965;
#[cfg(all(feature = "virt", target_arch = "riscv32"))]
pub mod mtime;
pub mod retained;
pub mod rtc;
#[cfg(all(feature = "systick", target_arch = "arm"))]
pub mod systick;
#[cfg(all(feature = "time-driver", target_arch = "arm"))]
pub mod time_driver;
#[cfg(any(all(feature = "time-driver", target_arch = "arm"), feature = "told-time"))]
mod timers;
#[cfg(feature = "told-time")]
pub mod told_time;

pub use semihosting::process::exit;
pub use semihosting::{eprintln, print, println};
