//! A policy: retry, breaker and budget in one value.

use crate::{
    Backoff, BudgetView, CircuitBreakerView, ConfigError, ErrorClass, Millis, Retry,
    breaker::{self, CircuitBreaker},
    budget::Budget,
    context::Context,
    env::Environment,
    error::valid_or_panic,
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
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Policy<'a> {
    pub(crate) retry: Retry<'a>,
    pub(crate) breaker: Option<breaker::Link<'a>>,
    pub(crate) budget: Option<&'a BudgetView>,
    /// See [`Retry::fingerprint`].
    pub(crate) fingerprint: u16,
    /// Nothing but attempts, class limits and an exponential backoff for all classes.
    plain: bool,
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
            Ok(()) => {
                let (fingerprint, plain) = (retry.fingerprint(), retry.is_plain());
                Ok(Self { retry, breaker: None, budget: None, fingerprint, plain })
            }
            Err(error) => Err(error),
        }
    }

    /// Fails fast while this breaker is open.
    pub const fn circuit_breaker<const N: usize>(mut self, breaker: &'a CircuitBreaker<N>) -> Self {
        self.plain = false;
        self.breaker = Some(breaker::Link::new(breaker));
        self
    }

    /// [`circuit_breaker`](Self::circuit_breaker) with a breaker whose capacity is forgotten already.
    pub const fn circuit_breaker_view(mut self, breaker: &'a CircuitBreakerView) -> Self {
        self.plain = false;
        self.breaker = Some(breaker::Link::new(breaker));
        self
    }

    /// Takes a token out of this budget for each retry.
    pub const fn budget<const N: usize>(mut self, budget: &'a Budget<N>) -> Self {
        self.plain = false;
        self.budget = Some(budget);
        self
    }

    /// [`budget`](Self::budget) with a budget whose capacity is forgotten already.
    pub const fn budget_view(mut self, budget: &'a BudgetView) -> Self {
        self.plain = false;
        self.budget = Some(budget);
        self
    }

    /// The same policy for a call that cannot be repeated: a single attempt, known to the breaker and the budget as any
    /// other.
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

    /// The limits and backoffs.
    pub const fn retry(&self) -> &Retry<'a> {
        &self.retry
    }

    /// Binds the policy to where calls run. The context is what calls are made with, again and again.
    pub const fn context<E: Environment>(&self, env: E) -> Context<'_, E, E::Mode, crate::context::Default<E>> {
        Context::new(self, env)
    }
}

/// Whether bytes count more than instructions: then there is one copy of everything, and little is inlined.
///
/// Hosts built with `--cfg redress_small` count bytes too, so that every test can be run both ways.
#[allow(unexpected_cfgs, reason = "for tests only, so no package declares it")]
pub(crate) const BARE: bool = cfg!(any(target_os = "none", target_family = "wasm", redress_small));

/// A policy, and what may be taken for granted about it while compiling.
///
/// # Design
///
/// Most of what a policy can have, most policies leave out, and asking about it costs more than the decision. On hosts
/// the drivers are therefore compiled twice out of the same lines: once for any policy and once for plain ones, which
/// have neither deadline, attempt timeout, breaker nor budget and one exponential backoff for all classes. Where bytes
/// count more, there is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'p, const PLAIN: bool>(pub(crate) &'p Policy<'p>);

impl<'p, const PLAIN: bool> Known<'p, PLAIN> {
    #[inline]
    pub(crate) fn deadline(self) -> Option<Millis> {
        if PLAIN { None } else { self.0.retry.deadline_after() }
    }

    #[inline]
    pub(crate) fn timeout(self) -> Option<Millis> {
        if PLAIN { None } else { self.0.retry.timeout() }
    }

    #[inline]
    pub(crate) fn breaker(self) -> Option<breaker::Link<'p>> {
        if PLAIN { None } else { self.0.breaker }
    }

    #[inline]
    pub(crate) fn budget(self) -> Option<&'p BudgetView> {
        if PLAIN { None } else { self.0.budget }
    }

    /// The backoff of a class, if there is one.
    #[inline]
    pub(crate) fn backoff(self, class: ErrorClass) -> Option<&'p Backoff<'p>> {
        if PLAIN { Some(self.0.retry.default_backoff()) } else { self.0.retry.backoff(class) }
    }
}

impl Policy<'_> {
    /// Whether the drivers' shorter copies will do.
    #[inline]
    pub(crate) const fn is_plain(&self) -> bool {
        !BARE && self.plain
    }
}
