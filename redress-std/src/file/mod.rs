//! Policies in a TOML file: what a service reads at its start is what `redress doctor` has checked before.
//!
//! ```
//! use redress_std::{PolicyExt, SharedPolicy, file::PolicyFile};
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/policy.toml");
//! let file = PolicyFile::read(path)?;
//! let payments = SharedPolicy::try_from(file.get("payments").ok_or("no policy named payments")?)?;
//! let paid = payments.policy().call(|| Ok::<_, std::io::Error>(7))?;
//! # assert_eq!(paid, 7);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The file
//!
//! One table `[policy.NAME]` for each policy. Unknown keys are refused. A key that is left out has its default; where there is
//! something to turn off, a word does it: `"unlimited"`, `"none"`, `"per_class"`; `"auto"` is a default that depends on another
//! key.
//!
//! Each key that ends in `_ms` takes whole milliseconds, up to 4,294,967,295 (49.7 days). Without the `_ms`, the same key takes
//! a duration with its unit: `deadline = "30s"` is `deadline_ms = 30_000`. Units are `ms`, `s`, `m`, `h` and `d`, also one after
//! another: `"1h30m"`.
//!
//! ```toml
#![doc = include_str!("../../examples/policy.toml")]
//! ```
//!
//! | table | what | defaults |
//! |---|---|---|
//! | `retry` | [`RetryConfig`] | those of `RetryConfig` |
//! | `retry.backoff`, `retry.backoffs.CLASS` | [`BackoffConfig`](crate::BackoffConfig): `delay` is one of `constant`, `fixed`, `exponential`, `full_jitter`, `equal_jitter`, `decorrelated_jitter`, `token_backoff`, or `"none"` to retry at once | `retry_after = false`, `retry_after_as_is = false` |
//! | `retry.limits` | retries of each class, 0 to 254 | no limits |
//! | `breaker` | [`BreakerSettings`] | no breaker without this table; `failure_threshold` has to be given |
//! | `rate_breaker` | [`RateBreakerSettings`]: a breaker that counts rates, in the place of `breaker` | none without this table; `failure_rate` has to be given |
//! | `budget` | [`BudgetSettings`]: `token_bucket`, `ratio` or `rolling` | `token_bucket` as in [`BudgetConfig::DEFAULT`](crate::BudgetConfig::DEFAULT); `"none"` for no budget |
//! | `calls` | the policies under which this one's operation makes calls in its turn | none |
//! | `allow` | names of [rules](rules) that this policy breaks on purpose | none |
//!
//! # What is checked
//!
//! [`PolicyFile::findings`] names contradictions ([`ConfigError`]), risks ([`lint`](crate::lint)), and what only a file
//! with several policies shows: calls within calls that multiply. The program `redress` (feature `cli`) prints them:
//!
//! ```text
//! redress doctor policy.toml --show --deny warnings
//! redress plan policy.toml --policy payments --failure-rate 0.2 --svg payments.svg
//! redress simulate policy.toml --policy uplink --clients 1000000 --every 60s --capacity 20800/s --outage 10m --svg out.svg
//! ```
//!
//! Of `--outage`, `--blackhole`, `--power-cut` (with `--boot-spread`), `--slow` and `--surge` (with `--factor`), `--errors` (with `--share`),
//! `--flapping` (with `--period`) and `--rolling-restart` (with `--instances`), `simulate` takes one.
//!
//! # Scenarios
//!
//! Tables `[scenario.NAME]` describe a fleet for `redress simulate` and for the module `simulate` (feature `simulate`): clients,
//! their server, what happens, and what is expected. Without that feature they are not looked into.
//!
//! ```toml
#![doc = include_str!("../../examples/scenario.toml")]
//! ```
//!
//! # Capacities
//!
//! Breakers made of a file remember up to 256 failures, and rolling budgets up to 4,096 retries; a token bucket has no
//! such limit.

mod bounds;
mod breaker;
mod budget;
mod check;
mod duration;
mod error;
mod name;
mod nesting;
mod position;
mod rate_breaker;
mod rule;
#[cfg(feature = "simulate")]
mod scenario;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use redress_core::{CircuitBreakerView, ConfigError, RetryConfig};
use serde::{Deserialize, Serialize};
use toml::de::{DeTable, Deserializer};

#[cfg(feature = "simulate")]
pub use self::scenario::FileScenario;
pub use self::{
    breaker::BreakerSettings,
    budget::BudgetSettings,
    check::Finding,
    error::FileError,
    name::printable,
    nesting::Chain,
    position::Position,
    rate_breaker::{AbandonedCalls, GrowingTimeout, RateBreakerSettings, SlowCalls},
    rule::{Rule, rules},
};
use self::{duration::Durations, nesting::Nesting, position::Positions};
use crate::SharedPolicy;

/// Tables in tables that are looked into; no key of a policy is deeper.
const MAX_DEPTH: usize = 16;

/// The policies of a file.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// Sorted by name.
    policies: Vec<(String, PolicyConfig)>,
    nesting: Nesting,
    positions: Positions,
    /// In the order of the file.
    #[cfg(feature = "simulate")]
    scenarios: Vec<FileScenario>,
}

/// One policy of a file, as plain data. Turns into a [`SharedPolicy`], which owns its breaker and budget.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyConfig {
    /// Rules that this policy breaks on purpose, by name. Errors cannot be allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// The policies under which the operation makes calls in its turn, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<String>,
    /// Limits, deadline and backoffs.
    pub retry: RetryConfig,
    /// The circuit breaker, if there is one that counts failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker: Option<BreakerSettings>,
    /// The circuit breaker, if it is one that counts rates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_breaker: Option<RateBreakerSettings>,
    /// The retry budget.
    pub budget: BudgetSettings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Top {
    #[serde(default)]
    policy: BTreeMap<String, PolicyConfig>,
    #[cfg(feature = "simulate")]
    #[serde(default)]
    scenario: BTreeMap<String, scenario::Table>,
    /// A service that only reads its policies has no use for them.
    #[cfg(not(feature = "simulate"))]
    #[serde(default, rename = "scenario")]
    _scenario: serde::de::IgnoredAny,
}

#[derive(Serialize)]
struct TopRef<'a> {
    policy: BTreeMap<&'a str, PolicyConfig>,
}

impl PolicyFile {
    /// Reads the policies out of TOML.
    ///
    /// # Errors
    ///
    /// Syntax errors, unknown keys and values of the wrong type, with line and column. Values which contradict each other are
    /// [findings](Self::findings).
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let mut root = DeTable::parse(text).map_err(|error| FileError::toml(text, &error))?;
        let durations = Durations::find(text, root.get_ref())?;
        let positions = Positions::of(text, root.get_ref());
        durations.replace(root.get_mut());
        let top = Top::deserialize(Deserializer::from(root)).map_err(|error| {
            // Of a table that should hold one of several keys, but holds more, the parser does not say where it is.
            let unknown = error.span().is_none_or(|span| span.start == 0);
            let choice = if unknown { position::choice(text) } else { None };
            choice.unwrap_or_else(|| FileError::typed(text, &error))
        })?;
        if top.policy.is_empty() {
            return Err(FileError::at(text, None, "no policy: expected a table [policy.NAME]"));
        }
        #[cfg(feature = "simulate")]
        let scenarios = scenario::read(&top.scenario, |name| top.policy.contains_key(name), text, &positions)?;
        let policies: Vec<_> = top.policy.into_iter().collect();
        Ok(Self {
            nesting: Nesting::of(&policies),
            policies,
            positions,
            #[cfg(feature = "simulate")]
            scenarios,
        })
    }

    /// Reads the policies out of a file.
    ///
    /// # Errors
    ///
    /// The errors of [`parse`](Self::parse); the file cannot be read or is not UTF-8.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let bytes = std::fs::read(path)?;
        Self::parse(FileError::text(&bytes)?)
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.policies.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok()
    }

    /// Returns the policy with this name.
    pub fn get(&self, name: &str) -> Option<&PolicyConfig> {
        self.index(name).map(|index| &self.policies[index].1)
    }

    /// The policies and their names, in alphabetic order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &PolicyConfig)> {
        self.policies.iter().map(|(name, config)| (name.as_str(), config))
    }

    /// Returns the scenarios of the file, in its order.
    #[cfg(feature = "simulate")]
    pub fn scenarios(&self) -> &[FileScenario] {
        &self.scenarios
    }

    /// Returns everything that is wrong with the policies, or may be, in the order of the file. Empty if all is well.
    pub fn findings(&self) -> Vec<Finding> {
        check::check(self, self.iter())
    }

    /// Returns what is wrong with the policy of this name, or may be. Findings of other policies are left out, also of those
    /// that it calls.
    pub fn findings_of(&self, name: &str) -> Vec<Finding> {
        check::check(self, self.get(name).map(|config| (name, config)))
    }

    /// Returns the policies as they are used, with every default written out: TOML that reads as the same policies. Every string
    /// is in one line.
    pub fn to_toml(&self) -> String {
        let mut policies: BTreeMap<&str, PolicyConfig> =
            self.iter().map(|(name, config)| (name, config.clone())).collect();
        for config in policies.values_mut() {
            config.allow.iter_mut().chain(&mut config.calls).for_each(name::mark);
        }
        // Strings, integers and tables: nothing that TOML cannot say.
        let text = toml::to_string(&TopRef { policy: policies }).unwrap_or_else(|error| format!("# {error}\n"));
        name::unmark(&text)
    }
}

impl PolicyConfig {
    /// Makes the breaker of either kind, if there is to be one.
    fn shared_breaker(&self) -> Result<Option<Arc<CircuitBreakerView>>, ConfigError> {
        match (&self.breaker, &self.rate_breaker) {
            (None, None) => Ok(None),
            (Some(failures), None) => failures.shared().map(Some),
            (None, Some(rates)) => rates.shared().map(Some),
            (Some(_), Some(_)) => Err(ConfigError::TwoBreakers),
        }
    }

    /// Creates the policy that takes the place of another, `old`, which was made of `before`: for files that are read again.
    /// Breaker and budget are those of the old policy, with their state, where their settings are the same; so an open circuit
    /// stays open when something else is changed. Calls under way go on with the policy that they were started with, which is
    /// freed with the last of them.
    ///
    /// ```
    /// use redress_std::{SharedPolicy, file::PolicyFile};
    ///
    /// let read = |text: &str| PolicyFile::parse(text).map(|file| file.get("a").cloned().unwrap_or_default());
    /// let before = read("policy.a = { retry.max_attempts = 3, breaker.failure_threshold = 5 }")?;
    /// let after = read("policy.a = { retry.max_attempts = 4, breaker.failure_threshold = 5 }")?;
    ///
    /// let old = SharedPolicy::try_from(&before)?;
    /// let new = after.replace(&before, &old)?;
    /// assert!(std::ptr::eq(old.breaker().unwrap(), new.breaker().unwrap()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The field that contradicts another, and its bounds. The old policy is as it was.
    pub fn replace(&self, before: &Self, old: &SharedPolicy) -> Result<SharedPolicy, ConfigError> {
        let mut new = SharedPolicy::try_from(self)?;
        let is_same_breaker = self.breaker == before.breaker && self.rate_breaker == before.rate_breaker;
        new.take_over(old, is_same_breaker, self.budget == before.budget);
        Ok(new)
    }
}

/// Creates the policy with a breaker and a budget of its own; clones share them. It owns all that it is made of.
///
/// # Errors
///
/// The field that contradicts another, and its bounds.
impl TryFrom<&PolicyConfig> for SharedPolicy {
    type Error = ConfigError;

    fn try_from(config: &PolicyConfig) -> Result<Self, ConfigError> {
        let breaker = config.shared_breaker()?;
        let budget = config.budget.shared()?;
        Self::from_parts(Arc::new(config.retry.clone()), breaker, budget)
    }
}
