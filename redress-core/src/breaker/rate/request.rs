//! Requests in the place of permits: transitions by hand, and queries.

use core::sync::atomic::Ordering::Relaxed;

use super::{Admission, Answer, BreakerMode, BreakerState, Snapshot, UNCHANGED, View};
use crate::{Millis, reading::Reading, time::Timestamp};

impl View<'_> {
    /// Obeys a request by hand, or answers it.
    pub(super) fn obey(self, request: Snapshot, reading: &Reading<'_>) -> Answer {
        let before = self.head.load();
        match request {
            Snapshot::ABANDONED => {
                return (Admission { more: self.abandoned_class(reading.took()), ..Admission::UNCHANGED }, None);
            }
            Snapshot::RETRY_AFTER => return (self.time_left(before, reading), None),
            _ => {}
        }
        // Corrects the reading, if it is older than what is kept.
        self.head.latest.passed(reading, self.head.config.span(BreakerState::Open));
        let now = reading.now();
        let (_, transition) = match (request, request.requested_mode()) {
            (Snapshot::OPEN_NOW, _) => self.open_by_hand(now),
            (Snapshot::CLOSE_NOW, _) => self.close_by_hand(now),
            (_, Some(mode)) => {
                let mode_before = self.mode();
                self.state.mode.store(mode as u8, Relaxed);
                match mode {
                    _ if mode == mode_before => UNCHANGED,
                    BreakerMode::Isolated => self.open_by_hand(now),
                    BreakerMode::Automatic if mode_before == BreakerMode::Isolated => self.open_by_hand(now),
                    BreakerMode::Automatic => {
                        self.head.store(before.counting());
                        UNCHANGED
                    }
                    BreakerMode::Disabled | BreakerMode::MetricsOnly => self.close_by_hand(now),
                }
            }
            _ => return UNCHANGED,
        };
        (Admission { more: 1, ..Admission::UNCHANGED }, transition)
    }

    /// Returns the number plus one of the class that a call fails with which was abandoned after this long; 0 if none.
    fn abandoned_class(self, took: Millis) -> u32 {
        match self.config.abandoned {
            Some((after, class)) if took >= after => (class as u32).wrapping_add(1),
            _ => 0,
        }
    }

    /// Answers with a rejection at this moment, as it would be; with a permit if the circuit is not open.
    fn time_left(self, before: Snapshot, reading: &Reading<'_>) -> Admission {
        if before.state() != BreakerState::Open {
            return Admission { permit: before, more: 0 };
        }
        let span = reading.at_least(self.open_time());
        let left = span.saturating_sub(self.head.latest.passed(reading, span));
        Admission::rejected(if self.mode() == BreakerMode::Isolated {
            self.head.config.span(BreakerState::Open)
        } else {
            left
        })
    }

    /// Opens the circuit, which is no recovery that failed.
    fn open_by_hand(self, now: Timestamp) -> Answer {
        let openings = &self.state.openings;
        openings.store(openings.load(Relaxed).max(1), Relaxed);
        let transition = self.enter(self.head.load().next(BreakerState::Open), now, None);
        (Admission::UNCHANGED, transition)
    }

    /// Closes the circuit as if it had never been open.
    fn close_by_hand(self, now: Timestamp) -> Answer {
        self.state.openings.store(0, Relaxed);
        self.close(now, 0)
    }

    pub(super) fn mode(self) -> BreakerMode {
        BreakerMode::of(self.state.mode.load(Relaxed)).unwrap_or(BreakerMode::Automatic)
    }
}
