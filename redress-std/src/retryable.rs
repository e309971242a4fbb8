//! Calls in one expression.

use std::{marker::PhantomData, time::Duration};

use redress_core::{
    Backoff, Budget, BudgetConfig, Classification, Classifier, Context, Environment, ErrorObserver, Event, Outcome,
    Policy, Retry, RetryError,
    context::{HookSet, Hooks, ResultClassifier},
    observer::{OnRetry, WithErrors},
    operation::Operation,
};
#[cfg(feature = "tokio")]
use {
    crate::Tokio,
    redress_core::operation::SpawnedOperation,
    std::{future::IntoFuture, pin::Pin},
};

use crate::{SharedPolicy, Threads};

static DEFAULT_BUDGET: Budget = Budget::new(BudgetConfig::DEFAULT);
static DEFAULT: Policy =
    Policy::new(Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(250), Duration::from_secs(5))))
        .budget(&DEFAULT_BUDGET);

/// Calls in one expression: `(|| fetch()).retry(&POLICY).call()`, and in tokio `(|| fetch()).retry(&POLICY).await`.
///
/// The operation is any closure that `call` of a context takes: of nothing or an [`AttemptInfo`](crate::AttemptInfo), returning a
/// `Result` or a future of one. The policy is a `&Policy` or a `&SharedPolicy`. What else a call needs is set in between, and the
/// closures there infer their types:
///
/// ```
/// use std::{io, time::Duration};
/// use redress_std::{Backoff, ErrorClass, Policy, Retry, Retryable};
///
/// static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_millis(1))).max_attempts(3));
///
/// # let mut failures = vec![io::ErrorKind::WouldBlock];
/// # let mut fetch = || match failures.pop() { Some(kind) => Err(io::Error::from(kind)), None => Ok(3) };
/// let orders = (|| fetch())
///     .retry(&POLICY)
///     .operation("fetch_orders")
///     .classify(|error| match error.kind() {
///         io::ErrorKind::WouldBlock => ErrorClass::RateLimit,
///         _ => ErrorClass::Permanent,
///     })
///     .on_retry(|error, event| println!("attempt {}: {error}", event.attempt))
///     .call()?;
/// # assert_eq!(orders, 3);
/// # Ok::<(), redress_std::RetryError<io::Error>>(())
/// ```
///
/// `M` tells blocking and async operations apart; it is inferred, and so are `T` and `X`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an operation that can be retried",
    label = "expected a closure that returns a `Result` or a future of one",
    note = "an async operation needs the feature `tokio`; in other environments: `POLICY.context(env).call(operation)`"
)]
pub trait Retryable<M, T, X>: Sized {
    /// The environment of the call: [`Threads`], or `Tokio` for async operations.
    type Env: Environment;

    /// Returns a call of this operation under a policy, which is made by `call`, `execute` or `.await`.
    fn retry<'p>(self, policy: impl IntoPolicy<'p>) -> Retrying<'p, Self, M, T, X, Self::Env>;
}

/// The shape of blocking operations, over their arguments and the shape of their errors.
#[derive(Debug)]
pub struct Blocks<K, B>(PhantomData<fn(K, B)>);

/// The shape of async operations, over their arguments and the shape of their errors.
#[cfg(feature = "tokio")]
#[derive(Debug)]
pub struct Awaits<K, B>(PhantomData<fn(K, B)>);

#[diagnostic::do_not_recommend]
impl<K, B, T, X, F: Operation<K, T, X>> Retryable<Blocks<K, B>, T, X> for F {
    type Env = Threads;

    fn retry<'p>(self, policy: impl IntoPolicy<'p>) -> Retrying<'p, Self, Blocks<K, B>, T, X, Threads> {
        Retrying { operation: self, context: policy.into_policy().into_context(Threads), marker: PhantomData }
    }
}

#[cfg(feature = "tokio")]
#[diagnostic::do_not_recommend]
impl<K, B, T, X, F: SpawnedOperation<K, Output = Result<T, X>>> Retryable<Awaits<K, B>, T, X> for F {
    type Env = Tokio;

    fn retry<'p>(self, policy: impl IntoPolicy<'p>) -> Retrying<'p, Self, Awaits<K, B>, T, X, Tokio> {
        Retrying { operation: self, context: policy.into_policy().into_context(Tokio), marker: PhantomData }
    }
}

/// A reference to a policy of either kind.
pub trait IntoPolicy<'p> {
    /// Returns the policy to make calls with.
    fn into_policy(self) -> Policy<'p>;
}

impl<'p> IntoPolicy<'p> for &'p Policy<'_> {
    fn into_policy(self) -> Policy<'p> {
        *self
    }
}

impl<'p> IntoPolicy<'p> for &'p SharedPolicy {
    fn into_policy(self) -> Policy<'p> {
        *self.policy()
    }
}

/// Retries an operation under the default policy: `retry(|| fetch()).call()`, and in tokio `retry(|| fetch()).await`.
///
/// The policy makes up to 6 attempts within 60 s, with decorrelated jitter from 250 ms up to 5 s. All calls of the program through
/// this function share one retry budget, [`BudgetConfig::DEFAULT`].
///
/// ```
/// use std::io;
/// use redress_std::retry;
///
/// let hosts = retry(|| std::fs::read_to_string("/etc/hosts")).call()?;
/// # drop(hosts);
/// # Ok::<(), redress_std::RetryError<io::Error>>(())
/// ```
pub fn retry<M, T, X, F: Retryable<M, T, X>>(operation: F) -> Retrying<'static, F, M, T, X, F::Env> {
    operation.retry(&DEFAULT)
}

/// A call that is made by `call`, `execute` or `.await`. Made by [`Retryable::retry`].
#[must_use = "nothing is called until `call`, `execute` or `.await`"]
pub struct Retrying<'p, F, M, T, X, E: Environment, H = Hooks<<E as Environment>::Classifier>> {
    operation: F,
    context: Context<'p, E, H, Policy<'p>>,
    marker: PhantomData<fn(M) -> (T, X)>,
}

impl<F, M, T, X, E: Environment, H> std::fmt::Debug for Retrying<'_, F, M, T, X, E, H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Retrying").finish_non_exhaustive()
    }
}

impl<'p, F, M, T, X, E: Environment, H> Retrying<'p, F, M, T, X, E, H> {
    /// Changes the context of the call, for everything that has no method here: `.with(|context| context.deadline(left))`.
    pub fn with<H2>(
        self,
        change: impl FnOnce(Context<'p, E, H, Policy<'p>>) -> Context<'p, E, H2, Policy<'p>>,
    ) -> Retrying<'p, F, M, T, X, E, H2> {
        Retrying { operation: self.operation, context: change(self.context), marker: PhantomData }
    }
}

impl<'p, F, M, T, X, E: Environment, C, R, A, S, O, W> Retrying<'p, F, M, T, X, E, Hooks<C, R, A, S, O, W>> {
    /// Names the operation, as [`Context::operation`] does.
    pub fn operation(self, name: &'static str) -> Self {
        self.with(|context| context.operation(name))
    }

    /// Sets the classifier of errors.
    pub fn classify<L, C2>(self, classify: C2) -> Retrying<'p, F, M, T, X, E, Hooks<C2, R, A, S, O, W>>
    where
        C2: Fn(&X) -> L,
        L: Into<Classification>,
    {
        self.with(|context| context.classify(classify))
    }

    /// Adds a function that is called before each retry of an attempt that returned an error, as [`Context::on_retry`] does.
    pub fn on_retry<N>(self, hook: N) -> Retrying<'p, F, M, T, X, E, Hooks<C, R, A, S, WithErrors<O, OnRetry<N>>, W>>
    where
        N: FnMut(&X, &Event),
    {
        self.with(|context| context.on_retry(hook))
    }
}

impl<K, B, T, X, F, H> Retrying<'_, F, Blocks<K, B>, T, X, Threads, H>
where
    F: Operation<K, T, X>,
    H: HookSet,
    H::Classifier: Classifier<X, B>,
    H::Results: ResultClassifier<T>,
    H::Observer: ErrorObserver<X>,
{
    /// Calls the operation until it succeeds or the policy stops, blocking the thread.
    ///
    /// # Errors
    ///
    /// The last error by value, with the reason to stop.
    pub fn call(mut self) -> Result<T, RetryError<X>> {
        self.context.call(self.operation)
    }

    /// Calls the operation like [`call`](Self::call) and returns a report about it.
    pub fn execute(mut self) -> Outcome<T, X> {
        self.context.execute(self.operation)
    }
}

#[cfg(feature = "tokio")]
impl<K, B, T, X, F, H> Retrying<'_, F, Awaits<K, B>, T, X, Tokio, H>
where
    F: SpawnedOperation<K, Output = Result<T, X>>,
    H: HookSet,
    H::Classifier: Classifier<X, B>,
    H::Results: ResultClassifier<T>,
    H::Observer: ErrorObserver<X>,
{
    /// Calls the operation like `.await` and returns a report about it.
    pub async fn execute(mut self) -> Outcome<T, X> {
        self.context.execute(self.operation).await
    }
}

/// `.await` calls the operation until it succeeds or the policy stops. The future is boxed, because it has no name; those of a
/// context's `call` are not.
#[cfg(feature = "tokio")]
impl<'p, K, B, T, X, F, H> IntoFuture for Retrying<'p, F, Awaits<K, B>, T, X, Tokio, H>
where
    F: SpawnedOperation<K, Output = Result<T, X>, Future: Send> + Send + 'p,
    K: 'p,
    B: 'p,
    T: Send + 'p,
    X: Send + 'p,
    H: HookSet + Send + 'p,
    H::Classifier: Classifier<X, B>,
    H::Results: ResultClassifier<T>,
    H::Observer: ErrorObserver<X>,
    H::Abort: redress_core::context::AbortCondition<Cancelled: Send>,
{
    type Output = Result<T, RetryError<X>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'p>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move { self.context.call(self.operation).await })
    }
}

#[cfg(all(test, feature = "macros"))]
mod tests {
    use super::*;

    #[test]
    fn an_expression_without_a_policy_has_that_of_a_function_without_one() {
        let decorated = Policy::new(Retry::new(redress_core::__private::DEFAULT_BACKOFF)).budget(&DEFAULT_BUDGET);
        assert_eq!(format!("{DEFAULT:?}"), format!("{decorated:?}"));
    }
}
