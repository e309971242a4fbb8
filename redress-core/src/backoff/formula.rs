//! The formulas, in whole milliseconds and integers only.
//!
//! `n` is the number of the failed attempt (the first is 1), `p` the previous delay, `U(a, b)` a uniform choice from
//! `[a, b)`, made from one random number by a multiplication.

/// What a formula leaves to chance: everything but the random number.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    /// The longest there is to choose, before `max`.
    top: u32,
    /// How far below that the shortest lies, before halving.
    width: u32,
    /// Whether what is chosen is a distance from the top in half milliseconds.
    halves: bool,
    max: u32,
    /// Whether a random number is drawn.
    pub(super) open: bool,
}

impl Choice {
    /// No choice.
    pub(super) const fn exactly(delay: u32) -> Self {
        Self::up_to(delay, false, false)
    }

    /// `c`; or if that is open `U(0, c)`; or in halves [`upper_half`](Self::upper_half).
    pub(super) const fn up_to(ceiling: u32, open: bool, halves: bool) -> Self {
        Self { top: ceiling, width: if open { ceiling } else { 0 }, halves, max: u32::MAX, open }
    }

    /// `U(0, c)`.
    pub(super) const fn below(ceiling: u32) -> Self {
        Self::up_to(ceiling, true, false)
    }

    /// `c/2 + U(0, c/2)`, rounded to the nearest: chosen in half milliseconds, because half of an odd ceiling is none of
    /// the whole ones.
    pub(super) const fn upper_half(ceiling: u32) -> Self {
        Self::up_to(ceiling, true, true)
    }

    /// `a + U(0, w)`, saturating.
    pub(super) const fn above(shortest: u32, width: u32) -> Self {
        let top = shortest.saturating_add(width);
        Self { top, width: top.wrapping_sub(shortest), halves: false, max: u32::MAX, open: width != 0 }
    }

    /// `min(max, U(base, max(base, 3 p)))`: decorrelated jitter, from "Exponential Backoff And Jitter" (AWS Architecture
    /// Blog, 2015), with the base as a floor. Without a delay before, `p` is the base.
    pub(super) const fn decorrelated(base: u32, max: u32, previous: u32) -> Self {
        let previous = if previous == 0 { base } else { previous };
        let width = previous.saturating_add(previous).saturating_add(previous).saturating_sub(base);
        // Where nothing is left to chance, a number is drawn all the same.
        Self { max, open: true, ..Self::above(base, width) }
    }

    /// What is chosen by this random number, uniform over all of `u32`.
    #[inline]
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "a product of two 32-bit numbers, and parts of `width` and `top`"
    )]
    pub(super) const fn by(self, random: u32) -> u32 {
        let below = self.width - part(self.width, random);
        let delay = self.top - (below >> self.halves as u32);
        if delay < self.max { delay } else { self.max }
    }
}

/// `random / 2^32` of `width`, rounded down.
#[inline]
#[expect(clippy::arithmetic_side_effects, reason = "a product of two 32-bit numbers fits 64 bits")]
const fn part(width: u32, random: u32) -> u32 {
    // Cores which can neither compare and swap nor multiply into 64 bits.
    if cfg!(all(target_arch = "arm", not(target_has_atomic = "32"))) {
        part_by_halves(width, random)
    } else {
        ((width as u64 * random as u64) >> 32) as u32
    }
}

/// [`part`], in multiplications of 32 bits: half of the code of one of 64 bits.
#[inline]
#[expect(clippy::arithmetic_side_effects, reason = "a product of halves leaves room for another half")]
const fn part_by_halves(width: u32, random: u32) -> u32 {
    let (low, high) = (random & 0xFFFF, random >> 16);
    let middle = (width >> 16) * low + (((width & 0xFFFF) * low) >> 16);
    let (middle, carry) = middle.overflowing_add((width & 0xFFFF) * high);
    (width >> 16) * high + (middle >> 16) + ((carry as u32) << 16)
}

/// `min(max, base * 2^n)`.
///
/// First values of 100 ms up to 1 s, from n = 0: 100, 200, 400, 800, 1000, 1000.
#[inline]
pub(super) const fn doubled(base: u32, max: u32, n: u32) -> u32 {
    // base * 2^n is at most max exactly if base is at most max / 2^n.
    if n < u32::BITS && max >> n >= base { base << n } else { max }
}

/// `min(max, base * 1.5^n)`, rounded to the nearest.
///
/// First values of 100 ms up to 1 s, from n = 1: 150, 225, 337.5, 506.25, 759.375, 1000.
#[expect(clippy::cast_possible_truncation, reason = "the two halves are taken on purpose")]
pub(super) const fn grown_by_half(base: u32, max: u32, n: u32) -> u32 {
    // Whole milliseconds in the upper half.
    let mut value = (base as u64) << 32;
    let mut left = n;
    // Ends after at most 55 rounds, by which even 1 ms has outgrown every max.
    loop {
        let whole = (value >> 32) as u32;
        if whole >= max {
            return max;
        }
        if left == 0 {
            return whole.wrapping_add(value as u32 >> 31);
        }
        value = match value.checked_add(value >> 1) {
            Some(value) => value,
            None => return max,
        };
        left = left.wrapping_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_saturate() {
        for n in [0, 1, 31, 32, 33, 2_000, u32::MAX] {
            assert!(doubled(1, 1_000, n) <= 1_000);
            assert!(grown_by_half(1, u32::MAX, n) >= 1);
        }
        assert_eq!([0, 1, 2, 3, 4, 5].map(|n| doubled(100, 1_000, n)), [100, 200, 400, 800, 1_000, 1_000]);
        assert_eq!([1, 2, 3, 4, 5, 6].map(|n| grown_by_half(100, 1_000, n)), [150, 225, 338, 506, 759, 1_000]);
        assert_eq!(doubled(u32::MAX, u32::MAX, u32::MAX), u32::MAX);
        assert_eq!(grown_by_half(1, u32::MAX, u32::MAX), u32::MAX);
        assert_eq!(grown_by_half(u32::MAX, u32::MAX, 5), u32::MAX);
    }

    #[test]
    fn halves_multiply_as_the_whole_does() {
        let numbers =
            [0, 1, 2, 0xFFFF, 0x1_0000, 0x1_0001, 0x8000_0000, 0xFFFE_FFFF, 0xFFFF_0000, u32::MAX - 1, u32::MAX];
        let mut random = crate::SeededRandom::new(1);
        for width in numbers
            .into_iter()
            .chain(core::iter::repeat_with(|| crate::RandomSource::next_u32(&mut random)).take(2_000))
        {
            for random in numbers {
                let whole = (u64::from(width) * u64::from(random)) >> 32;
                assert_eq!(u64::from(part_by_halves(width, random)), whole, "{width:#x} * {random:#x}");
                assert_eq!(u64::from(part_by_halves(random, width)), whole, "{random:#x} * {width:#x}");
            }
        }
    }

    #[test]
    fn the_upper_half_of_an_odd_ceiling_begins_half_way() {
        assert_eq!([0, 1 << 30, 1 << 31, u32::MAX].map(|random| Choice::upper_half(5).by(random)), [3, 3, 4, 5]);
        assert_eq!([0, 1 << 31, u32::MAX].map(|random| Choice::upper_half(100).by(random)), [50, 75, 100]);
        assert_eq!([0, u32::MAX].map(|random| Choice::upper_half(1).by(random)), [1, 1]);
        assert_eq!([0, u32::MAX].map(|random| Choice::upper_half(u32::MAX).by(random)), [1 << 31, u32::MAX]);
        assert_eq!(Choice::upper_half(0).by(u32::MAX), 0);
    }

    #[test]
    fn decorrelated_jitter_stays_between_base_and_max() {
        assert_eq!(Choice::decorrelated(250, 30_000, 0).by(0), 250);
        assert_eq!(Choice::decorrelated(250, 30_000, 0).by(1 << 31), 500);
        assert_eq!(Choice::decorrelated(250, 30_000, 1).by(u32::MAX), 250);
        assert_eq!(Choice::decorrelated(250, 30_000, u32::MAX).by(u32::MAX), 30_000);
    }
}
