//! How a delay is computed: by which formula, in what range, and which of the range, in whole milliseconds and integers only.
//!
//! `n` is the number of the failed attempt (the first is 1), `p` the previous delay, `U(a, b)` a uniform choice from
//! `[a, b)`, made from one random number by a multiplication.

use super::{Backoff, BackoffContext, Formula, RetryAfter};
use crate::{Classification, Millis};

/// The formulas that a policy has, and where the code of the less common ones is.
///
/// # Design
///
/// A driver contains the plain exponential formulas, which are short; where the compiler knows the policy, only those that it
/// has. The code of the others and of Retry-After is behind a pointer, which is set when a policy is made, so that an image
/// without them does not contain it. One function per formula, and one of all for policies that mix them.
#[derive(Clone, Copy)]
pub(crate) struct Formulas {
    /// A bit for each formula besides the plain ones.
    kinds: u8,
    other: fn(&Backoff<'_>, &BackoffContext, Millis, &mut dyn FnMut() -> u32) -> Millis,
}

const RETRY_AFTER: u8 = 1;
const DECORRELATED: u8 = 2;
const FIXED: u8 = 4;
const TOKEN: u8 = 8;
const CUSTOM: u8 = 16;
const OTHER: u8 = DECORRELATED | FIXED | TOKEN | CUSTOM;

impl Formulas {
    const fn of(kinds: u8) -> Self {
        macro_rules! of_one {
            ($($kinds:ident),*) => {
                match kinds {
                    0 => other_delay::<0>,
                    RETRY_AFTER => other_delay::<RETRY_AFTER>,
                    $($kinds => other_delay::<$kinds>,)*
                    _ if kinds & RETRY_AFTER == 0 => other_delay::<OTHER>,
                    _ => match kinds & OTHER {
                        $($kinds => other_delay::<{ $kinds | RETRY_AFTER }>,)*
                        _ => other_delay::<{ OTHER | RETRY_AFTER }>,
                    },
                }
            };
        }
        Self { kinds, other: of_one!(DECORRELATED, FIXED, TOKEN, CUSTOM) }
    }

    /// The set without any but the plain formulas.
    pub(crate) const PLAIN: Self = Self::of(0);

    /// All that a configuration can name. In one function, because which of them it names is known only at run time.
    pub(crate) const CONFIGURED: Self =
        Self { kinds: OTHER | RETRY_AFTER, other: other_delay::<{ DECORRELATED | FIXED | TOKEN | RETRY_AFTER }> };

    /// Returns the union.
    pub(crate) const fn with(self, other: Self) -> Self {
        Self::of(self.kinds | other.kinds)
    }

    /// Returns whether there are none but the plain formulas.
    pub(crate) const fn are_plain(&self) -> bool {
        self.kinds == 0
    }

    /// Returns the hint, if the backoff follows it.
    #[inline]
    pub(crate) fn hint(&self, backoff: &Backoff<'_>, classification: &Classification) -> Option<Millis> {
        if self.kinds & RETRY_AFTER == 0 || backoff.retry_after().is_ignored() {
            return None;
        }
        classification.hint()
    }

    /// Returns the delay of a backoff that has one of these formulas. A random number is drawn at most once for it, and at
    /// most once for the jitter on a hint. `context` is made for the less common formulas only. `hint`: see [`hint`](Self::hint).
    /// `room`: the longest wait that the deadline leaves. The source of random numbers is an argument, and not captured by
    /// `draw`, which would then be kept in memory for the code behind the pointer.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "facts of one failure")]
    pub(crate) fn delay<R>(
        &self,
        backoff: &Backoff<'_>,
        attempt: u32,
        context: impl FnOnce() -> BackoffContext,
        hint: Option<Millis>,
        room: Millis,
        source: &mut R,
        draw: impl Fn(&mut R) -> u32,
    ) -> Millis {
        if hint.is_none() {
            match backoff.formula.plain_choice(attempt) {
                Some(choice) => return choice.pick(|| draw(source)),
                None if self.kinds & OTHER == 0 => return Millis::ZERO,
                None => {}
            }
        }
        self.other_delay(backoff, &context(), room, source, draw)
    }

    /// Returns the delay by the code behind the pointer. Apart on hosts, because what it keeps in memory takes 3 instructions of the
    /// first attempt there; inlined, it takes 20 bytes less of an image.
    #[cold]
    #[cfg_attr(not(target_os = "none"), inline(never))]
    fn other_delay<R>(
        &self,
        backoff: &Backoff<'_>,
        context: &BackoffContext,
        room: Millis,
        source: &mut R,
        draw: impl Fn(&mut R) -> u32,
    ) -> Millis {
        (self.other)(backoff, context, room, &mut || draw(source))
    }
}

/// Returns the delay of a formula that is one of `KINDS`, or a plain one if there is a hint that is followed.
fn other_delay<const KINDS: u8>(
    backoff: &Backoff<'_>,
    context: &BackoffContext,
    room: Millis,
    draw: &mut dyn FnMut() -> u32,
) -> Millis {
    let hint = Formulas::of(KINDS).hint(backoff, &context.classification);
    let retry_after = backoff.retry_after();
    let is_as_is = hint.is_some() && retry_after.is_as_is();
    let own = if is_as_is { Millis::ZERO } else { own_delay::<KINDS>(backoff, context, draw) };
    match hint {
        Some(hint) if is_as_is || hint > own => retry_after.delay(hint, room, draw),
        _ => own,
    }
}

/// Returns the delay without regard to a hint.
fn own_delay<const KINDS: u8>(
    backoff: &Backoff<'_>,
    context: &BackoffContext,
    draw: &mut dyn FnMut() -> u32,
) -> Millis {
    if KINDS & CUSTOM != 0
        && let Formula::Custom { strategy, .. } = backoff.formula
    {
        let random = if strategy.draws() { draw() } else { 0 };
        return strategy.delay(&BackoffContext { random, ..*context });
    }
    let plain = if KINDS & RETRY_AFTER != 0 { backoff.formula.plain_choice(context.attempt) } else { None };
    let other = || backoff.formula.other_choice::<KINDS>(context.attempt, context.previous.get());
    plain.unwrap_or_else(other).pick(draw)
}

#[cfg(feature = "defmt")]
impl defmt::Format for Formulas {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Formulas({=u8:b})", self.kinds);
    }
}

impl core::fmt::Debug for Formulas {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Formulas({:b})", self.kinds)
    }
}

impl Backoff<'_> {
    /// Returns the formula of this backoff as a set.
    pub(crate) const fn formulas(&self) -> Formulas {
        let kind = match self.formula {
            Formula::Missing { .. }
            | Formula::Doubling { .. }
            | Formula::FullJitter { .. }
            | Formula::EqualJitter { .. } => 0,
            Formula::Decorrelated { .. } => DECORRELATED,
            Formula::Token { .. } => TOKEN,
            Formula::Fixed { .. } => FIXED,
            Formula::Custom { .. } => CUSTOM,
        };
        Formulas::of(if self.retry_after().is_ignored() { kind } else { kind | RETRY_AFTER })
    }
}

impl Formula<'_> {
    /// Returns the range of the delay after a failure of this attempt, if the formula is a plain exponential one.
    #[inline]
    const fn plain_choice(&self, attempt: u32) -> Option<Choice> {
        match *self {
            Self::Doubling { base, max, .. }
            | Self::FullJitter { base, max, .. }
            | Self::EqualJitter { base, max, .. } => {
                // Without jitter, the first delay is the base.
                let exact = matches!(self, Self::Doubling { .. });
                let ceiling = doubled(base, max, attempt.wrapping_sub(exact as u32));
                Some(Choice::up_to(ceiling, !exact, matches!(self, Self::EqualJitter { .. })))
            }
            _ => None,
        }
    }

    /// Returns the range of the delay, if the formula is one of `KINDS`.
    #[expect(clippy::indexing_slicing, reason = "compared first")]
    const fn other_choice<const KINDS: u8>(&self, attempt: u32, previous: u32) -> Choice {
        match *self {
            Self::Decorrelated { base, max, .. } if KINDS & DECORRELATED != 0 => {
                Choice::decorrelated(base, max, previous)
            }
            Self::Token { base, max, .. } if KINDS & TOKEN != 0 => {
                Choice::upper_half(grown_by_half(base, max, attempt))
            }
            Self::Fixed { delays, .. } if KINDS & FIXED != 0 => {
                let (last, index) = (delays.len().saturating_sub(1), attempt.saturating_sub(1) as usize);
                let index = if index < last { index } else { last };
                Choice::exactly(if index < delays.len() { delays[index].get() } else { 0 })
            }
            _ => Choice::exactly(0),
        }
    }

    /// Returns the range of the delay.
    pub(super) const fn choice(&self, attempt: u32, previous: u32) -> Choice {
        match self.plain_choice(attempt) {
            Some(choice) => choice,
            None => self.other_choice::<OTHER>(attempt, previous),
        }
    }
}

impl RetryAfter {
    /// Returns the delay after a hint: never sooner than the server asks, and not at the same time as every other client. Jitter
    /// that does not fit the room is cut, unless the hint is taken as it is; a hint is never cut.
    #[inline(never)]
    fn delay(self, hint: Millis, room: Millis, draw: impl FnOnce() -> u32) -> Millis {
        let jitter = self.configured_jitter().unwrap_or(hint.get().max(250));
        let jitter =
            if hint <= room && !self.is_as_is() { jitter.min(room.saturating_sub(hint).get()) } else { jitter };
        let added = if jitter == 0 { 0 } else { part(jitter, draw()) };
        hint.saturating_add(Millis::new(added))
    }
}

/// The range that a formula leaves to a random number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// The longest delay of the range, before `max`.
    top: u32,
    /// The distance from `top` to the shortest delay, before halving.
    width: u32,
    /// Whether the choice is a distance from `top` in half milliseconds.
    halves: bool,
    max: u32,
    /// Whether a random number is drawn.
    draws: bool,
}

impl Choice {
    /// `c`, no choice.
    const fn exactly(delay: u32) -> Self {
        Self::up_to(delay, false, false)
    }

    /// `U(0, c)` if it draws, else `c`; in halves [`upper_half`](Self::upper_half).
    const fn up_to(ceiling: u32, draws: bool, halves: bool) -> Self {
        Self { top: ceiling, width: if draws { ceiling } else { 0 }, halves, max: u32::MAX, draws }
    }

    /// `c/2 + U(0, c/2)`, rounded to the nearest: chosen in half milliseconds, because half of an odd ceiling is no whole one.
    const fn upper_half(ceiling: u32) -> Self {
        Self::up_to(ceiling, true, true)
    }

    /// `a + U(0, w)`, saturating.
    const fn above(shortest: u32, width: u32) -> Self {
        let top = shortest.saturating_add(width);
        Self { top, width: top.wrapping_sub(shortest), halves: false, max: u32::MAX, draws: width != 0 }
    }

    /// `min(max, U(base, max(base, 3 p)))`: decorrelated jitter, from "Exponential Backoff And Jitter" (AWS Architecture
    /// Blog, 2015), with the base as a floor. Without a delay before, `p` is the base.
    const fn decorrelated(base: u32, max: u32, previous: u32) -> Self {
        let previous = if previous == 0 { base } else { previous };
        let width = previous.saturating_add(previous).saturating_add(previous).saturating_sub(base);
        // A number is drawn also where nothing is left to it.
        Self { max, draws: true, ..Self::above(base, width) }
    }

    /// Returns a delay of the range. A random number, uniform over all of `u32`, is drawn only if it is needed.
    #[inline]
    fn pick(self, mut draw: impl FnMut() -> u32) -> Millis {
        Millis::new(self.chosen_by(if self.draws { draw() } else { 0 }))
    }

    /// Returns the delay that a random number chooses.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "a product of two 32-bit numbers, and parts of `width` and `top`"
    )]
    #[inline]
    pub(super) const fn chosen_by(self, random: u32) -> u32 {
        let below = self.width - part(self.width, random);
        let delay = self.top - (below >> self.halves as u32);
        if delay < self.max { delay } else { self.max }
    }
}

/// Returns `random / 2^32` of `width`, rounded down.
#[expect(clippy::arithmetic_side_effects, reason = "a product of two 32-bit numbers fits 64 bits")]
#[inline]
pub(crate) const fn part(width: u32, random: u32) -> u32 {
    // Cores that can neither compare and swap nor multiply into 64 bits (ARMv6-M): saves 70 bytes there.
    if cfg!(all(target_arch = "arm", not(target_has_atomic = "32"))) {
        part_by_halves(width, random)
    } else {
        ((width as u64 * random as u64) >> 32) as u32
    }
}

/// Like [`part`], in multiplications of 32 bits: half of the code of one of 64 bits.
#[expect(clippy::arithmetic_side_effects, reason = "a product of halves leaves room for another half")]
#[inline]
const fn part_by_halves(width: u32, random: u32) -> u32 {
    let (low, high) = (random & 0xFFFF, random >> 16);
    let middle = (width >> 16) * low + (((width & 0xFFFF) * low) >> 16);
    let (middle, carry) = middle.overflowing_add((width & 0xFFFF) * high);
    (width >> 16) * high + (middle >> 16) + ((carry as u32) << 16)
}

/// `min(max, base * 2^n)`.
///
/// First values of 100 ms up to 1 s, from n = 0: 100, 200, 400, 800, 1000, 1000.
const fn doubled(base: u32, max: u32, n: u32) -> u32 {
    // base * 2^n is at most max exactly if base is at most max / 2^n.
    if n < u32::BITS && max >> n >= base { base << n } else { max }
}

/// `min(max, base * 1.5^n)`, rounded to the nearest.
///
/// First values of 100 ms up to 1 s, from n = 1: 150, 225, 337.5, 506.25, 759.375, 1000.
#[expect(clippy::cast_possible_truncation, reason = "the two halves are taken on purpose")]
const fn grown_by_half(base: u32, max: u32, n: u32) -> u32 {
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
        assert_eq!([0, 1 << 30, 1 << 31, u32::MAX].map(|random| Choice::upper_half(5).chosen_by(random)), [3, 3, 4, 5]);
        assert_eq!([0, 1 << 31, u32::MAX].map(|random| Choice::upper_half(100).chosen_by(random)), [50, 75, 100]);
        assert_eq!([0, u32::MAX].map(|random| Choice::upper_half(1).chosen_by(random)), [1, 1]);
        assert_eq!([0, u32::MAX].map(|random| Choice::upper_half(u32::MAX).chosen_by(random)), [1 << 31, u32::MAX]);
        assert_eq!(Choice::upper_half(0).chosen_by(u32::MAX), 0);
    }

    #[test]
    fn decorrelated_jitter_stays_between_base_and_max() {
        assert_eq!(Choice::decorrelated(250, 30_000, 0).chosen_by(0), 250);
        assert_eq!(Choice::decorrelated(250, 30_000, 0).chosen_by(1 << 31), 500);
        assert_eq!(Choice::decorrelated(250, 30_000, 1).chosen_by(u32::MAX), 250);
        assert_eq!(Choice::decorrelated(250, 30_000, u32::MAX).chosen_by(u32::MAX), 30_000);
    }
}
