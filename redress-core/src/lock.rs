//! How the state that calls share is guarded.
//!
//! With the feature `std`, each breaker and each budget has a mutex of its own, so that policies which share nothing do not
//! wait for each other. Without it, the state is guarded by a critical section, which the application implements once per
//! image.
//!
//! - On a chip with several cores, the implementation of `critical-section` must hold all of them.
//! - With `std`, an interrupt or signal handler must not record or ask for a permit: it might wait for the thread that it
//!   interrupted. Without `std` it may.

#[cfg(feature = "std")]
use std::sync::PoisonError;

#[cfg(feature = "std")]
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU16, AtomicU32, Ordering::Relaxed};

/// A lock without contents: what it guards are the atomics beside it.
#[derive(Debug, Default)]
pub(crate) struct Lock {
    #[cfg(feature = "std")]
    mutex: Mutex<()>,
}

impl Lock {
    /// Whether callers may have to wait for each other, so that reading without the lock is worth its code.
    pub(crate) const IS_CONTENDED: bool = cfg!(feature = "std");

    pub(crate) const fn new() -> Self {
        Self {
            #[cfg(feature = "std")]
            mutex: Mutex::new(()),
        }
    }

    /// Adds one to a count that is below its maximum. Does not wait for a mutex.
    #[inline]
    #[cfg_attr(feature = "std", expect(clippy::unused_self, reason = "a mutex is not taken"))]
    pub(crate) fn increment(&self, count: &AtomicU16) {
        #[cfg(feature = "std")]
        Self::increment_held(count);
        #[cfg(not(feature = "std"))]
        self.with(|| Self::increment_held(count));
    }

    /// Adds one with the lock held, to a count that others may [`increment`](Self::increment) meanwhile.
    #[inline]
    pub(crate) fn increment_held(count: &AtomicU16) {
        #[cfg(feature = "std")]
        count.fetch_add(1, Relaxed);
        #[cfg(not(feature = "std"))]
        count.store(count.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// Runs `change` while no other caller does.
    ///
    /// A poisoned mutex is used like any other: only a clock can panic here, before anything has been changed.
    pub(crate) fn with<R>(&self, change: impl FnOnce() -> R) -> R {
        #[cfg(feature = "std")]
        {
            let _guard = self.mutex.lock().unwrap_or_else(PoisonError::into_inner);
            change()
        }
        #[cfg(not(feature = "std"))]
        critical_section::with(|_| change())
    }
}

/// A `u64` in two words, for targets without wider atomics. Consistent only with the lock held.
#[derive(Debug, Default)]
pub(crate) struct Halves {
    low: AtomicU32,
    high: AtomicU32,
}

impl Halves {
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are taken on purpose")]
    pub(crate) const fn new(value: u64) -> Self {
        Self { low: AtomicU32::new(value as u32), high: AtomicU32::new((value >> 32) as u32) }
    }

    pub(crate) fn load(&self) -> u64 {
        u64::from(self.high.load(Relaxed)) << 32 | u64::from(self.low.load(Relaxed))
    }

    pub(crate) fn low(&self) -> u32 {
        self.low.load(Relaxed)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves are taken on purpose")]
    pub(crate) fn store(&self, value: u64) {
        self.low.store(value as u32, Relaxed);
        self.high.store((value >> 32) as u32, Relaxed);
    }
}
