//! The monotonic clock of the operating system.

#[cfg(any(test, feature = "tokio", not(target_os = "linux")))]
use std::{sync::OnceLock, time};

use redress_core::{Clock, Instant};

/// A moment as the standard library has it, and the same moment on the clock of this crate: what ties the two.
#[cfg(any(test, feature = "tokio", not(target_os = "linux")))]
static START: OnceLock<(time::Instant, u64)> = OnceLock::new();

/// The monotonic clock of the operating system, in nanoseconds.
///
/// # Design
///
/// On Linux it is read as a number: `std::time::Instant` gives only differences, and taking one costs more than the
/// reading. Elsewhere it is the difference to the first use in the process, plus an hour, so that a paused tokio clock
/// which stands before that moment does not read as zero.
///
/// All clocks of this crate count from the same moment, so that a breaker or a budget may be shared between
/// [`Threads`](crate::Threads) and tokio. Whether it goes on while the machine is suspended is up to the operating
/// system; on Linux it does not.
///
/// ```
/// use redress_std::{Clock, StdClock};
///
/// let before = StdClock.now();
/// assert!(StdClock.now() >= before);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StdClock;

impl Clock for StdClock {
    const TICK_HZ: u32 = 1_000_000_000;

    #[inline]
    fn now(&self) -> Instant {
        Instant::from_ticks(raw())
    }
}

#[cfg(target_os = "linux")]
#[inline]
fn raw() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.cast_unsigned().wrapping_mul(NANOS_PER_SEC).wrapping_add(now.tv_nsec.cast_unsigned())
}

#[cfg(not(target_os = "linux"))]
fn raw() -> u64 {
    let (start, ticks) = start();
    ticks.saturating_add(nanos(time::Instant::now().saturating_duration_since(start)))
}

#[cfg(any(test, feature = "tokio", not(target_os = "linux")))]
fn start() -> (time::Instant, u64) {
    *START.get_or_init(|| {
        #[cfg(target_os = "linux")]
        let ticks = raw();
        #[cfg(not(target_os = "linux"))]
        let ticks = 3_600 * NANOS_PER_SEC;
        (time::Instant::now(), ticks)
    })
}

/// A moment of the standard library in ticks of this crate's clocks.
#[cfg(any(test, feature = "tokio"))]
pub(crate) fn in_ticks(moment: time::Instant) -> Instant {
    let (start, ticks) = start();
    Instant::from_ticks(match moment.checked_duration_since(start) {
        Some(after) => ticks.saturating_add(nanos(after)),
        None => ticks.saturating_sub(nanos(start.saturating_duration_since(moment))),
    })
}

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// Nanoseconds, saturating after 584 years.
#[cfg(any(test, feature = "tokio", not(target_os = "linux")))]
const fn nanos(span: time::Duration) -> u64 {
    span.as_secs().saturating_mul(NANOS_PER_SEC).saturating_add(span.subsec_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn moments_before_the_start_keep_their_distance() {
        let now = time::Instant::now();
        let Some(earlier) = now.checked_sub(Duration::from_secs(60)) else { return };
        assert_eq!(in_ticks(now).ticks_since(in_ticks(earlier)), 60_000_000_000);
    }

    #[test]
    fn nothing_overflows() {
        assert_eq!(nanos(Duration::MAX), u64::MAX);
        assert_eq!(nanos(Duration::new(1, 2)), 1_000_000_002);
    }
}
