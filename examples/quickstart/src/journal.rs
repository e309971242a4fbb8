//! An observer that prints events as they come and keeps them for the timeline.

use std::{
    io::{self, Write},
    time::Instant,
};

use quickstart::report::{self, AttemptRow, Next, Row, Style};
use redress_std::{
    AttemptDecision, AttemptEnd, AttemptStart, BreakerState, Event, EventKind, Millis, Observer, StopReason,
};

use crate::api::Api;

pub(crate) struct Journal<'a> {
    api: &'a Api,
    style: Style,
    /// The story being told.
    begun: Instant,
    rows: Vec<Row>,
    /// A call has started, and no attempt of it.
    call_is_new: bool,
    attempt_started: Millis,
    breaker: BreakerState,
    /// Over all stories, as the others below.
    pub(crate) calls: u32,
    pub(crate) resumptions: u32,
    pub(crate) attempts: u32,
    pub(crate) retries: u32,
}

impl<'a> Journal<'a> {
    pub(crate) fn new(api: &'a Api, style: Style) -> Self {
        Self {
            api,
            style,
            begun: Instant::now(),
            rows: Vec::new(),
            call_is_new: false,
            attempt_started: Millis::ZERO,
            breaker: BreakerState::Closed,
            calls: 0,
            resumptions: 0,
            attempts: 0,
            retries: 0,
        }
    }

    /// Begins a story.
    pub(crate) fn open(&mut self, title: &str) {
        self.begun = Instant::now();
        self.rows.clear();
        printed(report::header(&mut io::stdout(), self.style, title));
    }

    /// Ends it with its timeline.
    pub(crate) fn close(&self, operation: &str) {
        self.say("");
        printed(report::timeline(&mut io::stdout(), self.style, operation, &self.rows));
    }

    /// A line of text.
    #[expect(clippy::unused_self, reason = "what is printed goes through the journal")]
    pub(crate) fn say(&self, line: &str) {
        printed(writeln!(io::stdout(), "{line}"));
    }

    /// Tells what no call tells.
    pub(crate) fn note(&mut self, text: String) {
        let at_ms = self.now();
        self.tell(Row::Note { at_ms, text });
    }

    /// A story has several calls, each of which counts from its own start; this counts through.
    fn now(&self) -> u64 {
        self.begun.elapsed().as_millis().try_into().unwrap_or(u64::MAX)
    }

    fn tell(&mut self, row: Row) {
        printed(report::row(&mut io::stdout(), self.style, &row));
        self.rows.push(row);
    }

    fn tell_attempt(&mut self, number: u32, took: Millis, outcome: String, class: &'static str, next: Next) {
        let at_ms = self.now();
        self.tell(Row::Attempt(AttemptRow { at_ms, took_ms: took.get().into(), number, outcome, class, next }));
    }
}

impl Observer for Journal<'_> {
    fn on_call_start(&mut self, _operation: &'static str) {
        self.calls += 1;
        self.call_is_new = true;
    }

    fn on_event(&mut self, event: &Event) {
        match (event.kind, event.state) {
            (EventKind::Retry, _) => self.retries += 1,
            (EventKind::CircuitRejected, _) => {
                let next = Next::Stop { reason: StopReason::CircuitOpen.as_str() };
                self.tell_attempt(0, Millis::ZERO, "not sent".to_owned(), "", next);
            }
            (_, Some(state)) => {
                let before = std::mem::replace(&mut self.breaker, state);
                self.note(format!("breaker: {before} -> {state}"));
            }
            _ => {}
        }
    }

    fn on_attempt_start(&mut self, start: &AttemptStart) {
        // A call that begins with another attempt than its first began elsewhere.
        if std::mem::take(&mut self.call_is_new) && start.attempt > 1 {
            self.calls -= 1;
            self.resumptions += 1;
        }
        self.attempts += 1;
        self.attempt_started = start.elapsed;
    }

    fn on_attempt_end(&mut self, end: &AttemptEnd) {
        let delay_ms = end.delay.get().into();
        let next = match end.decision {
            AttemptDecision::Success => Next::Success,
            AttemptDecision::Retry => Next::Retry { delay_ms },
            AttemptDecision::Scheduled => Next::Defer { delay_ms },
            _ => Next::Stop { reason: end.stop_reason.map_or("unknown", |reason| reason.as_str()) },
        };
        let outcome = if next == Next::Success { "200".to_owned() } else { self.api.last_failure() };
        let took = end.elapsed.saturating_sub(self.attempt_started);
        self.tell_attempt(end.attempt, took, outcome, end.class.map_or("", |class| class.as_str()), next);
    }
}

/// Ignores errors of printing, as into a closed pipe: the run is checked all the same.
fn printed(result: io::Result<()>) {
    drop(result);
}
