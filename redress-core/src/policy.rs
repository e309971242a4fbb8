//! A policy: retry, breaker and budget in one value.

use crate::{
    BudgetView, CircuitBreakerView, ConfigError, Retry,
    context::{Context, Hooks},
    env::Environment,
    error::valid_or_panic,
};

/// The retries, circuit breaker and retry budget for one dependency: plain data, `Copy`, usable in a `static`.
///
/// Bind it to an [environment](Environment) with [`context`](Self::context), then [`call`](Context::call). The classifier
/// belongs to the context, so that a policy stays data that lies in flash and serves calls with different error types.
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
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Policy<'a> {
    pub(crate) retry: Retry<'a>,
    pub(crate) breaker: Option<&'a CircuitBreakerView>,
    pub(crate) budget: Option<&'a BudgetView>,
    /// See [`Retry::fingerprint`]. Overrides do not change it, so that a call may be resumed with others.
    pub(crate) fingerprint: u16,
}

/// A policy that only retries, by the name that the Python library has for it.
pub type RetryPolicy<'a> = Policy<'a>;

impl<'a> Policy<'a> {
    /// Creates a policy without breaker and budget.
    ///
    /// # Panics
    ///
    /// If the configuration contradicts itself; in a `static` this is a compile error. [`try_new`](Self::try_new)
    /// returns an error instead.
    pub const fn new(retry: Retry<'a>) -> Self {
        valid_or_panic!(Self::try_new(retry))
    }

    /// Creates a policy without breaker and budget.
    ///
    /// # Errors
    ///
    /// The field that contradicts another or is out of its bounds.
    pub const fn try_new(retry: Retry<'a>) -> Result<Self, ConfigError> {
        match retry.validate() {
            Ok(()) => Ok(Self { retry, breaker: None, budget: None, fingerprint: retry.fingerprint() }),
            Err(error) => Err(error),
        }
    }

    /// Sets the circuit breaker, of any capacity. While it is open, calls fail fast.
    pub const fn circuit_breaker(mut self, breaker: &'a CircuitBreakerView) -> Self {
        self.breaker = Some(breaker);
        self
    }

    /// Sets the retry budget, of any capacity. Each retry consumes a token.
    pub const fn budget(mut self, budget: &'a BudgetView) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Leaves the retry budget out: all calls together may retry as often as each of them may.
    pub const fn no_budget(mut self) -> Self {
        self.budget = None;
        self
    }

    /// Returns the policy with other limits and backoffs, under the same fingerprint.
    pub(crate) const fn with_retry(mut self, retry: Retry<'a>) -> Self {
        self.retry = retry;
        self
    }

    /// Returns the same policy for a call that must not be repeated: with a single attempt, which breaker and budget count as
    /// any other.
    ///
    /// ```
    /// use redress_core::{Backoff, ErrorClass, Policy, Retry, StopReason, testing::TestEnv};
    ///
    /// static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));
    ///
    /// let once = POLICY.once();
    /// let outcome = once.context(TestEnv::new()).execute(|| Err::<(), _>(ErrorClass::Transient));
    /// assert_eq!((outcome.attempts, outcome.stop_reason), (1, Some(StopReason::MaxAttemptsGlobal)));
    /// ```
    pub const fn once(mut self) -> Self {
        self.retry = self.retry.max_attempts(1);
        self
    }

    /// Returns whether the policy has attempts, limits of classes and plain formulas only.
    #[inline(always)]
    pub(crate) const fn is_plain(&self) -> bool {
        self.breaker.is_none() && self.budget.is_none() && self.retry.is_plain()
    }

    /// Returns the circuit breaker; `None` if there is none.
    pub const fn breaker(&self) -> Option<&'a CircuitBreakerView> {
        self.breaker
    }

    /// Returns the retry budget; `None` if there is none.
    pub const fn retry_budget(&self) -> Option<&'a BudgetView> {
        self.budget
    }

    /// Borrows the limits and backoffs.
    pub const fn retry(&self) -> &Retry<'a> {
        &self.retry
    }

    /// Binds the policy to where calls run. Keep the context and make calls with it again and again.
    pub const fn context<E: Environment>(&self, env: E) -> Context<'_, E> {
        Context::new(self, env)
    }

    /// Binds a copy of the policy to where calls run, for policies that do not live as long as the context.
    pub const fn into_context<E: Environment>(self, env: E) -> Context<'a, E, Hooks<E::Classifier>, Self> {
        Context::owning(self, env)
    }
}
