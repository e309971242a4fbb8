//! The retry budget: how many retries a dependency is worth in all, whoever makes them.
//!
//! A budget is shared by the calls to one dependency. The token is taken when a retry is decided and stays taken when the
//! wait is then aborted or deferred. Two kinds, one type:
//!
//! - a *rolling window* allows so many retries in any window of time, and remembers each in a slot;
//! - a *token bucket* (gRPC proposal A6, Finagle's `RetryBudget`) holds tokens, one per retry. Each successful call
//!   puts a fraction back, so that retries stay a ratio of traffic, and a trickle per second keeps quiet clients able
//!   to retry. It needs no slots.

mod lints;

use core::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use crate::{
    Clock, ConfigError, Millis,
    error::valid_or_panic,
    kept::Time,
    time::{Convert, Instant, TickRate, passed},
    window::{MAX_WINDOW, NONE, Slot, Window, stamp},
};

/// Tokens are counted in millionths: a milli-token per second is then one unit per millisecond, without a division.
const TOKEN: u32 = 1_000_000;

/// The tag of all stamps in a rolling window.
const RETRY: u32 = 1;

/// Configuration of a [`Budget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BudgetConfig(Kind);

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
    /// At most so many retries in any span of `window`, which is from 1 ms to 12 hours. Zero retries are allowed:
    /// then nothing is ever retried. On a clock finer than a millisecond the span lasts up to one millisecond longer.
    pub const fn rolling(max_retries: u16, window: Duration) -> Self {
        Self(Kind::Rolling { max_retries, window: Millis::from_duration(window) })
    }

    /// A bucket of so many tokens, 1 to 4,000, full at first.
    ///
    /// Defaults:
    /// - 100 thousandths of a token back per success: one retry per ten successful calls
    /// - nothing per second
    pub const fn token_bucket(capacity: u16) -> Self {
        Self(Kind::Bucket { capacity, initial: capacity, per_success: 100, per_second: 0 })
    }

    /// How many thousandths of a token a successful call puts back.
    pub const fn refill_per_success(mut self, millitokens: u32) -> Self {
        if let Kind::Bucket { per_success, .. } = &mut self.0 {
            *per_success = millitokens;
        }
        self
    }

    /// How many thousandths of a token come back each second by themselves.
    pub const fn refill_per_second(mut self, millitokens: u32) -> Self {
        if let Kind::Bucket { per_second, .. } = &mut self.0 {
            *per_second = millitokens;
        }
        self
    }

    /// How many tokens the bucket starts with. A fleet of many small clients wants few: a client that makes ten
    /// calls an hour never empties a full bucket, and the ratio then bounds nothing.
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

/// A budget over slots; see [`Budget`] and [`BudgetView`].
///
/// # Design
///
/// A budget knows the code of its kind, so that an image in which all budgets are of one kind contains no other.
pub struct RetryBudget<S: ?Sized> {
    config: BudgetConfig,
    act: fn(&BudgetView, Told, Time) -> bool,
    /// Level of the bucket, in millionths of a token.
    level: AtomicU32,
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
pub type Budget<const N: usize = 0> = RetryBudget<[Slot; N]>;

/// Any [`Budget`] behind a reference, its capacity forgotten: what a [`Policy`](crate::Policy) keeps.
pub type BudgetView = RetryBudget<[Slot]>;

impl<const N: usize> Budget<N> {
    /// An unspent budget.
    ///
    /// # Panics
    ///
    /// If the configuration contradicts itself; in a `static` this is a compile error. [`try_new`](Self::try_new)
    /// returns an error instead.
    pub const fn new(config: BudgetConfig) -> Self {
        valid_or_panic!(Self::try_new(config))
    }

    /// An unspent budget, if the configuration is sound.
    pub const fn try_new(config: BudgetConfig) -> Result<Self, ConfigError> {
        if let Err(error) = config.validate(N) {
            return Err(error);
        }
        let (act, level): (fn(&BudgetView, Told, Time) -> bool, u32) = match config.0 {
            Kind::Bucket { initial, .. } => (BudgetView::tell_bucket, (initial as u32).saturating_mul(TOKEN)),
            Kind::Rolling { .. } => (BudgetView::tell_window, 0),
        };
        Ok(Self { config, act, level: AtomicU32::new(level), window: Window::new() })
    }

    /// This budget with its capacity forgotten.
    #[inline]
    pub const fn view(&self) -> &BudgetView {
        self
    }
}

impl<const N: usize> core::ops::Deref for Budget<N> {
    type Target = BudgetView;

    #[inline]
    fn deref(&self) -> &BudgetView {
        self
    }
}

impl BudgetView {
    /// Takes `cost` retries out of the budget, all or none.
    pub fn try_consume<C: Clock>(&self, cost: u16, clock: &C) -> bool {
        self.consume::<C>(cost, clock.now())
    }

    /// How many retries are left at this moment.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most as many retries or tokens as were configured in 16 bits"
    )]
    pub fn remaining<C: Clock>(&self, clock: &C) -> u16 {
        let now = C::time(clock.now());
        critical_section::with(|_| match self.config.0 {
            Kind::Rolling { max_retries, window } => self.left_in_window(max_retries, window, C::SLACK, now) as u16,
            Kind::Bucket { per_second, .. } => (self.left_in_bucket(per_second, now) / TOKEN) as u16,
        })
    }

    /// Tells a token bucket of a successful call that used no [`Policy`](crate::Policy).
    pub fn record_success(&self) {
        self.on_success();
    }

    #[inline]
    pub(crate) fn consume<R: TickRate>(&self, cost: u16, now: Instant) -> bool {
        (self.act)(self, Told::Takes(R::SLACK, cost), R::time(now))
    }

    #[inline]
    pub(crate) fn on_success(&self) {
        (self.act)(self, Told::Success, 0);
    }

    fn tell_window(&self, told: Told, now: Time) -> bool {
        let (Kind::Rolling { max_retries, window }, Told::Takes(slack, mut cost)) = (self.config.0, told) else {
            return false;
        };
        critical_section::with(|_| {
            let enough = self.left_in_window(max_retries, window, slack, now) >= u32::from(cost);
            if enough {
                while cost != 0 {
                    self.window.push(stamp(now, RETRY), 0);
                    cost = cost.wrapping_sub(1);
                }
            }
            enough
        })
    }

    /// In retries. Inside a critical section, like all that follows.
    fn left_in_window(&self, max_retries: u16, window: Millis, slack: u8, now: Time) -> u32 {
        self.window.slide(now, window.saturating_add(Millis::new(slack.into())));
        u32::from(max_retries).saturating_sub(self.window.push(NONE, 1 << RETRY))
    }

    fn tell_bucket(&self, told: Told, now: Time) -> bool {
        let Kind::Bucket { per_success, per_second, .. } = self.config.0 else { return false };
        critical_section::with(|_| {
            let Told::Takes(_, cost) = told else {
                self.refill(per_success.saturating_mul(TOKEN / 1_000));
                return false;
            };
            // Compared in millionths: counting whole tokens would take a division.
            let left = self.left_in_bucket(per_second, now).checked_sub(u32::from(cost).saturating_mul(TOKEN));
            if let Some(left) = left {
                self.level.store(left, Relaxed);
            }
            left.is_some()
        })
    }

    /// In millionths of a token.
    fn left_in_bucket(&self, per_second: u32, now: Time) -> u32 {
        if per_second != 0 {
            // After a jump back counting starts anew, and at the first look: a clock may start anywhere.
            let before = self.window.last.load();
            let passed = if before == 0 { Millis::ZERO } else { passed(before, now) };
            // More time than fits fills any bucket.
            self.refill(passed.get().saturating_mul(per_second));
            self.window.last.store(now);
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
impl<S: ?Sized> defmt::Format for RetryBudget<S> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", self.config);
    }
}

/// What a budget is told, and answers with whether it has that much.
#[derive(Clone, Copy)]
enum Told {
    /// Somebody takes so many retries. With what has to be added to spans, see [`Moment`](crate::time::Moment).
    Takes(u8, u16),
    /// A call was successful.
    Success,
}

impl<S: ?Sized> core::fmt::Debug for RetryBudget<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Budget").field("config", &self.config).finish_non_exhaustive()
    }
}
