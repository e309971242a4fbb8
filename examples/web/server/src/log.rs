//! The server's log of a run.

use serde::{Deserialize, Serialize};

use crate::{Answer, WINDOW_MS};

/// The sender of a request. The page numbers its clients, their calls, and the attempts of each call, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attempt {
    /// The client.
    pub client: u32,
    /// The call of the client.
    pub call: u32,
    /// The attempt of the call.
    pub attempt: u32,
}

/// A request as the server saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it came, counted from the start of the run.
    pub at_ms: u32,
    /// The sender.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// The status of the answer; `None` if the connection was closed without one.
    pub status: Option<u16>,
}

impl Entry {
    pub(crate) fn new(at_ms: u32, attempt: Attempt, answer: Answer) -> Self {
        let status = match answer {
            Answer::Status { status, .. } => Some(status),
            Answer::HangUp => None,
        };
        Self { at_ms, attempt, status }
    }

    /// The window of [`WINDOW_MS`] it came in.
    pub fn window(&self) -> u32 {
        self.at_ms / WINDOW_MS
    }
}

/// The most requests in one window.
pub fn busiest(entries: &[Entry]) -> usize {
    entries.chunk_by(|one, other| one.window() == other.window()).map(<[_]>::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_window_counts_from_the_start_of_the_run() {
        let attempt = Attempt { client: 1, call: 1, attempt: 1 };
        let entries = |times: &[u32]| -> Vec<_> {
            times.iter().map(|at| Entry { at_ms: *at, attempt, status: Some(200) }).collect()
        };
        assert_eq!(busiest(&[]), 0);
        assert_eq!(busiest(&entries(&[0, 249, 250, 251, 499, 500])), 3);
    }
}
