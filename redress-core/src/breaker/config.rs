//! What a breaker is told: thresholds, spans, which classes count.

use core::time::Duration;

use crate::{ClassSet, ConfigError, ErrorClass, Millis, window::MAX_WINDOW};

/// The longest recovery timeout and probe lease: 24 days, which are less than half of what 32 bits of milliseconds hold.
const MAX_WAIT: Millis = Millis::from_secs(24 * 86_400);

/// Configuration of a [`CircuitBreaker`](crate::CircuitBreaker).
///
/// Defaults:
/// - window 60 s
/// - recovery timeout 30 s
/// - trips on `Transient` and `ServerError`
/// - no thresholds of single classes
/// - one probe, lease 60 s
///
/// On a clock finer than a millisecond window and probe lease are up to a millisecond shorter or longer; the recovery timeout
/// lasts up to one millisecond longer, and never less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BreakerConfig {
    pub(crate) window: Millis,
    pub(crate) recovery_timeout: Millis,
    pub(crate) probe_lease: Millis,
    /// Of classes without their own that of all.
    pub(crate) thresholds: [u8; 8],
    pub(crate) failure_threshold: u8,
    pub(crate) trip_on: ClassSet,
    pub(crate) own_threshold: ClassSet,
    pub(crate) probes: u8,
}

impl BreakerConfig {
    /// Opens after so many failed calls within the window.
    pub const fn new(failure_threshold: u8) -> Self {
        Self {
            window: Millis::from_secs(60),
            recovery_timeout: Millis::from_secs(30),
            probe_lease: Millis::from_secs(60),
            thresholds: [failure_threshold; 8],
            failure_threshold,
            trip_on: ClassSet::of(&[ErrorClass::Transient, ErrorClass::ServerError]),
            own_threshold: ClassSet::EMPTY,
            probes: 1,
        }
    }

    /// How long a failure counts, from 1 ms to 12 hours.
    pub const fn window(mut self, window: Duration) -> Self {
        self.window = Millis::from_duration(window);
        self
    }

    /// How long the circuit stays open before a probe is let through, from 1 ms to 24 days.
    pub const fn recovery_timeout(mut self, timeout: Duration) -> Self {
        self.recovery_timeout = Millis::from_duration(timeout);
        self
    }

    /// The classes whose failures count. Others are answers: the dependency lives.
    pub const fn trip_on(mut self, classes: ClassSet) -> Self {
        self.trip_on = classes;
        self
    }

    /// Gives a class a threshold of its own. It then counts even if it is not in `trip_on`, and is judged by this
    /// threshold alone.
    pub const fn threshold_for(mut self, class: ErrorClass, threshold: u8) -> Self {
        #[expect(clippy::indexing_slicing, reason = "a class is below 8")]
        {
            self.thresholds[class as usize] = threshold;
        }
        self.own_threshold = self.own_threshold.with(class);
        self
    }

    /// How many calls a half-open circuit admits, 1 to 15; it closes once that many succeeded.
    pub const fn probes(mut self, probes: u8) -> Self {
        self.probes = probes;
        self
    }

    /// After this long without a word, the places of admitted probes are given to others: from 1 ms to 24 days.
    /// Choose it longer than the longest call.
    pub const fn probe_lease(mut self, lease: Duration) -> Self {
        self.probe_lease = Millis::from_duration(lease);
        self
    }

    /// Checks every field, and the thresholds against the number of slots.
    #[expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "sums of nine bytes; a class is below 8"
    )]
    pub(crate) const fn validate(&self, capacity: usize) -> Result<(), ConfigError> {
        if self.failure_threshold == 0 {
            return Err(ConfigError::ZeroThreshold);
        }
        let mut needed = self.failure_threshold as usize;
        let mut class = 0;
        while class < ErrorClass::ALL.len() {
            if self.own_threshold.contains(ErrorClass::ALL[class]) {
                if self.thresholds[class] == 0 {
                    return Err(ConfigError::ZeroThreshold);
                }
                needed += self.thresholds[class] as usize - 1;
            }
            class += 1;
        }
        if needed > capacity {
            return Err(ConfigError::ThresholdAboveCapacity);
        }
        if self.window.get() == 0 || self.window.get() > MAX_WINDOW.get() {
            return Err(ConfigError::WindowOutOfRange);
        }
        if self.recovery_timeout.get() == 0 || self.recovery_timeout.get() > MAX_WAIT.get() {
            return Err(ConfigError::RecoveryTimeoutOutOfRange);
        }
        if self.probes == 0 || self.probes > 15 {
            return Err(ConfigError::ProbesOutOfRange);
        }
        if self.probe_lease.get() == 0 || self.probe_lease.get() > MAX_WAIT.get() {
            return Err(ConfigError::ProbeLeaseOutOfRange);
        }
        Ok(())
    }

    /// Whether a failure of this class counts against the circuit.
    pub(crate) const fn trips(&self, class: ErrorClass) -> bool {
        self.normal().trip_on.contains(class)
    }

    /// The same with all the classes that trip in one set.
    pub(crate) const fn normal(mut self) -> Self {
        self.trip_on = self.trip_on.or(self.own_threshold);
        self
    }
}
