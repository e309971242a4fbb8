//! The machine timer of QEMU's `virt`: a counter that does not wrap, and an alarm to sleep for.

#![expect(unsafe_code, reason = "the timer is three words of memory")]

use core::ptr::{read_volatile, write_volatile};

use riscv::register::mie;

/// Ticks per second.
pub const HZ: u32 = 10_000_000;

const MTIMECMP: usize = 0x0200_4000;
const MTIME: usize = 0x0200_BFF8;

/// Returns the ticks since the machine started.
pub fn now() -> u64 {
    loop {
        let high = read(MTIME + 4);
        let low = read(MTIME);
        // The halves are read one after the other: if the upper one moved in between, they do not belong together.
        if read(MTIME + 4) == high {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

/// Sleeps until [`now`] has reached `at`.
pub fn sleep_until(at: u64) {
    // Upper half first to its maximum, so that no value in between is in the past.
    write(MTIMECMP + 4, u32::MAX);
    #[expect(clippy::cast_possible_truncation, reason = "the halves of one number")]
    {
        write(MTIMECMP, at as u32);
        write(MTIMECMP + 4, (at >> 32) as u32);
    }
    // SAFETY: interrupts stay globally off, so no handler runs: an enabled one only ends the WFI.
    unsafe { mie::set_mtimer() };
    while now() < at {
        riscv::asm::wfi();
    }
    // SAFETY: as above.
    unsafe { mie::clear_mtimer() };
}

fn read(address: usize) -> u32 {
    // SAFETY: called with the aligned addresses above only, at which this machine has readable registers.
    unsafe { read_volatile(address as *const u32) }
}

fn write(address: usize, value: u32) {
    // SAFETY: called with the aligned addresses of the comparator only, which guards nothing but the alarm.
    unsafe { write_volatile(address as *mut u32, value) }
}
