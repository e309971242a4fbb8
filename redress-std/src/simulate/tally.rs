//! Counts what happens in a run.

use super::{
    Attempts, RunReport, Scenario, Second,
    clockwork::{MILLI, Nanos, SECOND},
    server::nanos,
};

/// The phases in which a client has its first answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Before,
    During,
    After,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Answered,
    Refused,
    Rejected,
    Late,
    InFlight,
}

const NEVER: u32 = u32::MAX;
const BEFORE: u32 = NEVER - 1;
const DURING: u32 = NEVER - 2;

/// The counts of a run.
pub(super) struct Tally {
    phase: Phase,
    /// The event.
    start: Nanos,
    end: Nanos,
    /// The last minute: its first second, and the first after it.
    last_minute: (usize, usize),
    clients: u32,
    /// For each client, the latest phase in which it had an answer, and in the last phase when, in ms after the event.
    answers: Vec<u32>,
    seconds: Vec<Counts>,
    calls: u64,
    offered: u64,
    lost_calls: u64,
    attempts: Attempts,
    last: Attempts,
    during: u64,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    answered: u32,
    thrown_away: u32,
    /// Clients with their first answer in this phase.
    back: u32,
}

impl Tally {
    pub(super) fn new(scenario: &Scenario, clients: u32) -> Self {
        let start = nanos(scenario.event_start());
        let end = start + nanos(scenario.event.lasts);
        let seconds = second(end + nanos(scenario.watch) - 1) + 1;
        // Requests of the very last seconds may still be without an answer.
        let decided = seconds.saturating_sub(second(nanos(scenario.client_timeout)) + 1).max(seconds.min(1));
        let first = decided.saturating_sub(60).max(second(end).min(decided.saturating_sub(1)));
        Self {
            phase: Phase::Before,
            start,
            end,
            last_minute: (first, decided),
            clients,
            answers: vec![NEVER; clients as usize],
            seconds: vec![Counts::default(); seconds],
            calls: 0,
            offered: 0,
            lost_calls: 0,
            attempts: Attempts::default(),
            last: Attempts::default(),
            during: 0,
        }
    }

    /// Begins a phase. The second in which it begins counts for it.
    pub(super) fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        let begins = match phase {
            Phase::Before => return,
            Phase::During => self.start,
            Phase::After => self.end,
        };
        if let Some(counts) = self.seconds.get_mut(second(begins)) {
            counts.back = 0;
        }
    }

    fn is_last_minute(&self, second: usize) -> bool {
        (self.last_minute.0..self.last_minute.1).contains(&second)
    }

    pub(super) fn begin_call(&mut self, now: Nanos) {
        self.calls += 1;
        self.offered += u64::from(self.is_last_minute(second(now)));
    }

    pub(super) const fn lose_call(&mut self) {
        self.lost_calls += 1;
    }

    /// Counts an attempt that begins.
    pub(super) fn begin_attempt(&mut self, now: Nanos) {
        let at = second(now);
        self.during += u64::from((self.start..self.end).contains(&now));
        self.attempts.made += 1;
        self.last.made += u64::from(self.is_last_minute(at));
    }

    /// Counts an attempt of this second, when it has ended.
    pub(super) fn end_attempt(&mut self, at: u32, fate: Fate) {
        let at = at as usize;
        self.attempts.add(fate);
        if self.is_last_minute(at) {
            self.last.add(fate);
        }
        if let Some(counts) = self.seconds.get_mut(at) {
            if fate == Fate::Answered {
                counts.answered += 1;
            } else {
                counts.thrown_away += 1;
            }
        }
    }

    /// Notes that a client has had an answer. Those that come with a surge are not counted.
    pub(super) fn answer(&mut self, client: u32, now: Nanos) {
        let Some(answer) = self.answers.get_mut(client as usize) else { return };
        let is_first = match self.phase {
            Phase::Before => *answer == NEVER,
            Phase::During => *answer != DURING,
            Phase::After => *answer >= DURING,
        };
        if is_first {
            *answer = match self.phase {
                Phase::Before => BEFORE,
                Phase::During => DURING,
                Phase::After => millis(now.saturating_sub(self.end)).min(DURING - 1),
            };
            if let Some(counts) = self.seconds.get_mut(second(now)) {
                counts.back += 1;
            }
        }
    }

    /// Makes the report of the run. `capacity`: requests that the server of the simulated clients can serve in a second.
    pub(super) fn report(&self, seed: u64, capacity: f64, offered: Option<f64>) -> RunReport {
        let clients = f64::from(self.clients);
        let mut back: Vec<u32> = self.answers.iter().copied().filter(|answer| *answer < DURING).collect();
        back.sort_unstable();
        let (mut series, mut returned) = (Vec::with_capacity(self.seconds.len()), 0);
        let (start, end) = (second(self.start), second(self.end));
        let mut peak = 0;
        for (at, counts) in self.seconds.iter().enumerate() {
            returned = if at == start || at == end { counts.back } else { returned + counts.back };
            let Counts { answered, thrown_away, .. } = *counts;
            if at >= start {
                peak = peak.max(answered + thrown_away);
            }
            series.push(Second { answered, thrown_away, capacity, back: f64::from(returned) / clients });
        }
        let minute = float(self.last_minute.1 as u64) - float(self.last_minute.0 as u64);
        RunReport {
            seed,
            clients: self.clients,
            load: float(self.during) / (capacity * float(self.end - self.start) / float(SECOND)),
            peak: f64::from(peak) / capacity,
            queue: std::time::Duration::ZERO,
            goodput: float(self.last.answered) / minute,
            offered: offered.unwrap_or_else(|| float(self.offered) / minute),
            back,
            calls: self.calls,
            lost_calls: self.lost_calls,
            attempts: self.attempts,
            last_minute: self.last,
            events: 0,
            is_capped: false,
            series,
        }
    }
}

impl Attempts {
    const fn add(&mut self, fate: Fate) {
        let part = match fate {
            Fate::Answered => &mut self.answered,
            Fate::Refused => &mut self.refused,
            Fate::Rejected => &mut self.rejected,
            Fate::Late => &mut self.late,
            Fate::InFlight => &mut self.in_flight,
        };
        *part += 1;
    }
}

fn second(at: Nanos) -> usize {
    (at / SECOND) as usize
}

#[expect(clippy::cast_possible_truncation, reason = "a day of milliseconds")]
fn millis(span: Nanos) -> u32 {
    (span / MILLI) as u32
}

#[expect(clippy::cast_precision_loss, reason = "counts below 2^53 are exact")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}
