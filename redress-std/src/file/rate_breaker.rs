//! The configuration of a breaker that counts rates, as plain data.

use std::sync::Arc;

use redress_core::{CircuitBreakerView, ClassSet, ConfigError, ErrorClass, Millis, RandomSource, breaker::RateConfig};
use serde::{Deserialize, Serialize};

use crate::{ThreadRandom, sized};

use super::breaker::{neutral, probe_lease, probes, recovery_timeout, trip_on, window};

/// A [`RateConfig`] as plain data.
///
/// Defaults, those of [`RateConfig::new`]:
/// - `window_ms` 60,000 in 10 `buckets`, `minimum_calls` 20, no `failure_count`
/// - `recovery_timeout_ms` 30,000, no `growing_timeout`, `jitter` 0
/// - `trip_on` `["transient", "server_error"]`, `neutral` `["unknown"]`
/// - `probes` 1, `probe_rate` 100, `probe_lease_ms` 60,000, not `progressive_ms`
/// - no `slow_calls`, no `abandoned_calls`, not `per_attempt`: these three need calls in a
///   [watched](crate::Context::watched) context
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateBreakerSettings {
    /// Percentage of failed calls that opens the circuit, 1 to 100.
    pub failure_rate: u8,
    /// Number of calls in the window before a rate counts, at least 1.
    #[serde(default = "minimum_calls")]
    pub minimum_calls: u16,
    /// Number of failures that opens the circuit at any rate, 1 to 65,534.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_count: Option<u16>,
    /// How long a call counts, from 1 ms to 12 hours.
    #[serde(default = "window")]
    pub window_ms: Millis,
    /// How many of the latest calls count, in the place of `window_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_of_calls: Option<u16>,
    /// Parts in which the window moves on, 1 to 255. With `window_of_calls`, at most so many.
    #[serde(default = "buckets")]
    pub buckets: u8,
    /// Slow calls, which count by a rate of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_calls: Option<SlowCalls>,
    /// How long the circuit stays open before a probe.
    #[serde(default = "recovery_timeout")]
    pub recovery_timeout_ms: Millis,
    /// Growth of the open time with each recovery that fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growing_timeout: Option<GrowingTimeout>,
    /// Percentage by which an open time is lengthened at most, at random, 0 to 100. Each breaker draws its own.
    #[serde(default)]
    pub jitter: u8,
    /// The classes whose failures count.
    #[serde(default = "trip_on")]
    pub trip_on: Vec<ErrorClass>,
    /// The classes whose failures say nothing about the dependency.
    #[serde(default = "neutral")]
    pub neutral: Vec<ErrorClass>,
    /// Calls which a half-open circuit admits, 1 to 15.
    #[serde(default = "probes")]
    pub probes: u8,
    /// Percentage of the probes that must succeed, 1 to 100.
    #[serde(default = "probe_rate")]
    pub probe_rate: u8,
    /// After how long without a word a probe's place is given to another.
    #[serde(default = "probe_lease")]
    pub probe_lease_ms: Millis,
    /// Span over which a growing share of the calls is admitted after a recovery, from 1 ms to 1 hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progressive_ms: Option<Millis>,
    /// Calls that their callers drop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abandoned_calls: Option<AbandonedCalls>,
    /// Whether attempts are observed in place of calls.
    #[serde(default)]
    pub per_attempt: bool,
}

/// See [`RateConfig::slow_calls`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlowCalls {
    /// A call that takes at least this long is slow.
    pub after_ms: Millis,
    /// Percentage of slow calls that opens the circuit, 1 to 100.
    pub rate: u8,
}

/// See [`RateConfig::growing_timeout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrowingTimeout {
    /// From the recovery timeout to 24 days.
    pub longest_ms: Millis,
    /// From 1 ms to 24 days.
    pub healthy_after_ms: Millis,
}

/// See [`RateConfig::abandoned_calls`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbandonedCalls {
    /// A call that is dropped sooner does not count.
    pub after_ms: Millis,
    /// The class of its failure, which trips the breaker.
    pub class: ErrorClass,
}

/// As many as in a budget's.
const fn buckets() -> u8 {
    10
}

const fn minimum_calls() -> u16 {
    20
}

const fn probe_rate() -> u8 {
    100
}

impl RateBreakerSettings {
    /// Opens at this percentage of failed calls; everything else has its default.
    pub fn new(failure_rate: u8) -> Self {
        Self {
            failure_rate,
            minimum_calls: minimum_calls(),
            failure_count: None,
            window_ms: window(),
            window_of_calls: None,
            buckets: buckets(),
            slow_calls: None,
            recovery_timeout_ms: recovery_timeout(),
            growing_timeout: None,
            jitter: 0,
            trip_on: trip_on(),
            neutral: neutral(),
            probes: probes(),
            probe_rate: probe_rate(),
            probe_lease_ms: probe_lease(),
            progressive_ms: None,
            abandoned_calls: None,
            per_attempt: false,
        }
    }

    /// Returns the configuration this describes, not yet validated.
    pub fn config(&self) -> RateConfig {
        let mut config = RateConfig::new(self.failure_rate)
            .buckets(self.buckets)
            .minimum_calls(self.minimum_calls)
            .window(self.window_ms.to_duration())
            .recovery_timeout(self.recovery_timeout_ms.to_duration())
            .jitter(self.jitter)
            .trip_on(ClassSet::of(&self.trip_on))
            .neutral(ClassSet::of(&self.neutral))
            .probes(self.probes)
            .probe_rate(self.probe_rate)
            .probe_lease(self.probe_lease_ms.to_duration());
        if let Some(calls) = self.window_of_calls {
            config = config.window_of_calls(calls);
        }
        if let Some(failures) = self.failure_count {
            config = config.failure_count(failures);
        }
        if let Some(SlowCalls { after_ms, rate }) = self.slow_calls {
            config = config.slow_calls(after_ms.to_duration(), rate);
        }
        if let Some(GrowingTimeout { longest_ms, healthy_after_ms }) = self.growing_timeout {
            config = config.growing_timeout(longest_ms.to_duration(), healthy_after_ms.to_duration());
        }
        if let Some(span) = self.progressive_ms {
            config = config.progressive(span.to_duration());
        }
        if let Some(AbandonedCalls { after_ms, class }) = self.abandoned_calls {
            config = config.abandoned_calls(after_ms.to_duration(), class);
        }
        if self.per_attempt { config.per_attempt() } else { config }
    }

    /// Returns whether something counts only in a watched context.
    pub(super) const fn needs_watching(&self) -> bool {
        self.slow_calls.is_some() || self.abandoned_calls.is_some() || self.per_attempt
    }

    /// Makes a breaker, with a seed of its own.
    pub(super) fn shared(&self) -> Result<Arc<CircuitBreakerView>, ConfigError> {
        sized::rates(self.config(), self.buckets, ThreadRandom.next_u32()).map(Arc::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By their `Debug`, which shows every field.
    #[test]
    fn defaults_are_those_of_the_breaker() {
        let settings: RateBreakerSettings = toml::from_str("failure_rate = 40").expect("the one required key");
        assert_eq!(settings, RateBreakerSettings::new(40));
        assert_eq!(format!("{:?}", settings.config()), format!("{:?}", RateConfig::new(40).buckets(10)));
    }

    #[test]
    fn every_key_reaches_its_field() {
        let settings: RateBreakerSettings = toml::from_str(
            "failure_rate = 40\nminimum_calls = 3\nfailure_count = 9\nwindow_ms = 5_000\nwindow_of_calls = 70\n\
             buckets = 7\nslow_calls = { after_ms = 200, rate = 60 }\nrecovery_timeout_ms = 7_000\n\
             growing_timeout = { longest_ms = 70_000, healthy_after_ms = 8_000 }\njitter = 25\ntrip_on = [\"transient\"]\n\
             neutral = [\"auth\"]\nprobes = 4\nprobe_rate = 75\nprobe_lease_ms = 6_000\nprogressive_ms = 9_000\n\
             abandoned_calls = { after_ms = 300, class = \"transient\" }\nper_attempt = true\n",
        )
        .expect("every key");
        let millis = std::time::Duration::from_millis;
        let config = RateConfig::new(40)
            .minimum_calls(3)
            .failure_count(9)
            .window(millis(5_000))
            .window_of_calls(70)
            .buckets(7)
            .slow_calls(millis(200), 60)
            .recovery_timeout(millis(7_000))
            .growing_timeout(millis(70_000), millis(8_000))
            .jitter(25)
            .trip_on(ClassSet::of(&[ErrorClass::Transient]))
            .neutral(ClassSet::of(&[ErrorClass::Auth]))
            .probes(4)
            .probe_rate(75)
            .probe_lease(millis(6_000))
            .progressive(millis(9_000))
            .abandoned_calls(millis(300), ErrorClass::Transient)
            .per_attempt();
        assert_eq!(format!("{:?}", settings.config()), format!("{config:?}"));
        assert!(settings.shared().is_ok());
        let written = toml::to_string(&settings).expect("no value that TOML lacks");
        assert_eq!(toml::from_str::<RateBreakerSettings>(&written).expect("its own text"), settings);
    }
}
