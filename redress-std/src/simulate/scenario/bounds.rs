//! The bounds of a scenario.

use std::{fmt, time::Duration};

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

    /// Returns its value.
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
        write!(f, "{}: must be {}, not {}", self.field, self.bounds, self.value)
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
