//! Scenarios as they stand in the vectors, and the policies they describe.

use std::{collections::BTreeMap, time::Duration};

use redress_core::{
    Backoff, BreakerConfig, Budget, BudgetConfig, CircuitBreaker, ClassSet, ErrorClass, Millis, Policy, Retry,
};
use serde::Deserialize;
use serde_json::Value;

/// Slots of each breaker and budget: more than any threshold a byte can hold.
pub const SLOTS: usize = 256;

/// A class by its name in capitals.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "String")]
pub struct Class(pub ErrorClass);

impl TryFrom<String> for Class {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let found = ErrorClass::ALL.into_iter().find(|class| class.as_str().to_uppercase() == name);
        found.map(Self).ok_or_else(|| format!("{name} is no class"))
    }
}

/// One item of a scenario file. What the trace does not depend on is left out.
#[derive(Clone, Debug, Deserialize)]
pub struct Scenario {
    /// Named after the rule it shows.
    pub id: String,
    /// The policy of all calls.
    pub policy: PolicySpec,
    /// Draws from `[0, 1)`, consumed in order over all calls.
    pub random: Vec<f64>,
    /// The calls, in order.
    pub calls: Vec<Call>,
    /// How far a value whose key ends in `_us` may be off.
    pub tolerance_us: u64,
    /// The trace; a plain value, because it is compared field by field.
    pub expected: Value,
}

/// The configuration of a scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct PolicySpec {
    pub max_attempts: u32,
    pub deadline_ms: u64,
    pub max_unknown_attempts: Option<u8>,
    pub per_class_max_attempts: BTreeMap<Class, u8>,
    pub default_strategy: Option<StrategySpec>,
    pub class_strategies: BTreeMap<Class, StrategySpec>,
    pub budget: Option<BudgetSpec>,
    pub breaker: Option<BreakerSpec>,
}

/// A strategy.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub enum StrategySpec {
    Fixed { delays_ms: Vec<Millis> },
    DecorrelatedJitter { base_ms: u64, max_ms: u64 },
    EqualJitter { base_ms: u64, max_ms: u64 },
    TokenBackoff { base_ms: u64, max_ms: u64 },
    RetryAfterOr { fallback: Box<StrategySpec>, jitter_ms: u64 },
}

/// A rolling budget.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct BudgetSpec {
    pub max_retries: u16,
    pub window_ms: u64,
}

/// A breaker.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct BreakerSpec {
    pub failure_threshold: u8,
    pub window_ms: u64,
    pub recovery_timeout_ms: u64,
    pub trip_on: Option<Vec<Class>>,
    pub class_thresholds: BTreeMap<Class, u8>,
}

/// One call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct Call {
    pub gap_ms: u64,
    pub attempts: Vec<AttemptSpec>,
    pub abort_if: Option<AbortSpec>,
    pub sleep_decisions: Option<Vec<Answer>>,
    #[serde(default)]
    pub oversleep_ms: Vec<u64>,
    pub operation: Option<String>,
}

/// When the abort condition begins to hold.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct AbortSpec {
    pub at_ms: u64,
}

/// What an attempt does.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct AttemptSpec {
    pub took_ms: u64,
    pub result: AttemptResult,
    pub class: Option<Class>,
    pub retry_after_ms: Option<i64>,
}

/// How an attempt ends.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub enum AttemptResult {
    Ok,
    Error,
    ResultFailure,
    Abort,
}

/// What the sleep handler answers.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub enum Answer {
    Sleep,
    Defer,
    Abort,
}

/// A hint: negative ones read as zero, those too long as the longest span.
pub fn hint(millis: i64) -> Millis {
    Millis::new(u32::try_from(millis.max(0)).unwrap_or(u32::MAX))
}

impl StrategySpec {
    /// The backoff it describes, or why there is none.
    pub fn backoff(&self) -> Result<Backoff<'_>, String> {
        let span = Duration::from_millis;
        let backoff = match self {
            Self::Fixed { delays_ms } => Backoff::try_fixed(delays_ms),
            Self::DecorrelatedJitter { base_ms, max_ms } => {
                Backoff::try_decorrelated_jitter(span(*base_ms), span(*max_ms))
            }
            Self::EqualJitter { base_ms, max_ms } => Backoff::try_equal_jitter(span(*base_ms), span(*max_ms)),
            Self::TokenBackoff { base_ms, max_ms } => Backoff::try_token_backoff(span(*base_ms), span(*max_ms)),
            // It takes any hint as it is. A fallback that is itself one of these is only asked when there is no hint, and then asks
            // its own.
            Self::RetryAfterOr { fallback, jitter_ms } => {
                fallback.backoff()?.try_or_retry_after_as_is(span(*jitter_ms))
            }
        };
        backoff.map_err(|error| error.to_string())
    }
}

impl BudgetSpec {
    /// An unspent budget.
    pub fn build(&self) -> Result<Budget<SLOTS>, String> {
        Budget::try_new(BudgetConfig::rolling(self.max_retries, Duration::from_millis(self.window_ms)))
            .map_err(|error| error.to_string())
    }
}

impl BreakerSpec {
    /// A closed breaker. All thresholds have to fit the slots, which the sum of eight of them may not.
    pub fn build(&self) -> Result<CircuitBreaker<SLOTS>, String> {
        let mut config = BreakerConfig::new(self.failure_threshold)
            .window(Duration::from_millis(self.window_ms))
            .recovery_timeout(Duration::from_millis(self.recovery_timeout_ms))
            // In the vectors, every failure that does not count is an answer.
            .neutral(ClassSet::EMPTY);
        if let Some(classes) = &self.trip_on {
            config = config.trip_on(classes.iter().fold(ClassSet::EMPTY, |set, class| set.with(class.0)));
        }
        for (class, threshold) in &self.class_thresholds {
            config = config.threshold_for(class.0, *threshold);
        }
        CircuitBreaker::try_new(config).map_err(|error| error.to_string())
    }
}

/// The live state which the calls of a scenario share.
#[derive(Debug)]
pub struct Shared {
    /// The breaker, if there is one.
    pub breaker: Option<CircuitBreaker<SLOTS>>,
    /// The budget, if there is one.
    pub budget: Option<Budget<SLOTS>>,
}

impl PolicySpec {
    /// Breaker and budget as they are at first.
    pub fn shared(&self) -> Result<Shared, String> {
        Ok(Shared {
            breaker: self.breaker.as_ref().map(BreakerSpec::build).transpose()?,
            budget: self.budget.as_ref().map(BudgetSpec::build).transpose()?,
        })
    }

    /// The policy over them, with its deadline or without.
    pub fn policy<'a>(&'a self, shared: &'a Shared, deadline: bool) -> Result<Policy<'a>, String> {
        let mut retry = match &self.default_strategy {
            Some(strategy) => Retry::new(strategy.backoff()?),
            None => Retry::per_class(),
        };
        // The vectors know no cap on hints: one that reaches the deadline stops the call as any other delay does.
        retry = retry.max_attempts(self.max_attempts).retry_after_cap(Duration::MAX);
        retry = if deadline { retry.deadline(Duration::from_millis(self.deadline_ms)) } else { retry.no_deadline() };
        retry = match self.max_unknown_attempts {
            Some(retries) => retry.max_unknown(retries),
            None => retry.no_unknown_cap(),
        };
        for (class, retries) in &self.per_class_max_attempts {
            // In the library a limit lets no class be retried that otherwise is not. Here it does, because a log-in can be
            // repaired between two attempts; what the vectors mean is such a class without a limit.
            if class.0.is_retryable() || *retries == 0 {
                retry = retry.limit_for(class.0, *retries);
            }
        }
        for (class, strategy) in &self.class_strategies {
            retry = retry.backoff_for(class.0, strategy.backoff()?);
        }
        let mut policy = Policy::try_new(retry).map_err(|error| error.to_string())?;
        if let Some(breaker) = &shared.breaker {
            policy = policy.circuit_breaker(breaker);
        }
        if let Some(budget) = &shared.budget {
            policy = policy.budget(budget);
        }
        Ok(policy)
    }
}
