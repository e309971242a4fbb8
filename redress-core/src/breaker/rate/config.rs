//! Configuration of a breaker that counts rates.

use core::time::Duration;

use crate::{BreakerConfig, ClassSet, ConfigError, ErrorClass, Millis, rng::Fnv};

use super::BreakerListener;

/// The longest progressive admission: 1 hour.
const MAX_RAMP: Millis = Millis::from_secs(3_600);
const MAX_WAIT: Millis = Millis::from_secs(24 * 86_400);

/// Configuration of a [`RateBreaker`](super::RateBreaker), which refers to it where it lies, in flash.
///
/// Defaults:
/// - window 60 s, at least 20 calls in it; as many buckets as the breaker has
/// - recovery timeout 30 s, which does not grow and has no jitter
/// - trips on `Transient` and `ServerError`; `Unknown` is neutral
/// - one probe, which must succeed; lease 60 s; after it, all calls are admitted at once
/// - slow calls and calls that were abandoned do not count
/// - observes whole calls
/// - no listener
///
/// Slow calls, abandoned calls and attempts need a [watched](crate::Context::watched) context, or bare permits that say how
/// long a call took.
#[derive(Clone, Copy)]
pub struct RateConfig {
    pub(crate) base: BreakerConfig,
    /// The window if it is one of calls; zero for one of time.
    pub(crate) window_calls: u16,
    pub(crate) minimum_calls: u16,
    /// Zero for any number.
    pub(super) failure_count: u16,
    pub(super) failure_rate: u8,
    pub(super) slow_rate: u8,
    /// Zero if slow calls do not count.
    pub(super) slow: Millis,
    /// Zero if the open time does not grow.
    pub(super) longest_open: Millis,
    pub(super) healthy_after: Millis,
    pub(super) jitter: u8,
    pub(super) probe_rate: u8,
    /// Zero if all calls are admitted at once.
    pub(super) ramp: Millis,
    pub(super) abandoned: Option<(Millis, ErrorClass)>,
    pub(super) per_attempt: bool,
    /// `None` for all that the breaker has.
    buckets: Option<u8>,
    pub(super) listener: Option<&'static dyn BreakerListener>,
}

impl RateConfig {
    /// Creates the configuration of a breaker that opens once this share of the calls in the window has failed, 1 to 100
    /// percent.
    pub const fn new(failure_rate: u8) -> Self {
        Self {
            base: BreakerConfig::new(1),
            window_calls: 0,
            minimum_calls: 20,
            failure_count: 0,
            failure_rate,
            slow_rate: 100,
            slow: Millis::ZERO,
            longest_open: Millis::ZERO,
            healthy_after: Millis::ZERO,
            jitter: 0,
            probe_rate: 100,
            ramp: Millis::ZERO,
            abandoned: None,
            per_attempt: false,
            buckets: None,
            listener: None,
        }
    }

    /// Sets how long a call counts, from 1 ms to 12 hours. Calls leave the window a bucket at a time: with ten buckets, after
    /// nine to ten tenths of the window.
    pub const fn window(mut self, window: Duration) -> Self {
        self.base = self.base.window(window);
        self.window_calls = 0;
        self
    }

    /// Makes the window one of calls: the latest `calls` of them count, however old they are. They leave a bucket at a time, so
    /// that with ten buckets nine to ten tenths of the window count; with as many buckets as calls, all of it.
    ///
    /// At least one per bucket, and at least [`minimum_calls`](Self::minimum_calls) without the oldest bucket.
    ///
    /// Consecutive failures are a rate of 100 percent of so many calls, in as many buckets:
    /// `RateConfig::new(100).window_of_calls(5).minimum_calls(5)` with a `RateBreaker<5>` opens after five failures in a row.
    pub const fn window_of_calls(mut self, calls: u16) -> Self {
        self.window_calls = calls;
        self
    }

    /// Sets how many buckets the window has, from 1 to those of the breaker, which are the default: for numbers of buckets that
    /// are known only at run time.
    ///
    /// ```
    /// use redress_core::breaker::{RateBreaker, RateConfig};
    ///
    /// let failures = 7; // a setting
    /// let config = RateConfig::new(100).window_of_calls(failures.into()).minimum_calls(failures.into()).buckets(failures);
    /// assert!(RateBreaker::<16, RateConfig>::try_owning(config).is_ok());
    /// ```
    pub const fn buckets(mut self, buckets: u8) -> Self {
        self.buckets = Some(buckets);
        self
    }

    /// Sets how many calls the window must hold before a rate counts, at least 1.
    pub const fn minimum_calls(mut self, calls: u16) -> Self {
        self.minimum_calls = calls;
        self
    }

    /// Opens the circuit also at this many failures in the window, at any rate and number of calls. At least 1.
    pub const fn failure_count(mut self, failures: u16) -> Self {
        // Zero is an error, which the largest number stands for: no window counts that far.
        self.failure_count = if failures == 0 { u16::MAX } else { failures };
        self
    }

    /// Counts calls that took at least this long, whether they succeeded or failed, and opens the circuit once they are this
    /// share of the window, 1 to 100 percent. A slow probe counts as failed.
    ///
    /// The time is that of the whole call, its waits included, or with [`per_attempt`](Self::per_attempt) that of an attempt.
    /// Calls with bare permits say how long they took: [`Permit::success_after`](crate::breaker::Permit::success_after).
    pub const fn slow_calls(mut self, threshold: Duration, rate: u8) -> Self {
        self.slow = Millis::from_duration(threshold);
        // As for `failure_count`.
        self.slow_rate = if self.slow.get() == 0 { 0 } else { rate };
        self
    }

    /// Sets how long the circuit stays open before a probe is admitted, from 1 ms to 24 days.
    pub const fn recovery_timeout(mut self, timeout: Duration) -> Self {
        self.base = self.base.recovery_timeout(timeout);
        self
    }

    /// Doubles the open time with each recovery that fails, up to `longest`. It begins anew at the recovery timeout once the
    /// circuit has been closed for `healthy_after`; a circuit that opens sooner has failed to recover.
    ///
    /// `longest` is from the recovery timeout to 24 days, `healthy_after` from 1 ms to 24 days.
    pub const fn growing_timeout(mut self, longest: Duration, healthy_after: Duration) -> Self {
        self.longest_open = Millis::from_duration(longest);
        self.healthy_after = Millis::from_duration(healthy_after);
        if self.longest_open.get() == 0 {
            self.longest_open = Millis::new(1);
        }
        self
    }

    /// Lengthens each open time by a random part of up to this many percent, 0 to 100, so that clients which failed together
    /// do not probe together. Give each of them a [seed](super::RateBreaker::seed).
    pub const fn jitter(mut self, percent: u8) -> Self {
        self.jitter = percent;
        self
    }

    /// Sets the classes whose failures count, like [`BreakerConfig::trip_on`].
    pub const fn trip_on(mut self, classes: ClassSet) -> Self {
        self.base = self.base.trip_on(classes);
        self
    }

    /// Sets the classes whose failures say nothing, like [`BreakerConfig::neutral`]. They are not counted as calls either.
    pub const fn neutral(mut self, classes: ClassSet) -> Self {
        self.base = self.base.neutral(classes);
        self
    }

    /// Sets how many calls a half-open circuit admits, 1 to 15.
    pub const fn probes(mut self, probes: u8) -> Self {
        self.base = self.base.probes(probes);
        self
    }

    /// Sets the share of the probes that must succeed for the circuit to close, 1 to 100 percent, rounded up to whole probes.
    /// The circuit closes or opens as soon as the probes that are left cannot change that any more.
    pub const fn probe_rate(mut self, percent: u8) -> Self {
        self.probe_rate = percent;
        self
    }

    /// Sets the lease of a probe, like [`BreakerConfig::probe_lease`].
    pub const fn probe_lease(mut self, lease: Duration) -> Self {
        self.base = self.base.probe_lease(lease);
        self
    }

    /// Admits a share of the calls after a recovery that grows from none to all over this span, 1 ms to 1 hour. The circuit is
    /// closed meanwhile, and the others are rejected with the rest of the span as the time until calls are admitted.
    pub const fn progressive(mut self, span: Duration) -> Self {
        let span = Millis::from_duration(span);
        // As for `failure_count`.
        self.ramp = if span.get() == 0 { Millis::MAX } else { span };
        self
    }

    /// Counts a call that its caller drops in the middle of an attempt, at least `after` its beginning, as a failure of this
    /// class. A call that is dropped sooner, or in a wait, is not counted, as by default none is.
    ///
    /// # Why it is not the default
    ///
    /// A call is dropped because it hangs, by a timeout around it, or because its result is of no use any more: a request
    /// that was cancelled, a race that another won. Only the caller knows which of them takes how long. Without a span the
    /// breaker would open on healthy dependencies wherever callers give up early. Prefer a deadline or an attempt timeout of
    /// the policy, which reports to the breaker by itself; this is for calls under the timeout of a framework, a tower layer
    /// for example. It must be shorter than that timeout.
    pub const fn abandoned_calls(mut self, after: Duration, class: ErrorClass) -> Self {
        self.abandoned = Some((Millis::from_duration(after), class));
        self
    }

    /// Observes attempts in place of whole calls: each failed attempt is counted, and each attempt needs admission, so that an
    /// open circuit stops also calls that are retrying. They end with [`CircuitOpen`](crate::StopReason::CircuitOpen) and
    /// the latest error.
    pub const fn per_attempt(mut self) -> Self {
        self.per_attempt = true;
        self
    }

    /// Sets the listener, which hears every change of state, also those by hand and by bare permits.
    pub const fn listener(mut self, listener: &'static dyn BreakerListener) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Returns the number of buckets of a breaker that has this many.
    pub(super) const fn buckets_of(&self, capacity: usize) -> usize {
        match self.buckets {
            Some(buckets) => buckets as usize,
            None => capacity,
        }
    }

    /// Returns the length of a bucket, of which the breaker has this many: milliseconds, or calls.
    pub(super) const fn bucket(&self, capacity: usize) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "at most 255")]
        let buckets = match self.buckets_of(capacity) as u32 {
            0 => 1,
            buckets => buckets,
        };
        let window = match self.window_calls {
            0 => self.base.span(crate::BreakerState::Closed).get(),
            calls => calls as u32,
        };
        window.div_ceil(buckets)
    }

    #[expect(clippy::arithmetic_side_effects, reason = "products of numbers below 2^16 and 256")]
    pub(super) const fn validate(&self, capacity: usize) -> Result<(), ConfigError> {
        if let Err(error) = self.base.validate(1) {
            return Err(error);
        }
        let buckets = self.buckets_of(capacity);
        if buckets == 0 || buckets > 255 || buckets > capacity {
            return Err(ConfigError::BucketsOutOfRange);
        }
        if self.failure_rate == 0 || self.failure_rate > 100 || self.slow_rate == 0 || self.slow_rate > 100 {
            return Err(ConfigError::RateOutOfRange);
        }
        if self.minimum_calls == 0 {
            return Err(ConfigError::ZeroMinimumCalls);
        }
        if self.failure_count == u16::MAX {
            return Err(ConfigError::ZeroFailureCount);
        }
        // What the window holds once a bucket has been emptied, and one call more.
        let held = (buckets - 1) * self.bucket(capacity) as usize + 1;
        let calls = self.window_calls as usize;
        if calls != 0 && (calls < buckets || held < self.minimum_calls as usize) {
            return Err(ConfigError::WindowOfCallsTooShort);
        }
        let (base, longest) = (self.base.span(crate::BreakerState::Open).get(), self.longest_open.get());
        let healthy = self.healthy_after.get();
        if longest != 0 && (longest < base || longest > MAX_WAIT.get() || healthy == 0 || healthy > MAX_WAIT.get()) {
            return Err(ConfigError::GrowingTimeoutOutOfRange);
        }
        if self.jitter > 100 {
            return Err(ConfigError::JitterAboveAll);
        }
        if self.probe_rate == 0 || self.probe_rate > 100 {
            return Err(ConfigError::ProbeRateOutOfRange);
        }
        if self.ramp.get() > MAX_RAMP.get() {
            return Err(ConfigError::ProgressiveOutOfRange);
        }
        if let Some((after, class)) = self.abandoned
            && (after.get() == 0 || !self.base.trips(class))
        {
            return Err(ConfigError::AbandonedOutOfRange);
        }
        Ok(())
    }

    /// Returns a number that other configurations are not likely to have, for checkpoints.
    pub(super) fn fingerprint(&self) -> u16 {
        let mut hash = Fnv::new();
        for span in self.base.spans {
            hash.add(span.get());
        }
        let [abandoned, class] = match self.abandoned {
            Some((after, class)) => [after.get(), (class as u32).wrapping_add(1)],
            None => [0, 0],
        };
        for number in [
            self.base.trip_on.bits().into(),
            self.base.neutral.bits().into(),
            self.base.probes.into(),
            self.window_calls.into(),
            self.minimum_calls.into(),
            self.failure_count.into(),
            self.failure_rate.into(),
            self.slow_rate.into(),
            self.slow.get(),
            self.longest_open.get(),
            self.healthy_after.get(),
            self.jitter.into(),
            self.probe_rate.into(),
            self.ramp.get(),
            abandoned,
            class,
            self.per_attempt.into(),
        ] {
            hash.add(number);
        }
        if let Some(buckets) = self.buckets {
            hash.add(buckets.into());
        }
        hash.folded()
    }

    /// Returns whether a call that took this long was slow.
    pub(super) fn is_slow(&self, took: Millis) -> bool {
        self.slow.get() != 0 && took >= self.slow
    }

    /// Returns how many probes must succeed.
    #[expect(clippy::arithmetic_side_effects, reason = "products of bytes")]
    pub(super) const fn needed_probes(&self) -> u32 {
        (self.base.probes as u32 * self.probe_rate as u32).div_ceil(100)
    }
}

impl core::fmt::Debug for RateConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RateConfig")
            .field("failure_rate", &self.failure_rate)
            .field("failure_count", &self.failure_count)
            .field("slow_calls", &(self.slow, self.slow_rate))
            .field("minimum_calls", &self.minimum_calls)
            .field("window_of_calls", &self.window_calls)
            .field("base", &self.base)
            .field("growing_timeout", &(self.longest_open, self.healthy_after))
            .field("jitter", &self.jitter)
            .field("probe_rate", &self.probe_rate)
            .field("progressive", &self.ramp)
            .field("abandoned_calls", &self.abandoned)
            .field("per_attempt", &self.per_attempt)
            .field("buckets", &self.buckets)
            .field("listener", &self.listener.is_some())
            .finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for RateConfig {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "RateConfig(failure_rate {}, base {})", self.failure_rate, self.base);
    }
}
