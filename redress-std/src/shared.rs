//! A policy that owns what it shares.

use std::sync::Arc;

use redress_core::{
    Budget, BudgetConfig, BudgetView, CircuitBreaker, CircuitBreakerView, ConfigError, Context, Environment, Policy,
    Retry, context::Hooks,
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
/// A value that holds both the `Arc`s and the `Policy` which borrows from them cannot be written without unsafe code, so
/// the `Policy` is put together for each use: a copy of some 250 bytes. Who makes calls on a hot path keeps the `Policy`
/// or the context for more than one of them, or [leaks](Self::leak) it.
#[derive(Clone, Debug)]
pub struct SharedPolicy {
    base: Base,
    breaker: Option<Arc<CircuitBreakerView>>,
    budget: Option<Arc<BudgetView>>,
}

/// Limits and backoffs.
#[derive(Clone, Debug)]
enum Base {
    Static(Policy<'static>),
    /// A policy borrows the lists of its delays, so this one is put together for each use too.
    #[cfg(feature = "toml")]
    Config(Arc<redress_core::RetryConfig>),
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
        Policy::from_config(&retry)?;
        Ok(Self { base: Base::Config(retry), breaker, budget })
    }

    /// Takes over the breaker or the budget of another policy, with its state.
    #[cfg(feature = "toml")]
    pub(crate) fn take_over(&mut self, other: &Self, breaker: bool, budget: bool) {
        if breaker {
            self.breaker.clone_from(&other.breaker);
        }
        if budget {
            self.budget.clone_from(&other.budget);
        }
    }

    /// Fails fast while this breaker is open.
    pub fn circuit_breaker<const N: usize>(mut self, breaker: Arc<CircuitBreaker<N>>) -> Self {
        self.breaker = Some(breaker);
        self
    }

    /// Takes a token out of this budget for each retry, in place of the one before.
    pub fn budget<const N: usize>(mut self, budget: Arc<Budget<N>>) -> Self {
        self.budget = Some(budget);
        self
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
    pub fn no_budget(mut self) -> Self {
        if let Base::Static(base) = &mut self.base {
            *base = base.no_budget();
        }
        self.budget = None;
        self
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
    pub fn policy(&self) -> Policy<'_> {
        assemble(self.base.policy(), self.breaker.as_deref(), self.budget.as_deref())
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
        let Self { base, breaker, budget } = self;
        let breaker = breaker.map(|breaker| &**Box::leak(Box::new(breaker)));
        let budget = budget.map(|budget| &**Box::leak(Box::new(budget)));
        let base: &'static Base = Box::leak(Box::new(base));
        Box::leak(Box::new(assemble(base.policy(), breaker, budget)))
    }

    /// The breaker, to look at.
    pub fn breaker(&self) -> Option<&CircuitBreakerView> {
        self.breaker.as_deref()
    }

    /// The budget, to look at.
    pub fn retry_budget(&self) -> Option<&BudgetView> {
        self.budget.as_deref()
    }
}

impl Base {
    fn policy(&self) -> Policy<'_> {
        match self {
            Self::Static(policy) => *policy,
            #[cfg(feature = "toml")]
            Self::Config(retry) => Policy::from_config(retry).expect("checked when it was made"),
        }
    }
}

/// Keeps the breaker and the budget that the policy has, or has none. The setters replace them.
impl From<Policy<'static>> for SharedPolicy {
    fn from(base: Policy<'static>) -> Self {
        Self { base: Base::Static(base), breaker: None, budget: None }
    }
}

fn default_budget() -> Arc<Budget> {
    Arc::new(Budget::new(BudgetConfig::DEFAULT))
}

fn assemble<'a>(
    mut policy: Policy<'a>,
    breaker: Option<&'a CircuitBreakerView>,
    budget: Option<&'a BudgetView>,
) -> Policy<'a> {
    if let Some(breaker) = breaker {
        policy = policy.circuit_breaker(breaker);
    }
    if let Some(budget) = budget {
        policy = policy.budget(budget);
    }
    policy
}
