//! Stamps in a fixed number of slots: the sliding window which the breaker and the rolling budget share.
//!
//! A slot is one `u32`: zero is empty, otherwise 28 bits of time over a 4-bit tag. The time counts milliseconds modulo 2^28,
//! which bounds a window to [`MAX_WINDOW`]. A stamp is not mistaken for a younger one after the counter wrapped: the moment of the
//! last look is kept with more bits (see [`kept`](crate::kept)), and a window that nobody looked at for its own length is empty.
//!
//! Everything here runs inside one critical section; the atomics only make that expressible without unsafe code.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::{
    Millis,
    kept::{Kept, Time, low},
};

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

/// Milliseconds as a stamp without a tag has them.
#[inline]
const fn time(millis: Time) -> u32 {
    low(millis) << TAG_BITS
}

/// A reading this much behind the latest one is a late one, not a clock that jumped: whoever took it had to wait for the
/// critical section.
const LATE: Time = 1_000;

/// Stamps, and the moment at which they were last looked at.
pub(crate) struct Window<S: ?Sized> {
    /// Of a breaker that is not closed, what it waits for: then nobody looks at stamps.
    pub(crate) last: Kept,
    slots: S,
}

/// A window whose capacity is forgotten.
type Any = Window<[Slot]>;

impl<const N: usize> Window<[Slot; N]> {
    pub(crate) const fn new() -> Self {
        Self { last: Kept::ZERO, slots: [const { Slot::EMPTY }; N] }
    }
}

impl Any {
    /// How many stamps there may be.
    pub(crate) const fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Makes it an empty one, without a look at the stamps.
    #[inline]
    pub(crate) fn forget(&self, now: Time) {
        self.last.store(now.wrapping_sub(1 << 30));
    }

    /// Empties every slot.
    pub(crate) fn clear(&self) {
        for slot in &self.slots {
            slot.0.store(0, Relaxed);
        }
    }

    /// Moves on to `now`: drops the stamps of age `window` or more. For a late reading the window stays where it is. A clock
    /// that jumped, ahead or back, leaves none.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn slide(&self, now: Time, window: Millis) {
        let passed = now.wrapping_sub(self.last.load());
        let mut length = window.get() << TAG_BITS;
        if passed <= LATE.wrapping_neg() {
            self.last.store(now);
            if passed >= window.time() {
                length = 0;
            }
        }
        // Stamps are old from this age on, up to those which are younger than a late reading. A tag is at most this, and so
        // does not matter to the comparison.
        let old = time(LATE).wrapping_neg().wrapping_sub(length);
        let now = time(now) | TAG;
        for slot in &self.slots {
            if now.wrapping_sub(slot.0.load(Relaxed)).wrapping_sub(length) < old {
                slot.0.store(0, Relaxed);
            }
        }
    }

    /// Puts a stamp, unless it is none, into a free slot; without one it is lost, which the capacity rules of breaker and
    /// budget exclude. Returns how many stamps have a tag that is in `tags`: bit 1 for tag 1 and so on.
    #[cfg_attr(target_os = "none", inline(never))]
    #[expect(clippy::arithmetic_side_effects, reason = "as many ones as slots at most")]
    pub(crate) fn push(&self, mut stamp: u32, tags: u32) -> u32 {
        let mut counted = 0;
        for slot in &self.slots {
            let mut kept = slot.0.load(Relaxed);
            if kept == 0 {
                kept = stamp;
                slot.0.store(kept, Relaxed);
                stamp = 0;
            }
            counted += tags >> (kept & TAG) & 1;
        }
        counted
    }

    /// The age of each stamp at the moment of the last change, rounded down, and its tag; nothing for empty slots.
    pub(crate) fn ages(&self) -> impl Iterator<Item = (Millis, u32)> {
        let now = time(self.last.load());
        self.slots.iter().map(|slot| slot.0.load(Relaxed)).filter(|&stamp| stamp != 0).map(move |stamp| {
            let age = now.wrapping_sub(stamp & TIME) >> TAG_BITS;
            (Millis::new(age), stamp & TAG)
        })
    }
}

/// A stamp, with a tag from 1 to 15.
#[inline]
pub(crate) const fn stamp(millis: Time, tag: u32) -> u32 {
    time(millis) | tag
}

/// No stamp.
pub(crate) const NONE: u32 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Millis = Millis::from_secs(10);
    const TAGS: u32 = 1 << 1;

    /// How many stamps are left at this moment.
    fn left(window: &Window<[Slot; 4]>, now: Time) -> u32 {
        let window: &Any = window;
        window.slide(now, SPAN);
        window.push(NONE, TAGS)
    }

    fn stamped(start: Time) -> Window<[Slot; 4]> {
        let window = Window::<[Slot; 4]>::new();
        for second in [0, 2_000, 4_000] {
            assert_eq!(left(&window, start.wrapping_add(second)), low(second) / 2_000);
            Any::push(&window, stamp(start.wrapping_add(second), 1), TAGS);
        }
        window
    }

    /// Also where the clock's numbers begin anew meanwhile, and where they are about to when it starts.
    #[test]
    fn stamps_leave_one_after_another() {
        for start in [0, 1, 1 << 28, Time::MAX - 500, Time::MAX - 5_000, Time::MAX - 20_000] {
            let window = stamped(start);
            for (at, stamps) in [(9_999, 3), (10_000, 2), (11_999, 2), (12_000, 1), (13_999, 1), (14_000, 0)] {
                assert_eq!(left(&window, start.wrapping_add(at)), stamps, "{at} ms after {start}");
            }
        }
    }

    #[test]
    fn a_late_reading_changes_nothing() {
        let window = stamped(7);
        for now in [9_000, 8_500, 9_000, 8_001, 9_001] {
            assert_eq!(left(&window, now + 7), 3);
        }
        assert_eq!(left(&window, 10_007), 2);
    }

    #[test]
    fn a_clock_that_jumped_leaves_an_empty_window() {
        for jumped in [6_000 - 86_400_000, 86_400_000, 1 << 31] {
            let start: Time = 1 << 30;
            let window = stamped(start);
            assert_eq!(left(&window, start.wrapping_add_signed(jumped)), 0, "{jumped} ms");
        }
    }

    #[test]
    fn one_that_is_forgotten_is_empty() {
        let window = stamped(5);
        Any::forget(&window, 4_005);
        assert_eq!(left(&window, 4_005), 0);
    }
}
