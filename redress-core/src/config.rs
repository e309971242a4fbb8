//! Settings as plain data: what a file, a flag or a colleague hands over.

#[cfg(feature = "serde")]
mod words;

use core::{ops::Deref, time::Duration};

use heapless::Vec;

use crate::{
    Backoff, ByClass, ConfigError, ErrorClass, Millis, Policy, Retry,
    retry::{NO_LIMIT, UNKNOWN_RETRIES, UNLIMITED},
};

/// The longest fixed list of delays that a configuration can hold; a [`Backoff`] in code has no such limit.
pub const MAX_DELAYS: usize = 16;

/// Everything a [`Retry`] is made of, as plain data with public fields: to be shared, printed, changed, and (feature
/// `serde`) read from a file. Unknown keys are refused. Where `None` means something else than a missing key, a file has a
/// word for it, because TOML has no null; where a format has one, null is read too.
///
/// Defaults, the same as those of [`Retry::new`] except the backoff, which code must choose itself:
/// - 6 attempts, deadline 60 s, at most 1 retry of an unknown failure
/// - no limits of single classes, no attempt timeout
/// - a server's hint is followed up to the length of the deadline, or up to an hour without one
/// - equal jitter from 250 ms to 30 s
///
/// Equal jitter is the default by two models. In the outage of `tests/tests/storm.rs` the shape decides nothing: without a budget
/// decorrelated, full and equal jitter stay down alike, with [`BudgetConfig::DEFAULT`](crate::BudgetConfig::DEFAULT) none does. In
/// a fleet of 20,000 simulated devices that do not give up, with delays from 1 s to 300 s, equal jitter puts 0.93 of the normal
/// load on a server that is down for ten minutes (full 1.08, decorrelated 1.87), and after a power cut 99 % of the devices are
/// served within 247 s (full 362 s, decorrelated never). With delays up to 60 s, only equal jitter recovers from the power cut.
/// A contention of 100 clients costs it 2 % more calls than full jitter (decorrelated: 26 % more). The fleet's figures, with the
/// commands that make them, are in the guide of `redress_std::simulate`.
///
/// ```
/// use redress_core::{Millis, Policy, RetryConfig};
///
/// let mut config = RetryConfig { max_attempts: Some(4), deadline_ms: Some(Millis::from_secs(45)), ..Default::default() };
/// config.limits.rate_limit = Some(2);
/// let policy = Policy::from_config(&config)?;
///
/// config.max_attempts = Some(0);
/// assert_eq!(Policy::from_config(&config).unwrap_err().to_string(), "max_attempts: must be at least 1");
/// # Ok::<(), redress_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RetryConfig {
    /// Attempts, the first included; `None` for any number, in a file `"unlimited"`.
    #[cfg_attr(feature = "serde", serde(with = "words::unlimited"))]
    pub max_attempts: Option<u32>,
    /// Deadline of a call from its start; `None` for none, in a file `"none"`.
    #[cfg_attr(feature = "serde", serde(with = "words::none"))]
    pub deadline_ms: Option<Millis>,
    /// Timeout of each attempt; `None` for none, in a file `"none"`.
    #[cfg_attr(feature = "serde", serde(with = "words::none"))]
    pub attempt_timeout_ms: Option<Millis>,
    /// The longest hint of a server that is followed, see [`Retry::retry_after_cap`]; `None` for the length of the deadline, or an
    /// hour without one, in a file `"auto"`.
    #[cfg_attr(feature = "serde", serde(with = "words::auto"))]
    pub retry_after_cap_ms: Option<Millis>,
    /// Retries of unknown failures, 0 to 254; `None` for any number, in a file `"unlimited"`.
    #[cfg_attr(feature = "serde", serde(with = "words::unlimited"))]
    pub max_unknown: Option<u8>,
    /// Retries of each class, 0 to 254; `None` for any number.
    pub limits: ByClass<Option<u8>>,
    /// The backoff of classes without their own; `None` if these are not retried, in a file `"per_class"`.
    #[cfg_attr(feature = "serde", serde(with = "words::per_class"))]
    pub backoff: Option<BackoffConfig>,
    /// Backoffs of single classes.
    pub backoffs: ByClass<Option<BackoffConfig>>,
}

/// A [`Backoff`] as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BackoffConfig {
    /// The formula.
    pub delay: DelayConfig,
    /// Whether a server's Retry-After is followed where it asks for more, as with [`Backoff::or_retry_after`].
    #[cfg_attr(feature = "serde", serde(default))]
    pub retry_after: bool,
    /// Whether any hint is followed as it is, also zero, as with [`Backoff::or_retry_after_as_is`].
    #[cfg_attr(feature = "serde", serde(default))]
    pub retry_after_as_is: bool,
    /// The jitter that is added to a hint, at most one hour; `None` for as long as the hint, at least 250 ms.
    #[cfg_attr(feature = "serde", serde(default))]
    pub retry_after_jitter_ms: Option<Millis>,
}

/// The formulas of [`Backoff`], named like its constructors.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(missing_docs, reason = "Backoff documents the formulas")]
#[non_exhaustive]
pub enum DelayConfig {
    None,
    Constant { delay_ms: Millis },
    Fixed { delays_ms: DelayList },
    Exponential { base_ms: Millis, max_ms: Millis },
    FullJitter { base_ms: Millis, max_ms: Millis },
    EqualJitter { base_ms: Millis, max_ms: Millis },
    DecorrelatedJitter { base_ms: Millis, max_ms: Millis },
    TokenBackoff { base_ms: Millis, max_ms: Millis },
}

/// The delays of a fixed list, up to [`MAX_DELAYS`].
///
/// ```
/// use redress_core::{ConfigError, DelayList, MAX_DELAYS, Millis};
///
/// let delays = DelayList::new(&[Millis::new(100), Millis::new(500)])?;
/// assert_eq!(delays.len(), 2);
/// assert_eq!(DelayList::new(&[Millis::ZERO; MAX_DELAYS + 1]), Err(ConfigError::TooManyDelays));
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DelayList(Vec<Millis, MAX_DELAYS>);

impl DelayList {
    /// Creates a list of these delays.
    ///
    /// # Errors
    ///
    /// There are more than [`MAX_DELAYS`].
    pub fn new(delays: &[Millis]) -> Result<Self, ConfigError> {
        Vec::from_slice(delays).map(Self).map_err(|_| ConfigError::TooManyDelays)
    }
}

impl Deref for DelayList {
    type Target = [Millis];

    fn deref(&self) -> &[Millis] {
        &self.0
    }
}

impl From<DelayConfig> for BackoffConfig {
    fn from(delay: DelayConfig) -> Self {
        Self { delay, retry_after: false, retry_after_as_is: false, retry_after_jitter_ms: None }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        let delay = DelayConfig::EqualJitter { base_ms: Millis::new(250), max_ms: Millis::from_secs(30) };
        Self {
            max_attempts: Some(6),
            deadline_ms: Some(Millis::from_secs(60)),
            attempt_timeout_ms: None,
            retry_after_cap_ms: None,
            max_unknown: Some(UNKNOWN_RETRIES),
            limits: ByClass::default(),
            backoff: Some(delay.into()),
            backoffs: ByClass::default(),
        }
    }
}

impl BackoffConfig {
    /// Returns whether a server's Retry-After is followed, in either way.
    pub const fn follows_hints(&self) -> bool {
        self.retry_after || self.retry_after_as_is
    }

    /// Creates the backoff that this describes. A fixed list stays where it is.
    ///
    /// # Errors
    ///
    /// The field that contradicts another or is out of its bounds.
    pub fn backoff(&self) -> Result<Backoff<'_>, ConfigError> {
        type Bounded = fn(Duration, Duration) -> Result<Backoff<'static>, ConfigError>;
        let bounded = |backoff: Bounded, base: Millis, max: Millis| backoff(base.to_duration(), max.to_duration());
        let backoff = match self.delay {
            DelayConfig::None => Backoff::none(),
            DelayConfig::Constant { delay_ms } => Backoff::constant(delay_ms.to_duration()),
            DelayConfig::Fixed { ref delays_ms } => Backoff::try_fixed(delays_ms)?,
            DelayConfig::Exponential { base_ms, max_ms } => bounded(Backoff::try_exponential, base_ms, max_ms)?,
            DelayConfig::FullJitter { base_ms, max_ms } => bounded(Backoff::try_full_jitter, base_ms, max_ms)?,
            DelayConfig::EqualJitter { base_ms, max_ms } => bounded(Backoff::try_equal_jitter, base_ms, max_ms)?,
            DelayConfig::DecorrelatedJitter { base_ms, max_ms } => {
                bounded(Backoff::try_decorrelated_jitter, base_ms, max_ms)?
            }
            DelayConfig::TokenBackoff { base_ms, max_ms } => bounded(Backoff::try_token_backoff, base_ms, max_ms)?,
        };
        let backoff = match self.retry_after_jitter_ms {
            _ if !self.follows_hints() => return Ok(backoff),
            None => backoff.or_retry_after(),
            Some(jitter) => backoff.try_or_retry_after_jittered(jitter.to_duration())?,
        };
        Ok(if self.retry_after_as_is { backoff.hints_as_they_are() } else { backoff })
    }
}

impl<'a> Retry<'a> {
    /// Creates what a configuration describes. Contradictions between fields are found by [`Policy::try_new`].
    ///
    /// # Errors
    ///
    /// The field of a backoff that contradicts another or is out of its bounds.
    pub fn from_config(config: &'a RetryConfig) -> Result<Self, ConfigError> {
        let mut retry = Self::configured(match &config.backoff {
            Some(backoff) => backoff.backoff()?,
            None => Backoff::MISSING,
        });
        retry.max_attempts = config.max_attempts.unwrap_or(UNLIMITED);
        retry.set_max_unknown(config.max_unknown.unwrap_or(NO_LIMIT));
        retry.set_deadline(config.deadline_ms);
        if let Some(timeout) = config.attempt_timeout_ms {
            retry.set_attempt_timeout(timeout);
        }
        if let Some(cap) = config.retry_after_cap_ms {
            retry.set_retry_after_cap(cap);
        }
        for class in ErrorClass::ALL {
            if let Some(retries) = config.limits.get(class) {
                retry.set_limit(class, *retries);
            }
            if let Some(backoff) = config.backoffs.get(class) {
                retry.set_backoff(class, backoff.backoff()?);
            }
        }
        Ok(retry)
    }
}

impl<'a> Policy<'a> {
    /// Creates a policy as a configuration describes it, without breaker and budget.
    ///
    /// # Errors
    ///
    /// The field that contradicts another or is out of its bounds.
    pub fn from_config(config: &'a RetryConfig) -> Result<Self, ConfigError> {
        Self::try_new(Retry::from_config(config)?)
    }
}
