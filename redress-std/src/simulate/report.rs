//! Results of simulations.

use std::{fmt, time::Duration};

use super::{Grouped, Scenario, Span, text::Percent};

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

/// Whether the fleet recovers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// It does, in each run.
    Recovers {
        /// How long after the event the [expected](super::Expect::back) part of the clients was back.
        after: Spread<Duration>,
    },
    /// It does not, in any run.
    DoesNotRecover {
        /// The part of the clients that was back at the end, the median of the runs.
        back: f64,
        /// The cause that keeps it from recovering.
        by: StuckBy,
    },
    /// It does in some runs.
    MayNotRecover {
        /// The runs in which it does not.
        stuck: u32,
    },
    /// A run was ended because it needed too many events.
    NoVerdict {
        /// The runs that were ended.
        capped: u32,
    },
}

/// A cause that keeps a fleet from recovering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StuckBy {
    /// Most requests are answered after their clients have gone.
    GoneClients,
    /// Most requests are rejected.
    Rejections,
    /// Most requests are refused or answered with an error.
    Refusals,
    /// The server has capacity left, and clients wait or have given up.
    Waiting,
}

/// An expectation that was not met.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Unmet {
    /// The fleet does not recover in each run.
    Verdict(Verdict),
    /// It recovers, and takes too long.
    Within {
        /// How long it took in the slowest run.
        took: Duration,
        /// How long it may take.
        within: Duration,
    },
    /// Too many requests in a second.
    Peak {
        /// The most in any run, as a multiple of the capacity.
        peak: f64,
        /// The most there may be.
        limit: f64,
    },
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
    /// Returns whether the fleet recovers: in each run the [expected](super::Expect::back) part of the clients is back, and the
    /// server holds.
    pub fn verdict(&self) -> Verdict {
        let share = self.scenario.expect.back;
        let capped = self.runs.iter().filter(|run| run.is_capped).count();
        let stuck = self.runs.iter().filter(|run| !run.recovers(share)).count();
        if capped > 0 || self.runs.is_empty() {
            return Verdict::NoVerdict { capped: small(capped) };
        }
        if stuck == 0
            && let Some(after) = self.back_after(share)
        {
            return Verdict::Recovers { after };
        }
        if stuck < self.runs.len() {
            return Verdict::MayNotRecover { stuck: small(stuck) };
        }
        let mut runs: Vec<&RunReport> = self.runs.iter().collect();
        runs.sort_by_key(|run| run.back.len());
        let median = runs[(runs.len() - 1) / 2];
        Verdict::DoesNotRecover { back: median.back_at_end(), by: median.stuck_by() }
    }

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

    /// Returns what of the [expectations](super::Expect) was not met.
    pub fn unmet(&self) -> Vec<Unmet> {
        let expect = self.scenario.expect;
        let mut unmet = Vec::new();
        match (self.verdict(), expect.within) {
            (Verdict::Recovers { after }, Some(within)) if after.high > within => {
                unmet.push(Unmet::Within { took: after.high, within });
            }
            (Verdict::Recovers { .. }, _) => {}
            (verdict, _) => unmet.push(Unmet::Verdict(verdict)),
        }
        match (expect.peak, Spread::of(self.runs.iter().map(|run| run.peak))) {
            (Some(limit), Some(Spread { high: peak, .. })) if peak > limit => unmet.push(Unmet::Peak { peak, limit }),
            _ => {}
        }
        unmet
    }

    /// Asserts that in each run this part of the clients is back within this time after the event, and that the server holds.
    ///
    /// # Panics
    ///
    /// If it is not, with the verdict and the figures of all runs.
    #[track_caller]
    pub fn assert_back(&self, share: f64, within: Duration) {
        let slow = self.runs.iter().filter(|run| run.back_after(share).is_none_or(|after| after > within));
        let (slow, stuck) = (slow.count(), self.runs.iter().filter(|run| !run.recovers(share)).count());
        assert!(
            slow == 0 && stuck == 0,
            "expected {} of the clients back within {} after {}.\n{self}\n{}",
            Percent(share),
            Span(within),
            self.scenario.event.kind.noun(),
            Figures { report: self, share },
        );
    }

    /// Asserts that the [expectations](super::Expect) of the scenario are met.
    ///
    /// # Panics
    ///
    /// If one is not, with the verdict, what was not met and the figures of all runs.
    #[track_caller]
    pub fn assert_expected(&self) {
        let unmet: Vec<String> = self.unmet().iter().map(ToString::to_string).collect();
        let share = self.scenario.expect.back;
        assert!(unmet.is_empty(), "{}.\n{self}\n{}", unmet.join(", "), Figures { report: self, share });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (policy, scenario) = (&self.policy, &self.scenario);
        let event = scenario.event.kind.noun();
        match self.verdict() {
            Verdict::Recovers { after } => {
                write!(
                    f,
                    "{policy} recovers: {} of {} clients are back {} after {event}",
                    Percent(scenario.expect.back),
                    Grouped(scenario.clients.into()),
                    Span(after.median)
                )?;
                match self.runs.len() {
                    1 => Ok(()),
                    seeds => write!(f, " ({} to {} over {seeds} seeds)", Span(after.low), Span(after.high)),
                }
            }
            Verdict::DoesNotRecover { back, by } => {
                let watched = Span(scenario.watch);
                write!(f, "{policy} does not recover: {watched} after {event} {} are back; {by}", Percent(back))
            }
            Verdict::MayNotRecover { stuck } => {
                write!(f, "{policy} may not recover: {stuck} of {} runs are stuck", self.runs.len())
            }
            Verdict::NoVerdict { capped } => write!(
                f,
                "no verdict on {policy}: {capped} of {} runs needed more than {} events",
                self.runs.len(),
                Grouped(scenario.max_events)
            ),
        }
    }
}

impl fmt::Display for StuckBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GoneClients => "the server is busy with requests whose clients have gone",
            Self::Rejections => "the server is busy with rejecting requests",
            Self::Refusals => "most requests are refused",
            Self::Waiting => "the server is idle while clients wait or have given up",
        })
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verdict(_) => f.write_str("expected the fleet to recover"),
            Self::Within { took, within } => {
                write!(f, "expected the fleet back within {}, it took up to {}", Span(*within), Span(*took))
            }
            Self::Peak { peak, limit } => {
                write!(f, "expected at most {limit} times the capacity in any second, there were up to {peak:.2}")
            }
        }
    }
}

/// A line for each run, to look for the cause.
struct Figures<'a> {
    report: &'a Report,
    share: f64,
}

impl fmt::Display for Figures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for run in &self.report.runs {
            write!(f, "  seed {}: ", run.seed)?;
            match run.back_after(self.share) {
                Some(after) => write!(f, "{} back after {}", Percent(self.share), Span(after))?,
                None => write!(f, "{} back at the end", Percent(run.back_at_end()))?,
            }
            writeln!(
                f,
                ", load {:.2} and peak {:.2} times the capacity, longest queue {}, {:.1} attempts a client, {} calls lost",
                run.load,
                run.peak,
                Span(run.queue),
                run.attempts_per_client(),
                Grouped(run.lost_calls),
            )?;
        }
        Ok(())
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

fn small(runs: usize) -> u32 {
    u32::try_from(runs).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{Expect, Incident};

    fn run(back_secs: &[u32], clients: u32) -> RunReport {
        RunReport {
            seed: 1,
            clients,
            load: 1.6,
            peak: 2.0,
            queue: Duration::from_secs(3),
            goodput: 10.0,
            offered: 10.0,
            back: back_secs.iter().map(|secs| secs * 1_000).collect(),
            calls: 40,
            lost_calls: 0,
            attempts: Attempts { made: 80, answered: 40, refused: 40, ..Attempts::default() },
            last_minute: Attempts { made: 10, answered: 10, ..Attempts::default() },
            events: 200,
            is_capped: false,
            series: Vec::new(),
        }
    }

    fn report(runs: Vec<RunReport>) -> Report {
        let scenario = Scenario::new(1_000_000, Duration::from_secs(60), 20_800.0);
        Report { policy: "uplink".to_owned(), scenario, runs }
    }

    #[test]
    fn the_verdict_is_a_sentence() {
        let good = || run(&[1, 2, 3, 248], 4);
        let stuck = || RunReport {
            last_minute: Attempts { made: 100, answered: 10, late: 90, ..Attempts::default() },
            ..run(&[1], 4)
        };
        let rows = [
            (vec![good()], "uplink recovers: 99 % of 1,000,000 clients are back 4 min 8 s after the outage"),
            (
                vec![run(&[1, 1, 1, 249], 4), good(), run(&[1, 1, 1, 247], 4)],
                "uplink recovers: 99 % of 1,000,000 clients are back 4 min 8 s after the outage (4 min 7 s to 4 min 9 s over 3 seeds)",
            ),
            (
                vec![stuck()],
                "uplink does not recover: 15 min after the outage 25 % are back; the server is busy with requests whose clients have gone",
            ),
            (vec![good(), stuck(), good()], "uplink may not recover: 1 of 3 runs are stuck"),
            (
                vec![RunReport { is_capped: true, ..good() }, good()],
                "no verdict on uplink: 1 of 2 runs needed more than 200,000,000 events",
            ),
            (
                vec![RunReport { goodput: 8.9, ..good() }],
                "uplink does not recover: 15 min after the outage 100 % are back; the server is idle while clients wait or have given up",
            ),
        ];
        for (runs, sentence) in rows {
            assert_eq!(report(runs).to_string(), sentence);
        }
    }

    #[test]
    fn a_share_is_rounded_up_to_whole_clients() {
        let back: Vec<u32> = (1..=100).collect();
        let run = run(&back, 100);
        for (share, secs) in [(0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)] {
            assert_eq!(run.back_after(share), Some(Duration::from_secs(secs)), "{share}");
        }
        assert_eq!(self::run(&[7], 2).back_after(0.51), None);
    }

    #[test]
    fn expectations_are_those_of_the_worst_run() {
        let mut report = report(vec![run(&[10], 1), RunReport { peak: 4.0, ..run(&[70], 1) }]);
        assert_eq!(report.unmet(), []);
        let within = Duration::from_secs(60);
        report.scenario.expect = Expect { back: 1.0, within: Some(within), peak: Some(3.0) };
        let took = Duration::from_secs(70);
        assert_eq!(report.unmet(), [Unmet::Within { took, within }, Unmet::Peak { peak: 4.0, limit: 3.0 }]);
        assert_eq!(report.unmet()[0].to_string(), "expected the fleet back within 1 min, it took up to 1 min 10 s");
        report.runs[0].back.clear();
        assert_eq!(report.unmet()[0], Unmet::Verdict(Verdict::MayNotRecover { stuck: 1 }));
        report.scenario.event = Incident::surge(within, 2.0);
        assert_eq!(report.scenario.event.kind.noun(), "the surge");
    }

    #[test]
    #[should_panic(
        expected = "expected 99 % of the clients back within 2 min after the outage.\nuplink recovers: 99 % of 1,000,000 clients are back 4 min 8 s after the outage\n  seed 1: 99 % back after 4 min 8 s, load 1.60 and peak 2.00 times the capacity, longest queue 3 s, 20.0 attempts a client, 0 calls lost"
    )]
    fn the_message_of_a_failed_assertion_has_verdict_and_figures() {
        report(vec![run(&[1, 2, 3, 248], 4)]).assert_back(0.99, Duration::from_secs(120));
    }
}
