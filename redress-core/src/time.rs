//! Spans, instants and the clock they come from.
//!
//! A span that is configured or reported is [`Millis`]: `u32` milliseconds, saturating, up to 49.7 days. A moment is an
//! [`Instant`]: `u64` ticks of the clock in use. Milliseconds become ticks by one multiplication and one shift, and
//! ticks become milliseconds only in reports, so that no 64-bit division is on the way to a decision.

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
    pub const fn from_duration(span: Duration) -> Self {
        if span.as_secs() >= 4_294_967 {
            return Self::MAX;
        }
        Self(span.as_secs() as u32 * 1_000 + span.subsec_nanos().div_ceil(1_000_000))
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

    /// The difference, zero if `other` is longer.
    #[inline]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
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
