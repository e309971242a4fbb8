//! The runs of all pages that are open.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{Answer, Attempt, Entry, Plan, WINDOW_MS};

/// Older runs are forgotten.
const KEPT: usize = 32;

/// More requests than this in one run are not answered.
const LONGEST_LOG: usize = 20_000;

/// A run has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRun {
    /// Its number.
    pub run: u32,
    /// The span over which requests are counted.
    pub window_ms: u32,
}

/// The plans and logs of the latest runs.
#[derive(Debug, Default)]
pub struct Runs {
    runs: Mutex<BTreeMap<u32, Run>>,
}

#[derive(Debug)]
struct Run {
    plan: Plan,
    start: Instant,
    entries: Vec<Entry>,
}

impl Runs {
    /// No run yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a run.
    pub fn start(&self, plan: Plan) -> NewRun {
        let mut runs = self.lock();
        let run = runs.last_key_value().map_or(1, |(last, _)| last + 1);
        runs.insert(run, Run { plan, start: Instant::now(), entries: Vec::new() });
        if runs.len() > KEPT {
            runs.pop_first();
        }
        NewRun { run, window_ms: WINDOW_MS }
    }

    /// Notes a request, and tells what to answer and how long that takes. `None` if there is no such run, or no end to
    /// it.
    pub fn answer(&self, run: u32, attempt: Attempt) -> Option<(Answer, Duration)> {
        let mut runs = self.lock();
        let run = runs.get_mut(&run).filter(|run| run.entries.len() < LONGEST_LOG)?;
        let at_ms = u32::try_from(run.start.elapsed().as_millis()).unwrap_or(u32::MAX);
        let mut entry = Entry { at_ms, attempt, status: None };
        let taken = run.entries.iter().rev().take_while(|before| before.window() == entry.window()).count();
        let taken = u32::try_from(taken).unwrap_or(u32::MAX);
        let answer = run.plan.answer(&attempt, at_ms, taken, fastrand::u8(..100));
        entry = Entry::new(at_ms, attempt, answer);
        run.entries.push(entry);
        Some((answer, Duration::from_millis(run.plan.latency_ms.into())))
    }

    /// The log of a run, oldest first.
    pub fn log(&self, run: u32) -> Option<Vec<Entry>> {
        self.lock().get(&run).map(|run| run.entries.clone())
    }

    /// The number of the latest run.
    pub fn latest(&self) -> Option<u32> {
        self.lock().last_key_value().map(|(run, _)| *run)
    }

    /// Locks the runs, also after a panic with the lock held: each entry is written in one step.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Trouble;

    const ATTEMPT: Attempt = Attempt { client: 1, call: 1, attempt: 1 };

    #[tokio::test(start_paused = true)]
    async fn an_outage_ends_and_the_log_tells_when() {
        let runs = Runs::new();
        let run = runs.start(Plan { outage_ms: 1_000, trouble: Trouble::HangUp, ..Plan::default() }).run;
        for _ in 0..3 {
            assert!(runs.answer(run, ATTEMPT).is_some());
            tokio::time::advance(Duration::from_millis(500)).await;
        }
        let log: Vec<_> = runs.log(run).unwrap_or_default().iter().map(|entry| (entry.at_ms, entry.status)).collect();
        assert_eq!(log, [(0, None), (500, None), (1_000, Some(200))]);
    }

    #[tokio::test(start_paused = true)]
    async fn capacity_is_counted_per_window() {
        let runs = Runs::new();
        let run = runs.start(Plan { capacity: 2, ..Plan::default() }).run;
        let mut statuses = Vec::new();
        for _ in 0..2 {
            for _ in 0..3 {
                runs.answer(run, ATTEMPT);
            }
            tokio::time::advance(Duration::from_millis(250)).await;
        }
        statuses.extend(runs.log(run).unwrap_or_default().iter().filter_map(|entry| entry.status));
        assert_eq!(statuses, [200, 200, 503, 200, 200, 503]);
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_latest_runs_are_kept() {
        let runs = Runs::new();
        let numbers: Vec<_> = (0..=KEPT).map(|_| runs.start(Plan::default()).run).collect();
        assert_eq!((runs.log(numbers[0]), runs.latest()), (None, numbers.last().copied()));
        assert_eq!(runs.log(numbers[1]), Some(Vec::new()));
        assert_eq!(runs.answer(numbers[0], ATTEMPT), None);
    }
}
