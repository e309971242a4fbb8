//! Measures every wait between two attempts: none may be shorter than was decided, nor much longer.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use embassy_time::{Duration, Instant};
use redress_embassy::{AttemptStart, Event, EventKind, Observer};

/// One tick, because the clock counts whole ones, and the time of other tasks and of the log.
const LATE_MS: u32 = 20;

static COUNT: AtomicU32 = AtomicU32::new(0);
static EARLY: AtomicU32 = AtomicU32::new(0);
static WORST_MS: AtomicU32 = AtomicU32::new(0);

/// Records when the next attempt is due and when it begins.
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

/// Returns the number of waits.
pub(crate) fn count() -> u32 {
    COUNT.load(Relaxed)
}

/// Returns by how much the latest attempt came late, in milliseconds.
pub(crate) fn worst_lateness_ms() -> u32 {
    WORST_MS.load(Relaxed)
}

/// Returns whether all waits were as long as decided.
pub(crate) fn were_kept() -> bool {
    EARLY.load(Relaxed) == 0 && worst_lateness_ms() <= LATE_MS
}
