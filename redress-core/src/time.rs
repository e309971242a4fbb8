//! Spans, instants and the clock they come from.
//!
//! A span that is configured, compared or reported is [`Millis`]: `u32` milliseconds, saturating, up to 49.7 days. A moment
//! outside is an [`Instant`]: `u64` ticks of the clock in use. Inside it is a `Timestamp`: `u64` whole milliseconds. Ticks
//! become milliseconds by a multiplication and a shift with constants of the clock, so that no 64-bit division is on the way
//! to a decision.
//!
//! # Rounding
//!
//! It is decided here and nowhere else:
//!
//! - Waits round up to whole ticks, and a configured `Duration` rounds up to whole milliseconds.
//! - Timestamps round down. On a clock whose ticks are no whole milliseconds, a span between two of them can therefore be up
//!   to one millisecond too short: the clock's `slack`. It is added to the time used where a deadline must not be overrun, and
//!   to the spans of open circuits and budgets, which must not be too short.

use core::time::Duration;

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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(transparent)]
pub struct Millis(u32);

impl Millis {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span: 49.7 days. Longer ones saturate here.
    pub const MAX: Self = Self(u32::MAX);

    /// Creates a span of so many milliseconds.
    pub const fn new(millis: u32) -> Self {
        Self(millis)
    }

    /// Creates a span of so many seconds, saturating.
    pub const fn from_secs(secs: u32) -> Self {
        Self(secs.saturating_mul(1_000))
    }

    /// Converts a `Duration`, rounded up to whole milliseconds, saturating.
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the comparison before")]
    #[expect(clippy::arithmetic_side_effects, reason = "seconds are bounded, so nothing overflows")]
    pub const fn from_duration(span: Duration) -> Self {
        if span.as_secs() >= 4_294_967 {
            return Self::MAX;
        }
        Self(span.as_secs() as u32 * 1_000 + span.subsec_nanos().div_ceil(1_000_000))
    }

    /// Converts a `Duration`, rounded down to whole milliseconds, saturating.
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the comparison before")]
    #[expect(clippy::arithmetic_side_effects, reason = "seconds are bounded, so nothing overflows")]
    pub(crate) const fn from_duration_floor(span: Duration) -> Self {
        if span.as_secs() >= 4_294_967 {
            return Self::MAX;
        }
        Self(span.as_secs() as u32 * 1_000 + span.subsec_millis())
    }

    /// Returns the number of milliseconds.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Converts the span into a `Duration`.
    pub const fn to_duration(self) -> Duration {
        Duration::from_millis(self.0 as u64)
    }

    /// Returns the sum, saturating.
    #[inline]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Returns the difference, or zero if `other` is longer.
    #[inline]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// A span that has passed while a call was suspended, made from [`Millis`] or from a `Duration`.
///
/// A `Duration` is rounded down where it shortens the wait, and up where it uses up the deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Slept {
    pub(crate) down: Millis,
    pub(crate) up: Millis,
}

impl From<Millis> for Slept {
    fn from(span: Millis) -> Self {
        Self { down: span, up: span }
    }
}

impl From<Duration> for Slept {
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

/// A moment, in ticks of the clock in use since an arbitrary start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(transparent)]
pub struct Instant(u64);

impl Instant {
    /// The start of the clock, tick zero.
    pub const ZERO: Self = Self(0);

    /// Creates the moment so many ticks after the clock's start.
    pub const fn from_ticks(ticks: u64) -> Self {
        Self(ticks)
    }

    /// Returns the ticks since the clock's start.
    pub const fn ticks(self) -> u64 {
        self.0
    }

    /// Returns the ticks from `earlier` to this moment, or zero if `earlier` lies ahead, as after a clock was set back.
    pub const fn ticks_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the moment so many ticks later, saturating.
    #[inline]
    pub const fn saturating_add(self, ticks: u64) -> Self {
        Self(self.0.saturating_add(ticks))
    }
}

/// A monotonic clock.
///
/// An implementation MUST count [`TICK_HZ`](Self::TICK_HZ) ticks a second, MUST NOT block or panic, and SHOULD never
/// go back. If it does, that reads as if no time had passed. It MAY be read with a lock of redress held.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a clock", note = "implement `redress_core::Clock` for it")]
pub trait Clock {
    /// Ticks per second, at least 1.
    const TICK_HZ: u32;

    /// Returns the current moment.
    fn now(&self) -> Instant;
}

impl<C: Clock> Clock for &C {
    const TICK_HZ: u32 = C::TICK_HZ;

    fn now(&self) -> Instant {
        (**self).now()
    }
}

/// A moment in whole milliseconds since the clock's start, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Timestamp(u64);

impl Timestamp {
    pub(crate) const ZERO: Self = Self(0);
    /// The latest moment that is ever kept: no clock counts that far.
    #[cfg(feature = "testing")]
    pub(crate) const LAST: Self = Self(1 << 62);
    /// Stands for no moment. It reads as older than every moment that is kept, from weeks before zero, as a restored breaker has
    /// them, to 2^62 ms.
    pub(crate) const NEVER: Self = Self(0b11 << 62);

    pub(crate) const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    pub(crate) const fn millis(self) -> u64 {
        self.0
    }

    /// Returns the lower 32 bits.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is taken on purpose")]
    pub(crate) const fn low_bits(self) -> u32 {
        self.0 as u32
    }

    /// Returns the span from `earlier` to this moment, saturating; `None` if `earlier` lies ahead.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range")]
    pub(crate) const fn since(self, earlier: Self) -> Option<Millis> {
        match self.0.wrapping_sub(earlier.0).cast_signed() {
            ..0 => None,
            passed @ 0..=0xFFFF_FFFF => Some(Millis(passed as u32)),
            _ => Some(Millis::MAX),
        }
    }

    /// Returns the moment this span before.
    pub(crate) const fn before(self, span: Millis) -> Self {
        Self(self.0.wrapping_sub(span.0 as u64))
    }

    /// Returns the moment this span after.
    pub(crate) const fn after(self, span: Millis) -> Self {
        Self(self.0.wrapping_add(span.0 as u64))
    }
}

/// The tick rate of a clock, with the constants that convert between ticks and milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    hz: u32,
    /// Kept, so that it is not divided for at run time where nothing is inlined.
    slack: Millis,
    to_ticks: Scale,
    to_millis: Scale,
}

/// The rate of every clock.
pub(crate) trait ClockRate: Clock {
    const RATE: Rate = Rate::of(Self::TICK_HZ);

    /// Reads the clock in milliseconds.
    fn timestamp(&self) -> Timestamp {
        if Self::TICK_HZ == 1_000 { Timestamp(self.now().ticks()) } else { self.converted() }
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn converted(&self) -> Timestamp {
        Self::RATE.timestamp(self.now())
    }
}

impl<C: Clock + ?Sized> ClockRate for C {}

/// Multiplier, addend and right shift that turn one unit into the other.
#[derive(Clone, Copy, Debug)]
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

impl Rate {
    pub(crate) const fn of(hz: u32) -> Self {
        assert!(hz > 0, "TICK_HZ must be at least 1");
        let slack = Millis(if 1_000_u32.is_multiple_of(hz) { 0 } else { 1 });
        Self { hz, slack, to_ticks: Scale::to_ticks(hz), to_millis: Scale::to_millis(hz) }
    }

    /// Returns by how much a span between two timestamps can be too short: nothing if ticks are whole milliseconds, else one.
    pub(crate) const fn slack(self) -> Millis {
        self.slack
    }

    /// Converts a span into ticks, rounded up.
    #[expect(clippy::arithmetic_side_effects, reason = "32-bit factors and an addend of at most 2^32 stay in 64 bits")]
    pub(crate) const fn ticks(self, span: Millis) -> u64 {
        (span.0 as u64 * self.to_ticks.multiplier as u64 + self.to_ticks.addend) >> self.to_ticks.shift
    }

    /// Converts ticks into a span, rounded down, saturating.
    #[cfg(any(test, feature = "embedded-hal-v1", feature = "embedded-hal-async-v1", feature = "testing"))]
    #[expect(clippy::arithmetic_side_effects, reason = "two factors of 32 bits")]
    #[expect(clippy::cast_possible_truncation, reason = "compared first")]
    pub(crate) const fn millis(self, ticks: u64) -> Millis {
        // With so many ticks that the multiplication overflows, there are too many milliseconds anyway.
        let most = if self.hz < 1_000 { self.hz as u64 * 4_294_968 } else { u64::MAX };
        let millis = if ticks > most { u64::MAX } else { self.whole_millis(ticks) };
        if millis > u32::MAX as u64 { Millis::MAX } else { Millis(millis as u32) }
    }

    /// Converts a moment, rounded down.
    pub(crate) const fn timestamp(self, now: Instant) -> Timestamp {
        Timestamp(self.whole_millis(now.0))
    }

    /// Converts ticks into whole milliseconds, rounded down, modulo 2^64.
    #[expect(clippy::arithmetic_side_effects, reason = "a divisor of at least 1")]
    const fn whole_millis(self, ticks: u64) -> u64 {
        // Where a 64-bit division by a constant is one multiplication, it is shorter than the two of `scaled`.
        if cfg!(target_pointer_width = "64") && self.hz.is_multiple_of(1_000) {
            return ticks / (self.hz / 1_000) as u64;
        }
        scaled(ticks, self.to_millis.multiplier, self.to_millis.shift)
    }
}

/// `ticks * multiplier / 2^shift`, modulo 2^64.
#[expect(clippy::arithmetic_side_effects, reason = "products of 32-bit factors plus 32 bits stay in 64 bits")]
#[expect(clippy::cast_possible_truncation, reason = "halves are taken on purpose")]
const fn scaled(ticks: u64, multiplier: u32, shift: u32) -> u64 {
    let low = ticks as u32 as u64 * multiplier as u64;
    let high = (ticks >> 32) * multiplier as u64 + (low >> 32);
    if shift >= 32 { high >> (shift - 32) } else { high << (32 - shift) | (low as u32 as u64) >> shift }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversions(rate: Rate) {
        let hz = u128::from(rate.hz);
        for ms in [0_u32, 1, 2, 7, 10, 99, 125, 1_000, 59_999, 60_000, 500_000, 86_400_000, u32::MAX - 1, u32::MAX] {
            let exact = (u128::from(ms) * hz).div_ceil(1_000);
            let ticks = u128::from(rate.ticks(Millis(ms)));
            // The multiplier has at least 31 bits, and is one in its last place too large at most.
            let slack = if hz.is_multiple_of(1_000) { 0 } else { 1 + (exact >> 31) };
            assert!((exact..=exact + slack).contains(&ticks), "{hz} Hz: {ms} ms are {ticks}, not {exact}");
            let back = rate.millis(rate.ticks(Millis(ms))).0;
            assert!(back >= ms.saturating_sub(u32::from(ms > 1_000_000)), "{hz} Hz: {ms} ms came back as {back}");
        }
        assert_eq!(rate.millis(u64::MAX), Millis::MAX);
    }

    #[test]
    fn milliseconds_become_ticks_rounded_up_and_come_back_whole() {
        for hz in [1, 100, 1_000, 32_768, 1_000_000, 16_000_000, 133_333_333, 1_000_000_000, u32::MAX] {
            conversions(Rate::of(hz));
        }
    }

    #[test]
    fn durations_round_up_and_saturate() {
        assert_eq!(Millis::from_duration(Duration::from_nanos(1)), Millis(1));
        assert_eq!(Millis::from_duration(Duration::from_secs(4_294_966)), Millis(4_294_966_000));
        assert_eq!(Millis::from_duration(Duration::from_secs(4_294_967)), Millis::MAX);
    }

    #[test]
    fn no_moment_reads_as_older_than_every_moment() {
        for kept in [Timestamp::ZERO.before(Millis::MAX), Timestamp::ZERO, Timestamp(1 << 40), Timestamp(1 << 61)] {
            assert_eq!(Timestamp::NEVER.since(kept), None);
            assert_eq!(kept.since(Timestamp::NEVER), Some(Millis::MAX));
        }
    }

    #[test]
    fn a_timestamp_knows_what_lies_ahead_also_where_its_number_wraps() {
        for start in [0, 5, 1 << 32, u64::MAX] {
            let start = Timestamp(start);
            assert_eq!(start.after(Millis(7)).since(start), Some(Millis(7)));
            assert_eq!(start.before(Millis(7)).since(start), None);
            assert_eq!(Timestamp(start.0.wrapping_add(1 << 40)).since(start), Some(Millis::MAX));
        }
    }
}
