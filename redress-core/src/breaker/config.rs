//! Circuit breaker configuration.

use core::time::Duration;

use crate::{BreakerState, ClassSet, ConfigError, ErrorClass, Millis, window::MAX_WINDOW};

/// The longest recovery timeout and probe lease: 24 days, which are less than half of what 32 bits of milliseconds hold.
const MAX_WAIT: Millis = Millis::from_secs(24 * 86_400);

const UNKNOWN: ClassSet = ClassSet::EMPTY.with(ErrorClass::Unknown);

const WINDOW: usize = BreakerState::Closed as usize;
const RECOVERY: usize = BreakerState::Open as usize;
const LEASE: usize = BreakerState::HalfOpen as usize;

/// Configuration of a [`CircuitBreaker`](crate::CircuitBreaker).
///
/// Defaults:
/// - window 60 s
/// - recovery timeout 30 s
/// - trips on `Transient` and `ServerError`
/// - no thresholds of single classes
/// - `Unknown` is neutral
/// - one probe, lease 60 s
///
/// On a clock finer than a millisecond, window, recovery timeout and probe lease last up to one millisecond longer, and never
/// less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BreakerConfig {
    /// Window, recovery timeout and probe lease: the span of each state, by its number.
    pub(super) spans: [Millis; 3],
    /// Threshold per class; that of all classes where none is set.
    pub(crate) thresholds: [u8; 8],
    pub(crate) trip_on: ClassSet,
    pub(crate) neutral: ClassSet,
    pub(crate) own_threshold: ClassSet,
    pub(crate) probes: u8,
}

impl BreakerConfig {
    /// Creates the configuration of a breaker that opens after this many failed calls within the window.
    pub const fn new(failure_threshold: u8) -> Self {
        Self {
            spans: [Millis::from_secs(60), Millis::from_secs(30), Millis::from_secs(60)],
            thresholds: [failure_threshold; 8],
            trip_on: ClassSet::of(&[ErrorClass::Transient, ErrorClass::ServerError]),
            neutral: UNKNOWN,
            own_threshold: ClassSet::EMPTY,
            probes: 1,
        }
    }

    /// Sets how long a failure counts, from 1 ms to 12 hours.
    pub const fn window(mut self, window: Duration) -> Self {
        self.spans[WINDOW] = Millis::from_duration(window);
        self
    }

    /// Sets how long the circuit stays open before a probe is admitted, from 1 ms to 24 days.
    pub const fn recovery_timeout(mut self, timeout: Duration) -> Self {
        self.spans[RECOVERY] = Millis::from_duration(timeout);
        self
    }

    /// Sets the classes whose failures count. Failures of other classes show that the dependency responds, unless they are
    /// [neutral](Self::neutral).
    pub const fn trip_on(mut self, classes: ClassSet) -> Self {
        self.trip_on = classes;
        self
    }

    /// Sets the classes whose failures say nothing about the dependency. A probe that fails with one of them neither closes nor
    /// opens the circuit and gives its place back. While the circuit is closed they change nothing.
    ///
    /// The default is `Unknown`: a failure without a class may be a bug of the caller as well as a fault of the dependency, so
    /// it is no reason to close a circuit, and none to open it again. A class that trips the breaker is not neutral: with
    /// `Unknown` in `trip_on` or with a threshold, the default has no effect, and any other class in both sets is an error.
    ///
    /// ```
    /// use core::time::Duration;
    /// use redress_core::{BreakerConfig, BreakerState, CircuitBreaker, ErrorClass, testing::ManualClock};
    ///
    /// static BREAKER: CircuitBreaker<1> =
    ///     CircuitBreaker::new(BreakerConfig::new(1).recovery_timeout(Duration::from_secs(10)));
    ///
    /// let clock = ManualClock::new();
    /// BREAKER.record_failure(ErrorClass::ServerError, &clock);
    /// clock.advance(Duration::from_secs(10));
    /// assert_eq!(BREAKER.try_acquire(&clock)?.failure(ErrorClass::Unknown, &clock), None);
    /// assert_eq!(BREAKER.state(), BreakerState::HalfOpen);
    /// BREAKER.try_acquire(&clock)?.success(&clock); // the place was free
    /// assert_eq!(BREAKER.state(), BreakerState::Closed);
    /// # Ok::<(), redress_core::Rejected>(())
    /// ```
    pub const fn neutral(mut self, classes: ClassSet) -> Self {
        self.neutral = classes;
        self
    }

    /// Sets a threshold for one class. The class then counts even if it is not in `trip_on`, and by this threshold alone.
    pub const fn threshold_for(mut self, class: ErrorClass, threshold: u8) -> Self {
        #[expect(clippy::indexing_slicing, reason = "a class is below 8")]
        {
            self.thresholds[class as usize] = threshold;
        }
        self.own_threshold = self.own_threshold.with(class);
        self
    }

    /// Sets how many calls a half-open circuit admits, 1 to 15. It closes once that many have succeeded.
    pub const fn probes(mut self, probes: u8) -> Self {
        self.probes = probes;
        self
    }

    /// Sets the lease of a probe, from 1 ms to 24 days: a probe that has not reported after this long gives up its place.
    /// Choose it longer than the longest call.
    pub const fn probe_lease(mut self, lease: Duration) -> Self {
        self.spans[LEASE] = Millis::from_duration(lease);
        self
    }

    /// Checks every field, and the thresholds against the number of slots.
    #[expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "sums of eight bytes; a class is below 8"
    )]
    pub(crate) const fn validate(&self, capacity: usize) -> Result<(), ConfigError> {
        // The failures that each threshold allows, and the one that is too many.
        let (mut needed, mut common, mut class) = (1, 0, 0);
        while class < ErrorClass::ALL.len() {
            if self.thresholds[class] == 0 {
                return Err(ConfigError::ZeroThreshold);
            }
            let allowed = self.thresholds[class] as usize - 1;
            if self.own_threshold.contains(ErrorClass::ALL[class]) {
                needed += allowed;
            } else {
                common = allowed;
            }
            class += 1;
        }
        needed += common;
        if needed > capacity {
            return Err(ConfigError::ThresholdAboveCapacity);
        }
        let [window, recovery, lease] = self.spans;
        if window.get() == 0 || window.get() > MAX_WINDOW.get() {
            return Err(ConfigError::WindowOutOfRange);
        }
        if recovery.get() == 0 || recovery.get() > MAX_WAIT.get() {
            return Err(ConfigError::RecoveryTimeoutOutOfRange);
        }
        if self.probes == 0 || self.probes > 15 {
            return Err(ConfigError::ProbesOutOfRange);
        }
        if lease.get() == 0 || lease.get() > MAX_WAIT.get() {
            return Err(ConfigError::ProbeLeaseOutOfRange);
        }
        if !self.normal().trip_on.and(self.neutral).without(UNKNOWN).is_empty() {
            return Err(ConfigError::NeutralTrips);
        }
        Ok(())
    }

    /// Returns the span that counts in a state: window, recovery timeout or probe lease.
    #[expect(clippy::indexing_slicing, reason = "three states")]
    pub(crate) const fn span(&self, state: BreakerState) -> Millis {
        self.spans[state as usize]
    }

    /// Returns whether a failure of this class counts.
    pub(crate) const fn trips(&self, class: ErrorClass) -> bool {
        self.normal().trip_on.contains(class)
    }

    /// Returns whether one failure can be too few to open the circuit.
    pub(crate) const fn counts_up(&self) -> bool {
        let mut rest = self.thresholds.as_slice();
        while let [threshold, others @ ..] = rest {
            if *threshold > 1 {
                return true;
            }
            rest = others;
        }
        false
    }

    /// Returns the configuration with all the classes that count in one set, and none of them neutral.
    pub(crate) const fn normal(mut self) -> Self {
        self.trip_on = self.trip_on.or(self.own_threshold);
        self.neutral = self.neutral.without(self.trip_on);
        self
    }
}
