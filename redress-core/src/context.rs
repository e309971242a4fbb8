//! A policy bound to an environment and hooks: what calls are made with.

use core::{marker::PhantomData, time::Duration};

pub use crate::hooks::{AbortCondition, CancelOn, HookSet, Hooks, ResultClassifier, SleepHandler, SliceHook};
use crate::{
    AttemptEnd, AttemptStart, BackoffContext, BreakerState, BudgetView, Cause, CircuitBreakerView, Classification,
    ErrorClass, Event, EventKind, Millis, Observer, Policy, SleepDecision,
    drive::steps::{self, Steps, StepsOf},
    env::{Environment, mode},
    observer::{ErrorObserver, OnAttemptEnd, OnAttemptStart, OnRetry, Watched, WithErrors},
};

/// A policy bound to an environment, ready to make calls, again and again.
///
/// Made by [`Policy::context`]. `H` are the [`Hooks`], `P` is how the context has its policy: by reference, or by value once
/// something was overridden. `M` is the environment's [`mode`], which decides which `call` and `execute`
/// there are; it follows from `E` and is never written.
///
/// A clone draws the same random numbers as its original if the environment holds its own generator.
pub struct Context<
    'p,
    E: Environment,
    H = Hooks<<E as Environment>::Classifier>,
    P = &'p Policy<'p>,
    M = <E as Environment>::Mode,
> {
    pub(crate) policy: P,
    pub(crate) site: Site<E, H>,
    marker: PhantomData<(&'p (), fn() -> M)>,
}

impl<E: Environment + Clone, H: Clone, P: Clone, M> Clone for Context<'_, E, H, P, M> {
    fn clone(&self) -> Self {
        Self { policy: self.policy.clone(), site: self.site.clone(), marker: PhantomData }
    }
}

impl<E: Environment + core::fmt::Debug, H: core::fmt::Debug, P, M> core::fmt::Debug for Context<'_, E, H, P, M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Context").field(&self.site).finish()
    }
}

/// The surroundings of a call: environment, name of the operation, hooks.
#[derive(Clone, Debug)]
pub(crate) struct Site<E: Environment, H> {
    pub(crate) env: E,
    pub(crate) operation: &'static str,
    /// The longest slice of a wait.
    pub(crate) slice: Millis,
    pub(crate) hooks: H,
    /// Whether the observer gets no events of this call: see [`Observer::is_idle`].
    pub(crate) is_unobserved: bool,
    /// The steps of an async call without hooks.
    pub(crate) steps: StepsOf<E>,
}

impl<E: Environment, H> Site<E, H> {
    /// Creates the site of steps that are not shared.
    pub(crate) const fn contained(env: E, hooks: H) -> Self {
        Self::new(env, hooks, Steps::NONE)
    }

    const fn new(env: E, hooks: H, steps: StepsOf<E>) -> Self {
        Self { env, operation: "", slice: Millis::MAX, hooks, is_unobserved: false, steps }
    }
}

impl<E: Environment, H: HookSet> Site<E, H> {
    /// Returns whether the observer gets the events of this call.
    pub(crate) const fn is_observed(&self) -> bool {
        H::Observer::ACTIVE && !(H::Observer::CAN_BE_IDLE && self.is_unobserved)
    }

    /// Notifies the observer, in the environment's way. It is passed with the name of the operation.
    #[inline(always)]
    pub(crate) fn notify(&mut self, notify: impl FnOnce(&mut H::Observer, &'static str)) {
        if !self.is_observed() {
            return;
        }
        let (observer, operation) = (&mut self.hooks.parts().observer, self.operation);
        E::tell(|| notify(observer, operation));
    }

    /// Notifies the observer of an attempt that begins. Takes values, so that an unobserved call need not be in memory.
    #[inline(never)]
    pub(crate) fn announce(&mut self, attempt: u32, elapsed: Millis) {
        self.notify(|observer, operation| observer.on_attempt_start(&AttemptStart { attempt, operation, elapsed }));
    }

    pub(crate) fn emit(&mut self, event: Event) {
        self.notify(|observer, _| observer.on_event(&event));
    }

    /// Emits an event with the error of the attempt, if it reports a failure.
    #[inline(always)]
    pub(crate) fn emit_with<X>(&mut self, error: Option<&X>, event: Event)
    where
        H::Observer: ErrorObserver<X>,
    {
        self.notify(|observer, _| match error {
            Some(error) if event.class.is_some() => observer.on_error(error, &event),
            _ => observer.on_event(&event),
        });
    }

    /// Notifies the observer of the breaker's state.
    #[cold]
    #[inline(never)]
    pub(crate) fn emit_state(
        &mut self,
        kind: EventKind,
        state: BreakerState,
        class: Option<ErrorClass>,
        elapsed: Millis,
    ) {
        self.emit(Event { state: Some(state), class, ..self.event(kind, 0, elapsed, None) });
    }

    pub(crate) fn event(
        &self,
        kind: EventKind,
        attempt: u32,
        elapsed: Millis,
        failure: Option<(ErrorClass, Cause)>,
    ) -> Event {
        Event {
            kind,
            operation: self.operation,
            attempt,
            elapsed,
            delay: Millis::ZERO,
            class: failure.map(|(class, _)| class),
            stop_reason: None,
            cause: failure.map(|(_, cause)| cause),
            state: None,
            retry_after: None,
            code: None,
        }
    }
}

/// How a context has its policy: by reference or by value.
pub trait PolicyRef<'p>: sealed::Sealed {
    /// Borrows the policy.
    fn policy(&self) -> &Policy<'p>;
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for &crate::Policy<'_> {}
    impl Sealed for crate::Policy<'_> {}
}

impl<'p> PolicyRef<'p> for &'p Policy<'p> {
    fn policy(&self) -> &Policy<'p> {
        self
    }
}

impl<'p> PolicyRef<'p> for Policy<'p> {
    fn policy(&self) -> &Policy<'p> {
        self
    }
}

impl<'p, E: Environment> Context<'p, E> {
    pub(crate) const fn new(policy: &'p Policy<'p>, env: E) -> Self {
        Self::of(policy, env, steps::of::<E>(policy))
    }
}

impl<'p, E: Environment> Context<'p, E, Hooks<E::Classifier>, Policy<'p>> {
    pub(crate) const fn owning(policy: Policy<'p>, env: E) -> Self {
        Self::of(policy, env, steps::of::<E>(&policy))
    }
}

impl<E: Environment, P, M> Context<'_, E, Hooks<E::Classifier>, P, M> {
    /// Binds what decides to an environment.
    pub(crate) const fn of(policy: P, env: E, steps: StepsOf<E>) -> Self {
        Self { policy, site: Site::new(env, Hooks::new(E::CLASSIFIER), steps), marker: PhantomData }
    }
}

impl<E: Environment, H, P, M> Context<'_, E, H, P, M> {
    /// Borrows the environment, to look at it after calls.
    pub const fn env(&self) -> &E {
        &self.site.env
    }
}

impl<'p, E: Environment, H, P: PolicyRef<'p>, M> Context<'p, E, H, P, M> {
    /// Binds the same operation and hooks to another policy and another environment of the same mode. For adapters that keep
    /// a context as the pattern of their calls.
    pub fn rebind<'q, E2: Environment<Mode = M>>(
        self,
        policy: &'q Policy<'q>,
        env: E2,
    ) -> Context<'q, E2, H, &'q Policy<'q>, M>
    where
        M: mode::Mode,
    {
        let Site { operation, slice, hooks, .. } = self.site;
        let site = Site { operation, slice, ..Site::new(env, hooks, steps::of::<E2>(policy)) };
        Context { policy, site, marker: PhantomData }
    }

    /// Borrows the policy.
    pub fn policy(&self) -> &Policy<'p> {
        self.policy.policy()
    }

    /// Returns the context with its policy by value, changed by `change`.
    fn change_policy(self, change: impl FnOnce(Policy<'p>) -> Policy<'p>) -> Context<'p, E, H, Policy<'p>, M> {
        let policy = change(*self.policy.policy());
        let site = Site { steps: steps::of::<E>(&policy), ..self.site };
        Context { policy, site, marker: PhantomData }
    }

    /// Overrides the deadline of the policy, counted from the start of each call: for deadlines of single requests. With zero,
    /// no attempt is made; the call ends with [`StopReason::DeadlineExceeded`](crate::StopReason::DeadlineExceeded).
    ///
    /// It holds in every form: `call` and `execute`, resumed calls, and the loop form, whose attempts learn what is left from
    /// [`AttemptInfo::remaining`](crate::AttemptInfo::remaining). Like all overrides it copies the policy into the context, about
    /// 150 bytes on 32-bit targets.
    ///
    /// ```
    /// use core::time::Duration;
    /// use redress_core::{Backoff, ErrorClass, Policy, Retry, RetryError, testing::TestEnv};
    ///
    /// static PROFILES: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_millis(500))));
    ///
    /// /// Answers a request that its client gives up after `left`.
    /// fn answer(left: Duration) -> Result<u32, RetryError<ErrorClass>> {
    ///     PROFILES.context(TestEnv::new()).deadline(left).call(|| Err(ErrorClass::Transient))
    /// }
    ///
    /// assert_eq!(answer(Duration::from_millis(800)).unwrap_err().attempts, 2);
    /// ```
    pub fn deadline(self, deadline: Duration) -> Context<'p, E, H, Policy<'p>, M> {
        self.change_policy(|policy| policy.with_retry(policy.retry.deadline(deadline)))
    }

    /// Overrides the attempt timeout of the policy. At least 1 ms: zero counts as that.
    pub fn attempt_timeout(self, timeout: Duration) -> Context<'p, E, H, Policy<'p>, M> {
        let timeout = timeout.max(Duration::from_millis(1));
        self.change_policy(|policy| policy.with_retry(policy.retry.attempt_timeout(timeout)))
    }

    /// Overrides the circuit breaker of the policy: for a breaker per host or shard.
    pub fn circuit_breaker(self, breaker: &'p CircuitBreakerView) -> Context<'p, E, H, Policy<'p>, M> {
        self.change_policy(|policy| policy.circuit_breaker(breaker))
    }

    /// Overrides the retry budget of the policy: for a budget per device or tenant.
    pub fn budget(self, budget: &'p BudgetView) -> Context<'p, E, H, Policy<'p>, M> {
        self.change_policy(|policy| policy.budget(budget))
    }
}

/// Replaces one hook: `field: before => after`.
macro_rules! replace_hook {
    ($self:ident, $($kept:ident),*; $field:ident: $before:pat => $value:expr) => {{
        let Self { policy, site: Site { env, operation, slice, hooks, is_unobserved, steps }, marker } = $self;
        let $before = hooks.$field;
        let hooks = Hooks { $($kept: hooks.$kept,)* $field: $value };
        Context { policy, site: Site { env, operation, slice, hooks, is_unobserved, steps }, marker }
    }};
}

impl<'p, E: Environment, C, R, A, S, O, W, P, M> Context<'p, E, Hooks<C, R, A, S, O, W>, P, M> {
    /// Names the operation. Every event carries the name, so that logs and dashboards can be split by call site.
    ///
    /// It is a static string, because a name per request would be a metrics label per request.
    pub fn operation(mut self, name: &'static str) -> Self {
        self.site.operation = name;
        self
    }

    /// Sets the classifier of errors: a value that comes with an adapter, or a function that names the type of its argument.
    /// For other closures there is [`classify`](Self::classify).
    pub fn classifier<C2>(self, classifier: C2) -> Context<'p, E, Hooks<C2, R, A, S, O, W>, P, M> {
        replace_hook!(self, results, abort, sleep, observer, slices; classifier: _ => classifier)
    }

    /// Sets a closure as the classifier of errors, `|error| ErrorClass::Transient`, whose argument gets its type from the
    /// operation. Where the closure calls methods of the error, it names the type: `|error: &io::Error| ..`.
    ///
    /// # Design
    ///
    /// The compiler infers the signature of a closure only from a bound like this one, which values such as
    /// [`SelfClassifier`](crate::SelfClassifier) cannot meet.
    pub fn classify<X, L, F>(self, classify: F) -> Context<'p, E, Hooks<F, R, A, S, O, W>, P, M>
    where
        F: Fn(&X) -> L,
        L: Into<Classification>,
    {
        self.classifier(classify)
    }

    /// Sets the classifier of returned values: a `Fn(&T) -> Option<Classification>`, where `None` is success. Values with a
    /// class are retried like errors.
    pub fn retry_result<R2>(self, results: R2) -> Context<'p, E, Hooks<C, R2, A, S, O, W>, P, M> {
        replace_hook!(self, classifier, abort, sleep, observer, slices; results: _ => results)
    }

    /// Adds an abort condition. It is checked before each attempt, after each failure, and again and again during waits; it
    /// cannot end an attempt that is under way. Async calls are stopped by [`cancel_on`](Self::cancel_on), which can.
    pub fn abort_if<A2: FnMut() -> bool>(self, abort: A2) -> Context<'p, E, Hooks<C, R, (A, A2), S, O, W>, P, M> {
        replace_hook!(self, classifier, results, sleep, observer, slices; abort: before => (before, abort))
    }

    /// Adds a future that ends calls: the cancellation of a token, a shutdown, a signal. It ends the attempt and the wait that are
    /// under way, at once and without polling. The call ends with [`StopReason::Aborted`](crate::StopReason::Aborted), which
    /// counts neither for nor against breaker and budget. `cancelled` creates the future, anew before the first attempt and for
    /// each attempt and wait, so it must be ready at once if the cancellation came in between: `token.cancelled()` of tokio-util,
    /// `wait_for(..)` of a watch, `signal.wait()` of embassy.
    ///
    /// An attempt that returns at the moment of the cancellation has its result counted. In the loop form, waits are ended;
    /// attempts are the caller's.
    ///
    /// ```
    /// use core::{cell::Cell, future::poll_fn, task::Poll};
    /// use redress_core::{Backoff, ErrorClass, Policy, Retry, StopReason, testing::{TestAsyncEnv, block_on}};
    ///
    /// static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));
    ///
    /// let stop = Cell::new(false);
    /// let stopped = || poll_fn(|_| if stop.get() { Poll::Ready(()) } else { Poll::Pending }); // `|| token.cancelled()`
    /// let mut context = POLICY.context(TestAsyncEnv::new()).cancel_on(stopped);
    /// let error = block_on(context.call(async || {
    ///     stop.set(true);
    ///     core::future::pending::<Result<(), ErrorClass>>().await
    /// }));
    /// assert_eq!(error.unwrap_err().reason, StopReason::Aborted);
    /// ```
    pub fn cancel_on<F, U>(self, cancelled: F) -> Context<'p, E, Hooks<C, R, (A, CancelOn<F>), S, O, W>, P, M>
    where
        F: FnMut() -> U,
        U: Future,
        M: mode::Async,
    {
        replace_hook!(self, classifier, results, sleep, observer, slices; abort: before => (before, CancelOn::new(cancelled)))
    }

    /// Sets the sleep handler. It is called before each wait and decides whether to sleep, defer the retry, or abort.
    pub fn sleep_handler<S2>(self, handler: S2) -> Context<'p, E, Hooks<C, R, A, S2, O, W>, P, M>
    where
        S2: FnMut(&BackoffContext, Millis) -> SleepDecision,
    {
        replace_hook!(self, classifier, results, abort, observer, slices; sleep: _ => handler)
    }

    /// Adds an observer after those that are there: a closure of `&Event`, a `&mut` timeline, or any other [`Observer`]. One
    /// that is read after the call goes in as [`ByRef(&mut observer)`](crate::ByRef).
    pub fn observe<O2: Observer>(self, observer: O2) -> Context<'p, E, Hooks<C, R, A, S, (O, O2), W>, P, M> {
        replace_hook!(self, classifier, results, abort, sleep, slices; observer: before => (before, observer))
    }

    /// Adds an observer that sees errors, after those that are there: [`LogObserver` and
    /// `TracingObserver`](Observer) of redress-std show what the error's `Display` says.
    pub fn observe_errors<O2: Observer>(
        self,
        observer: O2,
    ) -> Context<'p, E, Hooks<C, R, A, S, WithErrors<O, O2>, W>, P, M> {
        replace_hook!(self, classifier, results, abort, sleep, slices; observer: before => WithErrors((before, observer)))
    }

    /// Adds a function that is called before each retry of an attempt that returned an error, with the error and the event.
    /// Retries after time-outs and returned values, which have no error, go to [`observe`](Self::observe).
    ///
    /// ```
    /// use redress_core::{Backoff, ErrorClass, Policy, Retry, testing::TestEnv};
    ///
    /// static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(3));
    ///
    /// let mut failures = 0;
    /// let mut context = POLICY.context(TestEnv::new()).on_retry(|error: &ErrorClass, event| {
    ///     failures += 1;
    ///     println!("attempt {} failed: {error}", event.attempt);
    /// });
    /// assert!(context.call(|| Err::<(), _>(ErrorClass::Transient)).is_err());
    /// # drop(context);
    /// assert_eq!(failures, 2);
    /// ```
    pub fn on_retry<X, F>(self, hook: F) -> Context<'p, E, Hooks<C, R, A, S, WithErrors<O, OnRetry<F>>, W>, P, M>
    where
        F: FnMut(&X, &Event),
    {
        self.observe_errors(OnRetry(hook))
    }

    /// Makes calls do all that a [`RateBreaker`](crate::breaker::RateBreaker) asks for: time them for
    /// [`slow_calls`](crate::breaker::RateConfig::slow_calls), tell it of
    /// [`abandoned_calls`](crate::breaker::RateConfig::abandoned_calls), and ask it before each attempt where it is
    /// [`per_attempt`](crate::breaker::RateConfig::per_attempt). Without it, a rate breaker counts successes and failures of
    /// whole calls only.
    ///
    /// Calls that do not ask for it contain no code for it. With any other breaker it changes nothing.
    pub fn watched(self) -> Context<'p, E, Hooks<C, R, A, S, (O, Watched), W>, P, M> {
        self.observe(Watched)
    }

    /// Adds a function that is called when an attempt begins.
    pub fn on_attempt_start<F>(self, hook: F) -> Context<'p, E, Hooks<C, R, A, S, (O, OnAttemptStart<F>), W>, P, M>
    where
        F: FnMut(&AttemptStart),
    {
        self.observe(OnAttemptStart(hook))
    }

    /// Adds a function that is called when an attempt has ended, with what was decided.
    pub fn on_attempt_end<F>(self, hook: F) -> Context<'p, E, Hooks<C, R, A, S, (O, OnAttemptEnd<F>), W>, P, M>
    where
        F: FnMut(&AttemptEnd),
    {
        self.observe(OnAttemptEnd(hook))
    }

    /// Cuts waits into slices of this length (at least 1 ms) and calls `hook` after each, for watchdogs. Slices that take too
    /// long shorten those after them, to the millisecond.
    pub fn slice<W2: FnMut()>(self, length: Duration, hook: W2) -> Context<'p, E, Hooks<C, R, A, S, O, W2>, P, M> {
        let length = Millis::from_duration(length).max(Millis::new(1));
        let mut context = replace_hook!(self, classifier, results, abort, sleep, observer; slices: _ => hook);
        context.site.slice = length;
        context
    }
}
