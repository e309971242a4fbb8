//! Risks of a policy, found while compiling. Run by `cargo run -p redress-core --example lints`.

use core::time::Duration;

use redress_core::{Backoff, Budget, BudgetConfig, Policy, Retry, lint::Severity};

static BUDGET: Budget = Budget::new(BudgetConfig::DEFAULT);
static UPLINK: Policy =
    Policy::new(Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(50), Duration::from_secs(5))))
        .budget(&BUDGET);

// With `Backoff::exponential`, which has no jitter, this does not compile.
const _: () = assert!(UPLINK.lints().at_least(Severity::Warning).is_empty());

fn main() {
    // At run time the same lints can be shown.
    let risky = Policy::new(Retry::new(Backoff::exponential(Duration::from_millis(50), Duration::from_secs(5))));
    for lint in risky.lints().iter() {
        println!("{}: {}", lint.name(), lint.message());
    }
    assert!(!risky.lints().is_empty());
}
