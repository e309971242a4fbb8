//! A policy that owns what it shares.

use std::sync::Arc;

use redress_core::{
    Budget, BudgetConfig, BudgetView, CircuitBreakerView, ConfigError, Context, Environment, Policy, Retry,
    breaker::Counter, context::Hooks,
};

/// A policy that owns its breaker and budget: for services which read their configuration at run time.
///
/// It has a budget, [`BudgetConfig::DEFAULT`], until it is given another or does [without](Self::no_budget): retries of
/// clients that have none keep a slow server slow.
///
/// A [`Policy`] borrows breaker and budget, because on a device they lie in a `static`. This one keeps them behind
/// [`Arc`]s; clones of it share them, in as many threads and tasks as there are. [`policy`](Self::policy) lends the
/// `Policy` calls are made with.
///
/// ```
/// use std::{io, sync::Arc, time::Duration};
/// use redress_std::{Backoff, BreakerConfig, CircuitBreaker, PolicyExt, Retry, SharedPolicy};
///
/// # let (base, attempts, failures) = (Duration::from_millis(1), 3, 5);
/// let backoff = Backoff::try_decorrelated_jitter(base, Duration::from_secs(5))?;
/// let breaker = Arc::new(CircuitBreaker::<16>::try_new(BreakerConfig::new(failures))?);
/// let policy = SharedPolicy::try_new(Retry::new(backoff).max_attempts(attempts))?.circuit_breaker(breaker);
///
/// let worker = std::thread::spawn({
///     let policy = policy.clone();
///     move || policy.call(|| Ok::<_, io::Error>("done"))
/// });
/// assert_eq!(worker.join().unwrap()?, "done");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// With feature `toml`, a policy in a file (`file::PolicyConfig`) turns into one of these by `SharedPolicy::try_from`. It owns
/// all that it is made of, so that a service may load its file again and again: see `examples/reload`.
///
/// Capacities are fixed at compile time: choose the largest that the configuration may ask for, at four bytes a slot.
/// The delays of [`Backoff::fixed`](crate::Backoff::fixed) and strategies of one's own have to be `'static`; what is
/// made at run time is leaked (`Vec::leak`, `Box::leak`), once for each configuration.
///
/// # Design
///
/// The `Policy` borrows from the `Arc`s and lies beside them, in a cell of the crate `self_cell`. It is put together once, when
/// the configuration changes, so that a call costs what a call through a `static` policy does.
#[derive(Clone, Debug)]
pub struct SharedPolicy(Arc<Assembled>);

self_cell::self_cell!(
    struct Assembled {
        owner: Parts,

        #[covariant]
        dependent: Policy,
    }

    impl {Debug}
);

/// The parts that a policy refers to.
#[derive(Clone, Debug)]
struct Parts {
    base: Base,
    breaker: Option<Arc<CircuitBreakerView>>,
    budget: Option<Arc<BudgetView>>,
}

/// Limits and backoffs.
#[derive(Clone, Debug)]
enum Base {
    Static(Policy<'static>),
    #[cfg(feature = "toml")]
    Config(Arc<redress_core::RetryConfig>),
}

impl Parts {
    #[cfg_attr(not(feature = "toml"), expect(clippy::unnecessary_wraps, reason = "there is no other base"))]
    fn policy(&self) -> Result<Policy<'_>, ConfigError> {
        let mut policy = match &self.base {
            Base::Static(policy) => *policy,
            #[cfg(feature = "toml")]
            Base::Config(retry) => Policy::from_config(retry)?,
        };
        if let Some(breaker) = &self.breaker {
            policy = policy.circuit_breaker(breaker);
        }
        if let Some(budget) = &self.budget {
            policy = policy.budget(budget);
        }
        Ok(policy)
    }
}

impl SharedPolicy {
    /// Creates a policy with a budget by [`BudgetConfig::DEFAULT`] and without a breaker.
    ///
    /// # Panics
    ///
    /// If the configuration contradicts itself. [`try_new`](Self::try_new) returns an error instead.
    pub fn new(retry: Retry<'static>) -> Self {
        Self::from(Policy::new(retry)).budget(default_budget())
    }

    /// Creates a policy like [`new`](Self::new), if the configuration is sound.
    ///
    /// # Errors
    ///
    /// The field that contradicts another, and its bounds.
    pub fn try_new(retry: Retry<'static>) -> Result<Self, ConfigError> {
        Ok(Self::from(Policy::try_new(retry)?).budget(default_budget()))
    }

    /// Creates a policy of its parts.
    ///
    /// # Errors
    ///
    /// The field that contradicts another, and its bounds.
    #[cfg(feature = "toml")]
    pub(crate) fn from_parts(
        retry: Arc<redress_core::RetryConfig>,
        breaker: Option<Arc<CircuitBreakerView>>,
        budget: Option<Arc<BudgetView>>,
    ) -> Result<Self, ConfigError> {
        Self::try_of(Parts { base: Base::Config(retry), breaker, budget })
    }

    /// Takes over the breaker or the budget of another policy, with its state.
    #[cfg(feature = "toml")]
    pub(crate) fn take_over(&mut self, other: &Self, breaker: bool, budget: bool) {
        let other = other.0.borrow_owner();
        *self = self.with(|parts| {
            if breaker {
                parts.breaker.clone_from(&other.breaker);
            }
            if budget {
                parts.budget.clone_from(&other.budget);
            }
        });
    }

    /// Fails fast while this breaker is open: a [`CircuitBreaker`](crate::CircuitBreaker), or a
    /// [`RateBreaker`](crate::breaker::RateBreaker), which owns its configuration if that is made at run time.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use redress_std::{Backoff, Retry, SharedPolicy, breaker::{RateBreaker, RateConfig}};
    ///
    /// # let percent = 50;
    /// let breaker = Arc::new(RateBreaker::<10, RateConfig>::try_owning(RateConfig::new(percent))?);
    /// let policy = SharedPolicy::new(Retry::new(Backoff::none())).circuit_breaker(breaker);
    /// # Ok::<(), redress_std::ConfigError>(())
    /// ```
    pub fn circuit_breaker<S: Counter + 'static>(self, breaker: Arc<CircuitBreakerView<S>>) -> Self {
        self.with(|parts| parts.breaker = Some(breaker))
    }

    /// Takes a token out of this budget for each retry, in place of the one before.
    pub fn budget<const N: usize>(self, budget: Arc<Budget<N>>) -> Self {
        self.with(|parts| parts.budget = Some(budget))
    }

    /// Leaves the budget out: all calls together may retry as often as each of them may.
    ///
    /// ```
    /// use redress_std::{Backoff, Retry, SharedPolicy, StdClock};
    ///
    /// let policy = SharedPolicy::new(Retry::new(Backoff::none()));
    /// assert_eq!(policy.retry_budget().map(|budget| budget.remaining(&StdClock)), Some(10));
    /// assert!(policy.no_budget().retry_budget().is_none());
    /// ```
    pub fn no_budget(self) -> Self {
        self.with(|parts| {
            #[cfg_attr(not(feature = "toml"), expect(irrefutable_let_patterns, reason = "there is no other base"))]
            if let Base::Static(base) = &mut parts.base {
                *base = base.no_budget();
            }
            parts.budget = None;
        })
    }

    /// The policy, to make calls with.
    ///
    /// ```
    /// use redress_std::{Backoff, Retry, SharedPolicy, Threads};
    ///
    /// let shared = SharedPolicy::new(Retry::new(Backoff::none()));
    /// let policy = shared.policy();
    /// let mut orders = policy.context(Threads).operation("fetch_orders");
    /// # let fetched = orders.call(|| Ok::<_, std::io::Error>(3));
    /// # assert_eq!(fetched.unwrap(), 3);
    /// ```
    pub fn policy(&self) -> &Policy<'_> {
        self.0.borrow_dependent()
    }

    /// Binds the policy to where calls run, for as long as the shared policy is borrowed.
    ///
    /// ```
    /// use redress_std::{Backoff, Retry, SharedPolicy, Threads};
    ///
    /// let shared = SharedPolicy::new(Retry::new(Backoff::none()));
    /// let fetched = shared.context(Threads).operation("fetch_orders").call(|| Ok::<_, std::io::Error>(3));
    /// assert_eq!(fetched.unwrap(), 3);
    /// ```
    pub fn context<E: Environment>(&self, env: E) -> Context<'_, E, Hooks<E::Classifier>, Policy<'_>> {
        self.policy().into_context(env)
    }

    /// The policy for the rest of the process: for configuration that is read once, at the start.
    pub fn leak(self) -> &'static Policy<'static> {
        let assembled: &'static Arc<Assembled> = Box::leak(Box::new(self.0));
        assembled.borrow_dependent()
    }

    /// The breaker, to look at.
    pub fn breaker(&self) -> Option<&CircuitBreakerView> {
        self.0.borrow_owner().breaker.as_deref()
    }

    /// The budget, to look at.
    pub fn retry_budget(&self) -> Option<&BudgetView> {
        self.0.borrow_owner().budget.as_deref()
    }

    fn try_of(parts: Parts) -> Result<Self, ConfigError> {
        Assembled::try_new(parts, Parts::policy).map(|assembled| Self(Arc::new(assembled)))
    }

    /// Puts the policy together again with other parts.
    fn with(&self, change: impl FnOnce(&mut Parts)) -> Self {
        let mut parts = self.0.borrow_owner().clone();
        change(&mut parts);
        Self::try_of(parts).expect("limits and backoffs, the only parts that may contradict each other, are the same")
    }
}

/// Keeps the breaker and the budget that the policy has, or has none. The setters replace them.
impl From<Policy<'static>> for SharedPolicy {
    fn from(base: Policy<'static>) -> Self {
        Self::try_of(Parts { base: Base::Static(base), breaker: None, budget: None }).expect("a policy is sound")
    }
}

fn default_budget() -> Arc<Budget> {
    Arc::new(Budget::new(BudgetConfig::DEFAULT))
}
