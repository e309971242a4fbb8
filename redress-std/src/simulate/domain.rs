//! Breakers and budgets of a fleet: as many of them as clients, processes or fleets, each like those of the policy.

use redress_core::{Budget, BudgetView, CircuitBreakerView, ConfigError, Policy, breaker::BreakerKind};

use super::{ScenarioError, Shared};
use crate::sized;

/// A breaker and a budget for each domain; none where the policy has none.
pub(super) struct Domains {
    breakers: Vec<Box<CircuitBreakerView>>,
    budgets: Vec<Box<BudgetView>>,
    /// Clients in each.
    size: u32,
}

impl Domains {
    /// Makes those of so many clients.
    pub(super) fn new(policy: &Policy<'_>, shared: Shared, clients: u32) -> Result<Self, ScenarioError> {
        let size = match shared {
            Shared::Client => 1,
            Shared::Process(clients) => clients,
            Shared::Fleet => clients,
        };
        let domains = clients.div_ceil(size);
        let invalid = |error: ConfigError| ScenarioError::new("policy", error.message(), "one that can be made again");
        let breakers = match policy.breaker() {
            Some(breaker) => (0..domains).map(|_| like(breaker)).collect::<Result<_, _>>().map_err(invalid)?,
            None => Vec::new(),
        };
        let budgets = match policy.retry_budget() {
            Some(budget) => (0..domains).map(|_| like_budget(budget)).collect::<Result<_, _>>().map_err(invalid)?,
            None => Vec::new(),
        };
        Ok(Self { breakers, budgets, size })
    }

    /// Returns the policy of each domain: one for all where they have nothing of their own.
    pub(super) fn policies<'d>(&'d self, policy: &Policy<'d>) -> Vec<Policy<'d>> {
        let domains = self.breakers.len().max(self.budgets.len()).max(1);
        (0..domains)
            .map(|domain| {
                let mut own = *policy;
                if let Some(breaker) = self.breakers.get(domain) {
                    own = own.circuit_breaker(breaker);
                }
                if let Some(budget) = self.budgets.get(domain) {
                    own = own.budget(budget);
                }
                own
            })
            .collect()
    }

    /// Returns the domain of a client, of so many.
    pub(super) const fn of(&self, client: u32, domains: usize) -> usize {
        if domains == 1 { 0 } else { (client / self.size) as usize }
    }
}

/// Makes a closed breaker of the same configuration, with as many buckets, on which its decisions depend.
fn like(breaker: &CircuitBreakerView) -> Result<Box<CircuitBreakerView>, ConfigError> {
    match breaker.kind() {
        BreakerKind::Failures(config) => sized::failures(config),
        BreakerKind::Rate { config, buckets } => sized::rates(config, u8::try_from(buckets).unwrap_or_default(), 0),
        _ => Err(ConfigError::ThresholdAboveCapacity),
    }
}

/// Makes an unspent budget of the same configuration. The window of a ratio moves on by its slots; the others have them for their
/// retries.
fn like_budget(budget: &BudgetView) -> Result<Box<BudgetView>, ConfigError> {
    macro_rules! of {
        ($($slots:literal)*) => {
            match budget.slots() {
                $($slots => Ok(Box::new(Budget::<$slots>::try_new(budget.config())?)),)*
                slots if slots > 512 => Ok(Box::new(Budget::<4_096>::try_new(budget.config())?)),
                _ => Ok(Box::new(Budget::<512>::try_new(budget.config())?)),
            }
        };
    }
    of!(0 1 2 3 4 5 6 7 8 9 10 12 15 16 20 24 30 32 40 48 50 60 64 90 100 120 128)
}
