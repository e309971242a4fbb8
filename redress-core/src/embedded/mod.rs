//! Support for bare metal: counters that wrap, boards without a timer, devices that need a reset, and the traits of the
//! embedded ecosystem.
//!
//! | | feature | |
//! |---|---|---|
//! | [`WrappingClock`] | | a clock out of a `u32` counter that wraps |
//! | [`SleptClock`] | | a clock for boards without a timer: counts what was slept |
//! | `DelaySleeper` | `embedded-hal-v1`, `embedded-hal-async-v1` | a `DelayNs` as sleeper |
//! | `hal` | `embedded-hal-v1` | classes of I2C, SPI, digital and PWM errors |
//! | `io` | `embedded-io-v0.6`, `embedded-io-v0.7` | classes of I/O errors |
//! | `nb` | `nb-v1` | operations which return `nb::Result` |
//!
//! Waits that must not be longer than a watchdog's patience are cut by [`Context::slice`](crate::Context::slice). What
//! must be known after deep sleep: [`Run::suspend`](crate::Run::suspend), [`Attempts::suspend`](crate::Attempts::suspend)
//! and [`CircuitBreaker::checkpoint`](crate::CircuitBreaker::checkpoint).
//!
//! # Waits below a millisecond
//!
//! Delays are whole milliseconds. An operation that is to be polled more often, such as an EEPROM in its write cycle, waits by itself
//! before each attempt but the first. The backoff is none, and the deadline or the number of attempts ends the polling.
//!
//! ```
//! use core::time::Duration;
//! use redress_core::{AttemptInfo, Backoff, ErrorClass, Policy, Retry, testing::TestEnv};
//!
//! // A write cycle takes up to 5 ms; the memory is asked each 100 µs.
//! static WRITE_CYCLE: Policy =
//!     Policy::new(Retry::new(Backoff::none()).max_attempts(100).deadline(Duration::from_millis(10)));
//!
//! # let (mut waited, mut refusals) = (0, 30);
//! # let mut delay_us = |micros: u32| waited += micros;
//! # let mut read = || if refusals == 0 { Ok(21) } else { refusals -= 1; Err(ErrorClass::Transient) };
//! let mut memory = WRITE_CYCLE.context(TestEnv::new()); // on a board: Blocking::new(clock, sleeper, random)
//! let byte = memory.call(|attempt: AttemptInfo| {
//!     if attempt.number > 1 {
//!         delay_us(100); // of a `DelayNs`
//!     }
//!     read()
//! });
//! # assert_eq!((byte, waited), (Ok(21), 3_000));
//! ```

#[cfg(any(feature = "embedded-hal-v1", feature = "embedded-hal-async-v1"))]
mod delay;
#[cfg(feature = "embedded-hal-v1")]
pub mod hal;
#[cfg(any(feature = "embedded-io-v0.6", feature = "embedded-io-v0.7"))]
pub mod io;
#[cfg(feature = "nb-v1")]
pub mod nb;
mod slept;
mod wrapping;

#[cfg(any(feature = "embedded-hal-v1", feature = "embedded-hal-async-v1"))]
pub use delay::DelaySleeper;
pub use slept::{CountingSleeper, SleptClock};
pub use wrapping::WrappingClock;

#[cfg(test)]
mod tests {
    use core::{cell::Cell, time::Duration};

    use crate::{Backoff, Blocking, Clock, ErrorClass, Policy, Retry, SeededRandom, StopReason, testing::ManualClock};

    static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(35))).max_attempts(2));

    /// A watchdog that bites after 8 s.
    #[derive(Default)]
    struct Watchdog {
        clock: ManualClock,
        fed: Cell<u64>,
        feedings: Cell<u32>,
    }

    impl Watchdog {
        fn feed(&self) {
            let now = self.clock.now().ticks();
            assert!(now - self.fed.get() <= 8_000, "bitten after {} ms", now - self.fed.get());
            self.fed.set(now);
            self.feedings.set(self.feedings.get() + 1);
        }
    }

    #[test]
    fn long_waits_are_sliced_for_the_watchdog() {
        // A sleeper may be late; what it took too long is taken off the rest.
        for (late, feedings) in [(0, 5), (500, 5)] {
            let watchdog = Watchdog::default();
            let clock = &watchdog.clock;
            let env = Blocking::new(clock, |ticks| clock.advance_ticks(ticks + late), SeededRandom::new(1));
            let mut context = POLICY.context(env).slice(Duration::from_millis(7_500), || watchdog.feed());
            let error = context.call(|| Err::<(), _>(ErrorClass::Transient)).unwrap_err();
            assert_eq!((error.reason, watchdog.feedings.get()), (StopReason::MaxAttemptsGlobal, feedings));
            assert_eq!(clock.now().ticks(), 35_000 + late);
        }
    }

    #[test]
    fn a_clock_that_stands_still_does_not_stretch_a_sliced_wait() {
        let (clock, slept, fed) = (ManualClock::new(), Cell::new(0), Cell::new(0));
        let env = Blocking::new(&clock, |ticks| slept.set(slept.get() + ticks), SeededRandom::new(1));
        let mut context = POLICY.context(env).slice(Duration::from_secs(10), || fed.set(fed.get() + 1));
        assert!(context.call(|| Err::<(), _>(ErrorClass::Transient)).is_err());
        assert_eq!((slept.get(), fed.get()), (35_000, 4));
    }
}
