//! Stamps in a fixed number of slots: the sliding window that breaker and rolling budget share.
//!
//! A slot is one `u32`: 28 bits of time over a 4-bit tag, without a tag if it is empty. Slots are used from the first on. The
//! time counts milliseconds modulo 2^28, which bounds a window to [`MAX_WINDOW`]. No stamp is mistaken for a younger one after
//! the count wrapped, because the moment of the latest reading is kept with all its bits, and a window that was not read for
//! its own length is empty.
//!
//! All methods need the lock of the object that owns the window. The atomics only make that expressible without unsafe code.

use crate::{
    Millis,
    lock::Lock,
    reading::Mark,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Timestamp,
};

/// The longest window: 12 hours.
pub(crate) const MAX_WINDOW: Millis = Millis::from_secs(12 * 3_600);

const TAG_BITS: u32 = 4;
const TAG: u32 = (1 << TAG_BITS) - 1;
/// The bits of a stamp that count time.
const TIME: u32 = !TAG;

/// One stamp of a window, or none: four bytes.
#[derive(Debug, Default)]
pub struct Slot(AtomicU32);

#[expect(clippy::declare_interior_mutable_const, reason = "each use is a slot of its own")]
impl Slot {
    pub(crate) const EMPTY: Self = Self(AtomicU32::new(UNUSED));

    /// Borrows the slot as a word, for counters other than stamps.
    pub(crate) const fn word(&self) -> &AtomicU32 {
        &self.0
    }
}

/// Stamps, and the moment of the latest reading.
pub(crate) struct Window<S: ?Sized> {
    /// A breaker that is not closed keeps here when it was entered: it reads no stamps then.
    pub(crate) latest: Mark,
    slots: S,
}

impl<const N: usize> Window<[Slot; N]> {
    /// Creates an empty window, last read at this moment.
    pub(crate) const fn new(latest: Timestamp) -> Self {
        Self { latest: Mark::new(latest), slots: [const { Slot::EMPTY }; N] }
    }
}

impl Window<[Slot]> {
    /// Borrows both parts.
    pub(crate) const fn stamps(&self) -> Stamps<'_> {
        Stamps { latest: &self.latest, slots: &self.slots }
    }
}

/// The parts of a window, which need not be neighbours.
#[derive(Clone, Copy)]
pub(crate) struct Stamps<'a> {
    pub(crate) latest: &'a Mark,
    pub(crate) slots: &'a [Slot],
}

impl<'a> Stamps<'a> {
    /// Removes every stamp.
    pub(crate) fn clear(self) {
        self.update(Millis::ZERO, 0, 0);
    }

    /// Moves on to a reading, `passed` after the latest. Returns the age from which on stamps are to be removed: `span`, or zero
    /// for all if they are older than that in any case or the clock was set back.
    pub(crate) fn slide(self, now: Timestamp, passed: Millis, span: Millis) -> Millis {
        self.latest.store(now);
        if passed < span { span } else { Millis::ZERO }
    }

    /// Removes the stamps of this age or more, puts one of the latest reading with this tag, 1 to 15, into a free slot, and
    /// returns how many stamps have a tag of `tags`: bit 1 for tag 1 and so on. For tag 0 none is put. All in one pass: with
    /// locks that are contended, over the slots that were ever in use at the same time, so that a large window with few stamps
    /// costs what a small one does.
    ///
    /// Without a free slot the stamp is lost, which the capacity rules of breaker and budget exclude.
    pub(crate) fn update(self, age: Millis, tag: u32, tags: u32) -> u32 {
        update(self.slots, self.time(Millis::ZERO) | tag, age, tags)
    }

    /// Puts a stamp that was made this span before the latest reading into a free slot.
    pub(crate) fn put_back(self, age: Millis, tag: u32) {
        if let Some(slot) = self.slots.iter().find(|slot| slot.0.load(Relaxed) & TAG == 0) {
            slot.0.store(self.time(age) | tag, Relaxed);
        }
    }

    /// Returns the time of this span before the latest reading, as stamps have it.
    fn time(self, age: Millis) -> u32 {
        self.latest.low_bits().wrapping_sub(age.get()) << TAG_BITS
    }

    /// Returns the age of each stamp at the latest reading, rounded down, and its tag; skips empty slots.
    pub(crate) fn ages(self) -> impl Iterator<Item = (Millis, u32)> + use<'a> {
        let now = self.time(Millis::ZERO);
        self.slots.iter().map(|slot| slot.0.load(Relaxed)).filter(|&stamp| stamp & TAG != 0).map(move |stamp| {
            let age = now.wrapping_sub(stamp & TIME) >> TAG_BITS;
            (Millis::new(age), stamp & TAG)
        })
    }
}

/// No stamp, in this slot and in all after it.
const UNUSED: u32 = 0;
/// No stamp: a time that does not matter, without a tag.
const NONE: u32 = 1 << TAG_BITS;

/// [`Stamps::update`], with a stamp of the latest reading in the place of its tag. The parts by themselves are passed in registers.
#[inline(never)]
#[expect(clippy::arithmetic_side_effects, reason = "at most one per slot")]
fn update(slots: &[Slot], mut stamp: u32, age: Millis, tags: u32) -> u32 {
    // A tag is at most `TAG`, so it does not change the comparison.
    let (now, age) = (stamp | TAG, age.get() << TAG_BITS);
    if Lock::IS_CONTENDED && stamp & TAG == 0 {
        stamp = NONE;
    }
    let mut counted = 0;
    for slot in slots {
        let mut kept = slot.0.load(Relaxed);
        // Others wait meanwhile. On bare metal windows are short, and this is not worth its code.
        if Lock::IS_CONTENDED && kept == UNUSED && stamp == NONE {
            break;
        }
        if kept & TAG == 0 || now.wrapping_sub(kept) >= age {
            kept = stamp;
            stamp = NONE;
            slot.0.store(kept, Relaxed);
        }
        counted += tags >> (kept & TAG) & 1;
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Instant, reading::Reading, testing::ManualClock};

    const SPAN: Millis = Millis::from_secs(10);
    const TAGS: u32 = 1 << 1;

    /// Moves on and counts the stamps that are left.
    fn left(window: &Window<[Slot]>, now: u64) -> u32 {
        let window = window.stamps();
        let clock = ManualClock::new();
        clock.set(Instant::from_ticks(now));
        let reading = Reading::of(&clock, Timestamp::NEVER);
        let passed = window.latest.passed(&reading, SPAN);
        window.update(window.slide(reading.now(), passed, SPAN), 0, TAGS)
    }

    fn stamp(window: &Window<[Slot]>) {
        window.stamps().update(SPAN, 1, TAGS);
    }

    fn stamped(start: u64) -> Window<[Slot; 4]> {
        let stamped = Window::<[Slot; 4]>::new(Timestamp::ZERO);
        let window: &Window<[Slot]> = &stamped;
        for (count, second) in [0, 2_000, 4_000].into_iter().enumerate() {
            assert_eq!(left(window, start.wrapping_add(second)), u32::try_from(count).unwrap());
            stamp(window);
        }
        stamped
    }

    /// Also where the time of stamps wraps meanwhile.
    #[test]
    fn stamps_leave_one_after_another() {
        for start in [0, 1, (1 << 28) - 5_000, 1 << 28, (1 << 32) - 5_000, 1 << 60] {
            let window = stamped(start);
            for (at, stamps) in [(9_999, 3), (10_000, 2), (11_999, 2), (12_000, 1), (13_999, 1), (14_000, 0)] {
                assert_eq!(left(&window, start.wrapping_add(at)), stamps, "{at} ms after {start}");
            }
        }
    }

    /// A slot in the middle that is free hides nothing behind it.
    #[test]
    fn free_slots_are_used_again() {
        let stamped = stamped(0);
        let window: &Window<[Slot]> = &stamped;
        assert_eq!(left(window, 10_000), 2);
        assert_eq!(left(window, 10_000), 2);
        for (at, stamps) in [(10_000, 3), (11_999, 4), (12_000, 4), (14_000, 4), (20_000, 4)] {
            assert_eq!(left(window, at), stamps - 1, "before {at}");
            assert_eq!(window.stamps().update(SPAN, 1, TAGS), stamps, "at {at}");
        }
        assert_eq!(window.stamps().ages().count(), 4);
        window.stamps().clear();
        assert_eq!((window.stamps().ages().count(), left(window, 20_001)), (0, 0));
    }

    #[test]
    fn a_late_reading_changes_nothing() {
        for late in [1, 1_001, 9_000] {
            let start = 100_000_000;
            let window = stamped(start);
            for now in [9_000, 8_500, 9_000, 8_001, 9_001] {
                assert_eq!(left(&window, start + now), 3);
                assert_eq!(left(&window, start + now - late), 3);
            }
            assert_eq!(left(&window, start + 10_000), 2);
        }
    }

    #[test]
    fn a_stamp_of_a_late_reading_is_as_old_as_the_latest_one() {
        let window = stamped(100_000);
        assert_eq!(left(&window, 99_000), 3);
        stamp(&window);
        assert_eq!(left(&window, 109_000), 3 + 1);
        assert_eq!(left(&window, 113_999), 2);
        assert_eq!(left(&window, 114_000), 0);
    }

    #[test]
    fn a_clock_that_was_set_back_empties_the_window_once_it_has_counted_the_whole_span() {
        let start = 1 << 30;
        for back in [start, 86_400_000, 20_000] {
            let window = stamped(start);
            let restarted = start - back;
            for (at, stamps) in [(0, 3), (5_000, 3), (9_999, 3), (10_000, 0), (10_001, 0)] {
                assert_eq!(left(&window, restarted + at), stamps, "{at} ms after {back} ms back");
            }
            stamp(&window);
            assert_eq!(left(&window, restarted + 20_000), 1);
            assert_eq!(left(&window, restarted + 20_001), 0);
        }
    }

    #[test]
    fn a_clock_that_jumped_ahead_leaves_an_empty_window() {
        for jumped in [86_400_000, 1 << 31, 1 << 40] {
            assert_eq!(left(&stamped(1 << 30), (1 << 30) + jumped), 0, "{jumped} ms");
        }
    }
}
