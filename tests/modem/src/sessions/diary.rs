//! The record of one modem: facts, each with its moment.

use std::fmt;

/// A fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A phase of the plan has begun.
    Phase(usize),
    /// The carrier is back, and the device has heard of it.
    CarrierUp,
    /// The carrier is lost.
    CarrierDown,
    /// The device asks for a session; its own count of attempts.
    Connect(u32),
    /// The network refuses one.
    Refused,
    /// A session is established.
    Established,
    /// The session is lost, and the device has heard of it.
    Lost,
    /// The session is lost, but nothing says so.
    Dead,
    /// A reading is delivered.
    Delivered,
    /// A reading comes without a session to deliver it in.
    Stray,
    /// The device goes to sleep until this moment.
    Off(u64),
    /// The device has started.
    Boot,
    /// A piece that was no frame, or none that a device sends at that time.
    Garbled,
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phase(index) => write!(f, "phase {}", index + 1),
            Self::CarrierUp => f.write_str("carrier is back"),
            Self::CarrierDown => f.write_str("carrier is lost"),
            Self::Connect(attempt) => write!(f, "attempt {attempt} to connect"),
            Self::Refused => f.write_str("refused"),
            Self::Established => f.write_str("session is established"),
            Self::Lost => f.write_str("session is lost"),
            Self::Dead => f.write_str("session is dead"),
            Self::Delivered => f.write_str("reading is delivered"),
            Self::Stray => f.write_str("reading without a session"),
            Self::Off(until) => write!(f, "sleeps until {}", moment(*until)),
            Self::Boot => f.write_str("starts"),
            Self::Garbled => f.write_str("no frame"),
        }
    }
}

/// Returns a moment as day and time.
pub fn moment(ms: u64) -> String {
    let (seconds, rest) = (ms / 1_000, ms % 1_000);
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    format!("{days}d {hours:02}:{:02}:{:02}.{rest:03}", seconds / 60 % 60, seconds % 60)
}

/// All facts of one device, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diary {
    /// The device, once it has started.
    pub device: Option<u32>,
    /// Moments in milliseconds, and facts.
    pub facts: Vec<(u64, Fact)>,
}

impl Diary {
    /// Returns the moments of the attempts.
    pub fn attempts(&self) -> Vec<u64> {
        self.times(|fact| matches!(fact, Fact::Connect(_)))
    }

    /// Returns the moments of some facts.
    pub fn times(&self, is: impl Fn(&Fact) -> bool) -> Vec<u64> {
        self.facts.iter().filter(|(_, fact)| is(fact)).map(|(at, _)| *at).collect()
    }

    /// Returns how many facts there are of a kind.
    pub fn count(&self, fact: Fact) -> usize {
        self.facts.iter().filter(|(_, other)| *other == fact).count()
    }
}
