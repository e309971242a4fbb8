//! The deepest stack of a call: the memory below is painted before the call and read afterwards.

#![expect(unsafe_code, reason = "the stack is memory that nobody owns")]

use core::ptr::{read_volatile, write_volatile};

use cortex_m::register::msp;

const PAINT: u32 = 0xA5A5_A5A5;
/// Words looked at.
const WORDS: u32 = 512;

/// Returns the bytes of stack that a call takes, from here down.
#[inline(never)]
pub(crate) fn depth(call: fn()) -> u32 {
    let top = msp::read();
    for word in 1..WORDS {
        // SAFETY: below the stack pointer and above the statics, which are few; no interrupt is enabled that would use it.
        unsafe { write_volatile(at(top, word), PAINT) };
    }
    core::hint::black_box(call)();
    // SAFETY: as above.
    let used = (1..WORDS).rev().find(|word| unsafe { read_volatile(at(top, *word)) } != PAINT);
    used.map_or(0, |word| 4 * word)
}

fn at(top: u32, word: u32) -> *mut u32 {
    (top - 4 * word) as *mut u32
}
