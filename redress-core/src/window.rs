//! Stamps in a fixed number of slots: the sliding window which the breaker and the rolling budget share.
//!
//! A slot is one `u32`: zero is empty, otherwise 28 bits of time over a 4-bit tag. The time counts units of between half
//! a millisecond and one (ticks shifted right by a constant of the clock), modulo 2^28, which bounds a window to
//! [`MAX_WINDOW`]. A stamp cannot be mistaken for a younger one after the counter wrapped: the moment of the last
//! change is kept whole, and a window that saw nothing for its own length is cleared without looking at the stamps.
//!
//! Everything here runs inside one critical section; the atomics only make that expressible without unsafe code.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::time::{Convert, Instant, Millis, TickRate, Units};

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

/// A moment in two words, in whatever its owner counts; consistent only under a lock (or a check of what guards it).
#[derive(Debug, Default)]
pub(crate) struct Moment {
    low: AtomicU32,
    high: AtomicU32,
}

impl Moment {
    #[expect(clippy::declare_interior_mutable_const, reason = "each use is meant to be a moment of its own")]
    pub(crate) const ZERO: Self = Self { low: AtomicU32::new(0), high: AtomicU32::new(0) };

    #[expect(clippy::declare_interior_mutable_const, reason = "each use is meant to be a moment of its own")]
    pub(crate) const END: Self = Self { low: AtomicU32::new(u32::MAX), high: AtomicU32::new(u32::MAX) };

    #[inline]
    pub(crate) fn load(&self) -> u64 {
        u64::from(self.high.load(Relaxed)) << 32 | u64::from(self.low.load(Relaxed))
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are taken on purpose")]
    pub(crate) fn store(&self, moment: u64) {
        self.low.store(moment as u32, Relaxed);
        self.high.store((moment >> 32) as u32, Relaxed);
    }
}

/// A moment as a stamp without a tag has it.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "modulo 2^28 on purpose")]
const fn time(moment: Units) -> u32 {
    (moment.0 as u32) << TAG_BITS
}

/// Empties every slot.
pub(crate) fn clear(slots: &[Slot]) {
    for slot in slots {
        slot.0.store(0, Relaxed);
    }
}

/// A reading this much behind the latest one, in units of up to a millisecond, is a late one, not a clock that jumped:
/// whoever took it had to wait for the critical section.
const LATE: i64 = 1_024;

/// Moves the window to `now`: drops the stamps of age `window` or more, at the latest two units later where units are
/// longer than ticks, and never sooner. For a late reading the window stays where it is. A clock that jumped back has,
/// for the window, not moved; the stamps are shifted so that their ages stay what they were.
///
/// Returns how many of the stamps left have a tag that is in `tags`, bit 1 for tag 1 and so on.
#[expect(clippy::arithmetic_side_effects, reason = "shifts below 32, as many ones as slots at most")]
pub(crate) fn slide(slots: &[Slot], last: &Moment, now: Units, window: u32, tags: u32) -> u32 {
    let before = Units(last.load());
    let passed = now.since(before);
    let (mut now, mut back, mut length) = (now, 0, window << TAG_BITS);
    if passed < 0 {
        if passed > -LATE {
            now = before;
        } else {
            back = time(before).wrapping_sub(time(now));
        }
    } else if passed >= i64::from(window) {
        length = 0;
    }
    last.store(now.0);
    let mut counted = 0;
    for slot in slots {
        let stamp = slot.0.load(Relaxed).wrapping_sub(back);
        let kept = if time(now).wrapping_sub(stamp & TIME) < length { stamp } else { 0 };
        slot.0.store(kept, Relaxed);
        counted += tags >> (kept & TAG) & 1;
    }
    counted
}

/// Stamps `now` with a tag from 1 to 15 into so many free slots. Without one the stamp is lost, which the capacity rules
/// of breaker and budget exclude.
pub(crate) fn push(slots: &[Slot], now: Units, tag: u32, mut times: u16) {
    for slot in slots {
        if times != 0 && slot.0.load(Relaxed) & TAG == 0 {
            slot.0.store(time(now) | tag, Relaxed);
            times = times.wrapping_sub(1);
        }
    }
}

/// The age of each stamp at the moment of the last change, rounded down, and its tag; nothing for empty slots.
pub(crate) fn ages<R: TickRate>(slots: &[Slot], last: &Moment) -> impl Iterator<Item = (Millis, u32)> {
    let now = time(Units(last.load()));
    slots.iter().map(|slot| slot.0.load(Relaxed)).filter(|&stamp| stamp & TAG != 0).map(move |stamp| {
        let age = now.wrapping_sub(stamp & TIME) >> TAG_BITS;
        (R::unit_millis(age), stamp & TAG)
    })
}

/// Stamps a moment `age` before `now`, at most [`MAX_WINDOW`], with a tag; a tag of 0 is none.
pub(crate) fn push_aged<R: TickRate>(slots: &[Slot], now: Instant, age: Millis, tag: u32) {
    if tag != 0 {
        // Units count modulo 2^28, so a moment before the clock's start is one like any other.
        let moment = Instant::from_ticks(now.ticks().wrapping_sub(R::ticks(age)));
        push(slots, R::units(moment), tag, 1);
    }
}
