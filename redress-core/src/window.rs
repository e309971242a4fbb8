//! Stamps in a fixed number of slots: the sliding window which the breaker and the rolling budget share.
//!
//! A slot is one `u32`: zero is empty, otherwise 28 bits of time over a 4-bit tag. The time counts units of between half
//! a millisecond and one (ticks shifted right by a constant of the clock), modulo 2^28, which bounds a window to
//! [`MAX_WINDOW`]. A stamp cannot be mistaken for a younger one after the counter wrapped: the moment of the last
//! change is kept whole, and a window that saw nothing for its own length is cleared without looking at the stamps.
//!
//! Everything here runs inside one critical section; the atomics only make that expressible without unsafe code.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::time::{Convert, Instant, Millis, Rate, TickRate};

/// The longest window: 12 hours.
pub(crate) const MAX_WINDOW: Millis = Millis::from_secs(12 * 3_600);

const TAG_BITS: u32 = 4;
const TIME_MASK: u32 = u32::MAX >> TAG_BITS;

/// One stamp of a window, or none: four bytes.
#[derive(Debug, Default)]
pub struct Slot(AtomicU32);

#[expect(clippy::declare_interior_mutable_const, reason = "each use is meant to be a slot of its own")]
impl Slot {
    pub(crate) const EMPTY: Self = Self(AtomicU32::new(0));
}

/// An instant in two words, consistent only under a lock (or a check of what guards it).
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
    pub(crate) fn load(&self) -> Instant {
        Instant::from_ticks(u64::from(self.high.load(Relaxed)) << 32 | u64::from(self.low.load(Relaxed)))
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are taken on purpose")]
    pub(crate) fn store(&self, instant: Instant) {
        self.low.store(instant.ticks() as u32, Relaxed);
        self.high.store((instant.ticks() >> 32) as u32, Relaxed);
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "modulo 2^28 on purpose")]
#[expect(clippy::arithmetic_side_effects, reason = "shifts below 32")]
const fn units(ticks: u64, rate: &Rate) -> u32 {
    // In halves: shifting 64 bits by a variable is a library call on small cores.
    let (low, high, shift) = (ticks as u32, (ticks >> 32) as u32, rate.unit_shift() & 31);
    (low >> shift | high << 1 << (31 - shift)) & TIME_MASK
}

/// Empties every slot.
pub(crate) fn clear(slots: &[Slot]) {
    for slot in slots {
        slot.0.store(0, Relaxed);
    }
}

/// A reading this much behind the latest one is a late one, not a clock that jumped: whoever took it had to wait for
/// the critical section.
const LATE: Millis = Millis::from_secs(1);

/// Moves the window to `now`: drops the stamps of age `window` or more, at the latest two units later where units are
/// longer than ticks, and never sooner. For a late reading the window stays where it is. A clock that jumped back has,
/// for the window, not moved; the stamps are shifted so that their ages stay what they were.
#[expect(clippy::arithmetic_side_effects, reason = "12 hours and two units, in ticks")]
pub(crate) fn slide(slots: &[Slot], last: &Moment, now: Instant, window: Millis, rate: &Rate) {
    let before = last.load();
    let now = if before.ticks_since(now) < rate.ticks(LATE) { now.max(before) } else { now };
    let window = rate.ticks(window);
    last.store(now);
    if now.ticks_since(before) >= window {
        return clear(slots);
    }
    // Both moments are cut to units before they are compared, as the stamps were: none comes to lie ahead of `now`.
    let units_now = units(now.ticks(), rate);
    let back = if now < before { units(before.ticks(), rate).wrapping_sub(units_now) } else { 0 };
    // Stamp and `now` were cut by up to a unit each, in the worst case in opposite directions.
    let length = units(window + 2 * u64::from((1_u32 << rate.unit_shift()) - 1), rate);
    for slot in slots {
        let stamp = slot.0.load(Relaxed);
        if stamp == 0 {
            continue;
        }
        let moved = (stamp >> TAG_BITS).wrapping_sub(back) & TIME_MASK;
        let age = units_now.wrapping_sub(moved) & TIME_MASK;
        let kept = if age < length { moved << TAG_BITS | stamp & !(TIME_MASK << TAG_BITS) } else { 0 };
        slot.0.store(kept, Relaxed);
    }
}

/// How many stamps have a tag that `counts`.
pub(crate) fn count(slots: &[Slot], counts: impl Fn(u8) -> bool) -> usize {
    slots
        .iter()
        .map(|slot| (slot.0.load(Relaxed) & !(TIME_MASK << TAG_BITS)) as u8)
        .filter(|&tag| tag != 0 && counts(tag))
        .count()
}

/// Stamps `now` with a tag from 1 to 15 into the first free slot. Without one the stamp is lost, which the
/// capacity rules of breaker and budget exclude.
pub(crate) fn push(slots: &[Slot], now: Instant, tag: u8, rate: &Rate) {
    if let Some(slot) = slots.iter().find(|slot| slot.0.load(Relaxed) == 0) {
        slot.0.store(units(now.ticks(), rate) << TAG_BITS | u32::from(tag), Relaxed);
    }
}

/// The age of each stamp at the moment of the last change, rounded down, and its tag; nothing for empty slots.
pub(crate) fn ages<R: TickRate>(slots: &[Slot], last: &Moment) -> impl Iterator<Item = (Millis, u8)> {
    let now = units(last.load().ticks(), Rate::of::<R>());
    slots.iter().map(|slot| slot.0.load(Relaxed)).filter(|&stamp| stamp != 0).map(move |stamp| {
        let age = now.wrapping_sub(stamp >> TAG_BITS) & TIME_MASK;
        (R::millis(u64::from(age) << Rate::of::<R>().unit_shift()), (stamp & !(TIME_MASK << TAG_BITS)) as u8)
    })
}

/// Stamps a moment `age` before `now`, at most [`MAX_WINDOW`], with a tag; a tag of 0 is none.
pub(crate) fn push_aged<R: TickRate>(slots: &[Slot], now: Instant, age: Millis, tag: u8) {
    let free = slots.iter().find(|slot| slot.0.load(Relaxed) == 0);
    if let (Some(slot), 1..) = (free, tag) {
        // Units count modulo 2^28, so a moment before the clock's start is one like any other.
        let stamp = units(now.ticks().wrapping_sub(R::ticks(age)), Rate::of::<R>());
        slot.0.store(stamp << TAG_BITS | u32::from(tag), Relaxed);
    }
}
