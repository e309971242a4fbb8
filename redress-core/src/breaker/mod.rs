//! The circuit breaker: fails fast while a dependency is down.
//!
//! It observes whole calls, not attempts. Admission hands out a [`Permit`] (inside a call, the call holds it) that takes the
//! result exactly once; dropping it is a neutral release. The permit carries the generation of the state that admitted it, so
//! that a result which comes after the state changed is ignored.
//!
//! ```text
//!            threshold reached                    recovery timeout passed, next call
//!   Closed ---------------------> Open -------------------------------------> HalfOpen
//!     ^                            ^                                          |     |
//!     |                            '--------- a probe fails (class trips) ----'     |
//!     '---------------------------- so many probes as configured succeed -----------'
//! ```
//!
//! A failure of a class that does not trip the breaker is an answer, and counts as a success. A failure of a
//! [neutral](BreakerConfig::neutral) class, by default `Unknown`, is neither: a probe gives its place back.
//!
//! # Design
//!
//! `state.rs` holds the transitions as pure functions of one word: state, probe counts and generation. Here they meet lock,
//! atomics and permit. Admission, success and failures that do not count load that word and nothing else while the circuit is
//! closed. A rejection while open reads the word, the time, and the word again, unless the lock is free by nature (see
//! `lock.rs`). All that writes does so with the lock held, for at most one pass over the slots, so that a breaker in a `static`
//! serves tasks, executors of different priority and interrupt handlers, also on cores without compare-and-swap. Transitions
//! are returned, so that observers are notified after the lock is released.

mod checkpoint;
mod config;
mod permit;
mod reference;
mod state;

use core::sync::atomic::{
    AtomicU32, Ordering,
    Ordering::{Acquire, Relaxed, Release},
    fence,
};

pub use config::BreakerConfig;
pub use permit::Permit;
pub(crate) use reference::BreakerRef;
pub(crate) use state::Snapshot;

use crate::{
    ClassSet, ConfigError, ErrorClass, Millis,
    error::valid_or_panic,
    lock::Lock,
    named::named,
    reading::Reading,
    time::Timestamp,
    window::{Slot, Window},
};

/// The orderings by which a rejection reads without the lock; where it takes the lock, that orders.
const ACQUIRE: Ordering = if Lock::IS_CONTENDED { Acquire } else { Relaxed };
const RELEASE: Ordering = if Lock::IS_CONTENDED { Release } else { Relaxed };

named! {
    /// The state of a circuit breaker.
    #[non_exhaustive]
    BreakerState {
        /// Calls are admitted.
        Closed = "closed",
        /// Calls are rejected.
        Open = "open",
        /// As many calls are admitted as probes are configured.
        HalfOpen = "half_open",
    }
}

/// The answer of a breaker. Two words, which are returned in registers.
#[derive(Clone, Copy)]
pub(crate) struct Admission {
    /// On admission, the permit; `NONE` if the call is rejected. After a result, the snapshot that was entered; `NONE` if the
    /// state is unchanged.
    pub(crate) permit: Snapshot,
    /// After a rejection, milliseconds until calls are admitted. On admission, 1 if the circuit was open and is half-open now.
    more: u32,
}

impl Admission {
    const UNCHANGED: Self = Self { permit: Snapshot::NONE, more: 0 };

    /// After a rejection, returns the time until calls are admitted.
    pub(crate) const fn retry_after(self) -> Millis {
        Millis::new(self.more)
    }

    /// On admission, returns whether the circuit was open and is half-open now.
    pub(crate) const fn has_half_opened(self) -> bool {
        !self.permit.is_none() && self.more != 0
    }
}

/// Any [`CircuitBreaker`] behind a reference, its capacity forgotten: what a [`Policy`](crate::Policy) refers to.
pub struct CircuitBreakerView<S: ?Sized = [Slot]> {
    config: BreakerConfig,
    lock: Lock,
    snapshot: AtomicU32,
    /// Its latest moment is, closed, the latest reading; open, when the circuit opened; half-open, the latest admission.
    window: Window<S>,
}

/// A circuit breaker that remembers up to `N` failed calls, four bytes each.
///
/// ```
/// use core::time::Duration;
/// use redress_core::{BreakerConfig, BreakerState, CircuitBreaker, ErrorClass, testing::ManualClock};
///
/// static BREAKER: CircuitBreaker<2> =
///     CircuitBreaker::new(BreakerConfig::new(2).recovery_timeout(Duration::from_secs(10)));
///
/// let clock = ManualClock::new();
/// for _ in 0..2 {
///     BREAKER.try_acquire(&clock)?.failure(ErrorClass::Transient, &clock);
/// }
/// assert_eq!(BREAKER.state(), BreakerState::Open);
/// assert_eq!(BREAKER.try_acquire(&clock).unwrap_err().retry_after().get(), 10_000);
///
/// clock.advance(Duration::from_secs(10));
/// BREAKER.try_acquire(&clock)?.success(&clock); // the probe
/// assert_eq!(BREAKER.state(), BreakerState::Closed);
/// # Ok::<(), redress_core::Rejected>(())
/// ```
///
/// A threshold above the window's capacity does not compile in a `static`:
///
/// ```compile_fail,E0080
/// # use redress_core::{BreakerConfig, CircuitBreaker};
/// static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(5));
/// ```
pub type CircuitBreaker<const N: usize> = CircuitBreakerView<[Slot; N]>;

impl<const N: usize> CircuitBreaker<N> {
    /// Creates a closed breaker.
    ///
    /// # Panics
    ///
    /// If the configuration contradicts itself; in a `static` this is a compile error. [`try_new`](Self::try_new)
    /// returns an error instead.
    pub const fn new(config: BreakerConfig) -> Self {
        valid_or_panic!(Self::try_new(config))
    }

    /// Creates a closed breaker.
    ///
    /// # Errors
    ///
    /// The field that contradicts another or is out of its bounds.
    pub const fn try_new(config: BreakerConfig) -> Result<Self, ConfigError> {
        if let Err(error) = config.validate(N) {
            return Err(error);
        }
        let (lock, window) = (Lock::new(), Window::new(Timestamp::ZERO));
        Ok(Self { config: config.normal(), lock, snapshot: AtomicU32::new(0), window })
    }
}

impl CircuitBreakerView {
    /// Returns the current state. An open breaker whose recovery timeout has passed is still `Open`: the next call makes it
    /// half-open.
    pub fn state(&self) -> BreakerState {
        self.load().state()
    }

    fn load(&self) -> Snapshot {
        Snapshot::from_bits(self.snapshot.load(ACQUIRE))
    }

    fn store(&self, snapshot: Snapshot) {
        self.snapshot.store(snapshot.bits(), RELEASE);
    }

    /// Admits a call if `permit` is [`NONE`](Snapshot::NONE), else takes the result of the call with this permit. `failure` is the
    /// class of a failure that counts. One function for both, so that a policy needs one pointer to the code of its breaker.
    fn handle(&self, permit: Snapshot, failure: Option<ErrorClass>, reading: &Reading<'_>) -> Admission {
        self.lock.with(|| self.handle_locked(permit, failure, reading))
    }

    /// Returns how long an open circuit stays open at this moment, found without the lock; zero if that takes the lock.
    ///
    /// The moment belongs to the snapshot if the snapshot is the same before and after: `enter` stores the moment before an
    /// open snapshot and after any other.
    fn left_open(&self, snapshot: Snapshot, now: Timestamp, slack: Millis) -> Millis {
        if !snapshot.is_open() {
            return Millis::ZERO;
        }
        let left = self.window.latest.left(now, self.config.span(BreakerState::Open).saturating_add(slack));
        fence(Acquire);
        let is_unchanged = self.snapshot.load(Relaxed) == snapshot.bits();
        if is_unchanged { left } else { Millis::ZERO }
    }

    fn handle_locked(&self, permit: Snapshot, failure: Option<ErrorClass>, reading: &Reading<'_>) -> Admission {
        let (before, probes) = (self.load(), self.config.probes.into());
        if !permit.is_none() && !before.is_same_generation(permit) {
            return Admission::UNCHANGED;
        }
        let span = reading.at_least(self.config.span(before.state()));
        let passed = self.window.latest.passed(reading, span);
        let after = if permit.is_none() {
            match before.admit(probes, passed >= span) {
                Some(after) => after,
                None => return Admission { permit: Snapshot::NONE, more: span.saturating_sub(passed).get() },
            }
        } else if let Some(class) = failure {
            if before.is_closed() {
                let age = self.window.slide(reading.now(), passed, span);
                if !self.count_failure(class, age) {
                    return Admission::UNCHANGED;
                }
            }
            before.next(BreakerState::Open)
        } else {
            let after = before.answer(probes);
            if after.is_same_generation(before) {
                self.store(after);
                return Admission::UNCHANGED;
            }
            // Failures of before the circuit opened do not count.
            self.window.clear();
            after
        };
        self.enter(after, reading.now());
        Admission { permit: after, more: before.is_open().into() }
    }

    /// Enters a state at this moment. The order of the stores is what [`left_open`](Self::left_open) relies on.
    fn enter(&self, snapshot: Snapshot, moment: Timestamp) {
        if snapshot.is_open() || !Lock::IS_CONTENDED {
            self.window.latest.store(moment);
            self.store(snapshot);
        } else {
            self.store(snapshot);
            fence(Release);
            self.window.latest.store(moment);
        }
    }

    /// Counts a failure at the latest reading, after removing those of this age or more. Returns whether it is one too many.
    #[expect(clippy::indexing_slicing, reason = "a class is below 8")]
    fn count_failure(&self, class: ErrorClass, age: Millis) -> bool {
        let own = self.config.own_threshold;
        let counted = if own.contains(class) { ClassSet::EMPTY.with(class) } else { own.complement() };
        // The tag of a class is its number plus one.
        let (tags, tag) = (u32::from(counted.bits()) << 1, (class as u32).wrapping_add(1));
        self.window.update(age, self.window.stamp(tag), tags) >= u32::from(self.config.thresholds[class as usize])
    }

    /// Releases a permit. Needs no clock, so that it can be called when a call is dropped.
    fn release(&self, permit: Snapshot) {
        if permit.is_half_open() {
            self.lock.with(|| {
                let before = self.load();
                if before.is_same_generation(permit) {
                    self.store(before.without_probe());
                }
            });
        }
    }
}

impl<const N: usize> core::ops::Deref for CircuitBreaker<N> {
    type Target = CircuitBreakerView;

    fn deref(&self) -> &CircuitBreakerView {
        self
    }
}

impl<S: ?Sized> core::fmt::Debug for CircuitBreakerView<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let state = Snapshot::from_bits(self.snapshot.load(Relaxed)).state();
        f.debug_struct("CircuitBreaker").field("state", &state).field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<S: ?Sized> defmt::Format for CircuitBreakerView<S> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "CircuitBreaker({})", Snapshot::from_bits(self.snapshot.load(Relaxed)).state());
    }
}

impl CircuitBreakerView {
    /// Puts the breaker into a state, from which it goes on by itself. Open, it counts the recovery timeout from the next call.
    #[cfg(feature = "testing")]
    pub(crate) fn force(&self, state: BreakerState) {
        self.lock.with(|| {
            self.window.clear();
            // Each reading is older.
            self.enter(self.load().next(state), Timestamp::LAST);
        });
    }
}
