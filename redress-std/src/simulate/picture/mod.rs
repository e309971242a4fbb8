//! A report as a picture: requests at the server and clients that are back, over one time axis.

mod draw;
#[cfg(test)]
mod tests;

use std::time::Duration;

use self::draw::draw;
use super::{Report, RunReport, Span, Verdict};

/// Draws reports side by side, with one scale, as an SVG image of policies under one scenario.
///
/// The title is the name of the policy, the line below its verdict, green if the fleet recovers in each run. The upper panel
/// shows the requests as multiples of the capacity, those answered in time and the others one upon the other, cut at three
/// times the capacity. The lower panel shows the part of the clients that is back. Of several runs, the one is drawn that
/// took the median time; if only some do not recover, the worst.
///
/// ```
/// # use std::time::Duration;
/// # use redress_std::simulate::{Peer, Scenario, picture};
/// let scenario = Scenario::new(100, Duration::from_secs(60), 2.5).seeds(1);
/// let reports = [Peer::Default, Peer::None].map(|peer| scenario.run(peer.name(), peer.policy().policy()));
/// assert!(picture(&reports).starts_with("<svg "));
/// ```
pub fn picture(reports: &[Report]) -> String {
    let curves: Vec<Curves> = reports.iter().filter_map(Curves::of).collect();
    draw(&curves)
}

/// The share of clients that makes an end of the recovery.
const BACK: f64 = 0.99;

/// The curves of one policy. Times are seconds from the start of the event.
#[derive(Clone, Debug, Default, PartialEq)]
struct Curves {
    title: String,
    verdict: String,
    is_good: bool,
    /// The first moment that is drawn.
    start: f64,
    /// The length of a step of the curves.
    step: f64,
    /// The requests of each step that were answered in time, as multiples of the capacity.
    answered: Vec<f64>,
    /// The other requests of each step.
    wasted: Vec<f64>,
    /// The share of the clients that is back at the end of each step.
    back: Vec<f64>,
    /// When the share reached 99 %, and that in words.
    back_at: Option<(f64, String)>,
    /// The moment of the highest load, and that load.
    peak: (f64, f64),
    /// How long the event lasts, and its name.
    event: (f64, String),
}

/// Steps of a curve at most; more would be narrower than two pixels.
const STEPS: usize = 318;

impl Curves {
    fn of(report: &Report) -> Option<Self> {
        let scenario = &report.scenario;
        let run = shown(report)?;
        let width = run.series.len().div_ceil(STEPS).max(1);
        let step = f64::from(u32::try_from(width).ok()?);
        let start = -scenario.event_start().as_secs_f64();
        let load = |count: fn(&super::Second) -> u32| -> Vec<f64> {
            let mean = |seconds: &[super::Second]| {
                let capacity: f64 = seconds.iter().map(|second| second.capacity).sum();
                seconds.iter().map(|second| f64::from(count(second))).sum::<f64>() / capacity
            };
            run.series.chunks(width).map(mean).collect()
        };
        let event = scenario.event;
        let lasts = event.lasts.as_secs_f64();
        let name = event.kind.noun().trim_start_matches("the ");
        let back_at = run.back_after(BACK).map(|after| {
            let words = format!("after {}", Span(after));
            (lasts + after.as_secs_f64(), words)
        });
        Some(Self {
            title: report.policy.clone(),
            verdict: report.to_string(),
            is_good: matches!(report.verdict(), Verdict::Recovers { .. }),
            start,
            step,
            answered: load(|second| second.answered),
            wasted: load(|second| second.thrown_away),
            back: run.series.chunks(width).filter_map(|seconds| Some(seconds.last()?.back)).collect(),
            back_at,
            peak: (peak(run, scenario.event_start()), run.peak),
            event: (lasts, format!("{name}, {}", Span(event.lasts))),
        })
    }

    fn end(&self) -> f64 {
        let steps = self.answered.len().max(self.back.len());
        self.start + self.step * f64::from(u32::try_from(steps).unwrap_or(u32::MAX))
    }
}

/// The run that is drawn: the one that the verdict speaks of.
fn shown(report: &Report) -> Option<&RunReport> {
    let share = report.scenario.expect.back;
    let mut runs: Vec<&RunReport> = report.runs.iter().collect();
    match report.verdict() {
        Verdict::MayNotRecover { .. } => {
            return runs.into_iter().min_by_key(|run| (run.recovers(share), run.back.len()));
        }
        Verdict::DoesNotRecover { .. } => runs.sort_by_key(|run| run.back.len()),
        _ => runs.sort_by_key(|run| run.back_after(share).unwrap_or(Duration::MAX)),
    }
    runs.get(runs.len().checked_sub(1)? / 2).copied()
}

/// The second with the most requests since the start of the event, which is where time begins.
fn peak(run: &RunReport, event_start: Duration) -> f64 {
    let first = event_start.as_secs();
    let requests = |second: &super::Second| u64::from(second.answered) + u64::from(second.thrown_away);
    let mut highest = (0, event_start.as_secs_f64());
    for (second, at) in run.series.iter().zip(0_u32..).skip_while(|(_, at)| u64::from(*at) < first) {
        if requests(second) > highest.0 {
            highest = (requests(second), f64::from(at));
        }
    }
    highest.1 - event_start.as_secs_f64()
}
