//! A budget that cannot remember as many retries as it allows would allow more.

use core::time::Duration;
use redress_core::{Budget, BudgetConfig};

static BUDGET: Budget<4> = Budget::new(BudgetConfig::rolling(5, Duration::from_secs(60)));

fn main() {
    let _ = &BUDGET;
}
