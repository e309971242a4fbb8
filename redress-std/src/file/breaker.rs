//! A breaker's configuration as plain data.

use std::sync::Arc;

use redress_core::{BreakerConfig, ByClass, CircuitBreakerView, ClassSet, ConfigError, ErrorClass, Millis};
use serde::{Deserialize, Serialize};

use crate::sized;

/// A [`BreakerConfig`] as plain data.
///
/// Defaults, those of [`BreakerConfig::new`]:
/// - `window_ms` 60,000, `recovery_timeout_ms` 30,000
/// - `trip_on` `["transient", "server_error"]`, no `thresholds` of single classes
/// - `neutral` `["unknown"]`
/// - `probes` 1, `probe_lease_ms` 60,000
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerSettings {
    /// Failed calls within the window which open the circuit.
    pub failure_threshold: u8,
    /// How long a failure counts.
    #[serde(default = "window")]
    pub window_ms: Millis,
    /// How long the circuit stays open before a probe.
    #[serde(default = "recovery_timeout")]
    pub recovery_timeout_ms: Millis,
    /// The classes whose failures count.
    #[serde(default = "trip_on")]
    pub trip_on: Vec<ErrorClass>,
    /// The classes whose failures say nothing about the dependency: a probe that fails with one gives its place back.
    #[serde(default = "neutral")]
    pub neutral: Vec<ErrorClass>,
    /// Thresholds of single classes, which then count whether they are in `trip_on` or not.
    #[serde(default)]
    pub thresholds: ByClass<Option<u8>>,
    /// Calls which a half-open circuit admits.
    #[serde(default = "probes")]
    pub probes: u8,
    /// After how long without a word a probe's place is given to another.
    #[serde(default = "probe_lease")]
    pub probe_lease_ms: Millis,
}

pub(super) const fn window() -> Millis {
    Millis::from_secs(60)
}

pub(super) const fn recovery_timeout() -> Millis {
    Millis::from_secs(30)
}

pub(super) fn trip_on() -> Vec<ErrorClass> {
    vec![ErrorClass::Transient, ErrorClass::ServerError]
}

pub(super) fn neutral() -> Vec<ErrorClass> {
    vec![ErrorClass::Unknown]
}

pub(super) const fn probes() -> u8 {
    1
}

pub(super) const fn probe_lease() -> Millis {
    Millis::from_secs(60)
}

impl BreakerSettings {
    /// Opens after so many failed calls; everything else has its default.
    pub fn new(failure_threshold: u8) -> Self {
        Self {
            failure_threshold,
            window_ms: window(),
            recovery_timeout_ms: recovery_timeout(),
            trip_on: trip_on(),
            neutral: neutral(),
            thresholds: ByClass::default(),
            probes: probes(),
            probe_lease_ms: probe_lease(),
        }
    }

    /// The configuration this describes, not yet validated.
    pub fn config(&self) -> BreakerConfig {
        let mut config = BreakerConfig::new(self.failure_threshold)
            .window(self.window_ms.to_duration())
            .recovery_timeout(self.recovery_timeout_ms.to_duration())
            .trip_on(ClassSet::of(&self.trip_on))
            .neutral(ClassSet::of(&self.neutral))
            .probes(self.probes)
            .probe_lease(self.probe_lease_ms.to_duration());
        for class in ErrorClass::ALL {
            if let Some(threshold) = self.thresholds.get(class) {
                config = config.threshold_for(class, *threshold);
            }
        }
        config
    }

    /// Makes a breaker.
    pub(super) fn shared(&self) -> Result<Arc<CircuitBreakerView>, ConfigError> {
        sized::failures(self.config()).map(Arc::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_breaker() {
        let settings: BreakerSettings = toml::from_str("failure_threshold = 4").expect("the one required key");
        assert_eq!(settings, BreakerSettings::new(4));
        assert_eq!(settings.config(), BreakerConfig::new(4));
    }

    #[test]
    fn as_many_failures_as_bytes_count() {
        let mut settings = BreakerSettings::new(255);
        assert!(settings.shared().is_ok());
        settings.thresholds.rate_limit = Some(255);
        assert!(settings.shared().is_ok());
    }
}
