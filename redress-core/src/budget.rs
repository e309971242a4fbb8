//! The retry budget: limits the retries of all calls to one dependency together.
//!
//! A budget is shared by the calls to one dependency. Its token is consumed when a retry is decided and stays consumed when
//! the wait is then aborted or deferred. One type holds two kinds:
//!
//! - A *rolling window* allows so many retries in any window of time, and keeps a slot for each.
//! - A *token bucket* (gRPC proposal A6, Finagle's `RetryBudget`) holds tokens, one per retry. Each successful call adds a
//!   fraction, so that retries stay a ratio of traffic, and a trickle per second keeps quiet clients able to retry. It needs no
//!   slots.

mod lints;

use core::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use crate::{
    Clock, ConfigError, Millis,
    error::valid_or_panic,
    lock::Lock,
    reading::Reading,
    time::Timestamp,
    window::{MAX_WINDOW, NONE, Slot, Window},
};

/// Tokens are counted in millionths: a milli-token per second is then one unit per millisecond, without a division.
const TOKEN: u32 = 1_000_000;

/// The tag of all stamps in a rolling window.
const RETRY: u32 = 1;

/// For how long the readings of a token bucket may be older than the latest one before the clock counts as set back.
const PATIENCE: Millis = Millis::from_secs(60);

/// Configuration of a [`Budget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BudgetConfig(Kind);

/// [`BudgetConfig::DEFAULT`].
impl Default for BudgetConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Kind {
    Rolling {
        max_retries: u16,
        window: Millis,
    },
    /// Capacity and initial level in tokens, refills in thousandths.
    Bucket {
        capacity: u16,
        initial: u16,
        per_success: u32,
        per_second: u32,
    },
}

impl BudgetConfig {
    /// The budget of everything that owns its budget and is not told otherwise: a full bucket of 10 tokens, with a refill of a
    /// tenth of a token per success and a thousandth of a token per second.
    ///
    /// Retries of all calls together are then at most a tenth of the successes, after a burst of ten. In the model of Marc
    /// Brooker's `simulator_example`, a server whose answers grow slow with load recovers from a surge in every of 200 runs,
    /// with 1, 10 or 40 clients that each have such a bucket; with the same backoff and without a budget it stays down in
    /// three runs of four. Capacity and ratio are those of gRPC proposal A6. The trickle lets a client that makes a call an
    /// hour retry again after an outage, and adds 6 % to the load of a fleet that makes a call a minute.
    pub const DEFAULT: Self = Self::token_bucket(10).refill_per_second(1);

    /// Creates the configuration of a rolling window, with at most `max_retries` in any span of `window`.
    ///
    /// The window is from 1 ms to 12 hours; on a clock finer than a millisecond it lasts up to one millisecond longer. With
    /// zero retries, nothing is ever retried.
    pub const fn rolling(max_retries: u16, window: Duration) -> Self {
        Self(Kind::Rolling { max_retries, window: Millis::from_duration(window) })
    }

    /// Creates the configuration of a token bucket with a capacity of 1 to 4,000 tokens.
    ///
    /// Defaults:
    /// - full at first
    /// - refill of 100 thousandths of a token per success: one retry per ten successful calls
    /// - no refill per second
    pub const fn token_bucket(capacity: u16) -> Self {
        Self(Kind::Bucket { capacity, initial: capacity, per_success: 100, per_second: 0 })
    }

    /// Sets the refill of a token bucket per successful call, in thousandths of a token. Ignored by a rolling window.
    pub const fn refill_per_success(mut self, millitokens: u32) -> Self {
        if let Kind::Bucket { per_success, .. } = &mut self.0 {
            *per_success = millitokens;
        }
        self
    }

    /// Sets the refill of a token bucket per second, in thousandths of a token. Ignored by a rolling window.
    pub const fn refill_per_second(mut self, millitokens: u32) -> Self {
        if let Kind::Bucket { per_second, .. } = &mut self.0 {
            *per_second = millitokens;
        }
        self
    }

    /// Sets how many tokens a token bucket starts with. Ignored by a rolling window.
    ///
    /// Choose few for a fleet of many small clients: a client that makes ten calls an hour never empties a full bucket, and
    /// the ratio then limits nothing.
    pub const fn initial(mut self, tokens: u16) -> Self {
        if let Kind::Bucket { initial, .. } = &mut self.0 {
            *initial = tokens;
        }
        self
    }

    const fn validate(&self, slots: usize) -> Result<(), ConfigError> {
        match self.0 {
            Kind::Rolling { max_retries, window } => {
                if window.get() == 0 || window.get() > MAX_WINDOW.get() {
                    return Err(ConfigError::WindowOutOfRange);
                }
                if max_retries as usize > slots {
                    return Err(ConfigError::RetriesAboveCapacity);
                }
            }
            Kind::Bucket { capacity, initial, per_success, per_second } => {
                if capacity == 0 || capacity > 4_000 {
                    return Err(ConfigError::BucketOutOfRange);
                }
                let most = (capacity as u32).saturating_mul(1_000);
                if per_success > most || per_second > most {
                    return Err(ConfigError::RefillAboveCapacity);
                }
                if initial > capacity {
                    return Err(ConfigError::InitialAboveCapacity);
                }
            }
        }
        Ok(())
    }
}

/// Any [`Budget`] behind a reference, its capacity forgotten: what a [`Policy`](crate::Policy) refers to.
///
/// # Design
///
/// A budget refers to the code of its kind, so that an image in which all budgets are of one kind contains no other.
pub struct BudgetView<S: ?Sized = [Slot]> {
    config: BudgetConfig,
    spend: fn(&BudgetView, Spend<'_>) -> bool,
    lock: Lock,
    /// Level of the bucket, in millionths of a token.
    level: AtomicU32,
    /// A bucket uses only the moment, that of its latest refill.
    window: Window<S>,
}

/// A retry budget with `N` slots: a rolling window of up to `N` retries, or (with any `N`, best 0) a token bucket.
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
        let (spend, level, latest): (fn(&BudgetView, Spend<'_>) -> bool, u32, Timestamp) = match config.0 {
            Kind::Rolling { .. } => (BudgetView::spend_of_window, 0, Timestamp::ZERO),
            // A clock may start anywhere, so refilling starts with the first reading.
            Kind::Bucket { initial, .. } => {
                (BudgetView::spend_of_bucket, (initial as u32).saturating_mul(TOKEN), Timestamp::NEVER)
            }
        };
        Ok(Self { config, spend, lock: Lock::new(), level: AtomicU32::new(level), window: Window::new(latest) })
    }
}

impl<const N: usize> core::ops::Deref for Budget<N> {
    type Target = BudgetView;

    fn deref(&self) -> &BudgetView {
        self
    }
}

/// A request to a budget.
#[derive(Clone, Copy)]
enum Spend<'a> {
    /// This many retries, at this moment.
    Retries(u16, &'a Reading<'a>),
    /// A call was successful, which may refill a bucket.
    Success,
}

impl BudgetView {
    /// Consumes `cost` retries, all or none. Returns whether there were that many.
    pub fn try_consume<C: Clock>(&self, cost: u16, clock: &C) -> bool {
        self.consume(cost, &Reading::of(clock, Timestamp::NEVER))
    }

    /// Returns how many retries are left at this moment.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most as many retries or tokens as were configured in 16 bits"
    )]
    pub fn remaining<C: Clock>(&self, clock: &C) -> u16 {
        let reading = Reading::of(clock, Timestamp::NEVER);
        self.lock.with(|| match self.config.0 {
            Kind::Rolling { max_retries, window } => self.left_in_window(max_retries, window, &reading) as u16,
            Kind::Bucket { per_second, .. } => (self.left_in_bucket(per_second, &reading) / TOKEN) as u16,
        })
    }

    /// Records a successful call that was made without a [`Policy`](crate::Policy), which refills a token bucket. Costs a
    /// load if the bucket is full.
    pub fn record_success(&self) {
        (self.spend)(self, Spend::Success);
    }

    pub(crate) fn consume(&self, cost: u16, reading: &Reading<'_>) -> bool {
        (self.spend)(self, Spend::Retries(cost, reading))
    }

    fn spend_of_window(&self, spend: Spend<'_>) -> bool {
        let (Kind::Rolling { max_retries, window }, Spend::Retries(mut cost, reading)) = (self.config.0, spend) else {
            return false;
        };
        self.lock.with(|| {
            let enough = self.left_in_window(max_retries, window, reading) >= u32::from(cost);
            if enough {
                let window = self.window.stamps();
                while cost != 0 {
                    window.update(Millis::MAX, window.stamp(RETRY), 0);
                    cost = cost.wrapping_sub(1);
                }
            }
            enough
        })
    }

    /// Returns the retries left in a window. Needs the lock.
    fn left_in_window(&self, max_retries: u16, window: Millis, reading: &Reading<'_>) -> u32 {
        let span = reading.at_least(window);
        let window = self.window.stamps();
        let passed = window.latest.passed(reading, span);
        let age = window.slide(reading.now(), passed, span);
        u32::from(max_retries).saturating_sub(window.update(age, NONE, 1 << RETRY))
    }

    fn spend_of_bucket(&self, spend: Spend<'_>) -> bool {
        let Kind::Bucket { capacity, per_success, per_second, .. } = self.config.0 else { return false };
        if matches!(spend, Spend::Success) && self.level.load(Relaxed) == u32::from(capacity).saturating_mul(TOKEN) {
            return false;
        }
        self.lock.with(|| {
            let Spend::Retries(cost, reading) = spend else {
                self.refill(per_success.saturating_mul(TOKEN / 1_000));
                return false;
            };
            // Compared in millionths: counting whole tokens would take a division.
            let left = self.left_in_bucket(per_second, reading).checked_sub(u32::from(cost).saturating_mul(TOKEN));
            if let Some(left) = left {
                self.level.store(left, Relaxed);
            }
            left.is_some()
        })
    }

    /// Returns what is left in a bucket, in millionths of a token. Needs the lock.
    fn left_in_bucket(&self, per_second: u32, reading: &Reading<'_>) -> u32 {
        if per_second != 0 {
            let latest = &self.window.latest;
            let never_read = latest.load() == Timestamp::NEVER;
            reading.read();
            let passed = latest.passed(reading, PATIENCE);
            // Refilling starts anew when the clock was set back.
            if !never_read && passed != Millis::MAX {
                // More time than fits fills any bucket.
                self.refill(passed.get().saturating_mul(per_second));
            }
            latest.store(reading.now());
        }
        self.level.load(Relaxed)
    }

    fn refill(&self, amount: u32) {
        if let Kind::Bucket { capacity, .. } = self.config.0 {
            let full = u32::from(capacity).saturating_mul(TOKEN);
            self.level.store(self.level.load(Relaxed).saturating_add(amount).min(full), Relaxed);
        }
    }
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
