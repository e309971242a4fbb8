//! The retry budget: limits the retries of all calls to one dependency together.
//!
//! A budget is shared by the calls to one dependency, under as many policies as there are. Its token is consumed when a retry is
//! decided and stays consumed when the wait is then aborted or deferred. One type holds three kinds:
//!
//! - A *token bucket* (gRPC proposal A6) holds tokens, one per retry. Each successful call adds a fraction, so that retries stay a
//!   ratio of traffic, and a trickle per second keeps quiet clients able to retry. It needs no slots, and no clock without a
//!   trickle.
//! - A *ratio* (Finagle's `RetryBudget`, Envoy's `retry_budget`) allows a percentage of the calls in a sliding window, and a
//!   minimum per second. What was not used is forgotten with the window, and failed calls count as well. It reads the clock and
//!   takes its lock once per call.
//! - A *rolling window* allows so many retries in any window of time, independent of the traffic, and keeps a slot for each.

mod config;
mod lints;
mod ratio;

pub use config::BudgetConfig;
use config::Kind;

use crate::{
    Clock, ConfigError, Millis,
    error::valid_or_panic,
    lock::Lock,
    reading::{Mark, Reading},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Timestamp,
    window::{Slot, Stamps},
};

/// Tokens are counted in millionths: a milli-token per second is then one unit per millisecond, without a division.
const TOKEN: u32 = 1_000_000;

/// The tag of all stamps in a rolling window.
const RETRY: u32 = 1;

/// For how long the readings of a token bucket may be older than the latest one before the clock counts as set back.
const PATIENCE: Millis = Millis::from_secs(60);

/// Any [`Budget`] behind a reference, its capacity forgotten: what a [`Policy`](crate::Policy) refers to.
///
/// # Design
///
/// A budget refers to the code of its kind, so that an image in which all budgets are of one kind contains no other.
pub struct BudgetView<S: ?Sized = [Slot]> {
    config: BudgetConfig,
    spend: fn(&BudgetView, Spend<'_>) -> bool,
    lock: Lock,
    /// A bucket: the millionths of a token that it lacks until it is full. A ratio: the number of the current slot, from 1 on, and
    /// zero if it needs to know of no call. A rolling window: which slots hold stamps.
    spent: AtomicU32,
    /// The latest reading; of a bucket its latest refill, of a ratio the beginning of the current slot.
    latest: Mark,
    slots: S,
}

/// A retry budget with `N` slots, four bytes each: a rolling window of up to `N` retries, a ratio whose window moves on in `N`
/// parts, or (with any `N`, best 0) a token bucket.
///
/// ```
/// use core::time::Duration;
/// use redress_core::{Budget, BudgetConfig, testing::ManualClock};
///
/// static BUDGET: Budget<2> = Budget::new(BudgetConfig::rolling(2, Duration::from_secs(10)));
///
/// let clock = ManualClock::new();
/// assert!(BUDGET.try_consume(1, &clock));
/// clock.advance(Duration::from_secs(4));
/// assert!(BUDGET.try_consume(1, &clock));
/// assert!(!BUDGET.try_consume(1, &clock));
/// clock.advance(Duration::from_secs(6)); // the first is 10 s old
/// assert_eq!(BUDGET.remaining(&clock), 1);
/// ```
pub type Budget<const N: usize = 0> = BudgetView<[Slot; N]>;

impl<const N: usize> Budget<N> {
    /// Creates an unspent budget.
    ///
    /// # Panics
    ///
    /// If the configuration contradicts itself; in a `static` this is a compile error. [`try_new`](Self::try_new)
    /// returns an error instead.
    pub const fn new(config: BudgetConfig) -> Self {
        valid_or_panic!(Self::try_new(config))
    }

    /// Creates an unspent budget.
    ///
    /// # Errors
    ///
    /// The field that contradicts another or is out of its bounds.
    pub const fn try_new(config: BudgetConfig) -> Result<Self, ConfigError> {
        if let Err(error) = config.validate(N) {
            return Err(error);
        }
        let (spend, missing, latest): (fn(&BudgetView, Spend<'_>) -> bool, u32, Timestamp) = match config.0 {
            Kind::Rolling { .. } => (BudgetView::spend_of_window, 0, Timestamp::ZERO),
            // A clock may start anywhere, so refilling starts with the first reading.
            Kind::Bucket { capacity, initial, .. } => {
                let tokens = capacity.saturating_sub(initial) as u32;
                (BudgetView::spend_of_bucket, tokens.saturating_mul(TOKEN), Timestamp::NEVER)
            }
            Kind::Ratio { .. } => (BudgetView::spend_of_ratio, 1, Timestamp::ZERO),
        };
        let (latest, slots) = (Mark::new(latest), [const { Slot::EMPTY }; N]);
        Ok(Self { config, spend, lock: Lock::new(), spent: AtomicU32::new(missing), latest, slots })
    }
}

impl<const N: usize> core::ops::Deref for Budget<N> {
    type Target = BudgetView;

    fn deref(&self) -> &BudgetView {
        self
    }
}

/// One step of a budget: facts and a request.
#[derive(Clone, Copy)]
struct Spend<'a> {
    /// Retries to consume, all or none.
    retries: u16,
    /// Whether there is a call to count, for a ratio.
    is_call: bool,
    /// Whether a call was successful, which refills a bucket.
    is_success: bool,
    /// The moment. Without one, a ratio counts nothing.
    reading: Option<&'a Reading<'a>>,
}

impl BudgetView {
    /// Consumes `cost` retries, all or none. Returns whether there were that many.
    pub fn try_consume<C: Clock>(&self, cost: u16, clock: &C) -> bool {
        let reading = Reading::of(clock, Timestamp::NEVER);
        (self.spend)(self, Spend { retries: cost, ..Spend::nothing(&reading) })
    }

    /// Returns the configuration, to make another budget like this one.
    pub const fn config(&self) -> BudgetConfig {
        self.config
    }

    /// Returns the number of slots: the `N` of [`Budget`].
    pub const fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Returns how many retries are left at this moment.
    #[expect(clippy::cast_possible_truncation, reason = "16 bits were configured, or it is limited to them")]
    pub fn remaining<C: Clock>(&self, clock: &C) -> u16 {
        let reading = Reading::of(clock, Timestamp::NEVER);
        self.lock.with(|| match self.config.0 {
            Kind::Rolling { max_retries, window } => self.left_in_window(max_retries, window, &reading) as u16,
            Kind::Bucket { capacity, per_second, .. } => {
                self.trickle(per_second, &reading);
                (full(capacity).saturating_sub(self.spent.load(Relaxed)) / TOKEN) as u16
            }
            Kind::Ratio { .. } => {
                self.slide_ratio(&reading);
                ratio::whole(self.left_of_ratio())
            }
        })
    }

    /// Records a call that was made without a [`Policy`](crate::Policy), which a ratio counts.
    pub fn record_call<C: Clock>(&self, clock: &C) {
        self.count(Spend { is_call: true, ..Spend::nothing(&Reading::of(clock, Timestamp::NEVER)) });
    }

    /// Records a successful call that was made without a [`Policy`](crate::Policy), which refills a token bucket. Costs a
    /// load if the bucket is full.
    pub fn record_success(&self) {
        self.count(Spend { retries: 0, is_call: false, is_success: true, reading: None });
    }

    /// Consumes a retry after this attempt, or takes the success of the call, at a reading as for [`Reading::of`]. Returns whether
    /// there was a retry.
    #[inline(never)]
    pub(crate) fn take<C: Clock>(&self, attempt: u32, is_success: bool, clock: &C, now: Timestamp) -> bool {
        let (reading, retries) = (Reading::of(clock, now), (!is_success).into());
        (self.spend)(self, Spend { retries, is_call: attempt == 1, is_success, reading: Some(&reading) })
    }

    /// Takes the success of a call as [`take`](Self::take) does. What changes nothing is found here, without a call.
    #[inline]
    pub(crate) fn succeed<C: Clock>(&self, attempt: u32, clock: &C, now: Timestamp) {
        if self.spent.load(Relaxed) != 0 {
            self.take(attempt, true, clock, now);
        }
    }

    /// Takes what consumes nothing.
    fn count(&self, spend: Spend<'_>) {
        if self.spent.load(Relaxed) != 0 {
            (self.spend)(self, spend);
        }
    }

    fn spend_of_window(&self, Spend { retries, reading, .. }: Spend<'_>) -> bool {
        let (Kind::Rolling { max_retries, window }, Some(reading)) = (self.config.0, reading) else { return false };
        if retries == 0 {
            return true;
        }
        self.lock.with(|| {
            let enough = self.left_in_window(max_retries, window, reading) >= u32::from(retries);
            if enough {
                for _ in 0..retries {
                    self.stamps().add(Millis::ZERO, RETRY);
                }
            }
            enough
        })
    }

    /// Returns the retries left in a window. Needs the lock.
    fn left_in_window(&self, max_retries: u16, window: Millis, reading: &Reading<'_>) -> u32 {
        let span = reading.at_least(window);
        let passed = self.latest.passed(reading, span);
        u32::from(max_retries).saturating_sub(self.stamps().slide(reading.now(), passed, span))
    }

    const fn stamps(&self) -> Stamps<'_> {
        Stamps { latest: &self.latest, used: &self.spent, slots: &self.slots }
    }

    fn spend_of_bucket(&self, Spend { retries, is_success, reading, .. }: Spend<'_>) -> bool {
        let Kind::Bucket { capacity, per_success, per_second, .. } = self.config.0 else { return false };
        self.lock.with(|| {
            if is_success {
                self.refill(per_success.saturating_mul(TOKEN / 1_000));
                return false;
            }
            if let Some(reading) = reading {
                self.trickle(per_second, reading);
            }
            // Compared in millionths: counting whole tokens would take a division.
            let spent = self.spent.load(Relaxed).saturating_add(u32::from(retries).saturating_mul(TOKEN));
            let is_enough = spent <= full(capacity);
            if is_enough {
                self.spent.store(spent, Relaxed);
            }
            is_enough
        })
    }

    /// Refills a bucket by the time that has passed. Needs the lock.
    fn trickle(&self, per_second: u32, reading: &Reading<'_>) {
        if per_second != 0 {
            let before = self.latest.load();
            reading.read();
            let passed = self.latest.passed(reading, PATIENCE);
            // Refilling starts anew when the clock was set back: all time has passed, but the reading is older.
            if before != Timestamp::NEVER && reading.now().since(before).is_some() {
                // More time than fits fills any bucket.
                self.refill(passed.get().saturating_mul(per_second));
            }
            self.latest.store(reading.now());
        }
    }

    fn refill(&self, amount: u32) {
        self.spent.store(self.spent.load(Relaxed).saturating_sub(amount), Relaxed);
    }
}

impl<'a> Spend<'a> {
    const fn nothing(reading: &'a Reading<'a>) -> Self {
        Self { retries: 0, is_call: false, is_success: false, reading: Some(reading) }
    }
}

/// Returns the tokens of a full bucket, in millionths.
fn full(capacity: u16) -> u32 {
    u32::from(capacity).saturating_mul(TOKEN)
}

#[cfg(feature = "defmt")]
impl<S: ?Sized> defmt::Format for BudgetView<S> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", self.config);
    }
}

impl<S: ?Sized> core::fmt::Debug for BudgetView<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Budget").field("config", &self.config).finish_non_exhaustive()
    }
}
