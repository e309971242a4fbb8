//! A task that must run on time, and records when it did not.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use embassy_time::{Duration, Instant, Ticker};

const PERIOD: Duration = Duration::from_millis(50);

/// Later than this means that another task kept the executor. Logging costs a few ticks on a busy host.
const LATE_MS: u32 = 20;

static BEATS: AtomicU32 = AtomicU32::new(0);
static WORST_MS: AtomicU32 = AtomicU32::new(0);

/// Beats once a period and does not return.
#[embassy_executor::task]
pub(crate) async fn run() {
    let mut ticker = Ticker::every(PERIOD);
    let mut due = Instant::now() + PERIOD;
    loop {
        ticker.next().await;
        let late = Instant::now().saturating_duration_since(due).as_ticks();
        WORST_MS.fetch_max(u32::try_from(late).unwrap_or(u32::MAX), Relaxed);
        BEATS.fetch_add(1, Relaxed);
        due += PERIOD;
    }
}

/// Returns the number of beats.
pub(crate) fn beats() -> u32 {
    BEATS.load(Relaxed)
}

/// Returns by how much the latest beat was late, in milliseconds.
pub(crate) fn worst_lateness_ms() -> u32 {
    WORST_MS.load(Relaxed)
}

/// Returns whether there was a beat and none was late.
pub(crate) fn was_steady() -> bool {
    beats() > 0 && worst_lateness_ms() <= LATE_MS
}
