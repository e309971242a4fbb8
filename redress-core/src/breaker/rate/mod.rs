//! A breaker that counts all calls: failure rate, slow calls, and what services expect besides.

mod buckets;
mod checkpoint;
mod config;
mod decide;
mod listener;
mod request;
mod unlocked;
mod window;

use core::borrow::Borrow;

use buckets::Bucket;
pub use buckets::Counts;
pub use config::RateConfig;
pub use listener::{BreakerListener, Transition};

#[cfg(feature = "std")]
use super::BreakerKind;
use super::{Admission, BreakerMode, BreakerState, CircuitBreakerView, Counter, Head, Snapshot};
use crate::{
    Clock, ConfigError, ErrorClass, Millis,
    error::valid_or_panic,
    lock::Halves,
    reading::Reading,
    sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed},
    time::Timestamp,
};

/// A circuit breaker that opens by failure rate, in a sliding window of `N` buckets, 1 to 255, of six bytes each.
///
/// It counts successes as well as failures. A success costs a count, and a reading of the clock if the window is one of time; a
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
///
/// A configuration that is made while the program runs belongs to its breaker: [`try_owning`](RateBreaker::try_owning).
pub type RateBreaker<const N: usize, R = &'static RateConfig> = CircuitBreakerView<Rate<N, R>>;

/// The part that only a [`RateBreaker`] has.
#[derive(Debug)]
pub struct Rate<const N: usize, R = &'static RateConfig> {
    config: R,
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
    /// The sum of the shares of the calls so far, while a share of them is admitted, in 255ths, from 1.
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
        let counter = Rate { config, state: State::new(), buckets: [const { Bucket::new() }; N] };
        Ok(Self { head: head(config, N), counter })
    }
}

impl<const N: usize> RateBreaker<N, RateConfig> {
    /// Creates a closed breaker that owns its configuration.
    ///
    /// ```
    /// use redress_core::breaker::{RateBreaker, RateConfig};
    ///
    /// let percent = "50".parse().unwrap(); // a setting
    /// let breaker = RateBreaker::<10, RateConfig>::try_owning(RateConfig::new(percent))?;
    /// # assert!(RateBreaker::<10, RateConfig>::try_owning(RateConfig::new(0)).is_err());
    /// # Ok::<(), redress_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The field that contradicts another or is out of its bounds.
    pub const fn try_owning(config: RateConfig) -> Result<Self, ConfigError> {
        if let Err(error) = config.validate(N) {
            return Err(error);
        }
        let head = head(&config, N);
        let counter = Rate { config, state: State::new(), buckets: [const { Bucket::new() }; N] };
        Ok(Self { head, counter })
    }
}

impl<const N: usize, R: Borrow<RateConfig>> RateBreaker<N, R> {
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

impl State {
    const fn new() -> Self {
        Self {
            closed: Halves::new(0),
            seed: AtomicU32::new(0),
            openings: AtomicU8::new(0),
            current: AtomicU8::new(0),
            mode: AtomicU8::new(BreakerMode::Automatic as u8),
            share: AtomicU8::new(0),
        }
    }
}

/// Creates the head of a closed breaker, which keeps the length of a bucket, in milliseconds or calls, in the place of the window,
/// and in that of the thresholds the failure rate, and how a success is counted without the lock.
const fn head(config: &RateConfig, buckets: usize) -> Head {
    let bucket = config.bucket(buckets);
    let unlocked = unlocked::how(config, bucket);
    let mut base = config.base.window(Millis::new(bucket).to_duration());
    base.thresholds = [config.failure_rate, unlocked, 1, 1, 1, 1, 1, 1];
    Head::new(base, Snapshot::CLOSED.with_flags(flags(config)))
}

/// The flags of every snapshot under this configuration.
const fn flags(config: &RateConfig) -> u32 {
    if config.per_attempt { Snapshot::WATCHED | Snapshot::ATTEMPTS } else { Snapshot::WATCHED }
}

impl<const N: usize, R: Borrow<RateConfig>> Rate<N, R> {
    fn view<'a>(&'a self, head: &'a Head) -> View<'a> {
        let (config, all) = (self.config.borrow(), self.buckets.as_slice());
        let buckets = all.get(..config.buckets_of(N)).unwrap_or(all);
        View { head, config, state: &self.state, buckets }
    }
}

impl<const N: usize, R: Borrow<RateConfig> + Send + Sync> Counter for Rate<N, R> {
    fn handle(&self, head: &Head, permit: Snapshot, failure: Option<ErrorClass>, reading: &Reading<'_>) -> Admission {
        if failure.is_none()
            && permit.counts()
            && !self.config.borrow().is_slow(reading.took())
            && let Some(most) = head.room(|| reading.read())
            && self.count(head, permit, most)
        {
            return Admission::UNCHANGED;
        }
        self.view(head).handle(permit, failure, reading)
    }

    #[cfg(feature = "std")]
    fn count_success(&self, head: &Head, permit: Snapshot, most: u16) -> bool {
        self.count(head, permit, most)
    }

    #[cfg(feature = "std")]
    fn kind(&self, _head: &Head) -> BreakerKind {
        let config = *self.config.borrow();
        BreakerKind::Rate { config, buckets: config.buckets_of(N) }
    }
}

/// All parts of a breaker, the number of its buckets forgotten.
#[derive(Clone, Copy)]
struct View<'a> {
    head: &'a Head,
    config: &'a RateConfig,
    state: &'a State,
    buckets: &'a [Bucket],
}

/// An answer, and the change that the listener is to hear.
type Answer = (Admission, Option<Transition>);

const UNCHANGED: Answer = (Admission::UNCHANGED, None);

impl View<'_> {
    /// Decides with the lock held. Apart, so that what needs no lock needs no memory for it.
    #[inline(never)]
    fn handle(self, permit: Snapshot, failure: Option<ErrorClass>, reading: &Reading<'_>) -> Admission {
        let (admission, transition) = self.head.lock.with(|| {
            if permit.is_none() {
                self.admit(reading)
            } else if permit.is_request() {
                self.obey(permit, reading)
            } else {
                self.settle(permit, failure, reading)
            }
        });
        if let (Some(transition), Some(listener)) = (transition, self.config.listener) {
            listener.on_transition(&transition);
        }
        admission
    }
}
