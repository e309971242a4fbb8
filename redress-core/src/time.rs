//! Spans, instants and the clock they come from.
//!
//! A span that is configured, compared or reported is [`Millis`]: `u32` milliseconds, saturating, up to 49.7 days. A moment is
//! an [`Instant`]: `u64` ticks of the clock in use. One becomes the other by a multiplication and a shift with constants of the
//! clock, so that no 64-bit division is on the way to a decision.

use core::time::Duration;

use crate::kept::Time;

/// A span in whole milliseconds, saturating at [`Millis::MAX`] (49.7 days).
///
/// ```
/// use core::time::Duration;
/// use redress_core::Millis;
///
/// assert_eq!(Millis::from_duration(Duration::from_micros(1_500)), Millis::new(2)); // rounds up
/// assert_eq!(Millis::from_duration(Duration::MAX), Millis::MAX);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(transparent)]
pub struct Millis(u32);

impl Millis {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span: 49.7 days. Longer ones saturate here.
    pub const MAX: Self = Self(u32::MAX);

    /// So many milliseconds.
    #[inline]
    pub const fn new(millis: u32) -> Self {
        Self(millis)
    }

    /// So many seconds, saturating.
    #[inline]
    pub const fn from_secs(secs: u32) -> Self {
        Self(secs.saturating_mul(1_000))
    }

    /// A `Duration`, rounded up to whole milliseconds, saturating.
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the comparison before")]
    #[expect(clippy::arithmetic_side_effects, reason = "seconds are bounded, so nothing overflows")]
    #[inline]
    pub const fn from_duration(span: Duration) -> Self {
        if span.as_secs() >= 4_294_967 {
            return Self::MAX;
        }
        Self(span.as_secs() as u32 * 1_000 + span.subsec_nanos().div_ceil(1_000_000))
    }

    /// A `Duration`, rounded down to whole milliseconds, saturating.
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the comparison before")]
    #[expect(clippy::arithmetic_side_effects, reason = "seconds are bounded, so nothing overflows")]
    #[inline]
    pub(crate) const fn from_duration_floor(span: Duration) -> Self {
        if span.as_secs() >= 4_294_967 {
            return Self::MAX;
        }
        Self(span.as_secs() as u32 * 1_000 + span.subsec_millis())
    }

    /// The number of milliseconds.
    #[inline]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The same span as a `Duration`.
    pub const fn to_duration(self) -> Duration {
        Duration::from_millis(self.0 as u64)
    }

    /// The sum, saturating.
    #[inline]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, if `other` is not longer.
    #[inline]
    pub(crate) const fn wrapping_sub(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }

    /// The difference, zero if `other` is longer.
    #[inline]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// A span that has passed: rounded down where it shortens a wait, up where it uses up a deadline. Made from [`Millis`]
/// or from a `Duration`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Slept {
    pub(crate) down: Millis,
    pub(crate) up: Millis,
}

impl From<Millis> for Slept {
    #[inline]
    fn from(span: Millis) -> Self {
        Self { down: span, up: span }
    }
}

impl From<Duration> for Slept {
    #[inline]
    fn from(span: Duration) -> Self {
        Self { down: Millis::from_duration_floor(span), up: Millis::from_duration(span) }
    }
}

impl From<Duration> for Millis {
    fn from(span: Duration) -> Self {
        Self::from_duration(span)
    }
}

impl From<Millis> for Duration {
    fn from(span: Millis) -> Self {
        span.to_duration()
    }
}

impl core::fmt::Display for Millis {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// A moment: so many ticks of the clock in use after an arbitrary start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(transparent)]
pub struct Instant(u64);

impl Instant {
    /// The start of the clock.
    pub const ZERO: Self = Self(0);

    /// The moment so many ticks after the clock's start.
    #[inline]
    pub const fn from_ticks(ticks: u64) -> Self {
        Self(ticks)
    }

    /// Ticks since the clock's start.
    #[inline]
    pub const fn ticks(self) -> u64 {
        self.0
    }

    /// Ticks from `earlier` to this moment; zero if that lies ahead, as after a clock jumped back.
    #[inline]
    pub const fn ticks_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment so many ticks later, saturating.
    #[inline]
    pub const fn saturating_add(self, ticks: u64) -> Self {
        Self(self.0.saturating_add(ticks))
    }
}

/// How many ticks a second has.
///
/// Every [`Clock`] has a rate by itself; [`Hz`] names one for code which owns its time and has no clock value.
pub trait TickRate {
    /// Ticks per second, at least 1.
    const HZ: u32;
}

/// A tick rate without a clock, for the [bare machine](crate::Attempts).
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Hz<const N: u32>;

impl<const N: u32> TickRate for Hz<N> {
    const HZ: u32 = N;
}

impl<C: Clock + ?Sized> TickRate for C {
    const HZ: u32 = C::TICK_HZ;
}

/// A monotonic clock.
///
/// An implementation MUST count [`TICK_HZ`](Self::TICK_HZ) ticks a second, MUST NOT block or panic, and SHOULD never
/// go back; if it does, redress reads that as no time passed.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a clock", note = "implement `redress_core::Clock` for it")]
pub trait Clock {
    /// Ticks per second, at least 1.
    const TICK_HZ: u32;

    /// The current moment.
    fn now(&self) -> Instant;
}

impl<C: Clock> Clock for &C {
    const TICK_HZ: u32 = C::TICK_HZ;

    #[inline]
    fn now(&self) -> Instant {
        (**self).now()
    }
}

/// Multiplier, addend and right shift which turn one unit into the other.
struct Scale {
    multiplier: u32,
    addend: u64,
    shift: u32,
}

#[expect(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "evaluated by the compiler")]
impl Scale {
    /// From milliseconds to ticks, so that the result is never too small and exact multiples stay exact.
    ///
    /// The multiplier is rounded up; the addend rounds up any fraction, which is at least a thousandth of a tick.
    const fn to_ticks(hz: u32) -> Self {
        assert!(hz > 0, "TICK_HZ must be at least 1");
        if hz.is_multiple_of(1_000) {
            return Self { multiplier: hz / 1_000, addend: 0, shift: 0 };
        }
        let mut shift = 32;
        while ((hz as u64) << shift).div_ceil(1_000) > u32::MAX as u64 {
            shift -= 1;
        }
        let one = 1_u64 << shift;
        Self { multiplier: ((hz as u64) << shift).div_ceil(1_000) as u32, addend: one - one / 1_000, shift }
    }

    /// From ticks to milliseconds, rounding down.
    const fn to_millis(hz: u32) -> Self {
        let mut shift = 53;
        while (1_000_u128 << shift).div_ceil(hz as u128) > u32::MAX as u128 {
            shift -= 1;
        }
        Self { multiplier: (1_000_u128 << shift).div_ceil(hz as u128) as u32, addend: 0, shift }
    }
}

/// Conversions at one tick rate, all of their parameters constants.
pub(crate) trait Convert: TickRate {
    /// Ticks in a span, rounded up.
    fn ticks(span: Millis) -> u64;
    /// Whole milliseconds in so many ticks, rounded down, saturating.
    fn millis(ticks: u64) -> Millis;
    /// Whole milliseconds in so many ticks, rounded down, modulo 2^64.
    fn whole_millis(ticks: u64) -> u64;
    /// What has to be added to spans, see [`Moment`].
    const SLACK: u8;

    /// A moment in whole milliseconds, rounded down.
    fn time(now: Instant) -> Time;
    /// A moment in whole milliseconds, rounded up: from there on no span is too short.
    fn time_up(now: Instant) -> Time;
    /// A moment in whole milliseconds.
    fn moment(now: Instant) -> Moment;
}

/// A moment in whole milliseconds, rounded down: what deadlines are counted in, whatever the clock's rate, so that spans are
/// what was configured and fit a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) millis: Time,
    /// What has to be added to a span which begins here for it never to be too short: nothing where ticks are whole
    /// milliseconds, else one.
    pub(crate) slack: u32,
}

impl Moment {
    /// See [`passed`].
    #[inline]
    pub(crate) const fn passed_since(self, earlier: Time) -> Millis {
        passed(earlier, self.millis)
    }
}

/// From `earlier` to `now`, saturating; nothing if that lies ahead, as after a clock jumped back.
#[inline]
#[allow(clippy::cast_possible_truncation, clippy::cast_lossless, clippy::unnecessary_cast, reason = "of two widths")]
pub(crate) const fn passed(earlier: Time, now: Time) -> Millis {
    let passed = now.wrapping_sub(earlier);
    if passed.cast_signed() < 0 {
        Millis::ZERO
    } else if passed as u64 > u32::MAX as u64 {
        Millis::MAX
    } else {
        Millis(passed as u32)
    }
}

/// `ticks * multiplier / 2^shift`, modulo 2^64.
#[inline]
#[expect(clippy::arithmetic_side_effects, reason = "products of 32-bit factors plus 32 bits stay in 64 bits")]
#[expect(clippy::cast_possible_truncation, reason = "halves are taken on purpose")]
const fn scaled(ticks: u64, multiplier: u32, shift: u32) -> u64 {
    let low = ticks as u32 as u64 * multiplier as u64;
    let high = (ticks >> 32) * multiplier as u64 + (low >> 32);
    if shift >= 32 { high >> (shift - 32) } else { high << (32 - shift) | (low as u32 as u64) >> shift }
}

impl<R: TickRate + ?Sized> Convert for R {
    const SLACK: u8 = if 1_000 % R::HZ == 0 { 0 } else { 1 };

    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "32-bit factors and an addend of at most 2^32 stay in 64 bits")]
    fn ticks(span: Millis) -> u64 {
        let scale = const { Scale::to_ticks(R::HZ) };
        (u64::from(span.0) * u64::from(scale.multiplier) + scale.addend) >> scale.shift
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "compared first")]
    fn millis(ticks: u64) -> Millis {
        // Where there are so many ticks that the multiplication overflows, there are too many milliseconds anyway.
        let most = const { if R::HZ < 1_000 { R::HZ as u64 * 4_294_968 } else { u64::MAX } };
        let millis = if ticks > most { u64::MAX } else { Self::whole_millis(ticks) };
        if millis > u64::from(u32::MAX) { Millis::MAX } else { Millis(millis as u32) }
    }

    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "a constant of at least 1")]
    fn whole_millis(ticks: u64) -> u64 {
        // Where a 64-bit division by a constant is a multiplication anyway, the plain one is shorter.
        if R::HZ == 1_000 {
            return ticks;
        }
        if cfg!(target_pointer_width = "64") && R::HZ.is_multiple_of(1_000) {
            return ticks / u64::from(const { if R::HZ < 1_000 { 1 } else { R::HZ / 1_000 } });
        }
        let scale = const { Scale::to_millis(R::HZ) };
        scaled(ticks, scale.multiplier, scale.shift)
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "wraps")]
    fn time(now: Instant) -> Time {
        Self::whole_millis(now.0) as Time
    }

    #[inline]
    fn time_up(now: Instant) -> Time {
        Self::time(now).wrapping_add(Self::SLACK.into())
    }

    #[inline]
    fn moment(now: Instant) -> Moment {
        Moment { millis: Self::time(now), slack: Self::SLACK.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversions<R: TickRate>() {
        let hz = u128::from(R::HZ);
        for ms in [0_u32, 1, 2, 7, 10, 99, 125, 1_000, 59_999, 60_000, 500_000, 86_400_000, u32::MAX - 1, u32::MAX] {
            let exact = (u128::from(ms) * hz).div_ceil(1_000);
            let ticks = u128::from(R::ticks(Millis(ms)));
            // The multiplier has at least 31 bits, and is one in its last place too large at most.
            let slack = if hz.is_multiple_of(1_000) { 0 } else { 1 + (exact >> 31) };
            assert!((exact..=exact + slack).contains(&ticks), "{hz} Hz: {ms} ms are {ticks}, not {exact}");
            let back = R::millis(R::ticks(Millis(ms))).0;
            assert!(back >= ms.saturating_sub(u32::from(ms > 1_000_000)), "{hz} Hz: {ms} ms came back as {back}");
        }
        assert_eq!(R::millis(u64::MAX), Millis::MAX);
    }

    #[test]
    fn milliseconds_become_ticks_rounded_up_and_come_back_whole() {
        conversions::<Hz<1>>();
        conversions::<Hz<100>>();
        conversions::<Hz<1_000>>();
        conversions::<Hz<32_768>>();
        conversions::<Hz<1_000_000>>();
        conversions::<Hz<16_000_000>>();
        conversions::<Hz<133_333_333>>();
        conversions::<Hz<1_000_000_000>>();
        conversions::<Hz<{ u32::MAX }>>();
    }

    #[test]
    fn durations_round_up_and_saturate() {
        assert_eq!(Millis::from_duration(Duration::from_nanos(1)), Millis(1));
        assert_eq!(Millis::from_duration(Duration::from_secs(4_294_966)), Millis(4_294_966_000));
        assert_eq!(Millis::from_duration(Duration::from_secs(4_294_967)), Millis::MAX);
    }
}
