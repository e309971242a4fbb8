//! embassy's executor, asleep in WFI when no task is ready.
//!
//! The executor that embassy has for Cortex-M sleeps in WFE, which suits a chip as well; the emulator treats WFE as a
//! no-op and would keep a core of the host busy through every wait. On hardware
//! `#[embassy_executor::main]` serves instead, with the features `platform-cortex-m` and `executor-thread`.

#![expect(unsafe_code, reason = "the raw executor leaves it to its caller to poll from one place only")]

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use embassy_executor::{Spawner, raw};

static READY: AtomicBool = AtomicBool::new(false);

// SAFETY: the name and signature are what embassy-executor links to; no other executor is in the image.
#[unsafe(export_name = "__pender")]
fn pend(_executor: *mut ()) {
    READY.store(true, Relaxed);
}

/// Runs the tasks that `init` spawns and does not return. Call it once, from `main`.
pub fn run(init: impl FnOnce(Spawner)) -> ! {
    run_with(init, || ())
}

/// Like [`run`], and calls `idle` each time that no task is ready, before the core sleeps.
pub fn run_with(init: impl FnOnce(Spawner), mut idle: impl FnMut()) -> ! {
    let executor = raw::Executor::new(core::ptr::null_mut());
    // SAFETY: this function does not return, so the executor lives as long as any task can.
    let executor: &'static raw::Executor = unsafe { &*core::ptr::from_ref(&executor) };
    init(executor.spawner());
    loop {
        READY.store(false, Relaxed);
        // SAFETY: polled here alone, and no task can get here again from within.
        unsafe { executor.poll() };
        if !READY.load(Relaxed) {
            idle();
        }
        // With interrupts masked none can make a task ready between the look and the sleep, yet one that is pending
        // ends the sleep; it is served when they are unmasked, before the next look.
        cortex_m::interrupt::disable();
        if !READY.load(Relaxed) {
            cortex_m::asm::wfi();
        }
        // SAFETY: no critical section is open here.
        unsafe { cortex_m::interrupt::enable() };
    }
}
