//! The faults of a run.

use serde::{Deserialize, Serialize};

use crate::Attempt;

/// The span over which the server counts what it can take.
pub const WINDOW_MS: u32 = 250;

/// The faults of a run. The first rule that applies decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// For so long after the start of the run, all requests meet trouble.
    pub outage_ms: u32,
    /// The first so many attempts of each call meet trouble.
    pub fail_first: u32,
    /// More requests than this in [`WINDOW_MS`] are answered with 503; 0 for any number.
    pub capacity: u32,
    /// So many in a hundred of all other requests meet trouble.
    pub failure_percent: u8,
    /// Which kind of trouble.
    pub trouble: Trouble,
    /// The `Retry-After` of 429 and 503; 0 for none.
    pub retry_after_s: u32,
    /// How long each answer takes.
    pub latency_ms: u32,
}

/// The fault that a request meets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// 503.
    #[default]
    Unavailable,
    /// 429.
    Busy,
    /// The connection goes down in the middle of the answer.
    HangUp,
    /// 403, which no retry mends.
    Forbidden,
    /// One of the first three, at random.
    Mixed,
}

/// The server's reaction to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Answers with this status, and a `Retry-After` unless it is 0.
    Status {
        /// The status.
        status: u16,
        /// Seconds.
        retry_after_s: u32,
    },
    /// Breaks off in the middle of the answer.
    HangUp,
}

impl Plan {
    /// The answer to a request, `at_ms` after the start of the run, of which the server has taken `taken` already in
    /// this window. `random` is below 100 and decides what is left to chance.
    pub fn answer(&self, attempt: &Attempt, at_ms: u32, taken: u32, random: u8) -> Answer {
        if at_ms < self.outage_ms || attempt.attempt <= self.fail_first {
            self.trouble(random)
        } else if self.capacity != 0 && taken >= self.capacity {
            self.status(503)
        } else if random < self.failure_percent {
            self.trouble(random)
        } else {
            self.status(200)
        }
    }

    fn trouble(&self, random: u8) -> Answer {
        match self.trouble {
            Trouble::Unavailable => self.status(503),
            Trouble::Busy => self.status(429),
            Trouble::HangUp => Answer::HangUp,
            Trouble::Forbidden => self.status(403),
            Trouble::Mixed => match random % 3 {
                0 => self.status(503),
                1 => self.status(429),
                _ => Answer::HangUp,
            },
        }
    }

    fn status(&self, status: u16) -> Answer {
        Answer::Status { status, retry_after_s: if matches!(status, 429 | 503) { self.retry_after_s } else { 0 } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: Answer = Answer::Status { status: 200, retry_after_s: 0 };

    fn status(status: u16, retry_after_s: u32) -> Answer {
        Answer::Status { status, retry_after_s }
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let plan = Plan {
            outage_ms: 100,
            fail_first: 2,
            capacity: 3,
            failure_percent: 50,
            trouble: Trouble::Busy,
            retry_after_s: 7,
            latency_ms: 0,
        };
        // attempt, at, taken, random
        let rows = [
            ((3, 99, 9, 99), status(429, 7)),
            ((2, 100, 9, 99), status(429, 7)),
            ((3, 100, 3, 99), status(503, 7)),
            ((3, 100, 2, 49), status(429, 7)),
            ((3, 100, 2, 50), OK),
        ];
        for ((attempt, at, taken, random), wanted) in rows {
            let attempt = Attempt { client: 1, call: 1, attempt };
            assert_eq!(plan.answer(&attempt, at, taken, random), wanted, "{attempt:?} {at} {taken} {random}");
        }
    }

    #[test]
    fn an_empty_plan_has_no_trouble() {
        let attempt = Attempt { client: 1, call: 1, attempt: 1 };
        assert_eq!(Plan::default().answer(&attempt, 0, u32::MAX, 0), OK);
    }

    #[test]
    fn only_busy_servers_ask_to_come_back_later() {
        let plan = |trouble| Plan { fail_first: 1, trouble, retry_after_s: 2, ..Plan::default() };
        let attempt = Attempt { client: 1, call: 1, attempt: 1 };
        let answer = |trouble| plan(trouble).answer(&attempt, 0, 0, 0);
        assert_eq!(answer(Trouble::Forbidden), status(403, 0));
        assert_eq!(answer(Trouble::Unavailable), status(503, 2));
        assert_eq!(answer(Trouble::HangUp), Answer::HangUp);
        let mixed = [0, 1, 2].map(|random| plan(Trouble::Mixed).answer(&attempt, 0, 0, random));
        assert_eq!(mixed, [status(503, 2), status(429, 2), Answer::HangUp]);
    }
}
