//! A clock for boards without a timer.

use crate::{
    AsyncSleeper, Clock, Millis, Sleeper,
    lock::{Halves, Lock},
    time::{ClockRate, Instant},
};

/// A clock that counts only what was slept, for boards which can wait but have no timer to read.
///
/// Waits go through a [sleeper](Self::sleeper) made from it. Time between waits does not exist for it: deadlines, windows
/// and recovery timeouts count waiting alone and come later than by a real clock, never sooner. Add time
/// that is known from elsewhere, such as that of a deep sleep, with [`advance`](Self::advance); without it a breaker opened
/// outside of calls stays open until a call has waited.
///
/// `HZ` is the tick rate; milliseconds, 1000, serve all of redress. The state is 8 bytes of atomics, changed in critical
/// sections, so the clock can be in a `static`.
///
/// ```
/// use core::time::Duration;
/// use redress_core::{Backoff, Blocking, ErrorClass, Policy, Retry, SeededRandom, StopReason, embedded::SleptClock};
///
/// static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(2))).deadline(Duration::from_secs(5)));
///
/// # fn busy_wait(_millis: u64) {}
/// let clock = SleptClock::<1_000>::new();
/// let env = Blocking::new(&clock, clock.sleeper(|ticks| busy_wait(ticks)), SeededRandom::new(7));
/// let outcome = POLICY.context(env).execute(|| Err::<(), _>(ErrorClass::Transient));
/// assert_eq!((outcome.stop_reason, outcome.elapsed.get()), (Some(StopReason::DeadlineExceeded), 4_000));
/// ```
#[derive(Debug, Default)]
pub struct SleptClock<const HZ: u32> {
    now: Halves,
    lock: Lock,
}

impl<const HZ: u32> SleptClock<HZ> {
    /// A clock at zero.
    pub const fn new() -> Self {
        Self { now: Halves::new(0), lock: Lock::new() }
    }

    /// Creates a sleeper that waits with `inner`, in ticks of this clock, and adds the time to the clock.
    pub const fn sleeper<S>(&self, inner: S) -> CountingSleeper<'_, S, HZ> {
        CountingSleeper { clock: self, inner }
    }

    /// Counts time that went by elsewhere.
    pub fn advance(&self, span: Millis) {
        self.advance_ticks(Self::RATE.ticks(span));
    }

    fn advance_ticks(&self, ticks: u64) {
        self.lock.with(|| self.now.store(self.now.load().saturating_add(ticks)));
    }
}

impl<const HZ: u32> Clock for SleptClock<HZ> {
    const TICK_HZ: u32 = HZ;

    fn now(&self) -> Instant {
        Instant::from_ticks(self.lock.with(|| self.now.load()))
    }
}

/// Waits with another sleeper and tells a [`SleptClock`]. A wait that is dropped before its end is not counted.
#[derive(Debug)]
pub struct CountingSleeper<'c, S, const HZ: u32> {
    clock: &'c SleptClock<HZ>,
    pub(crate) inner: S,
}

impl<S: Sleeper, const HZ: u32> Sleeper for CountingSleeper<'_, S, HZ> {
    fn sleep(&mut self, ticks: u64) {
        self.inner.sleep(ticks);
        self.clock.advance_ticks(ticks);
    }
}

impl<S: AsyncSleeper, const HZ: u32> AsyncSleeper for CountingSleeper<'_, S, HZ> {
    async fn sleep(&mut self, ticks: u64) {
        self.inner.sleep(ticks).await;
        self.clock.advance_ticks(ticks);
    }
}

#[cfg(test)]
mod tests {
    use core::{cell::Cell, time::Duration};

    use super::*;
    use crate::{
        Backoff, Blocking, BreakerConfig, BreakerState, CircuitBreaker, ErrorClass, Local, Policy, Retry, SeededRandom,
        StopReason, testing::block_on,
    };

    #[test]
    fn what_was_slept_is_the_time() {
        static POLICY: Policy =
            Policy::new(Retry::new(Backoff::constant(Duration::from_millis(250))).deadline(Duration::from_secs(1)));
        let clock = SleptClock::<32_768>::new();
        let slept = Cell::new(0);
        let env = Blocking::new(&clock, clock.sleeper(|ticks| slept.set(slept.get() + ticks)), SeededRandom::new(1));
        let outcome = POLICY.context(env).execute(|| Err::<(), _>(ErrorClass::Transient));
        assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::DeadlineExceeded), 4));
        assert_eq!((slept.get(), clock.now().ticks()), (24_576, 24_576));
    }

    struct AtOnce;

    impl AsyncSleeper for AtOnce {
        async fn sleep(&mut self, _ticks: u64) {}
    }

    #[test]
    fn async_waits_count_when_they_are_over() {
        static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(1))).max_attempts(3));
        let clock = SleptClock::<1_000>::new();
        drop(clock.sleeper(AtOnce).sleep(99));
        assert_eq!(clock.now().ticks(), 0);
        let mut context = POLICY.context(Local::new(&clock, clock.sleeper(AtOnce), SeededRandom::new(1)));
        let error = block_on(context.call(async || Err::<(), _>(ErrorClass::Transient))).unwrap_err();
        assert_eq!((error.attempts, clock.now().ticks()), (3, 2_000));
    }

    #[test]
    fn time_from_elsewhere_lets_a_breaker_recover() {
        static CLOCK: SleptClock<1_000> = SleptClock::new();
        let config = BreakerConfig::new(1).recovery_timeout(Duration::from_secs(30));
        let breaker = CircuitBreaker::<1>::try_new(config).unwrap();
        breaker.record_failure(ErrorClass::Transient, &CLOCK);
        assert!(breaker.try_acquire(&CLOCK).is_err());
        CLOCK.advance(Millis::from_secs(30));
        assert_eq!(breaker.try_acquire(&CLOCK).unwrap().success(&CLOCK), Some(BreakerState::Closed));
    }
}
