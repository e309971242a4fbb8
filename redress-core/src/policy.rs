//! A policy: retry, breaker and budget in one value.

use crate::{
    BudgetView, CircuitBreakerView, ConfigError, Retry, breaker::CircuitBreaker, budget::Budget, context::Context,
    env::Environment, error::valid_or_panic,
};

/// What happens after something failed, for one dependency: plain data, `Copy`, usable in a `static`.
///
/// Bind it to an [environment](Environment) with [`context`](Self::context), then
/// [`call`](Context::call). The classifier belongs to the context, so that a policy stays data which lies in flash
/// and can be shared by calls with different error types.
///
/// ```
/// use core::time::Duration;
/// use redress_core::{Backoff, BreakerConfig, CircuitBreaker, ErrorClass, Policy, Retry, testing::TestEnv};
///
/// static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(4));
/// static UPLINK: Policy = Policy::new(
///     Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(50), Duration::from_secs(5))).max_attempts(3),
/// )
/// .circuit_breaker(&BREAKER);
///
/// let mut failures = 2;
/// let mut uplink = UPLINK.context(TestEnv::new()).operation("uplink");
/// let sent = uplink.call(|| {
///     if failures == 0 { return Ok("sent") }
///     failures -= 1;
///     Err(ErrorClass::Transient)
/// })?;
/// assert_eq!(sent, "sent");
/// # Ok::<(), redress_core::RetryError<ErrorClass>>(())
/// ```
///
/// A policy that contradicts itself does not compile in a `static`:
///
/// ```compile_fail,E0080
/// # use redress_core::{Backoff, Policy, Retry};
/// static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(0));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    pub(crate) retry: Retry<'a>,
    pub(crate) breaker: Option<&'a CircuitBreakerView>,
    pub(crate) budget: Option<&'a BudgetView>,
}

/// A policy that only retries is a policy like any other.
pub type RetryPolicy<'a> = Policy<'a>;

impl<'a> Policy<'a> {
    /// A policy without breaker and budget.
    ///
    /// # Panics
    ///
    /// If the configuration contradicts itself; in a `static` this is a compile error. [`try_new`](Self::try_new)
    /// returns an error instead.
    pub const fn new(retry: Retry<'a>) -> Self {
        valid_or_panic!(Self::try_new(retry))
    }

    /// A policy without breaker and budget, if the configuration is sound.
    pub const fn try_new(retry: Retry<'a>) -> Result<Self, ConfigError> {
        match retry.validate() {
            Ok(()) => Ok(Self { retry, breaker: None, budget: None }),
            Err(error) => Err(error),
        }
    }

    /// Fails fast while this breaker is open.
    pub const fn circuit_breaker<const N: usize>(mut self, breaker: &'a CircuitBreaker<N>) -> Self {
        self.breaker = Some(breaker.view());
        self
    }

    /// [`circuit_breaker`](Self::circuit_breaker) with a breaker whose capacity is forgotten already.
    pub const fn circuit_breaker_view(mut self, breaker: &'a CircuitBreakerView) -> Self {
        self.breaker = Some(breaker);
        self
    }

    /// Takes a token out of this budget for each retry.
    pub const fn budget<const N: usize>(mut self, budget: &'a Budget<N>) -> Self {
        self.budget = Some(budget.view());
        self
    }

    /// [`budget`](Self::budget) with a budget whose capacity is forgotten already.
    pub const fn budget_view(mut self, budget: &'a BudgetView) -> Self {
        self.budget = Some(budget);
        self
    }

    /// The limits and backoffs.
    pub const fn retry(&self) -> &Retry<'a> {
        &self.retry
    }

    /// Binds the policy to where calls run. The context is what calls are made with, again and again.
    pub const fn context<E: Environment>(&self, env: E) -> Context<'_, E, E::Mode, crate::context::Default<E>> {
        Context::new(self, env)
    }
}
