//! Stamps in a fixed number of slots: the sliding window which the breaker and the rolling budget share.
//!
//! A slot is one `u32`: zero is empty, otherwise 28 bits of time over a 4-bit tag. The time counts milliseconds modulo 2^28,
//! which bounds a window to [`MAX_WINDOW`]. A stamp cannot be mistaken for a younger one after the counter wrapped: the moment of the last
//! change is kept whole, and a window that saw nothing for its own length is cleared without looking at the stamps.
//!
//! Everything here runs inside one critical section; the atomics only make that expressible without unsafe code.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::time::{Millis, Moment};

/// The longest window: 12 hours.
pub(crate) const MAX_WINDOW: Millis = Millis::from_secs(12 * 3_600);

const TAG_BITS: u32 = 4;
const TAG: u32 = (1 << TAG_BITS) - 1;
/// The bits of a stamp which count time.
const TIME: u32 = !TAG;

/// One stamp of a window, or none: four bytes.
#[derive(Debug, Default)]
pub struct Slot(AtomicU32);

#[expect(clippy::declare_interior_mutable_const, reason = "each use is meant to be a slot of its own")]
impl Slot {
    pub(crate) const EMPTY: Self = Self(AtomicU32::new(0));
}

/// 64 bits of time in two words, consistent only under a lock (or a check of what guards it).
#[derive(Debug, Default)]
pub(crate) struct Words {
    low: AtomicU32,
    high: AtomicU32,
}

impl Words {
    #[expect(clippy::declare_interior_mutable_const, reason = "each use is meant to be a moment of its own")]
    pub(crate) const ZERO: Self = Self { low: AtomicU32::new(0), high: AtomicU32::new(0) };

    #[expect(clippy::declare_interior_mutable_const, reason = "each use is meant to be a moment of its own")]
    pub(crate) const END: Self = Self { low: AtomicU32::new(u32::MAX), high: AtomicU32::new(u32::MAX >> 1) };

    /// Makes it so long ago that every window has passed since, except for a clock that counts more than 146 million years.
    #[inline]
    pub(crate) fn forget(&self) {
        self.high.store(3 << 30, Relaxed);
    }

    #[inline]
    pub(crate) fn load(&self) -> u64 {
        u64::from(self.high.load(Relaxed)) << 32 | u64::from(self.low.load(Relaxed))
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are taken on purpose")]
    pub(crate) fn store(&self, time: u64) {
        self.low.store(time as u32, Relaxed);
        self.high.store((time >> 32) as u32, Relaxed);
    }
}

/// Milliseconds as a stamp without a tag has them.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "modulo 2^28 on purpose")]
const fn time(millis: u64) -> u32 {
    (millis as u32) << TAG_BITS
}

/// Empties every slot.
pub(crate) fn clear(slots: &[Slot]) {
    for slot in slots {
        slot.0.store(0, Relaxed);
    }
}

/// A reading this much behind the latest one is a late one, not a clock that jumped: whoever took it had to wait for the
/// critical section.
const LATE: i64 = 1_000;

/// Moves the window to `now`: drops the stamps of age `window` or more, at the latest one millisecond later where ticks are
/// shorter, and never sooner. For a late reading the window stays where it is. A clock that jumped back has, for the
/// window, not moved; the stamps are shifted so that their ages stay what they were.
///
/// Then puts a stamp with a tag from 1 to 15 into a free slot, unless the tag is 0. Returns how many stamps have a tag that
/// is in `tags`, bit 1 for tag 1 and so on.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "12 hours and a bit; shifts below 32; as many ones as slots at most"
)]
pub(crate) fn slide(slots: &[Slot], last: &Words, now: Moment, window: Millis, tags: u32, tag: u32) -> u32 {
    let before = last.load();
    let passed = now.since(before);
    let mut stamp = if tag == 0 { 0 } else { time(now.millis) | tag };
    let window = window.get() + now.slack;
    let (mut now, mut back, mut length) = (now.millis, 0, window << TAG_BITS);
    if passed < 0 {
        if passed > -LATE {
            now = before;
        } else {
            back = time(before).wrapping_sub(time(now));
        }
    } else if passed >= i64::from(window) {
        length = 0;
    }
    last.store(now);
    let mut counted = 0;
    for slot in slots {
        let mut kept = slot.0.load(Relaxed).wrapping_sub(back);
        if kept & TAG == 0 || time(now).wrapping_sub(kept & TIME) >= length {
            kept = stamp;
            stamp = 0;
        }
        slot.0.store(kept, Relaxed);
        counted += tags >> (kept & TAG) & 1;
    }
    counted
}

/// Stamps `millis` with a tag from 1 to 15 into so many free slots. Without one the stamp is lost, which the capacity
/// rules of breaker and budget exclude.
pub(crate) fn push(slots: &[Slot], millis: u64, tag: u32, mut times: u16) {
    for slot in slots {
        if times != 0 && slot.0.load(Relaxed) & TAG == 0 {
            slot.0.store(time(millis) | tag, Relaxed);
            times = times.wrapping_sub(1);
        }
    }
}

/// The age of each stamp at the moment of the last change, rounded down, and its tag; nothing for empty slots.
pub(crate) fn ages(slots: &[Slot], last: &Words) -> impl Iterator<Item = (Millis, u32)> {
    let now = time(last.load());
    slots.iter().map(|slot| slot.0.load(Relaxed)).filter(|&stamp| stamp & TAG != 0).map(move |stamp| {
        let age = now.wrapping_sub(stamp & TIME) >> TAG_BITS;
        (Millis::new(age), stamp & TAG)
    })
}

/// Stamps a moment `age` before `millis`, at most [`MAX_WINDOW`], with a tag; a tag of 0 is none.
pub(crate) fn push_aged(slots: &[Slot], millis: u64, age: Millis, tag: u32) {
    if tag != 0 {
        // Time counts modulo 2^28, so a moment before the clock's start is one like any other.
        push(slots, millis.wrapping_sub(age.get().into()), tag, 1);
    }
}
