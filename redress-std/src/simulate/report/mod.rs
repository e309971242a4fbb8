//! Results of simulations.

#[cfg(test)]
mod tests;
mod verdict;

use std::time::Duration;

pub use self::verdict::{StuckBy, Unmet, Verdict};
use super::Scenario;

/// The result of a [`Scenario`] under a policy. Displays as the sentence of its [verdict](Self::verdict).
#[derive(Clone, Debug)]
pub struct Report {
    /// The name of the policy.
    pub policy: String,
    /// The scenario.
    pub scenario: Scenario,
    /// One for each seed, at least one.
    pub runs: Vec<RunReport>,
}

/// The result of one run. Counts are those of the clients that were simulated: see [`Scenario::simulated_clients`].
#[derive(Clone, Debug, PartialEq)]
pub struct RunReport {
    /// The seed of this run.
    pub seed: u64,
    /// The clients that were simulated.
    pub clients: u32,
    /// Requests during the event, as a multiple of the capacity.
    pub load: f64,
    /// The most requests in a second, from the beginning of the event on, as a multiple of the capacity.
    pub peak: f64,
    /// The longest time that a request has waited for its turn.
    pub queue: Duration,
    /// Requests answered in time in the last minute that was watched, in a second. After the runs of a sample, multiply by
    /// `scenario.clients / clients` for the fleet.
    pub goodput: f64,
    /// Calls that began in the last minute that was watched, in a second.
    pub offered: f64,
    /// The times after the event at which a client had its first answer, in order, in milliseconds. Those that had none are missing.
    pub back: Vec<u32>,
    /// Calls that began.
    pub calls: u64,
    /// Calls that ended in a failure.
    pub lost_calls: u64,
    /// Results of all attempts.
    pub attempts: Attempts,
    /// Results of the attempts in the last minute that was watched.
    pub last_minute: Attempts,
    /// Events of the virtual clock.
    pub events: u64,
    /// Whether the run was ended because it needed more [events](Scenario::max_events).
    pub is_capped: bool,
    /// Figures of each second, from the start.
    pub series: Vec<Second>,
}

/// Counts of attempts by their results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// All that were made. The sum of the others.
    pub made: u64,
    /// Answered in time.
    pub answered: u64,
    /// Refused: no connection, or an error for an answer.
    pub refused: u64,
    /// Rejected by a server whose queue was full.
    pub rejected: u64,
    /// Without an answer when the client gave up, also because its power went.
    pub late: u64,
    /// Without an answer when the run ended.
    pub in_flight: u64,
}

/// One second of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Second {
    /// Requests that arrived in this second and were answered in time.
    pub answered: u32,
    /// Requests that arrived in this second and were refused, rejected, late or without an answer at the end of the run.
    pub thrown_away: u32,
    /// The requests that the server could have served, as it is without an event.
    pub capacity: f64,
    /// The part of the clients that have had an answer by the end of this second: since the start before the event, since the
    /// beginning of the event in it, since its end after it.
    pub back: f64,
}

/// The lowest, median and highest value over all runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread<T> {
    /// The lowest.
    pub low: T,
    /// The median; the lower of two.
    pub median: T,
    /// The highest.
    pub high: T,
}

impl<T: Copy + PartialOrd> Spread<T> {
    fn of(values: impl Iterator<Item = T>) -> Option<Self> {
        let mut values: Vec<T> = values.collect();
        values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        Some(Self { low: *values.first()?, median: values[(values.len() - 1) / 2], high: *values.last()? })
    }
}

impl Attempts {
    /// Returns whether the sum of the parts is the whole, as it always is.
    pub const fn is_conserved(&self) -> bool {
        self.made == self.answered + self.refused + self.rejected + self.late + self.in_flight
    }
}

impl RunReport {
    /// Returns how long after the event this part of the clients was back; `None` if it was not when the run ended.
    pub fn back_after(&self, share: f64) -> Option<Duration> {
        let needed = needed(share, self.clients);
        match needed.checked_sub(1) {
            Some(last) => self.back.get(last).map(|millis| Duration::from_millis((*millis).into())),
            None => Some(Duration::ZERO),
        }
    }

    /// Returns the part of the clients that was back when the run ended.
    pub fn back_at_end(&self) -> f64 {
        count(self.back.len()) / f64::from(self.clients)
    }

    /// Returns whether this part of the clients was back, and the server at the end answers at least 9 of 10 calls that begin.
    pub fn recovers(&self, share: f64) -> bool {
        !self.is_capped && self.back_after(share).is_some() && self.holds()
    }

    /// Returns whether at the end at least 9 of 10 calls that begin are answered.
    pub fn holds(&self) -> bool {
        self.goodput >= 0.9 * self.offered
    }

    /// Returns attempts for each client.
    pub fn attempts_per_client(&self) -> f64 {
        long(self.attempts.made) / f64::from(self.clients)
    }

    pub(super) fn stuck_by(&self) -> StuckBy {
        let Attempts { made, answered, refused, rejected, late, in_flight } = self.last_minute;
        let lost = refused.max(rejected).max(late + in_flight);
        if 2 * lost <= made.max(1) && answered >= lost {
            StuckBy::Waiting
        } else if late + in_flight == lost {
            StuckBy::GoneClients
        } else if rejected == lost {
            StuckBy::Rejections
        } else {
            StuckBy::Refusals
        }
    }
}

impl Report {
    /// Returns how long after the event this part of the clients was back; `None` if in some run it was not.
    pub fn back_after(&self, share: f64) -> Option<Spread<Duration>> {
        let times: Option<Vec<Duration>> = self.runs.iter().map(|run| run.back_after(share)).collect();
        Spread::of(times?.into_iter())
    }

    /// Returns the [load](RunReport::load) over all runs.
    ///
    /// # Panics
    ///
    /// If the report has no runs.
    pub fn load(&self) -> Spread<f64> {
        self.over_runs(|run| run.load)
    }

    /// Returns the [peak](RunReport::peak) over all runs.
    ///
    /// # Panics
    ///
    /// If the report has no runs.
    pub fn peak(&self) -> Spread<f64> {
        self.over_runs(|run| run.peak)
    }

    /// Returns a value of each run over all runs.
    ///
    /// # Panics
    ///
    /// If the report has no runs.
    pub fn over_runs<T: Copy + PartialOrd>(&self, value: impl Fn(&RunReport) -> T) -> Spread<T> {
        Spread::of(self.runs.iter().map(value)).expect("a report has at least one run")
    }
}

/// Returns how many clients this part of them is, rounded up.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 32 bits")]
fn needed(share: f64, clients: u32) -> usize {
    let exact = share * f64::from(clients);
    // A share such as 0.99 is not exact; that must not ask for a client more.
    (exact - exact * 1e-12).ceil() as usize
}

#[expect(clippy::cast_precision_loss, reason = "a count of clients")]
fn count(clients: usize) -> f64 {
    clients as f64
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(super) fn long(number: u64) -> f64 {
    number as f64
}
