//! Looks at every wait between two attempts: none may be shorter than was decided, nor much longer.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use embassy_time::{Duration, Instant};
use redress_embassy::{AttemptStart, Event, EventKind, Observer};

/// A tick because the clock shows only whole ones, and what the other tasks and the log take.
const LATE_MS: u32 = 20;

static COUNT: AtomicU32 = AtomicU32::new(0);
static EARLY: AtomicU32 = AtomicU32::new(0);
static WORST_MS: AtomicU32 = AtomicU32::new(0);

/// Notes when the next attempt is due, and when it comes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waits {
    due: Option<Instant>,
}

impl Observer for Waits {
    fn on_event(&mut self, event: &Event) {
        let delay = Duration::from_millis(event.delay.get().into());
        self.due = (event.kind == EventKind::Retry).then(|| Instant::now() + delay);
    }

    fn on_attempt_start(&mut self, _start: &AttemptStart) {
        let Some(due) = self.due.take() else { return };
        let now = Instant::now();
        let late = now.saturating_duration_since(due).as_ticks();
        COUNT.fetch_add(1, Relaxed);
        EARLY.fetch_add(u32::from(now < due), Relaxed);
        WORST_MS.fetch_max(u32::try_from(late).unwrap_or(u32::MAX), Relaxed);
    }
}

/// How many there were.
pub(crate) fn count() -> u32 {
    COUNT.load(Relaxed)
}

/// By how much the longest was longer than decided.
pub(crate) fn worst_lateness_ms() -> u32 {
    WORST_MS.load(Relaxed)
}

/// Whether all were as long as decided.
pub(crate) fn were_kept() -> bool {
    EARLY.load(Relaxed) == 0 && worst_lateness_ms() <= LATE_MS
}
