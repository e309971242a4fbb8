//! A budget's configuration as plain data.

use std::{sync::Arc, time::Duration};

use redress_core::{Budget, BudgetConfig, BudgetView, ConfigError, Millis};
use serde::{Deserialize, Serialize};

/// A [`BudgetConfig`] as plain data, named like its constructors; [`BudgetConfig::DEFAULT`] by default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum BudgetSettings {
    /// No budget: all calls together may retry as often as each of them may.
    None,
    /// So many retries in any span of the window; see [`BudgetConfig::rolling`].
    Rolling {
        /// Retries, 0 to 4,096.
        max_retries: u16,
        /// From 1 ms to 12 hours.
        window_ms: Millis,
    },
    /// A percentage of the calls in the window; see [`BudgetConfig::ratio`].
    Ratio {
        /// Retries per hundred calls, 0 to 100.
        percent: u8,
        /// From 1 ms to 12 hours, 10 s by default; it moves on in ten parts.
        #[serde(default = "ratio_window")]
        window_ms: Millis,
        /// Retries per second beside the percentage, in each process; 0 by default.
        #[serde(default)]
        min_per_second: u16,
    },
    /// A bucket of tokens, one per retry; see [`BudgetConfig::token_bucket`].
    TokenBucket {
        /// Tokens at most, 1 to 4,000.
        capacity: u16,
        /// Tokens at first; by default the bucket is full.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        initial: Option<u16>,
        /// Thousandths of a token which a successful call puts back; 100 by default.
        #[serde(default = "refill_per_success")]
        refill_per_success_millitokens: u32,
        /// Thousandths of a token which come back each second; 0 by default.
        #[serde(default)]
        refill_per_second_millitokens: u32,
    },
}

const fn refill_per_success() -> u32 {
    100
}

const fn ratio_window() -> Millis {
    Millis::from_secs(10)
}

impl Default for BudgetSettings {
    fn default() -> Self {
        Self::TokenBucket {
            capacity: 10,
            initial: None,
            refill_per_success_millitokens: refill_per_success(),
            refill_per_second_millitokens: 1,
        }
    }
}

impl BudgetSettings {
    /// Returns the configuration this describes, not yet validated. `None` without a budget.
    pub const fn config(&self) -> Option<BudgetConfig> {
        Some(match *self {
            Self::None => return None,
            Self::Rolling { max_retries, window_ms } => {
                BudgetConfig::rolling(max_retries, Duration::from_millis(window_ms.get() as u64))
            }
            Self::Ratio { percent, window_ms, min_per_second } => {
                BudgetConfig::ratio(percent, window_ms.to_duration()).min_per_second(min_per_second)
            }
            Self::TokenBucket { capacity, initial, refill_per_success_millitokens, refill_per_second_millitokens } => {
                let config = BudgetConfig::token_bucket(capacity)
                    .refill_per_success(refill_per_success_millitokens)
                    .refill_per_second(refill_per_second_millitokens);
                match initial {
                    Some(initial) => config.initial(initial),
                    None => config,
                }
            }
        })
    }

    /// Makes a budget with as few slots as will do, if there is to be one.
    pub(super) fn shared(&self) -> Result<Option<Arc<BudgetView>>, ConfigError> {
        self.config().map(smallest).transpose()
    }
}

fn smallest(config: BudgetConfig) -> Result<Arc<BudgetView>, ConfigError> {
    fn sized<const N: usize>(config: BudgetConfig) -> Result<Arc<BudgetView>, ConfigError> {
        Ok(Arc::new(Budget::<N>::try_new(config)?))
    }
    let sizes = [sized::<0>, sized::<10>, sized::<64>, sized::<512>];
    for sized in sizes {
        match sized(config) {
            Err(ConfigError::RetriesAboveCapacity | ConfigError::NoSlots) => {}
            budget => return budget,
        }
    }
    sized::<4_096>(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_budget() {
        let settings: BudgetSettings = toml::from_str("token_bucket.capacity = 20").expect("the one required key");
        assert_eq!(settings.config(), Some(BudgetConfig::token_bucket(20)));
        assert_eq!(BudgetSettings::default().config(), Some(BudgetConfig::DEFAULT));
    }

    #[test]
    fn a_ratio_has_a_window_of_ten_seconds_in_ten_parts() {
        let settings: BudgetSettings = toml::from_str("ratio.percent = 20").expect("the one required key");
        assert_eq!(settings.config(), Some(BudgetConfig::ratio(20, Duration::from_secs(10))));
        let settings: BudgetSettings = toml::from_str("ratio = { percent = 0, min_per_second = 7 }").expect("a ratio");
        let budget = settings.shared().expect("sound").expect("a budget");
        assert_eq!(budget.remaining(&crate::StdClock), 70);
        assert_eq!(size_of_val(&*budget), size_of::<Budget<10>>());
    }

    #[test]
    fn rolling_budgets_are_as_large_as_documented() {
        let rolling = |max_retries| BudgetSettings::Rolling { max_retries, window_ms: Millis::from_secs(10) }.shared();
        for max_retries in [0, 1, 64, 65, 4_096] {
            let budget = rolling(max_retries).expect("within the capacity").expect("a budget");
            assert_eq!(budget.remaining(&crate::StdClock), max_retries);
        }
        assert_eq!(rolling(4_097).map(drop), Err(ConfigError::RetriesAboveCapacity));
    }
}
