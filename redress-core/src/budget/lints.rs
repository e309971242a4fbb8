//! Lints of budgets. See [`lint`](crate::lint).

use super::{BudgetConfig, Kind, config::reserve};
use crate::{
    Retry,
    lint::{Lint, Lints},
};

impl BudgetConfig {
    /// The risks in this budget, for calls with these limits.
    pub const fn lints(&self, retry: &Retry<'_>) -> Lints {
        let (most, dry) = match self.0 {
            Kind::Rolling { max_retries, .. } => (max_retries as u64, max_retries == 0),
            Kind::Bucket { capacity, per_success, per_second, .. } => {
                (capacity as u64, per_success == 0 && per_second == 0)
            }
            Kind::Ratio { percent, min_per_second, window } => {
                (reserve(min_per_second, window) / 1_000, percent == 0 && min_per_second == 0)
            }
        };
        let retries = retry.attempts().saturating_sub(1);
        Lints::EMPTY
            .with_if(Lint::BudgetRunsDry, dry)
            .with_if(Lint::BudgetBelowOneCall, !dry && !retry.is_unlimited() && most < retries as u64)
    }
}
