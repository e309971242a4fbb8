//! Budget configuration.

use core::time::Duration;

use crate::{ConfigError, Millis, window::MAX_WINDOW};

/// Configuration of a [`Budget`](crate::Budget).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BudgetConfig(pub(super) Kind);

/// [`BudgetConfig::DEFAULT`].
impl Default for BudgetConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Kind {
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
    Ratio {
        percent: u8,
        min_per_second: u16,
        window: Millis,
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

    /// Creates the configuration of a ratio: retries are at most `percent` of the calls in the window, which every retry of
    /// the window counts against. For clients with much traffic, whose budget then follows it up and down.
    ///
    /// Defaults:
    /// - no minimum: a client that makes fewer than 100 / `percent` calls in a window does not retry
    ///
    /// `percent` is from 0 to 100, the window from 1 ms to 12 hours. The window moves on by the slots of the budget, as many
    /// parts of it: with 10 slots, a call or a retry counts for nine tenths to the whole of the window. A call counts when its
    /// first attempt has succeeded or asks for a retry.
    ///
    /// Usual are 20 percent of 10 s with a minimum, as in Finagle's `RetryBudget` and in Linkerd; Envoy's `retry_budget` takes 20
    /// percent of the calls under way.
    ///
    /// ```
    /// use core::time::Duration;
    /// use redress_core::{Budget, BudgetConfig, testing::ManualClock};
    ///
    /// static BUDGET: Budget<10> = Budget::new(BudgetConfig::ratio(20, Duration::from_secs(10)));
    ///
    /// let clock = ManualClock::new();
    /// for _ in 0..9 {
    ///     BUDGET.record_call(&clock); // a policy does this itself
    /// }
    /// assert!(BUDGET.try_consume(1, &clock));
    /// assert!(!BUDGET.try_consume(1, &clock)); // two of nine are more than 20 percent
    /// clock.advance(Duration::from_secs(10));
    /// assert!(!BUDGET.try_consume(1, &clock));
    /// ```
    pub const fn ratio(percent: u8, window: Duration) -> Self {
        Self(Kind::Ratio { percent, min_per_second: 0, window: Millis::from_duration(window) })
    }

    /// Sets how many retries a ratio allows per second of its window beside the percentage, so that quiet clients can retry:
    /// with 1 and a window of 10 s, ten of them at once. Times the window, at most 2,000,000. Ignored by the other kinds.
    ///
    /// It holds for each budget: a hundred processes with a minimum of 1 may make a hundred retries a second without any
    /// traffic.
    pub const fn min_per_second(mut self, retries: u16) -> Self {
        if let Kind::Ratio { min_per_second, .. } = &mut self.0 {
            *min_per_second = retries;
        }
        self
    }

    /// Sets the refill of a token bucket per successful call, in thousandths of a token. Ignored by the other kinds.
    pub const fn refill_per_success(mut self, millitokens: u32) -> Self {
        if let Kind::Bucket { per_success, .. } = &mut self.0 {
            *per_success = millitokens;
        }
        self
    }

    /// Sets the refill of a token bucket per second, in thousandths of a token. Ignored by the other kinds.
    pub const fn refill_per_second(mut self, millitokens: u32) -> Self {
        if let Kind::Bucket { per_second, .. } = &mut self.0 {
            *per_second = millitokens;
        }
        self
    }

    /// Sets how many tokens a token bucket starts with. Ignored by the other kinds.
    ///
    /// Choose few for a fleet of many small clients: a client that makes ten calls an hour never empties a full bucket, and
    /// the ratio then limits nothing.
    pub const fn initial(mut self, tokens: u16) -> Self {
        if let Kind::Bucket { initial, .. } = &mut self.0 {
            *initial = tokens;
        }
        self
    }

    pub(super) const fn validate(&self, slots: usize) -> Result<(), ConfigError> {
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
            Kind::Ratio { percent, min_per_second, window } => {
                if window.get() == 0 || window.get() > MAX_WINDOW.get() {
                    return Err(ConfigError::WindowOutOfRange);
                }
                if slots == 0 {
                    return Err(ConfigError::NoSlots);
                }
                if percent > 100 {
                    return Err(ConfigError::PercentOutOfRange);
                }
                if reserve(min_per_second, window) > MAX_RESERVE {
                    return Err(ConfigError::MinPerSecondOutOfRange);
                }
            }
        }
        Ok(())
    }
}

/// The most that [`reserve`] may be: two million retries.
const MAX_RESERVE: u64 = 2_000_000_000;

/// Returns what a ratio allows without any call, in thousandths of a retry.
pub(super) const fn reserve(min_per_second: u16, window: Millis) -> u64 {
    (min_per_second as u64).saturating_mul(window.get() as u64)
}
