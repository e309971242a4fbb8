//! The critical section of a single core, which measures the longest time with interrupts off.
//!
//! The watch is SysTick, which the application has to start, with a period longer than what is to be measured. It
//! counts from the first instruction after interrupts went off to the last one before they go on again, in ticks; under
//! the emulator's `-icount` a tick stands for a number of instructions.

#![expect(unsafe_code, reason = "implementing a critical section is a promise that the compiler cannot check")]

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use cortex_m::peripheral::SYST;
use cortex_m::register::primask;
use critical_section::RawRestoreState;

/// Only read and written with interrupts off.
static OFF_SINCE: AtomicU32 = AtomicU32::new(0);
static LONGEST: AtomicU32 = AtomicU32::new(0);

/// Returns the longest time since the previous call, in ticks.
pub fn take_longest() -> u32 {
    cortex_m::interrupt::free(|_| {
        let longest = LONGEST.load(Relaxed);
        LONGEST.store(0, Relaxed);
        longest
    })
}

struct SingleCore;

critical_section::set_impl!(SingleCore);

// SAFETY: there is one core, and nothing on it runs while its interrupts are off; what was so before is restored.
unsafe impl critical_section::Impl for SingleCore {
    unsafe fn acquire() -> RawRestoreState {
        let were_on = primask::read().is_active();
        cortex_m::interrupt::disable();
        if were_on {
            OFF_SINCE.store(SYST::get_current(), Relaxed);
        }
        were_on
    }

    unsafe fn release(were_on: RawRestoreState) {
        if were_on {
            let (since, now) = (OFF_SINCE.load(Relaxed), SYST::get_current());
            // It counts down, and starts over at its reload value.
            let ticks = if now <= since { since - now } else { since + SYST::get_reload() + 1 - now };
            if ticks > LONGEST.load(Relaxed) {
                LONGEST.store(ticks, Relaxed);
            }
            // SAFETY: they were on when this critical section began.
            unsafe { cortex_m::interrupt::enable() };
        }
    }
}
