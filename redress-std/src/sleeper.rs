//! Waiting by letting the thread sleep.

use std::{thread, time::Duration};

use redress_core::Sleeper;

/// Lets the thread sleep; ticks are nanoseconds, those of [`StdClock`](crate::StdClock).
///
/// ```
/// use redress_std::{Clock, Sleeper, StdClock, ThreadSleeper};
///
/// let before = StdClock.now();
/// ThreadSleeper.sleep(2_000_000);
/// assert!(StdClock.now().ticks_since(before) >= 2_000_000);
/// ```
///
/// Together with a clock and a source of random numbers it makes an environment of its own:
///
/// ```
/// use redress_std::{Blocking, SeededRandom, StdClock, ThreadSleeper};
///
/// let repeatable = Blocking::new(StdClock, ThreadSleeper, SeededRandom::new(7));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ThreadSleeper;

impl Sleeper for ThreadSleeper {
    #[inline]
    fn sleep(&mut self, ticks: u64) {
        thread::sleep(Duration::from_nanos(ticks));
    }
}
