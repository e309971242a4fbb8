//! Instructions by the time they take, where each takes the same.

use core::arch::asm;

use cortex_m::peripheral::{SYST, syst::SystClkSource};

/// Calls counted at once: a tick is many instructions.
const CALLS: u32 = 1_000;
/// Instructions of the measure: two in each round.
const MEASURE: u32 = 1_000_000;

pub(crate) struct Counter {
    syst: SYST,
    /// Ticks of the measure.
    measure: u64,
    /// Ticks of calling nothing.
    nothing: u64,
}

impl Counter {
    pub(crate) fn new(mut syst: SYST) -> Self {
        syst.set_clock_source(SystClkSource::Core);
        syst.set_reload(0x00FF_FFFF);
        syst.clear_current();
        syst.enable_counter();
        let mut counter = Self { syst, measure: 1, nothing: 0 };
        counter.measure = counter.ticks(measure);
        counter.nothing = counter.ticks(|| repeat(nothing));
        counter
    }

    /// Returns the instructions of one call, rounded.
    pub(crate) fn instructions(&mut self, call: fn()) -> u64 {
        let ticks = self.ticks(|| repeat(call)).saturating_sub(self.nothing);
        (ticks * u64::from(MEASURE / CALLS) + self.measure / 2) / self.measure
    }

    fn ticks(&mut self, work: impl FnOnce()) -> u64 {
        self.syst.clear_current();
        let before = SYST::get_current();
        work();
        // Counts down.
        u64::from(before.wrapping_sub(SYST::get_current()) & 0x00FF_FFFF)
    }
}

fn repeat(call: fn()) {
    for _ in 0..CALLS {
        core::hint::black_box(call)();
    }
}

#[inline(never)]
fn nothing() {}

#[inline(never)]
#[expect(unsafe_code, reason = "two instructions whose number is known")]
fn measure() {
    // SAFETY: counts a register down and changes nothing else but the flags.
    unsafe {
        asm!("2: subs {n}, {n}, #1", "bne 2b", n = inout(reg) MEASURE / 2 => _, options(nomem, nostack));
    }
}
