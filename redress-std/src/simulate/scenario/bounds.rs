//! The bounds of a scenario.

use std::{fmt, time::Duration};

use redress_core::{
    Backoff, Policy, Retry,
    keeper::{Keep, KeepConfig},
};

/// A value of a scenario that is out of its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    field: &'static str,
    value: String,
    bounds: &'static str,
}

impl ScenarioError {
    pub(in crate::simulate) fn new(field: &'static str, value: impl fmt::Display, bounds: &'static str) -> Self {
        Self { field, value: value.to_string(), bounds }
    }

    /// Returns the field that is wrong, as a path: `server.queue`.
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// Returns its value; empty for a field of [`KeepConfig`].
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Returns the values that it may have.
    pub const fn bounds(&self) -> &'static str {
        self.bounds
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: must be {}", self.field, self.bounds)?;
        if self.value.is_empty() { Ok(()) } else { write!(f, ", not {}", self.value) }
    }
}

impl std::error::Error for ScenarioError {}

pub(super) const HOUR: Duration = Duration::from_secs(3_600);
pub(super) const DAY: Duration = Duration::from_secs(86_400);
pub(super) const MILLI: Duration = Duration::from_millis(1);

pub(super) fn span(
    field: &'static str,
    value: Duration,
    within: std::ops::RangeInclusive<Duration>,
    bounds: &'static str,
) -> Result<(), ScenarioError> {
    if within.contains(&value) { Ok(()) } else { Err(ScenarioError::new(field, format!("{value:?}"), bounds)) }
}

pub(super) fn number(
    field: &'static str,
    value: f64,
    within: std::ops::RangeInclusive<f64>,
    bounds: &'static str,
) -> Result<(), ScenarioError> {
    if within.contains(&value) { Ok(()) } else { Err(ScenarioError::new(field, value, bounds)) }
}

/// Checks a keeper, under a policy that has what one needs.
pub(super) fn keep(config: KeepConfig) -> Result<(), ScenarioError> {
    let Err(error) = Keep::try_new(Policy::new(Retry::new(Backoff::constant(MILLI))), config) else { return Ok(()) };
    let (field, bounds) = error.message().split_once(": must be ").unwrap_or(("", error.message()));
    let field = match field {
        "stable_after" => "keep.stable_after",
        "spread" => "keep.spread",
        "wake_interval" => "keep.wake_interval",
        "attempts_per_session" => "keep.attempts_per_session",
        "attempts_per_day" => "keep.attempts_per_day",
        _ => "keep",
    };
    Err(ScenarioError::new(field, "", bounds))
}
