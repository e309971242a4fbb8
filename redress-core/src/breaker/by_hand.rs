//! Breakers moved and read by hand.

use super::{BreakerState, CircuitBreakerView, Snapshot};
use crate::{Clock, Millis, named::named, reading::Reading, time::Timestamp};

named! {
    /// The mode of a [`RateBreaker`](super::RateBreaker): the decisions that it makes by itself.
    #[non_exhaustive]
    BreakerMode {
        /// It opens, admits probes and closes by itself.
        Automatic = "automatic",
        /// It is held open: every call is rejected.
        Isolated = "isolated",
        /// It is held closed: every call is admitted and none is counted.
        Disabled = "disabled",
        /// It is held closed: every call is admitted and counted, for a trial of the configuration.
        MetricsOnly = "metrics_only",
    }
}

impl BreakerMode {
    /// Returns the mode of this number.
    pub(super) fn of(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl CircuitBreakerView {
    /// Opens the circuit by hand, for the recovery timeout from now. From there it goes on by itself. The results of calls
    /// admitted before are ignored.
    ///
    /// ```
    /// use redress_core::{BreakerConfig, BreakerState, CircuitBreaker, testing::ManualClock};
    ///
    /// static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(4));
    ///
    /// let clock = ManualClock::new();
    /// BREAKER.open(&clock);
    /// assert_eq!(BREAKER.retry_after(&clock).map(|left| left.get()), Some(30_000));
    /// BREAKER.close(&clock);
    /// assert_eq!((BREAKER.state(), BREAKER.retry_after(&clock)), (BreakerState::Closed, None));
    /// ```
    pub fn open<C: Clock>(&self, clock: &C) {
        self.move_to(BreakerState::Open, Snapshot::OPEN_NOW, clock);
    }

    /// Closes the circuit by hand and forgets all failures. The results of calls admitted before are ignored.
    pub fn close<C: Clock>(&self, clock: &C) {
        self.move_to(BreakerState::Closed, Snapshot::CLOSE_NOW, clock);
    }

    fn move_to<C: Clock>(&self, state: BreakerState, request: Snapshot, clock: &C) {
        let head = &self.head;
        if head.load().is_watched() {
            self.handle(request, None, clock, Timestamp::NEVER);
            return;
        }
        let reading = Reading::of(clock, Timestamp::NEVER);
        head.lock.with(|| {
            let before = head.load();
            head.latest.passed(&reading, reading.at_least(head.config.span(before.state())));
            let moment = match state {
                // Older than the window, so that the next failure finds it empty.
                BreakerState::Closed => reading.now().before(reading.at_least(head.config.span(state))),
                _ => reading.now(),
            };
            head.enter(before.next(state), moment);
        });
    }

    /// Returns the time until a probe is admitted; `None` unless the circuit is open. Zero once the next call is a probe.
    pub fn retry_after<C: Clock>(&self, clock: &C) -> Option<Millis> {
        let head = &self.head;
        if head.load().is_watched() {
            let answer = self.handle(Snapshot::RETRY_AFTER, None, clock, Timestamp::NEVER);
            return answer.permit.is_none().then(|| answer.retry_after());
        }
        let reading = Reading::of(clock, Timestamp::NEVER);
        head.lock.with(|| {
            let span = reading.at_least(head.config.span(BreakerState::Open));
            head.load().is_open().then(|| span.saturating_sub(head.latest.passed(&reading, span)))
        })
    }

    /// Holds a [`RateBreaker`](super::RateBreaker) open or closed, or lets it go. Returns whether that was done: a
    /// [`CircuitBreaker`](super::CircuitBreaker) has no modes.
    ///
    /// Let go, a circuit that was held open is open for the recovery timeout, and one that was held closed is closed.
    pub fn set_mode<C: Clock>(&self, mode: BreakerMode, clock: &C) -> bool {
        let request = Snapshot::set_mode(mode);
        self.head.load().is_watched() && self.handle(request, None, clock, Timestamp::NEVER).more != 0
    }
}
