//! Why a fleet does not recover, what would help, and how far it is from the edge.

use std::{fmt, time::Duration};

use redress_core::Policy;

use super::{Grouped, Report, Scenario, ScenarioError, Span};

/// How far a fleet is from the edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tipping {
    /// The longest event after which the fleet recovers in each run; `None` if it recovers after none. Found to a twentieth, up to
    /// 24 hours.
    pub longest_event: Option<Duration>,
    /// The least capacity, in requests a second, with which the fleet recovers in each run; `None` if 16 times that of the scenario
    /// is too little. Found to a twentieth.
    pub least_capacity: Option<f64>,
}

/// Why a fleet asks too much of its server, and what would help. Displays as a line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// The fleet asks more of its server during the event than it can serve.
    TooManyRetries {
        /// Requests a second of the whole fleet.
        requests_per_second: f64,
        /// The same as a multiple of the capacity.
        load: f64,
        /// The maximum delay with which the load would be the capacity.
        max_delay: Duration,
    },
}

/// Finds by bisection how far a fleet is from the edge.
///
/// # Errors
///
/// The first field of the scenario that is out of its bounds.
pub fn tipping_points(scenario: &Scenario, policy: &Policy<'_>) -> Result<Tipping, ScenarioError> {
    let (_, _) = (scenario, policy);
    todo!()
}

impl Report {
    /// Returns the cause and the remedy, if a closed form knows one.
    pub fn cause(&self) -> Option<Cause> {
        todo!()
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
            Self::TooManyRetries { requests_per_second, load, max_delay } => write!(
                f,
                "in the event the fleet asks {}/s, {load:.1} times the capacity: raise the maximum delay to {} or more",
                Grouped(requests_per_second.round() as u64),
                Span(*max_delay)
            ),
        }
    }
}
