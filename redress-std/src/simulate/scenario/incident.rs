//! The event of a scenario.

use std::time::Duration;

use super::{DAY, MILLI, ScenarioError, number, span};

/// An event with its start and duration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Incident {
    /// The kind of the event.
    pub kind: IncidentKind,
    /// When it begins; `None` for two periods of calls after the start, at least 1 s.
    pub start: Option<Duration>,
    /// How long it lasts, 1 ms to 24 hours.
    pub lasts: Duration,
}

/// The kind of an event that hits the server or the clients.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum IncidentKind {
    /// No event, for figures of normal operation.
    Nothing,
    /// Connections are refused at once. What was in the server is lost.
    Outage,
    /// Requests vanish; clients wait for their timeout. What was in the server is lost.
    Blackhole,
    /// The server takes longer.
    Slow {
        /// The capacity is divided and the latency multiplied by this, 1 to 1,000.
        factor: f64,
    },
    /// Some requests are answered with an error.
    Errors {
        /// The part of the requests, 0 to 1.
        share: f64,
    },
    /// The clients lose their power, and boot when it is back. Each calls at once, with nothing remembered.
    PowerCut {
        /// The time within which all of them boot, at most 24 hours.
        boot_spread: Duration,
    },
    /// More clients come, and go when it is over.
    Surge {
        /// The calls in a second, as a multiple of those before, 1 to 100.
        factor: f64,
    },
    /// The server is down and up in turn: an outage for the first half of each period.
    Flapping {
        /// Down and up once, at least 2 ms.
        period: Duration,
    },
    /// The instances of the server restart one after the other: each in turn refuses its part of the connections, and its part
    /// of the capacity is missing.
    RollingRestart {
        /// The instances, 1 to 1,000.
        instances: u32,
    },
}

impl Incident {
    const fn of(kind: IncidentKind, lasts: Duration) -> Self {
        Self { kind, start: None, lasts }
    }

    /// Creates an incident without effect, of this duration.
    pub const fn nothing(lasts: Duration) -> Self {
        Self::of(IncidentKind::Nothing, lasts)
    }

    /// Connections are refused for this time.
    pub const fn outage(lasts: Duration) -> Self {
        Self::of(IncidentKind::Outage, lasts)
    }

    /// Requests vanish for this time.
    pub const fn blackhole(lasts: Duration) -> Self {
        Self::of(IncidentKind::Blackhole, lasts)
    }

    /// The server takes `factor` times as long for this time.
    pub const fn slow(lasts: Duration, factor: f64) -> Self {
        Self::of(IncidentKind::Slow { factor }, lasts)
    }

    /// This share of the requests is answered with an error for this time.
    pub const fn errors(lasts: Duration, share: f64) -> Self {
        Self::of(IncidentKind::Errors { share }, lasts)
    }

    /// The clients have no power for this time, and then boot within `boot_spread`.
    pub const fn power_cut(lasts: Duration, boot_spread: Duration) -> Self {
        Self::of(IncidentKind::PowerCut { boot_spread }, lasts)
    }

    /// There are `factor` times as many calls for this time.
    pub const fn surge(lasts: Duration, factor: f64) -> Self {
        Self::of(IncidentKind::Surge { factor }, lasts)
    }

    /// The server is down and up in turn for this time.
    pub const fn flapping(lasts: Duration, period: Duration) -> Self {
        Self::of(IncidentKind::Flapping { period }, lasts)
    }

    /// The instances of the server restart one after the other within this time.
    pub const fn rolling_restart(lasts: Duration, instances: u32) -> Self {
        Self::of(IncidentKind::RollingRestart { instances }, lasts)
    }

    /// Sets when it begins.
    pub const fn start(mut self, start: Duration) -> Self {
        self.start = Some(start);
        self
    }

    pub(super) fn validate(&self) -> Result<(), ScenarioError> {
        if let Some(start) = self.start {
            span("event.start", start, Duration::ZERO..=DAY, "at most 24 h")?;
        }
        span("event.lasts", self.lasts, MILLI..=DAY, "from 1 ms to 24 h")?;
        match self.kind {
            IncidentKind::Slow { factor } => number("event.factor", factor, 1.0..=1_000.0, "from 1 to 1,000"),
            IncidentKind::Surge { factor } => number("event.factor", factor, 1.0..=100.0, "from 1 to 100"),
            IncidentKind::Errors { share } => number("event.share", share, 0.0..=1.0, "from 0 to 1"),
            IncidentKind::PowerCut { boot_spread } => {
                span("event.boot_spread", boot_spread, Duration::ZERO..=DAY, "at most 24 h")
            }
            IncidentKind::Flapping { period } => span("event.period", period, MILLI * 2..=DAY, "from 2 ms to 24 h"),
            IncidentKind::RollingRestart { instances } if !(1..=1_000).contains(&instances) => {
                Err(ScenarioError::new("event.instances", instances, "from 1 to 1,000"))
            }
            _ => Ok(()),
        }
    }
}

impl IncidentKind {
    /// Returns what it is called in a sentence, with its article: `the outage`.
    pub const fn noun(&self) -> &'static str {
        match self {
            Self::Nothing => "the start",
            Self::Outage => "the outage",
            Self::Blackhole => "the blackhole",
            Self::Slow { .. } => "the slow phase",
            Self::Errors { .. } => "the errors",
            Self::PowerCut { .. } => "the power cut",
            Self::Surge { .. } => "the surge",
            Self::Flapping { .. } => "the flapping",
            Self::RollingRestart { .. } => "the rolling restart",
        }
    }
}
