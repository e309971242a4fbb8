//! A breaker that counts all calls: failure rate, slow calls, and what services expect besides.

mod buckets;
mod config;

use core::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};

use buckets::Bucket;
pub use buckets::Counts;
pub use config::RateConfig;

#[cfg(feature = "std")]
use super::BreakerKind;
use super::{Admission, BreakerMode, BreakerState, CircuitBreakerView, Counter, Finding, Head, Snapshot};
use crate::{
    Clock, ConfigError, ErrorClass, Millis, error::valid_or_panic, lock::Halves, reading::Reading, rng::Fnv,
    time::Timestamp,
};

/// A change of a breaker's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Transition {
    /// The state before.
    pub from: BreakerState,
    /// The state that was entered. It is the same where a breaker that was open is opened by hand.
    pub to: BreakerState,
    /// The class of the failure that opened the circuit; `None` by hand and where slow calls opened it.
    pub class: Option<ErrorClass>,
    /// How long the circuit stays open; zero in other states.
    pub open_for: Millis,
}

/// Hears every change of a breaker's state. Any `Fn(&Transition) + Sync` is one.
///
/// It is called after the lock of the breaker was released, in the call, task or interrupt that caused the change. Changes that
/// come close after one another may be heard in another order. It MUST NOT panic and SHOULD NOT block.
pub trait BreakerListener: Sync {
    /// Called after a change.
    fn on_transition(&self, transition: &Transition);
}

impl<F: Fn(&Transition) + Sync> BreakerListener for F {
    fn on_transition(&self, transition: &Transition) {
        self(transition);
    }
}

/// A circuit breaker that opens by failure rate, in a sliding window of `N` buckets, 1 to 255, of six bytes each.
///
/// It counts successes as well as failures, so that a call costs a lock and a reading of the clock where one of a
/// [`CircuitBreaker`](crate::CircuitBreaker) costs neither. It opens on a failure or a slow call, never on a success.
///
/// ```
/// use core::time::Duration;
/// use redress_core::{BreakerState, ErrorClass, breaker::{RateBreaker, RateConfig}, testing::ManualClock};
///
/// static CONFIG: RateConfig = RateConfig::new(50)
///     .minimum_calls(4)
///     .growing_timeout(Duration::from_secs(600), Duration::from_secs(120));
/// static BREAKER: RateBreaker<10> = RateBreaker::new(&CONFIG);
///
/// let clock = ManualClock::new();
/// for _ in 0..2 {
///     BREAKER.try_acquire(&clock)?.success(&clock);
///     BREAKER.try_acquire(&clock)?.failure(ErrorClass::Transient, &clock);
/// }
/// assert_eq!(BREAKER.state(), BreakerState::Open); // 2 of 4
/// assert_eq!(BREAKER.retry_after(&clock).map(|left| left.get()), Some(30_000));
///
/// clock.advance(Duration::from_secs(30));
/// BREAKER.try_acquire(&clock)?.failure(ErrorClass::Transient, &clock); // the probe
/// assert_eq!(BREAKER.retry_after(&clock).map(|left| left.get()), Some(60_000));
/// # Ok::<(), redress_core::Rejected>(())
/// ```
///
/// A policy takes it as it takes any breaker. Contradictions do not compile in a `static`:
///
/// ```compile_fail,E0080
/// # use redress_core::breaker::{RateBreaker, RateConfig};
/// static CONFIG: RateConfig = RateConfig::new(0);
/// static BREAKER: RateBreaker<10> = RateBreaker::new(&CONFIG);
/// ```
pub type RateBreaker<const N: usize> = CircuitBreakerView<Rate<N>>;

/// The part that only a [`RateBreaker`] has.
#[derive(Debug)]
pub struct Rate<const N: usize> {
    config: &'static RateConfig,
    state: State,
    buckets: [Bucket; N],
}

/// The state that changes with the lock held. The mode is also read without the lock.
#[derive(Debug)]
struct State {
    /// When the circuit closed last.
    closed: Halves,
    seed: AtomicU32,
    /// How often it has opened since it was healthy.
    openings: AtomicU8,
    /// The bucket that counts.
    current: AtomicU8,
    /// A [`BreakerMode`].
    mode: AtomicU8,
    /// 0 if all calls are admitted. Progressive, what the calls so far have added up to, in 255ths, plus 1.
    share: AtomicU8,
}

impl<const N: usize> RateBreaker<N> {
    /// Creates a closed breaker.
    ///
    /// # Panics
    ///
    /// If the configuration contradicts itself; in a `static` this is a compile error. [`try_new`](Self::try_new)
    /// returns an error instead.
    pub const fn new(config: &'static RateConfig) -> Self {
        valid_or_panic!(Self::try_new(config))
    }

    /// Creates a closed breaker.
    ///
    /// # Errors
    ///
    /// The field that contradicts another or is out of its bounds.
    pub const fn try_new(config: &'static RateConfig) -> Result<Self, ConfigError> {
        if let Err(error) = config.validate(N) {
            return Err(error);
        }
        let state = State {
            closed: Halves::new(0),
            seed: AtomicU32::new(0),
            openings: AtomicU8::new(0),
            current: AtomicU8::new(0),
            mode: AtomicU8::new(BreakerMode::Automatic as u8),
            share: AtomicU8::new(0),
        };
        let snapshot = Snapshot::CLOSED.with_flags(flags(config));
        let counter = Rate { config, state, buckets: [const { Bucket::new() }; N] };
        Ok(Self { head: Head::new(config.base, snapshot), counter })
    }

    /// Seeds the jitter of the open time: give each device or process a number of its own.
    pub fn seed(&self, seed: u32) {
        self.counter.state.seed.store(seed, Relaxed);
    }

    /// Returns the calls in the window at this moment. Half-open, the probes that have failed.
    pub fn counts<C: Clock>(&self, clock: &C) -> Counts {
        let (view, reading) = (self.counter.view(&self.head), Reading::of(clock, Timestamp::NEVER));
        self.head.lock.with(|| {
            if self.head.load().state() == BreakerState::Closed {
                view.slide(&reading);
            }
            Counts::of(view.buckets)
        })
    }

    /// Returns what the breaker does by itself.
    pub fn mode(&self) -> BreakerMode {
        self.counter.view(&self.head).mode()
    }
}

/// The flags of every snapshot under this configuration.
const fn flags(config: &RateConfig) -> u32 {
    if config.per_attempt { Snapshot::WATCHED | Snapshot::ATTEMPTS } else { Snapshot::WATCHED }
}

impl<const N: usize> Rate<N> {
    const fn view<'a>(&'a self, head: &'a Head) -> View<'a> {
        View { head, config: self.config, state: &self.state, buckets: &self.buckets }
    }
}

impl<const N: usize> Counter for Rate<N> {
    fn handle(&self, head: &Head, permit: Snapshot, finding: Finding, reading: &Reading<'_>) -> Admission {
        self.view(head).handle(permit, finding, reading)
    }

    #[cfg(feature = "std")]
    fn kind(&self, _head: &Head) -> BreakerKind {
        BreakerKind::Rate { config: self.config, buckets: N }
    }
}

/// All parts of a breaker, the number of its buckets forgotten.
#[derive(Clone, Copy)]
struct View<'a> {
    head: &'a Head,
    config: &'static RateConfig,
    state: &'a State,
    buckets: &'a [Bucket],
}

/// An answer, and the change that the listener is to hear.
type Answer = (Admission, Option<Transition>);

const UNCHANGED: Answer = (Admission::UNCHANGED, None);

impl View<'_> {
    fn handle(self, permit: Snapshot, finding: Finding, reading: &Reading<'_>) -> Admission {
        let before = self.head.load();
        if permit.is_none() && before.state() == BreakerState::Closed && self.state.share.load(Relaxed) == 0 {
            return Admission { permit: before, more: Admission::WATCHED };
        }
        let (admission, transition) = self.head.lock.with(|| {
            if permit.is_none() {
                self.admit(reading)
            } else if permit.is_request() {
                self.obey(permit, reading)
            } else {
                self.settle(permit, finding, reading)
            }
        });
        if let (Some(transition), Some(listener)) = (transition, self.config.listener) {
            listener.on_transition(&transition);
        }
        admission
    }

    fn mode(self) -> BreakerMode {
        let mode = self.state.mode.load(Relaxed);
        BreakerMode::ALL.into_iter().find(|known| *known as u8 == mode).unwrap_or(BreakerMode::Automatic)
    }

    fn admit(self, reading: &Reading<'_>) -> Answer {
        let (before, probes) = (self.head.load(), u32::from(self.head.config.probes));
        let span = match before.state() {
            BreakerState::Closed => return (self.admit_share(before, reading), None),
            BreakerState::Open => self.open_time(),
            BreakerState::HalfOpen => self.head.config.span(BreakerState::HalfOpen),
        };
        let span = reading.at_least(span);
        let passed = self.head.latest.passed(reading, span);
        let is_open = before.state() == BreakerState::Open;
        if is_open && self.mode() == BreakerMode::Isolated {
            return (Admission::rejected(self.head.config.span(BreakerState::Open)), None);
        }
        if !is_open && before.admitted() < probes {
            let after = before.with_admitted(1);
            self.head.enter(after, reading.now());
            return (Admission { permit: after, more: Admission::WATCHED }, None);
        }
        if passed < span {
            return (Admission::rejected(span.saturating_sub(passed)), None);
        }
        // Open, there are no probes yet. Half-open, those that have answered keep their places.
        let answered = if is_open { 0 } else { self.failed_probes() };
        if is_open {
            self.clear();
        }
        let after = before
            .next(BreakerState::HalfOpen)
            .with_succeeded(before.succeeded())
            .with_admitted(answered.wrapping_add(1));
        let transition = self.enter(after, reading.now(), None);
        let more = if is_open { Admission::WATCHED | Admission::HALF_OPENED } else { Admission::WATCHED };
        (Admission { permit: self.head.load(), more }, transition)
    }

    /// Admits a share of the calls to a circuit that has closed a short time ago.
    fn admit_share(self, before: Snapshot, reading: &Reading<'_>) -> Admission {
        self.slide(reading);
        let (ramp, closed) = (self.config.ramp, Timestamp::from_millis(self.state.closed.load()));
        let passed = reading.now().since(closed).unwrap_or_default();
        let sum = u32::from(self.state.share.load(Relaxed));
        if passed >= ramp || sum == 0 {
            self.state.share.store(0, Relaxed);
            return Admission { permit: before, more: Admission::WATCHED };
        }
        // In 255ths, at least one of them. The span is at most an hour, so that the product fits.
        let share = passed.get().wrapping_mul(255).checked_div(ramp.get()).unwrap_or_default().max(1);
        let sum = sum.wrapping_add(share);
        let is_admitted = sum > 255;
        #[expect(clippy::cast_possible_truncation, reason = "from 1 to 255")]
        self.state.share.store(if is_admitted { sum.wrapping_sub(255) } else { sum } as u8, Relaxed);
        if is_admitted {
            Admission { permit: before, more: Admission::WATCHED }
        } else {
            Admission::rejected(ramp.saturating_sub(passed))
        }
    }

    fn settle(self, permit: Snapshot, finding: Finding, reading: &Reading<'_>) -> Answer {
        let before = self.head.load();
        if !before.is_same_generation(permit) {
            return UNCHANGED;
        }
        let failure = match finding {
            Finding::Failure(class) => Some(class),
            Finding::Answer => None,
            Finding::Nothing => {
                if before.state() == BreakerState::HalfOpen {
                    self.head.store(before.without_probe());
                }
                return UNCHANGED;
            }
        };
        let is_slow = self.config.slow.get() != 0 && reading.took() >= self.config.slow;
        if before.state() == BreakerState::HalfOpen {
            return self.settle_probe(before, failure, is_slow, reading);
        }
        let mode = self.mode();
        if mode == BreakerMode::Disabled {
            return UNCHANGED;
        }
        self.slide(reading);
        self.count(failure.is_some(), is_slow);
        if failure.is_none() && !is_slow || mode != BreakerMode::Automatic || !self.is_too_much() {
            return UNCHANGED;
        }
        self.open(failure, reading.now())
    }

    fn settle_probe(
        self,
        before: Snapshot,
        failure: Option<ErrorClass>,
        is_slow: bool,
        reading: &Reading<'_>,
    ) -> Answer {
        let needed = self.config.needed_probes();
        let now = reading.read();
        if failure.is_none() && !is_slow {
            let after = before.answer(needed);
            if after.is_same_generation(before) {
                self.head.store(after);
                return UNCHANGED;
            }
            return self.close(now);
        }
        if let Some(bucket) = self.buckets.first() {
            bucket.add(true, is_slow);
        }
        if self.failed_probes().wrapping_add(needed) > u32::from(self.head.config.probes) {
            return self.open(failure, now);
        }
        UNCHANGED
    }

    /// Returns the probes that have failed in a half-open circuit, in which the buckets count nothing else.
    fn failed_probes(self) -> u32 {
        self.buckets.first().map_or(0, Bucket::failed).into()
    }

    /// Obeys a request by hand, or answers it.
    fn obey(self, request: Snapshot, reading: &Reading<'_>) -> Answer {
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
                    BreakerMode::Automatic => UNCHANGED,
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

    /// Moves on to a reading: buckets that have left the window are empty.
    fn slide(self, reading: &Reading<'_>) {
        if self.config.window_calls != 0 {
            // Only for the time since the circuit closed.
            self.head.latest.passed(reading, self.head.config.span(BreakerState::Closed));
            self.head.latest.store(reading.now());
            return;
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 255")]
        let buckets = self.buckets.len() as u32;
        let length = reading.at_least(Millis::new(self.config.bucket(self.buckets.len())));
        let window = Millis::new(length.get().saturating_mul(buckets));
        let mut passed = self.head.latest.passed(reading, window);
        if passed < length {
            return;
        }
        if passed >= window {
            self.clear();
            self.head.latest.store(reading.now());
            // After a clock was set back, too.
            if reading.now().since(Timestamp::from_millis(self.state.closed.load())).is_none() {
                self.state.closed.store(reading.now().millis());
            }
            return;
        }
        let mut begin = reading.now().before(passed);
        while passed >= length {
            self.advance();
            passed = passed.saturating_sub(length);
            begin = begin.after(length);
        }
        self.head.latest.store(begin);
    }

    /// Begins the next bucket.
    fn advance(self) {
        let next = self.state.current.load(Relaxed).wrapping_add(1);
        let next = if usize::from(next) < self.buckets.len() { next } else { 0 };
        self.state.current.store(next, Relaxed);
        if let Some(bucket) = self.current() {
            bucket.clear();
        }
    }

    fn current(&self) -> Option<&Bucket> {
        self.buckets.get(usize::from(self.state.current.load(Relaxed)))
    }

    fn count(self, is_failure: bool, is_slow: bool) {
        let is_full = |bucket: &Bucket| u32::from(bucket.calls()) >= self.config.bucket(self.buckets.len());
        if self.config.window_calls != 0 && self.current().is_some_and(is_full) {
            self.advance();
        }
        if let Some(bucket) = self.current() {
            bucket.add(is_failure, is_slow);
        }
    }

    /// Returns whether the window holds so many failures or slow calls that the circuit opens.
    fn is_too_much(self) -> bool {
        let (config, counts) = (self.config, Counts::of(self.buckets));
        if config.failure_count != 0 && counts.failed >= config.failure_count.into() {
            return true;
        }
        counts.calls >= config.minimum_calls.into()
            && (counts.reaches(counts.failed, config.failure_rate)
                || config.slow.get() != 0 && counts.reaches(counts.slow, config.slow_rate))
    }

    fn clear(self) {
        for bucket in self.buckets {
            bucket.clear();
        }
    }

    /// Opens the circuit.
    fn open(self, class: Option<ErrorClass>, now: Timestamp) -> Answer {
        let (before, state) = (self.head.load(), self.state);
        let closed_for = now.since(Timestamp::from_millis(state.closed.load())).unwrap_or_default();
        let is_healthy = before.state() == BreakerState::Closed && closed_for >= self.config.healthy_after;
        let openings = if is_healthy { 0 } else { state.openings.load(Relaxed) };
        state.openings.store(openings.saturating_add(1), Relaxed);
        state.share.store(0, Relaxed);
        let after = before.next(BreakerState::Open);
        let transition = self.enter(after, now, class);
        (Admission { permit: after, more: 0 }, transition)
    }

    /// Opens the circuit, which is no recovery that failed.
    fn open_by_hand(self, now: Timestamp) -> Answer {
        let openings = &self.state.openings;
        openings.store(openings.load(Relaxed).max(1), Relaxed);
        self.state.share.store(0, Relaxed);
        let transition = self.enter(self.head.load().next(BreakerState::Open), now, None);
        (Admission::UNCHANGED, transition)
    }

    /// Closes the circuit after a recovery.
    fn close(self, now: Timestamp) -> Answer {
        let state = self.state;
        self.clear();
        state.closed.store(now.millis());
        // The first call is admitted.
        state.share.store(if self.config.ramp.get() == 0 { 0 } else { u8::MAX }, Relaxed);
        let after = self.head.load().next(BreakerState::Closed);
        let transition = self.enter(after, now, None);
        (Admission { permit: after, more: 0 }, transition)
    }

    /// Closes the circuit as if it had never been open.
    fn close_by_hand(self, now: Timestamp) -> Answer {
        let answer = self.close(now);
        self.state.openings.store(0, Relaxed);
        self.state.share.store(0, Relaxed);
        answer
    }

    /// Enters a state and says what is heard of it.
    fn enter(self, after: Snapshot, now: Timestamp, class: Option<ErrorClass>) -> Option<Transition> {
        let (before, after) = (self.head.load(), after.with_flags(flags(self.config)));
        self.head.enter(after, now);
        let (from, to) = (before.state(), after.state());
        let open_for = if to == BreakerState::Open { self.open_time() } else { Millis::ZERO };
        // Half-open after half-open, the places of lost probes were given away.
        if from == BreakerState::HalfOpen && to == from { None } else { Some(Transition { from, to, class, open_for }) }
    }

    /// Returns how long the circuit stays open, from its latest opening.
    fn open_time(self) -> Millis {
        let base = self.head.config.span(BreakerState::Open);
        let mut span = base;
        if self.config.longest_open.get() != 0 {
            let mut doublings = self.state.openings.load(Relaxed);
            while doublings > 1 && span < self.config.longest_open {
                span = span.saturating_add(span);
                doublings = doublings.wrapping_sub(1);
            }
            span = span.min(self.config.longest_open);
        }
        if self.config.jitter == 0 {
            return span;
        }
        let mut hash = Fnv::new();
        hash.add(self.state.seed.load(Relaxed));
        hash.add(self.head.latest.low_bits());
        hash.add(self.state.openings.load(Relaxed).into());
        // A part of 2^16, in percent of the span, which is below 2^31.
        let part = u32::from(hash.folded()).wrapping_mul(self.config.jitter.into()) / 100;
        #[expect(clippy::cast_possible_truncation, reason = "less than the span")]
        let more = (u64::from(span.get()).wrapping_mul(part.into()) >> 16) as u32;
        span.saturating_add(Millis::new(more))
    }
}
