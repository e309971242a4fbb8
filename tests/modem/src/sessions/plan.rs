//! Plans: how link and network are, one phase after the other, and what is expected of the device.

use std::path::Path;

use serde::Deserialize;

use crate::script::ScriptError;

/// A plan, as read from a TOML file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The name in the log.
    pub name: String,
    /// The requirements on the device.
    pub expect: Expect,
    /// One after the other.
    pub phase: Vec<Phase>,
}

/// A time in which link and network stay as they are.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Its length in minutes.
    pub minutes: u64,
    /// The radio link.
    pub link: Link,
    /// The answer of the network to an attempt to connect.
    #[serde(default)]
    pub network: Network,
    /// How long after the beginning a session must be there, in seconds.
    pub session_within_s: Option<u64>,
}

impl Phase {
    /// Returns the length in milliseconds.
    pub const fn ms(&self) -> u64 {
        self.minutes * 60_000
    }
}

/// The radio link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// There is a carrier.
    Up,
    /// There is none, and the modem says so.
    Down,
    /// Nothing comes through, and the modem does not notice.
    Dead,
    /// The carrier comes back this often, in milliseconds, and is lost halfway.
    FlapsMs(u64),
}

/// The network behind the link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// It establishes a session.
    #[default]
    Accepts,
    /// It does not answer.
    Silent,
    /// It refuses with this code.
    Refuses(u8),
    /// It establishes a session and ends it after this many milliseconds.
    HangsUpAfterMs(u64),
}

/// The requirements on the device.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Devices, one on each line.
    pub devices: u32,
    /// How long the device waits for a session; silence is a failure that much after its frame.
    pub connect_timeout_ms: u64,
    /// How long a session must have lasted for the backoff to begin anew.
    pub stable_ms: u64,
    /// The longest delay after the first failure. It doubles with each failure, and is jittered down to its half.
    pub base_ms: u64,
    /// The longest delay of all.
    pub cap_ms: u64,
    /// The least time between two attempts that came before their delay was over, because the carrier was back.
    pub wake_interval_ms: u64,
    /// The most attempts in any 24 hours.
    pub attempts_per_day: usize,
    /// The most attempts in any hour.
    pub attempts_per_hour: usize,
    /// The least number of sessions.
    pub sessions: usize,
    /// The least number of readings that are delivered.
    pub readings: usize,
    /// How much of the time without carrier the device must be in deep sleep, in percent.
    pub asleep_percent: u64,
    /// How far apart the first attempts of two devices must be after the carrier is back, in most cases.
    pub apart_ms: u64,
}

impl Plan {
    /// Reads the plan in a file.
    pub fn load(path: &Path) -> Result<Self, ScriptError> {
        Self::parse(&std::fs::read_to_string(path).map_err(ScriptError::Io)?)
    }

    /// Reads the plan of this text.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        toml::from_str(text).map_err(|error| ScriptError::Toml(Box::new(error)))
    }

    /// Returns the phases, each with the moment at which it begins.
    pub fn phases(&self) -> impl Iterator<Item = (u64, &Phase)> {
        self.phase.iter().scan(0, |begin, phase| {
            let at = *begin;
            *begin += phase.ms();
            Some((at, phase))
        })
    }

    /// Returns the length of all.
    pub fn ms(&self) -> u64 {
        self.phase.iter().map(Phase::ms).sum()
    }
}
