//! Moments that are kept: in one word where bytes count, in two elsewhere.
//!
//! # Design
//!
//! Moments are kept to be compared with spans of at most 24 days. Where bytes count, milliseconds are therefore counted modulo
//! 2^32, which is 49.7 days; what may be mistaken then is said in the [crate's documentation](crate#time).

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::Millis;

/// 64 bits of time in two words, consistent only under a lock (or a check of what guards it).
#[derive(Debug, Default)]
pub(crate) struct Words {
    low: AtomicU32,
    high: AtomicU32,
}

impl Words {
    #[expect(clippy::declare_interior_mutable_const, reason = "each use is meant to be a moment of its own")]
    pub(crate) const ZERO: Self = Self { low: AtomicU32::new(0), high: AtomicU32::new(0) };

    #[inline]
    pub(crate) fn load(&self) -> u64 {
        u64::from(self.high.load(Relaxed)) << 32 | u64::from(self.low.load(Relaxed))
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are taken on purpose")]
    pub(crate) fn store(&self, time: u64) {
        self.low.store(time as u32, Relaxed);
        self.high.store((time >> 32) as u32, Relaxed);
    }
}

/// 32 bits of time in one.
#[derive(Debug, Default)]
#[allow(dead_code, reason = "hosts have more")]
pub(crate) struct Word(AtomicU32);

#[allow(dead_code, reason = "hosts have more")]
impl Word {
    #[expect(clippy::declare_interior_mutable_const, reason = "each use is meant to be a moment of its own")]
    pub(crate) const ZERO: Self = Self(AtomicU32::new(0));

    #[inline]
    pub(crate) fn load(&self) -> u32 {
        self.0.load(Relaxed)
    }

    #[inline]
    pub(crate) fn store(&self, time: u32) {
        self.0.store(time, Relaxed);
    }
}

#[allow(unexpected_cfgs, reason = "for tests only, so no package declares it")]
mod width {
    #[cfg(not(any(target_os = "none", redress_small)))]
    pub(crate) type Time = u64;
    #[cfg(not(any(target_os = "none", redress_small)))]
    pub(crate) type Kept = super::Words;

    #[cfg(any(target_os = "none", redress_small))]
    pub(crate) type Time = u32;
    #[cfg(any(target_os = "none", redress_small))]
    pub(crate) type Kept = super::Word;
}

/// Whole milliseconds of a clock, wrapping, and where one of them is kept.
pub(crate) use width::{Kept, Time};

impl Millis {
    /// To count with such.
    #[inline]
    #[allow(clippy::cast_lossless, clippy::unnecessary_cast, reason = "of two widths")]
    pub(crate) const fn time(self) -> Time {
        self.get() as Time
    }

    /// Whether this is longer than such a span and what may have been rounded.
    #[inline]
    pub(crate) const fn is_beyond(self, span: Self) -> bool {
        self.get() > span.get().wrapping_add(1)
    }
}

/// The moment after this span.
#[inline]
pub(crate) const fn after(now: Time, span: Millis) -> Time {
    now.wrapping_add(span.time())
}

/// The lower 32 bits.
#[inline]
#[allow(clippy::cast_possible_truncation, clippy::unnecessary_cast, reason = "of two widths")]
pub(crate) const fn low(time: Time) -> u32 {
    time as u32
}
