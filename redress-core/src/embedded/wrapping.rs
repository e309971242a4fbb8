//! A clock out of a counter that wraps.

use crate::{
    Clock,
    lock::{Halves, Lock},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Instant,
};

/// A clock that extends a wrapping `u32` counter of `HZ` ticks per second, such as a timer's register or a
/// millisecond count.
///
/// It MUST be asked at least once in each half of the counter's period, 2^31 ticks (24.8 days in milliseconds, 36
/// minutes at 1 MHz): what goes by unobserved beyond that is lost. Calls ask it before and after each wait; a device
/// which may do nothing for longer asks it from some periodic work. The counter has to use all 32 bits: multiply a
/// shorter one until it does.
///
/// - A step of half the period or more is a jump back: no time has passed, and counting goes on from there. So a counter
///   that is restarted, as after deep sleep, stops nothing.
/// - A counter which reads back by a little, as one put together from a register and an overflow count may, has that
///   little counted twice; it never makes the clock jump by a period.
///
/// The state is 12 bytes of atomics, changed in a critical section in which the counter is read: tasks and interrupt
/// handlers share one clock in a `static`.
///
/// ```
/// use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use redress_core::{Clock, embedded::WrappingClock};
///
/// static MILLIS: AtomicU32 = AtomicU32::new(0); // counted by a timer's interrupt
/// static CLOCK: WrappingClock<fn() -> u32, 1_000> = WrappingClock::new(|| MILLIS.load(Relaxed));
///
/// MILLIS.store(0x7000_0000, Relaxed);
/// CLOCK.now();
/// MILLIS.store(0xE000_0000, Relaxed);
/// CLOCK.now();
/// MILLIS.store(5, Relaxed);
/// assert_eq!(CLOCK.now().ticks(), 0x1_0000_0005);
/// ```
#[derive(Debug)]
pub struct WrappingClock<F, const HZ: u32> {
    counter: F,
    /// The count at `now`.
    last: AtomicU32,
    now: Halves,
    lock: Lock,
}

impl<F: Fn() -> u32, const HZ: u32> WrappingClock<F, HZ> {
    /// A clock on this counter, which is read in critical sections and so MUST be quick. A counter that stands in its
    /// upper half when it is first asked starts at zero.
    pub const fn new(counter: F) -> Self {
        Self { counter, last: AtomicU32::new(0), now: Halves::new(0), lock: Lock::new() }
    }
}

/// Steps from here on are steps back.
const HALF_PERIOD: u32 = 1 << 31;

impl<F: Fn() -> u32, const HZ: u32> Clock for WrappingClock<F, HZ> {
    const TICK_HZ: u32 = HZ;

    fn now(&self) -> Instant {
        self.lock.with(|| {
            let count = (self.counter)();
            let step = count.wrapping_sub(self.last.load(Relaxed));
            self.last.store(count, Relaxed);
            let before = Instant::from_ticks(self.now.load());
            if step >= HALF_PERIOD {
                return before;
            }
            let now = before.saturating_add(step.into());
            self.now.store(now.ticks());
            now
        })
    }
}

#[cfg(test)]
mod tests {
    use core::{cell::Cell, time::Duration};

    use super::*;
    use crate::{
        AttemptInfo, Backoff, Blocking, BreakerConfig, BreakerState, CircuitBreaker, ErrorClass, Millis, Policy, Retry,
        SeededRandom, StopReason,
    };

    type CounterClock<'a> = WrappingClock<&'a dyn Fn() -> u32, 1_000>;

    const SECOND: Duration = Duration::from_secs(1);

    /// Runs a test at all phases around the wrap of a counter of milliseconds: with the clock, and a function that lets
    /// time pass.
    fn around_the_wrap(test: impl Fn(&CounterClock<'_>, &dyn Fn(u64))) {
        for before_wrap in [0_u32, 1, 2, 999, 1_000, 1_001, 2_500, 10_000] {
            let count = Cell::new(u32::MAX / 2);
            let read = || count.get();
            let clock = CounterClock::new(&read);
            clock.now();
            count.set(0_u32.wrapping_sub(before_wrap));
            let start = clock.now();
            test(&clock, &|millis| count.set(count.get().wrapping_add(u32::try_from(millis).unwrap())));
            assert!(clock.now() > start);
        }
    }

    #[test]
    fn it_counts_through_every_wrap() {
        let count = Cell::new(0_u32);
        let read = || count.get();
        let clock = CounterClock::new(&read);
        let (mut expected, step) = (0, HALF_PERIOD - 1);
        for _ in 0..1_000 {
            assert_eq!(clock.now().ticks(), expected);
            count.set(count.get().wrapping_add(step));
            expected += u64::from(step);
        }
    }

    #[test]
    fn a_jump_back_is_no_time_and_counting_goes_on_from_there() {
        let count = Cell::new(1_000_000_u32);
        let read = || count.get();
        let clock = CounterClock::new(&read);
        assert_eq!(clock.now().ticks(), 1_000_000);
        count.set(0);
        assert_eq!(clock.now().ticks(), 1_000_000);
        count.set(7);
        assert_eq!(clock.now().ticks(), 1_000_007);
        // Half a period in one step cannot be told from a jump back.
        count.set(7 + HALF_PERIOD);
        assert_eq!(clock.now().ticks(), 1_000_007);
    }

    #[test]
    fn a_counter_first_seen_in_its_upper_half_starts_at_zero() {
        let count = Cell::new(u32::MAX - 4);
        let read = || count.get();
        let clock = CounterClock::new(&read);
        assert_eq!(clock.now().ticks(), 0);
        count.set(5);
        assert_eq!(clock.now().ticks(), 10);
    }

    #[test]
    fn backoffs_are_waited_out_across_the_wrap() {
        static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(SECOND)).max_attempts(4));
        around_the_wrap(|clock, pass| {
            let slept = Cell::new(0);
            let sleep = |ticks| {
                slept.set(slept.get() + ticks);
                pass(ticks);
            };
            let env = Blocking::new(clock, sleep, SeededRandom::new(1));
            // In slices, which are cut by what the clock says.
            let mut context = POLICY.context(env).slice(Duration::from_millis(300), || {});
            let outcome = context.execute(|| Err::<(), _>(ErrorClass::Transient));
            assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::MaxAttemptsGlobal), 4));
            assert_eq!((slept.get(), outcome.elapsed), (3_000, Millis::from_secs(3)));
        });
    }

    #[test]
    fn a_deadline_holds_across_the_wrap() {
        static POLICY: Policy =
            Policy::new(Retry::new(Backoff::constant(SECOND)).deadline(Duration::from_millis(2_500)));
        around_the_wrap(|clock, pass| {
            let mut context = POLICY.context(Blocking::new(clock, pass, SeededRandom::new(1)));
            let error = context
                .call(|attempt: AttemptInfo| {
                    assert_eq!(attempt.remaining, Some(Millis::new(2_500 - (attempt.number - 1) * 1_000)));
                    Err::<(), _>(ErrorClass::Transient)
                })
                .unwrap_err();
            assert_eq!((error.reason, error.attempts), (StopReason::DeadlineExceeded, 3));
        });
    }

    #[test]
    fn a_breaker_opens_and_closes_across_the_wrap() {
        around_the_wrap(|clock, pass| {
            let config = BreakerConfig::new(3).window(3 * SECOND).recovery_timeout(2 * SECOND);
            let breaker = CircuitBreaker::<3>::try_new(config).unwrap();
            for expected in [None, None, Some(BreakerState::Open)] {
                assert_eq!(breaker.record_failure(ErrorClass::Transient, clock), expected);
                pass(500);
            }
            for left in [1_500, 1_000, 500] {
                assert_eq!(breaker.try_acquire(clock).unwrap_err().retry_after(), Millis::new(left));
                pass(500);
            }
            assert_eq!(breaker.try_acquire(clock).unwrap().success(clock), Some(BreakerState::Closed));
            // Stamps of before the wrap expire after it.
            for _ in 0..9 {
                assert_eq!(breaker.record_failure(ErrorClass::Transient, clock), None);
                pass(1_500);
            }
        });
    }
}
