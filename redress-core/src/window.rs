//! Stamps in a fixed number of slots: the sliding window that breaker and rolling budget share.
//!
//! A slot is one `u32`: 28 bits of time over a 4-bit tag. Stamps are added in the order of their time, each after the latest and
//! after the last slot in the first one again, and are removed from the oldest on. So adding one and removing what is too old
//! touches each stamp once, however many there are. The time counts milliseconds modulo 2^28, which bounds a window to
//! [`MAX_WINDOW`]. No stamp is mistaken for a younger one after the count wrapped, because the moment of the latest reading is
//! kept with all its bits, and a window that was not read for its own length is empty.
//!
//! All methods need the lock of the object that owns the window. The atomics only make that expressible without unsafe code.

use crate::{
    Millis,
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

const COUNT_BITS: u32 = 16;
const COUNT: u32 = (1 << COUNT_BITS) - 1;

/// One stamp of a window: four bytes.
#[derive(Debug, Default)]
pub struct Slot(AtomicU32);

#[expect(clippy::declare_interior_mutable_const, reason = "each use is a slot of its own")]
impl Slot {
    pub(crate) const EMPTY: Self = Self(AtomicU32::new(0));

    /// Borrows the slot as a word, for counters other than stamps.
    pub(crate) const fn word(&self) -> &AtomicU32 {
        &self.0
    }
}

/// The parts of a window.
#[derive(Clone, Copy)]
pub(crate) struct Stamps<'a> {
    pub(crate) latest: &'a Mark,
    /// Which slots hold stamps: the slot of the oldest in the upper half, the number of stamps in the lower one.
    pub(crate) used: &'a AtomicU32,
    pub(crate) slots: &'a [Slot],
}

impl<'a> Stamps<'a> {
    /// Removes every stamp.
    pub(crate) fn clear(self) {
        self.expire(Millis::ZERO);
    }

    /// Moves on to a reading, `passed` after the latest, removes the stamps that are older than `span` by then, and returns the
    /// number of those that are left: none if the clock was set back.
    pub(crate) fn slide(self, now: Timestamp, passed: Millis, span: Millis) -> u32 {
        self.latest.store(now);
        self.expire(if passed < span { span } else { Millis::ZERO })
    }

    /// Removes the stamps of this age or more and returns the number of the others.
    #[inline(never)]
    fn expire(self, age: Millis) -> u32 {
        let (mut oldest, mut count) = self.used();
        // A tag is at most `TAG`, so it does not change the comparison.
        let (now, age) = (self.time(Millis::ZERO) | TAG, age.get() << TAG_BITS);
        while count != 0
            && let Some(slot) = self.slots.get(oldest as usize)
            && now.wrapping_sub(slot.0.load(Relaxed)) >= age
        {
            slot.0.store(0, Relaxed);
            (oldest, count) = (self.after(oldest, 1), count.wrapping_sub(1));
        }
        self.used.store(oldest << COUNT_BITS | count, Relaxed);
        count
    }

    /// Returns how many stamps have a tag of `tags`: bit 1 for tag 1 and so on.
    pub(crate) fn tagged(self, tags: u32) -> u32 {
        self.slots.iter().map(|slot| tags >> (slot.0.load(Relaxed) & TAG) & 1).sum()
    }

    /// Adds a stamp with this tag, 1 to 15, that was made `age` before the latest reading and after all others. There is a free
    /// slot, by the capacity rules of breaker and budget.
    pub(crate) fn add(self, age: Millis, tag: u32) {
        let (oldest, count) = self.used();
        if let Some(slot) = self.slots.get(self.after(oldest, count) as usize) {
            slot.0.store(self.time(age) | tag, Relaxed);
            self.used.store(self.used.load(Relaxed).wrapping_add(1), Relaxed);
        }
    }

    /// Returns the age of each stamp at the latest reading, rounded down, and its tag, from the oldest on.
    pub(crate) fn ages(self) -> impl Iterator<Item = (Millis, u32)> + use<'a> {
        let (now, (oldest, count)) = (self.time(Millis::ZERO), self.used());
        (0..count).map(move |nth| {
            let stamp = self.stamp(self.after(oldest, nth));
            let age = now.wrapping_sub(stamp & TIME) >> TAG_BITS;
            (Millis::new(age), stamp & TAG)
        })
    }

    /// Returns the slot of the oldest stamp, and the number of stamps.
    fn used(self) -> (u32, u32) {
        let used = self.used.load(Relaxed);
        (used >> COUNT_BITS, used & COUNT)
    }

    /// Returns the slot so many after this one, at most as many as there are.
    fn after(self, slot: u32, steps: u32) -> u32 {
        let slot = slot.wrapping_add(steps) as usize;
        #[expect(clippy::cast_possible_truncation, reason = "a slot before the one given")]
        let slot = if slot < self.slots.len() { slot } else { slot.wrapping_sub(self.slots.len()) } as u32;
        slot
    }

    fn stamp(self, slot: u32) -> u32 {
        self.slots.get(slot as usize).map_or(0, |slot| slot.0.load(Relaxed))
    }

    /// Returns the time of this span before the latest reading, as stamps have it.
    fn time(self, age: Millis) -> u32 {
        self.latest.low_bits().wrapping_sub(age.get()) << TAG_BITS
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::{Instant, reading::Reading, testing::ManualClock};

    const SPAN: Millis = Millis::from_secs(10);

    struct Window<const N: usize> {
        latest: Mark,
        used: AtomicU32,
        slots: [Slot; N],
    }

    impl<const N: usize> Window<N> {
        fn new() -> Self {
            Self { latest: Mark::new(Timestamp::ZERO), used: AtomicU32::new(0), slots: [const { Slot::EMPTY }; N] }
        }

        fn stamps(&self) -> Stamps<'_> {
            Stamps { latest: &self.latest, used: &self.used, slots: &self.slots }
        }
    }

    /// Moves on and counts the stamps that are left.
    fn left<const N: usize>(window: &Window<N>, now: u64) -> u32 {
        left_of(window, now, SPAN)
    }

    fn left_of<const N: usize>(window: &Window<N>, now: u64, span: Millis) -> u32 {
        let clock = ManualClock::new();
        clock.set(Instant::from_ticks(now));
        let reading = Reading::of(&clock, Timestamp::NEVER);
        let passed = window.latest.passed(&reading, span);
        window.stamps().slide(reading.now(), passed, span)
    }

    fn stamp<const N: usize>(window: &Window<N>) {
        window.stamps().add(Millis::ZERO, 1);
    }

    fn stamped(start: u64) -> Window<4> {
        let window = Window::new();
        for (count, second) in [0, 2_000, 4_000].into_iter().enumerate() {
            assert_eq!(left(&window, start.wrapping_add(second)), u32::try_from(count).unwrap());
            stamp(&window);
        }
        window
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

    /// Against a list, with all spans between two stamps that matter to a window of this length, and slots to spare or none.
    #[test]
    fn slots_are_used_again_one_after_another() {
        fn as_listed<const N: usize>(gaps: &[u64]) {
            let (window, mut listed, mut now) = (Window::<N>::new(), std::vec::Vec::new(), 0);
            for &gap in gaps.iter().cycle().take(100 * N) {
                now += gap;
                listed.retain(|&at| now - at < u64::from(SPAN.get()));
                assert_eq!(left(&window, now), u32::try_from(listed.len()).unwrap(), "{gaps:?} at {now}, {N} slots");
                if listed.len() < N {
                    listed.push(now);
                    stamp(&window);
                }
                let ages: std::vec::Vec<_> =
                    window.stamps().ages().map(|(age, tag)| (u64::from(age.get()), tag)).collect();
                let expected: std::vec::Vec<_> = listed.iter().map(|at| (now - at, 1)).collect();
                assert_eq!(ages, expected, "{gaps:?} at {now}, {N} slots");
            }
        }
        for gaps in [
            &[0][..],
            &[1],
            &[2_499],
            &[2_500],
            &[9_999],
            &[10_000],
            &[0, 0, 7_000],
            &[1, 3_000, 6_998, 2],
            &[1, 40_000],
        ] {
            as_listed::<1>(gaps);
            as_listed::<2>(gaps);
            as_listed::<4>(gaps);
            as_listed::<5>(gaps);
        }
    }

    #[test]
    fn a_window_that_is_cleared_is_empty_and_can_be_filled() {
        let window = stamped(0);
        window.stamps().clear();
        assert_eq!((window.stamps().ages().count(), left(&window, 4_001)), (0, 0));
        (0..4).for_each(|_| stamp(&window));
        assert_eq!((left(&window, 4_001), left(&window, 14_000), left(&window, 14_001)), (4, 4, 0));
        assert_eq!(Window::<0>::new().stamps().ages().count(), 0);
    }

    /// However long ago its stamps were made: at the longest gaps that keep a window going, the count of time wraps.
    #[test]
    fn an_old_stamp_does_not_become_a_young_one() {
        let (window, mut now) = (Window::<255>::new(), 0);
        for _ in 0..1_000 {
            now += u64::from(MAX_WINDOW.get()) - 1;
            assert!(left_of(&window, now, MAX_WINDOW) <= 1);
            stamp(&window);
        }
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
