//! Why a fleet does not recover, what would help, and how far it is from the edge.

use std::{cell::Cell, fmt, time::Duration};

use redress_core::Policy;

use super::{
    Grouped, IncidentKind, Progress, Report, RunReport, Scenario, ScenarioError, Span, StuckBy, Verdict, report::long,
    text::Tenths,
};

/// The longest event that is tried.
const LONGEST: Duration = Duration::from_secs(4 * 3_600);

/// The shortest event that is tried.
const SHORTEST: Duration = Duration::from_secs(1);

/// The capacity is varied up to so many times.
const SPAN: f64 = 16.0;

/// Bisection ends when the two sides are this near.
const NEAR: f64 = 1.05;

/// So many runs decide on each point.
const RUNS: u32 = 3;

/// The most points that are tried, on both edges: the two ends, and the halves of the spans down to [`NEAR`].
const POINTS: f64 = 20.0;

/// How far a fleet is from the edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tipping {
    /// The longest event after which the fleet recovers, found to a twentieth; `None` if it does not recover after one of 1 s.
    /// Four hours stand for any length.
    pub longest_event: Option<Duration>,
    /// The least capacity, in requests a second, with which the fleet recovers, found to a twentieth and down to a sixteenth of that
    /// of the scenario; `None` if 16 times that is too little.
    pub least_capacity: Option<f64>,
}

/// Why a fleet does not recover, from closed forms, and what would help. Displays as a line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// Without any failure the fleet asks nearly all or more of the capacity.
    TooLittleCapacity {
        /// Requests a second of the whole fleet.
        requests_per_second: f64,
        /// The same as a multiple of the capacity.
        load: f64,
    },
    /// All clients make their first call within too short a time.
    TogetherAtBoot {
        /// The time within which they boot.
        spread: Duration,
        /// Requests a second of the whole fleet, as a multiple of the capacity.
        load: f64,
        /// The spread with which the load would be the capacity: clients by capacity.
        needed: Duration,
    },
    /// At the end of the event the fleet asks more than the capacity.
    TooManyRetries {
        /// Requests a second of the whole fleet: clients by mean gap.
        requests_per_second: f64,
        /// The same as a multiple of the capacity.
        load: f64,
        /// The mean gap between the attempts of a client with which the load would be the capacity: clients by capacity.
        mean_gap: Duration,
    },
    /// Requests wait for longer than their clients do.
    QueueLongerThanTimeout {
        /// The longest time that a request waits for its turn; `None` without a limit.
        queue: Option<Duration>,
        /// How long a client waits.
        client_timeout: Duration,
    },
}

/// Finds by bisection how far a fleet is from the edge, with three seeds and up to sixty runs of a second or less. Calls `progress`
/// now and then, like [`Scenario::try_run`].
///
/// # Errors
///
/// As for [`Scenario::try_run`].
pub fn tipping_points(
    scenario: &Scenario,
    policy: &Policy<'_>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Tipping, ScenarioError> {
    scenario.validate()?;
    let scenario = Scenario { seeds: scenario.seeds.min(RUNS), ..scenario.clone() };
    let tried = Cell::new(Progress::default());
    let recovers = |scenario: &Scenario| -> Result<bool, ScenarioError> {
        let before = tried.get();
        let so_far = |now: Progress| Progress {
            done: (before.done + now.done / POINTS).min(1.0),
            events: before.events + now.events,
        };
        let report = scenario.try_run("", policy, &|now| progress(so_far(now)))?;
        tried.set(so_far(Progress { done: 1.0, events: report.runs.iter().map(|run| run.events).sum() }));
        Ok(matches!(report.verdict(), Verdict::Recovers { .. }))
    };
    let after = |secs: f64| {
        let mut longer = scenario.clone();
        longer.event.start = Some(scenario.event_start());
        longer.event.lasts = Duration::from_secs_f64(secs);
        recovers(&longer)
    };
    let with = |capacity: f64| {
        let mut other = scenario.clone();
        other.server.capacity_per_second = capacity;
        recovers(&other)
    };
    let longest_event = edge(SHORTEST.as_secs_f64(), LONGEST.as_secs_f64(), after)?.map(Duration::from_secs_f64);
    // Upside down, so that what is small is what recovers.
    let capacity = scenario.server.capacity_per_second;
    let divided = edge(1.0 / SPAN, SPAN, |divisor| with(capacity / divisor))?;
    Ok(Tipping { longest_event, least_capacity: divided.map(|divisor| capacity / divisor) })
}

/// Returns the largest value found that is good, where small ones are and large ones may not be; `None` if the smallest is not.
fn edge<E>(low: f64, high: f64, is_good: impl Fn(f64) -> Result<bool, E>) -> Result<Option<f64>, E> {
    if !is_good(low)? {
        return Ok(None);
    }
    if is_good(high)? {
        return Ok(Some(high));
    }
    let (mut good, mut bad) = (low, high);
    while bad / good > NEAR {
        let between = (good * bad).sqrt();
        if is_good(between)? {
            good = between;
        } else {
            bad = between;
        }
    }
    Ok(Some(good))
}

impl Report {
    /// Returns why the fleet does not recover in each run, and what would help, if a closed form knows it; `None` if it recovers.
    pub fn cause(&self) -> Option<Cause> {
        if matches!(self.verdict(), Verdict::Recovers { .. }) {
            return None;
        }
        let (scenario, run) = (&self.scenario, self.worst_run()?);
        let capacity = scenario.server.capacity_per_second;
        let scale = f64::from(scenario.clients) / f64::from(run.clients);
        let needed = Duration::from_secs_f64(f64::from(scenario.clients) / capacity);
        let offered = run.offered * scale;
        if offered > 0.95 * capacity {
            return Some(Cause::TooLittleCapacity { requests_per_second: offered, load: offered / capacity });
        }
        if let IncidentKind::PowerCut { boot_spread } = scenario.event.kind
            && boot_spread < needed
        {
            let load = needed.as_secs_f64() / boot_spread.as_secs_f64().max(1.0);
            return Some(Cause::TogetherAtBoot { spread: boot_spread, load, needed });
        }
        let asked = run.asked_at_end_of(scenario) * scale;
        if asked > capacity {
            let load = asked / capacity;
            return Some(Cause::TooManyRetries { requests_per_second: asked, load, mean_gap: needed });
        }
        let (queue, client_timeout) = (scenario.server.queue, scenario.client_timeout);
        let is_long = queue.is_none_or(|queue| queue > client_timeout);
        (is_long && run.stuck_by() == StuckBy::GoneClients)
            .then_some(Cause::QueueLongerThanTimeout { queue, client_timeout })
    }

    /// Returns the run after which the fewest clients are back.
    fn worst_run(&self) -> Option<&RunReport> {
        self.runs.iter().min_by_key(|run| run.back.len())
    }
}

impl RunReport {
    /// Returns the requests a second in the last minute of the event, of the clients that are simulated.
    fn asked_at_end_of(&self, scenario: &Scenario) -> f64 {
        let start = scenario.event_start();
        let end = start + scenario.event.lasts;
        let first = end.saturating_sub(Duration::from_secs(60)).max(start);
        #[expect(clippy::cast_possible_truncation, reason = "two days have few seconds")]
        let seconds = first.as_secs() as usize..(end.as_secs() as usize).max(first.as_secs() as usize + 1);
        let asked = self.series.get(seconds).unwrap_or_default();
        let requests: u64 = asked.iter().map(|second| u64::from(second.answered + second.thrown_away)).sum();
        long(requests) / long(asked.len().max(1) as u64)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
        let rate = |requests: f64| Grouped(requests.round() as u64);
        match *self {
            Self::TooLittleCapacity { requests_per_second, load } => write!(
                f,
                "without failures the fleet asks {}/s, {} times the capacity: raise the capacity or call less often",
                rate(requests_per_second),
                Tenths(load)
            ),
            Self::TogetherAtBoot { spread, load, needed } => write!(
                f,
                "all clients boot within {} and ask {} times the capacity: spread their first calls over {} or more",
                Span(spread),
                Tenths(load),
                Span(needed)
            ),
            Self::TooManyRetries { requests_per_second, load, mean_gap } => write!(
                f,
                "in the event the fleet asks {}/s, {} times the capacity: raise the mean delay to {} or more, \
                 with full jitter a maximum of {}",
                rate(requests_per_second),
                Tenths(load),
                Span(mean_gap),
                Span(mean_gap * 2)
            ),
            Self::QueueLongerThanTimeout { queue: Some(queue), client_timeout } => write!(
                f,
                "requests wait up to {} and clients only {}: make the queue shorter than the timeout",
                Span(queue),
                Span(client_timeout)
            ),
            Self::QueueLongerThanTimeout { queue: None, client_timeout } => write!(
                f,
                "requests wait without limit and clients only {}: make the queue shorter than the timeout",
                Span(client_timeout)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        Backoff, Retry,
        simulate::{Incident, Server},
    };

    fn full_jitter(max: u64) -> Policy<'static> {
        let backoff = Backoff::full_jitter(Duration::from_secs(1), Duration::from_secs(max));
        Policy::new(Retry::new(backoff).unlimited_attempts().no_deadline())
    }

    fn fleet(clients: u32) -> Scenario {
        Scenario::new(clients, Duration::from_secs(60), f64::from(clients) / 48.0).seeds(1)
    }

    #[test]
    fn a_cause_is_a_line_with_its_remedy() {
        let minute = Duration::from_secs(60);
        let cause =
            |scenario: Scenario, max| scenario.run("", &full_jitter(max)).cause().map(|cause| cause.to_string());
        let rows = [
            (
                fleet(1_000).event(Incident::power_cut(minute, Duration::from_secs(5))),
                "all clients boot within 5 s and ask 9.6 times the capacity: spread their first calls over 48 s or more",
            ),
            (
                fleet(1_000).server(Server::new(10.0)),
                "without failures the fleet asks 17/s, 1.7 times the capacity: raise the capacity or call less often",
            ),
        ];
        for (scenario, line) in rows {
            assert_eq!(cause(scenario, 60).as_deref(), Some(line));
        }
        let line = cause(fleet(2_000), 60).expect("a storm");
        let (start, end) = (
            "in the event the fleet asks ",
            "/s, 1.6 times the capacity: raise the mean delay to 48 s or more, with full jitter a maximum of 1 min 36 s",
        );
        assert!(line.starts_with(start) && line.ends_with(end), "{line}");
        assert_eq!(cause(fleet(1_000), 300), None);
    }

    #[test]
    fn the_edge_lies_where_the_closed_form_has_it() {
        // With a maximum of 120 s, the fleet asks less than the capacity after an outage of any length.
        let scenario = fleet(400);
        assert_eq!(
            tipping_points(&scenario, &full_jitter(120), &|_| ()).map(|tipping| tipping.longest_event),
            Ok(Some(LONGEST))
        );
        // No fleet can do with less than what it asks for without failures: 0.8 of the capacity.
        let capacity = tipping_points(&scenario, &full_jitter(120), &|_| ()).unwrap().least_capacity.unwrap();
        let least = scenario.server.capacity_per_second * 0.8;
        assert!((0.9 * least..1.3 * least).contains(&capacity), "{capacity}, at least {least}");
        let shown = Mutex::new(Vec::new());
        let storm = tipping_points(&fleet(2_000), &full_jitter(60), &|now| shown.lock().unwrap().push(now)).unwrap();
        let longest = storm.longest_event.unwrap();
        assert!(longest < Duration::from_secs(600), "{longest:?}");
        assert!(storm.least_capacity.unwrap() > 2_000.0 / 48.0);
        // Of the work that is shown, none is taken back, and its end is no surprise.
        let shown = shown.into_inner().unwrap();
        let grows = shown.windows(2).all(|pair| pair[0].done <= pair[1].done && pair[0].events <= pair[1].events);
        assert!(grows && (0.7..1.0).contains(&shown.last().unwrap().done), "{:?}", shown.last());
    }

    #[test]
    fn bisection_ends_beside_the_edge() {
        let edge_at = |at: f64| edge(1.0, 100.0, |value| Ok::<_, ()>(value <= at)).unwrap();
        assert_eq!(edge_at(0.5), None);
        assert_eq!(edge_at(100.0), Some(100.0));
        let found = edge_at(30.0).unwrap();
        assert!((30.0 / NEAR..=30.0).contains(&found), "{found}");
    }
}
