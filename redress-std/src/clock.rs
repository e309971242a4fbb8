//! The monotonic clock of the operating system.

use std::{sync::OnceLock, time};

use redress_core::{Clock, Instant};

/// Where every clock of this crate counts from.
static START: OnceLock<time::Instant> = OnceLock::new();

/// What the clocks show at the start: one hour.
///
/// A paused tokio clock may stand at a moment before the first use of this crate. With a start at zero it would read
/// zero until it had caught up, as if no time passed.
const HEAD_START: u64 = 3_600_000_000_000;

/// The monotonic clock: [`std::time::Instant`] in nanoseconds since the first use in the process.
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
        since_start(time::Instant::now())
    }
}

/// A moment in ticks, those before the start included.
#[inline]
pub(crate) fn since_start(moment: time::Instant) -> Instant {
    let start = *START.get_or_init(time::Instant::now);
    Instant::from_ticks(match moment.checked_duration_since(start) {
        Some(after) => HEAD_START.saturating_add(nanos(after)),
        None => HEAD_START.saturating_sub(nanos(start.saturating_duration_since(moment))),
    })
}

/// Nanoseconds, saturating after 584 years.
#[inline]
const fn nanos(span: time::Duration) -> u64 {
    span.as_secs().saturating_mul(1_000_000_000).saturating_add(span.subsec_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn moments_before_the_start_keep_their_distance() {
        let now = time::Instant::now();
        let Some(earlier) = now.checked_sub(Duration::from_secs(60)) else { return };
        assert_eq!(since_start(now).ticks_since(since_start(earlier)), 60_000_000_000);
    }

    #[test]
    fn nothing_overflows() {
        assert_eq!(nanos(Duration::MAX), u64::MAX);
        assert_eq!(nanos(Duration::new(1, 2)), 1_000_000_002);
    }
}
