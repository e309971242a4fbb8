//! The delays of `embedded-hal` as sleepers.

use core::marker::PhantomData;

use crate::{Clock, Millis, time::ClockRate};

/// A `DelayNs` as sleeper, blocking or async, that counts in ticks of a clock. Features `embedded-hal-v1` (blocking) and
/// `embedded-hal-async-v1`.
///
/// A delay has no clock, so one has to be paired with it: a hardware timer, a
/// [`WrappingClock`](crate::embedded::WrappingClock), or for boards without either a
/// [`SleptClock`](crate::embedded::SleptClock).
///
/// ```
/// # struct Delay; impl embedded_hal::delay::DelayNs for Delay { fn delay_ns(&mut self, _ns: u32) {} }
/// # let delay = Delay;
/// use redress_core::{Blocking, SeededRandom, embedded::{DelaySleeper, SleptClock}};
///
/// let clock = SleptClock::<1_000>::new();
/// let sleeper = clock.sleeper(DelaySleeper::new(&clock, delay));
/// let env = Blocking::new(&clock, sleeper, SeededRandom::new(0x5EED));
/// ```
///
/// Ticks are rounded up to whole milliseconds. Waits are cut into delays of at most 4 s: the argument of `delay_ns` ends
/// at 4.29 s, and a `delay_ms` that multiplies by the clock's frequency, as there are some, overflows not much later.
#[derive(Debug)]
pub struct DelaySleeper<D, C> {
    delay: D,
    clock: PhantomData<fn() -> C>,
}

impl<D, C: Clock> DelaySleeper<D, C> {
    /// Creates a sleeper that counts in ticks of this clock.
    pub const fn new(clock: &C, delay: D) -> Self {
        let _ = clock;
        Self { delay, clock: PhantomData }
    }
}

/// The longest single delay.
const LONGEST: Millis = Millis::from_secs(4);

/// Takes one delay off `ticks` and returns its milliseconds, rounded up.
fn next_delay<C: Clock>(ticks: &mut u64) -> Option<u32> {
    if *ticks == 0 {
        return None;
    }
    let delay = (*ticks).min(C::RATE.ticks(LONGEST));
    *ticks = ticks.saturating_sub(delay);
    let down = C::RATE.millis(delay);
    Some(if C::RATE.ticks(down) < delay { down.get().saturating_add(1) } else { down.get() })
}

#[cfg(feature = "embedded-hal-v1")]
impl<D: embedded_hal::delay::DelayNs, C: Clock> crate::Sleeper for DelaySleeper<D, C> {
    fn sleep(&mut self, mut ticks: u64) {
        while let Some(millis) = next_delay::<C>(&mut ticks) {
            self.delay.delay_ms(millis);
        }
    }
}

#[cfg(feature = "embedded-hal-async-v1")]
impl<D: embedded_hal_async::delay::DelayNs, C: Clock> crate::AsyncSleeper for DelaySleeper<D, C> {
    async fn sleep(&mut self, mut ticks: u64) {
        while let Some(millis) = next_delay::<C>(&mut ticks) {
            self.delay.delay_ms(millis).await;
        }
    }
}

#[cfg(all(test, feature = "embedded-hal-v1", feature = "embedded-hal-async-v1"))]
mod tests {
    use super::*;
    use crate::{AsyncSleeper, Sleeper, embedded::SleptClock, testing::block_on};

    /// Adds up nanoseconds, through the provided methods.
    #[derive(Default)]
    struct Recorder {
        nanos: u64,
        calls: u32,
    }

    impl embedded_hal::delay::DelayNs for Recorder {
        fn delay_ns(&mut self, ns: u32) {
            self.nanos += u64::from(ns);
            self.calls += 1;
        }
    }

    impl embedded_hal_async::delay::DelayNs for Recorder {
        async fn delay_ns(&mut self, ns: u32) {
            embedded_hal::delay::DelayNs::delay_ns(self, ns);
        }
    }

    fn slept<const HZ: u32>(ticks: u64) -> (u64, u32) {
        let clock = SleptClock::<HZ>::new();
        let mut blocking = Recorder::default();
        Sleeper::sleep(&mut DelaySleeper::new(&clock, &mut blocking), ticks);
        let mut asynch = Recorder::default();
        block_on(AsyncSleeper::sleep(&mut DelaySleeper::new(&clock, &mut asynch), ticks));
        assert_eq!((blocking.nanos, blocking.calls), (asynch.nanos, asynch.calls));
        (blocking.nanos / 1_000_000, blocking.calls)
    }

    #[test]
    fn ticks_become_milliseconds_rounded_up() {
        assert_eq!(slept::<1_000>(0), (0, 0));
        assert_eq!(slept::<1_000>(1), (1, 1));
        assert_eq!(slept::<1_000_000>(1), (1, 1));
        assert_eq!(slept::<1_000_000>(1_000), (1, 1));
        assert_eq!(slept::<1_000_000>(1_001), (2, 1));
        assert_eq!(slept::<32_768>(32_768), (1_000, 1));
        assert_eq!(slept::<32_768>(1), (1, 1));
        assert_eq!(slept::<1>(1), (1_000, 1));
    }

    #[test]
    fn long_waits_are_cut_into_delays_whose_nanoseconds_fit() {
        assert_eq!(slept::<1_000>(4_000), (4_000, 1));
        assert_eq!(slept::<1_000>(4_001), (4_001, 2));
        // An hour is 3.6e12 ns, which in 32 bits would be 0.76 s.
        assert_eq!(slept::<1_000>(3_600_000), (3_600_000, 900));
        assert_eq!(slept::<1_000_000>(3_600_000_000), (3_600_000, 900));
        // Longer than milliseconds can count.
        assert_eq!(slept::<1_000>(1 << 32), (1 << 32, 1_073_742));
    }
}
