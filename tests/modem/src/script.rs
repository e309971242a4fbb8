//! Scripts: which request is answered how, when there is noise, and what is expected of the device.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

/// A session, as read from a TOML file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// What it is called in the log.
    pub name: String,
    /// What the device must do.
    pub expect: Expect,
    /// How requests are answered: the first rule that matches. Where none does, with an acknowledgement.
    #[serde(default)]
    pub rule: Vec<Rule>,
    /// Bytes that are no frame, sent unasked.
    #[serde(default)]
    pub noise: Vec<Noise>,
}

/// Which requests a rule is for, all of what is given having to match, and how it answers them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Device id.
    pub device: Option<u32>,
    /// Number of the request.
    pub seq: Option<Span>,
    /// Which attempt at it, counted here, the first being 1.
    pub attempt: Option<Span>,
    /// Not before this long after the link's first request.
    pub after_ms: Option<u64>,
    /// Only until this long after the link's first request.
    pub until_ms: Option<u64>,
    /// What is answered.
    pub answer: Answer,
}

/// A number, or the first and the last of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Span {
    /// Just this one.
    One(u32),
    /// From the first to the second, both included.
    FromTo(u32, u32),
}

impl Span {
    /// Whether `number` is one of them.
    pub const fn contains(self, number: u32) -> bool {
        match self {
            Self::One(one) => number == one,
            Self::FromTo(first, last) => first <= number && number <= last,
        }
    }
}

/// What a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// An acknowledgement, at once.
    Ack,
    /// Nothing.
    Silence,
    /// A refusal with this code.
    Nak(u8),
    /// Busy, come back after this many milliseconds.
    Busy(u32),
    /// An acknowledgement with a bit flipped.
    Corrupt,
    /// The first half of an acknowledgement.
    Truncate,
    /// An acknowledgement after this many milliseconds.
    Late(u32),
    /// An acknowledgement at once, and once more after this many milliseconds.
    Duplicate(u32),
    /// This many bytes of garbage, then an acknowledgement.
    Noisy(u32),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ack => f.write_str("ack"),
            Self::Silence => f.write_str("silence"),
            Self::Nak(code) => write!(f, "nak {code}"),
            Self::Busy(ms) => write!(f, "busy for {ms} ms"),
            Self::Corrupt => f.write_str("corrupted ack"),
            Self::Truncate => f.write_str("truncated ack"),
            Self::Late(ms) => write!(f, "ack after {ms} ms"),
            Self::Duplicate(ms) => write!(f, "ack, again after {ms} ms"),
            Self::Noisy(bytes) => write!(f, "{bytes} bytes of garbage, ack"),
        }
    }
}

/// Bursts of garbage.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// The first one so long after the link's first request,
    pub after_ms: u64,
    /// the next ones so long after each other,
    pub every_ms: u64,
    /// none after that,
    pub until_ms: u64,
    /// each of so many bytes.
    pub bytes: u32,
}

/// What the device must do. A bound that is not given is not checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Devices, one on each link.
    pub devices: u32,
    /// Requests of each device, numbered from 0, each to be delivered.
    pub requests: u16,
    /// How long the device waits for an answer; silence is a failure that much after the request.
    pub timeout_ms: u64,
    /// Least time from a failure to the next attempt.
    pub min_gap_ms: Option<u64>,
    /// Most time from a failure to the next attempt; on top of what a busy answer asked for.
    pub max_gap_ms: Option<u64>,
    /// Most attempts at one request.
    pub max_attempts: Option<u32>,
    /// Most requests of a device in any window of time.
    pub rate: Option<Rate>,
    /// How long a device must once have sent nothing at all, as while its circuit is open.
    pub left_alone_ms: Option<u64>,
    /// How the delays of two devices must differ.
    pub jitter: Option<Jitter>,
    /// How much earlier than allowed a request may seem to come; see the crate's section on time. Default 5.
    #[serde(default = "early_ms")]
    pub early_ms: u64,
    /// How long after its acknowledgement a request may still come in, having been under way. Default 30.
    #[serde(default = "in_flight_ms")]
    pub in_flight_ms: u64,
}

const fn early_ms() -> u64 {
    5
}

const fn in_flight_ms() -> u64 {
    30
}

/// At most so many requests in any window of so much time.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests, repeated ones included.
    pub requests: usize,
    /// Length of the window.
    pub window_ms: u64,
}

/// Of the delays after the same attempt met the same answer, at least half must differ between two devices.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jitter {
    /// At least so many delays must be there to be compared.
    pub pairs: usize,
    /// Closer than this is the same.
    pub apart_ms: u64,
}

/// Why a script cannot be played.
#[derive(Debug)]
pub enum ScriptError {
    /// The file cannot be read.
    Io(std::io::Error),
    /// It is no script.
    Toml(Box<toml::de::Error>),
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Toml(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ScriptError {}

impl Script {
    /// The script in a file.
    pub fn load(path: &Path) -> Result<Self, ScriptError> {
        Self::parse(&std::fs::read_to_string(path).map_err(ScriptError::Io)?)
    }

    /// The script of this text.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        toml::from_str(text).map_err(|error| ScriptError::Toml(Box::new(error)))
    }

    /// The answer for an attempt made `since` the link's first request, and the rule it comes from.
    pub fn answer(&self, device: u32, seq: u16, attempt: u32, since: Duration) -> (Answer, Option<usize>) {
        let ms = since.as_millis();
        let applies = |rule: &Rule| {
            rule.device.is_none_or(|it| it == device)
                && rule.seq.is_none_or(|it| it.contains(seq.into()))
                && rule.attempt.is_none_or(|it| it.contains(attempt))
                && rule.after_ms.is_none_or(|it| u128::from(it) <= ms)
                && rule.until_ms.is_none_or(|it| ms < u128::from(it))
        };
        match self.rule.iter().position(applies) {
            Some(index) => (self.rule[index].answer, Some(index)),
            None => (Answer::Ack, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = r#"
        name = "faults"
        [expect]
        devices = 1
        requests = 9
        timeout_ms = 400
        [[rule]]
        seq = 1
        attempt = [1, 2]
        answer = "silence"
        [[rule]]
        seq = 1
        answer = { nak = 7 }
        [[rule]]
        after_ms = 1000
        until_ms = 2000
        device = 5
        answer = { busy = 800 }
    "#;

    #[test]
    fn first_rule_that_matches_answers() {
        let script = Script::parse(SCRIPT).unwrap();
        let at = |device, seq, attempt, ms| script.answer(device, seq, attempt, Duration::from_millis(ms));
        assert_eq!(at(5, 0, 1, 0), (Answer::Ack, None));
        assert_eq!(at(5, 1, 2, 1500), (Answer::Silence, Some(0)));
        assert_eq!(at(5, 1, 3, 0), (Answer::Nak(7), Some(1)));
        assert_eq!(at(5, 2, 1, 999), (Answer::Ack, None));
        assert_eq!(at(5, 2, 1, 1000), (Answer::Busy(800), Some(2)));
        assert_eq!(at(6, 2, 1, 1000), (Answer::Ack, None));
        assert_eq!(at(5, 2, 1, 2000), (Answer::Ack, None));
    }

    #[test]
    fn misspelt_script_is_refused() {
        for (right, wrong) in [("seq = 1", "seqs = 1"), ("silence", "silent"), ("requests = 9", "requests = -1")] {
            assert!(Script::parse(&SCRIPT.replacen(right, wrong, 1)).is_err(), "{wrong}");
        }
    }
}
