//! Whether a fleet recovers, in values and in words.

use std::{fmt, time::Duration};

use super::{Report, RunReport, Spread};
use crate::simulate::{Grouped, Span, text::Percent};

/// Whether the fleet recovers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// It does, in each run.
    Recovers {
        /// How long after the event the [expected](crate::simulate::Expect::back) part of the clients was back.
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

impl Report {
    /// Returns whether the fleet recovers: in each run the [expected](crate::simulate::Expect::back) part of the clients is back, and the
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

    /// Returns what of the [expectations](crate::simulate::Expect) was not met.
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

    /// Asserts that the [expectations](crate::simulate::Expect) of the scenario are met.
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

fn small(runs: usize) -> u32 {
    u32::try_from(runs).unwrap_or(u32::MAX)
}
