//! The circuit breaker: fails fast while a dependency is down.
//!
//! | | [`CircuitBreaker<N>`](CircuitBreaker) | [`RateBreaker<N>`](RateBreaker) |
//! |---|---|---|
//! | opens | at a number of failures in a window, per class if wanted | at a failure rate in a window of time or calls, at a number of failures, at a rate of slow calls |
//! | stays open | for the recovery timeout | the same, or doubling with each recovery that fails, with jitter |
//! | closes | once all probes succeeded | once a share of them did, then for all calls or progressively |
//! | by hand | [`open`](CircuitBreakerView::open), [`close`](CircuitBreakerView::close) | these, isolated, disabled, metrics only: [`set_mode`](CircuitBreakerView::set_mode) |
//! | counts | whole calls | whole calls or attempts; calls that were abandoned, if wanted |
//! | tells | events of calls | these, and a [listener](BreakerListener) that hears every change |
//! | closed, a success costs | a load | a count, 27 instructions more on a host; for a window of time 35 more, and a reading of the clock |
//! | memory on 32 bits | 40 bytes and 4 per failure | 60 bytes and 6 per bucket; its configuration lies in flash |
//! | deep sleep | [`checkpoint`](CircuitBreaker::checkpoint), 10 bytes and 4 per failure | [`checkpoint`](RateBreaker::checkpoint), 18 bytes and 6 per bucket |
//!
//! A breaker observes whole calls, unless it is configured [per attempt](RateConfig::per_attempt). Admission hands out a [`Permit`] (inside a call, the call holds it) that takes the
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
//! `state.rs` holds the transitions as pure functions of one word: state, probe counts and generation. In `failures.rs` and
//! `rate` they meet lock, counts and time. Admission, success and failures that do not count load that word and nothing else while the circuit is
//! closed. A rejection while open reads the word, the time, and the word again, unless the lock is free by nature (see
//! `lock.rs`). A rate breaker counts a success without the lock, until its bucket is over or full; what that takes is in the head, so that on
//! hosts only the count goes through the table of its kind. All else that writes does so with the lock held, for at most one pass over the slots, so that a breaker in a `static`
//! serves tasks, executors of different priority and interrupt handlers, also on cores without compare-and-swap. Transitions
//! are returned, so that observers are notified after the lock is released.

mod by_hand;
mod checkpoint;
mod config;
mod failures;
mod permit;
mod rate;
mod reference;
mod state;

pub use by_hand::BreakerMode;
pub use config::BreakerConfig;
pub use permit::Permit;
pub use rate::{BreakerListener, Counts, RateBreaker, RateConfig, Transition};
pub(crate) use state::Snapshot;

use crate::{
    ConfigError, ErrorClass, Millis,
    error::valid_or_panic,
    lock::Lock,
    named::named,
    reading::{Mark, Reading},
    sync::atomic::{
        AtomicU32, Ordering,
        Ordering::{Acquire, Relaxed, Release},
        fence,
    },
    time::Timestamp,
    window::Slot,
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
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// On admission, the permit; `NONE` if the call is rejected. After a result, the snapshot that was entered; `NONE` if the
    /// state is unchanged.
    pub(crate) permit: Snapshot,
    /// After a rejection, milliseconds until calls are admitted. On admission, 1 if the circuit was open and is half-open now.
    /// After a request by hand, its answer.
    more: u32,
}

impl Admission {
    const UNCHANGED: Self = Self { permit: Snapshot::NONE, more: 0 };

    const fn rejected(retry_after: Millis) -> Self {
        Self { permit: Snapshot::NONE, more: retry_after.get() }
    }

    /// After a rejection, returns the time until calls are admitted.
    #[inline]
    pub(crate) const fn retry_after(self) -> Millis {
        Millis::new(self.more)
    }

    /// On admission, returns whether the circuit was open and is half-open now.
    #[inline]
    pub(crate) const fn has_half_opened(self) -> bool {
        !self.permit.is_none() && self.more != 0
    }
}

/// How a breaker counts and decides. Sealed: implemented by what is behind [`CircuitBreaker`] and [`RateBreaker`].
///
/// # Design
///
/// The code of a breaker comes with the reference to it, as that of a trait object does. An image without breakers then
/// contains none, one with breakers of one kind contains that kind only, and the head of a breaker, which is all that a call
/// needs while the circuit is closed, is read without a call through the table.
pub trait Counter: Send + Sync {
    /// Admits a call if `permit` is [`NONE`](Snapshot::NONE), obeys if it is a [request](Snapshot::request), else takes the
    /// result of the call with this permit: the class of its failure, or `None` for a success.
    #[doc(hidden)]
    fn handle(&self, head: &Head, permit: Snapshot, failure: Option<ErrorClass>, reading: &Reading<'_>) -> Admission;

    /// Counts the success of a call with this permit of a closed circuit, if the bucket that counts holds fewer calls than `most`.
    /// Returns whether it did.
    #[cfg(feature = "std")]
    #[doc(hidden)]
    fn count_success(&self, _head: &Head, _permit: Snapshot, _most: u16) -> bool {
        false
    }

    /// Returns how it counts.
    #[cfg(feature = "std")]
    #[doc(hidden)]
    fn kind(&self, head: &Head) -> BreakerKind {
        BreakerKind::Failures(head.config)
    }
}

/// How a breaker counts, to make another breaker like it.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BreakerKind {
    /// Failures: a [`CircuitBreaker`] of this configuration.
    Failures(BreakerConfig),
    /// Rates: a [`RateBreaker`].
    Rate {
        /// The configuration.
        config: RateConfig,
        /// The number of buckets.
        buckets: usize,
    },
}

/// The part that all breakers have.
#[derive(Debug)]
pub struct Head {
    config: BreakerConfig,
    lock: Lock,
    snapshot: AtomicU32,
    /// Closed, the latest reading of a breaker that counts failures, and the beginning of the current bucket of one that
    /// counts rates; open, when the circuit opened; half-open, the latest admission.
    latest: Mark,
}

/// Any [`CircuitBreaker`] or [`RateBreaker`] behind a reference, its kind and capacity forgotten: what a
/// [`Policy`](crate::Policy) refers to.
pub struct CircuitBreakerView<S: ?Sized = dyn Counter> {
    head: Head,
    counter: S,
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
        Ok(Self { head: Head::new(config, Snapshot::CLOSED), counter: [const { Slot::EMPTY }; N] })
    }
}

impl CircuitBreakerView {
    /// Returns the current state. An open breaker whose recovery timeout has passed is still `Open`: the next call makes it
    /// half-open.
    pub fn state(&self) -> BreakerState {
        self.head.load().state()
    }

    /// Returns how it counts, to make another breaker like this one. Feature `std`.
    #[cfg(feature = "std")]
    pub fn kind(&self) -> BreakerKind {
        self.counter.kind(&self.head)
    }
}

impl Head {
    const fn new(config: BreakerConfig, snapshot: Snapshot) -> Self {
        let snapshot = AtomicU32::new(snapshot.bits());
        Self { config: config.normal(), lock: Lock::new(), snapshot, latest: Mark::new(Timestamp::ZERO) }
    }

    fn load(&self) -> Snapshot {
        Snapshot::from_bits(self.snapshot.load(ACQUIRE))
    }

    fn store(&self, snapshot: Snapshot) {
        self.snapshot.store(snapshot.bits(), RELEASE);
    }

    /// Returns how long an open circuit stays open at this moment, found without the lock; zero if that takes the lock.
    ///
    /// The moment belongs to the snapshot if the snapshot is the same before and after: `enter` stores the moment before an
    /// open snapshot and after any other.
    fn left_open(&self, snapshot: Snapshot, now: Timestamp, slack: Millis) -> Millis {
        // Both are far below half of what a span can be.
        let span = Millis::new(self.config.span(BreakerState::Open).get().wrapping_add(slack.get()));
        let left = self.latest.left(now, span);
        fence(Acquire);
        let is_unchanged = self.snapshot.load(Relaxed) == snapshot.bits();
        if is_unchanged { left } else { Millis::ZERO }
    }

    /// Enters a state at this moment. The order of the stores is what [`left_open`](Self::left_open) relies on.
    fn enter(&self, snapshot: Snapshot, moment: Timestamp) {
        if snapshot.is_open() || !Lock::IS_CONTENDED {
            self.latest.store(moment);
            self.store(snapshot);
        } else {
            self.store(snapshot);
            fence(Release);
            self.latest.store(moment);
        }
    }

    /// Releases a permit. Needs no clock, so that it can be called when a call is dropped.
    #[inline]
    fn release(&self, permit: Snapshot) {
        if permit.is_half_open() {
            self.give_back(permit);
        }
    }

    #[cold]
    #[inline(never)]
    fn give_back(&self, permit: Snapshot) {
        self.lock.with(|| {
            let before = self.load();
            if before.is_same_generation(permit) {
                self.store(before.without_probe());
            }
        });
    }
}

impl<S: Counter + 'static> core::ops::Deref for CircuitBreakerView<S> {
    type Target = CircuitBreakerView;

    fn deref(&self) -> &CircuitBreakerView {
        self
    }
}

impl<S: ?Sized> core::fmt::Debug for CircuitBreakerView<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let head = &self.head;
        let snapshot = Snapshot::from_bits(head.snapshot.load(Relaxed));
        let (state, config) = (snapshot.state(), &head.config);
        if !snapshot.is_watched() {
            return f
                .debug_struct("CircuitBreaker")
                .field("state", &state)
                .field("config", config)
                .finish_non_exhaustive();
        }
        let [failure_rate, ..] = config.thresholds;
        f.debug_struct("RateBreaker")
            .field("state", &state)
            .field("failure_rate", &failure_rate)
            .field("trip_on", &config.trip_on)
            .field("recovery_timeout", &config.span(BreakerState::Open))
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<S: ?Sized> defmt::Format for CircuitBreakerView<S> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "CircuitBreaker({})", Snapshot::from_bits(self.head.snapshot.load(Relaxed)).state());
    }
}

impl<const N: usize> CircuitBreaker<N> {
    /// Puts the breaker into a state, from which it goes on by itself. Open, it counts the recovery timeout from the next call.
    #[cfg(feature = "testing")]
    pub(crate) fn force(&self, state: BreakerState) {
        self.head.lock.with(|| {
            if let Some(stamps) = self.stamps() {
                stamps.clear();
            }
            // Each reading is older.
            self.head.enter(self.head.load().next(state), Timestamp::LAST);
        });
    }
}
