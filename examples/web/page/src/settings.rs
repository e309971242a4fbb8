//! The settings of the sliders.
#![allow(clippy::float_cmp, reason = "in what `wasm_bindgen` makes of an enum")]

use std::{sync::Arc, time::Duration};

use redress_std::{Backoff, BreakerConfig, Budget, BudgetConfig, CircuitBreaker, ConfigError, Retry, SharedPolicy};
use wasm_bindgen::prelude::wasm_bindgen;

/// The most failures that a breaker of the page remembers.
const BREAKER_SLOTS: usize = 16;

/// The most retries that a budget of the page allows in its window.
const BUDGET_SLOTS: usize = 64;

/// The formula of the backoff.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// Always the base.
    Constant,
    /// Doubles, without jitter.
    None,
    /// Anything from zero to what would be the delay without jitter.
    Full,
    /// Half of that is fixed, half is drawn.
    Equal,
    /// From the base to three times the delay before.
    Decorrelated,
}

/// Everything a person can turn on the page. Zero turns off what can be turned off.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Clients that start at the same moment.
    pub clients: u32,
    /// Calls of each client, one after another.
    pub calls: u32,
    /// The pause of a client between its calls, in milliseconds.
    pub pause_ms: u32,
    /// The formula of the backoff.
    pub jitter: Jitter,
    /// The shortest delay of the backoff.
    pub base_ms: u32,
    /// The longest.
    pub cap_ms: u32,
    /// Whether a `Retry-After` comes before the backoff.
    pub retry_after: bool,
    /// Attempts of a call, the first included.
    pub max_attempts: u32,
    /// Deadline of a call; 0 for none.
    pub deadline_ms: u32,
    /// Failed calls that open the circuit; 0 for no breaker.
    pub threshold: u8,
    /// How long an open circuit stays open.
    pub recovery_ms: u32,
    /// Retries of all clients together within `budget_ms`; 0 for no budget.
    pub budget: u16,
    /// The budget's window.
    pub budget_ms: u32,
}

#[wasm_bindgen]
impl Settings {
    /// One client, one call, and the policy that redress recommends.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self {
            clients: 1,
            calls: 1,
            pause_ms: 500,
            jitter: Jitter::Decorrelated,
            base_ms: 250,
            cap_ms: 4_000,
            retry_after: true,
            max_attempts: 6,
            deadline_ms: 0,
            threshold: 0,
            recovery_ms: 2_000,
            budget: 0,
            budget_ms: 10_000,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

impl Settings {
    /// The policy of all clients, with the breaker and the budget that they share.
    pub(crate) fn policy(&self) -> Result<Shared, ConfigError> {
        let mut retry = Retry::new(self.backoff()?).max_attempts(self.max_attempts);
        retry = match self.deadline_ms {
            0 => retry.no_deadline(),
            deadline => retry.deadline(millis(deadline)),
        };
        let mut policy = SharedPolicy::try_new(retry)?.no_budget();
        if self.threshold != 0 {
            let config = BreakerConfig::new(self.threshold).recovery_timeout(millis(self.recovery_ms));
            policy = policy.circuit_breaker(Arc::new(CircuitBreaker::<BREAKER_SLOTS>::try_new(config)?));
        }
        let mut budget = None;
        if self.budget != 0 {
            let config = BudgetConfig::rolling(self.budget, millis(self.budget_ms));
            let shared = Arc::new(Budget::<BUDGET_SLOTS>::try_new(config)?);
            policy = policy.budget(Arc::clone(&shared));
            budget = Some(shared);
        }
        Ok(Shared { policy, budget })
    }

    fn backoff(&self) -> Result<Backoff<'static>, ConfigError> {
        let (base, cap) = (millis(self.base_ms), millis(self.cap_ms));
        let backoff = match self.jitter {
            Jitter::Constant => Backoff::constant(base),
            Jitter::None => Backoff::try_exponential(base, cap)?,
            Jitter::Full => Backoff::try_full_jitter(base, cap)?,
            Jitter::Equal => Backoff::try_equal_jitter(base, cap)?,
            Jitter::Decorrelated => Backoff::try_decorrelated_jitter(base, cap)?,
        };
        Ok(if self.retry_after { backoff.or_retry_after() } else { backoff })
    }
}

/// A policy, and the budget in it to look at.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) policy: SharedPolicy,
    pub(crate) budget: Option<Arc<Budget<BUDGET_SLOTS>>>,
}

fn millis(millis: u32) -> Duration {
    Duration::from_millis(millis.into())
}
