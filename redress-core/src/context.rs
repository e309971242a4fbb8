//! A policy bound to where calls run, and to what a call is given besides: name, classifiers, abort condition, sleep
//! handler, observers.

use core::{marker::PhantomData, time::Duration};

use crate::{
    BackoffContext, Classification, Millis, Observer, Policy,
    env::Environment,
    event::{OnAttemptEnd, OnAttemptStart},
};

/// What a sleep handler answers when a retry was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SleepDecision {
    /// Wait here.
    Sleep,
    /// Somebody else does the waiting: the call ends with [`StopReason::Scheduled`](crate::StopReason::Scheduled) and a
    /// checkpoint.
    Defer,
    /// The call ends with [`StopReason::Aborted`](crate::StopReason::Aborted).
    Abort,
}

/// Says whether a returned value is a failure. Any `Fn(&T) -> Option<Classification>` does; `()` says no.
pub trait ResultClassifier<T> {
    /// The class of a value that is a failure; `None` for success.
    fn classify(&self, value: &T) -> Option<Classification>;
}

impl<T> ResultClassifier<T> for () {
    #[inline]
    fn classify(&self, _value: &T) -> Option<Classification> {
        None
    }
}

impl<T, F, C> ResultClassifier<T> for F
where
    F: Fn(&T) -> Option<C>,
    C: Into<Classification>,
{
    #[inline]
    fn classify(&self, value: &T) -> Option<Classification> {
        self(value).map(Into::into)
    }
}

/// Says whether to stop. Any `FnMut() -> bool` does; `()` never stops.
pub trait AbortCondition {
    /// Whether there is a condition at all.
    const ACTIVE: bool = true;

    /// Whether to stop now.
    fn is_aborted(&mut self) -> bool;
}

impl AbortCondition for () {
    const ACTIVE: bool = false;

    #[inline]
    fn is_aborted(&mut self) -> bool {
        false
    }
}

impl<F: FnMut() -> bool> AbortCondition for F {
    #[inline]
    fn is_aborted(&mut self) -> bool {
        self()
    }
}

/// Decides who waits. Any `FnMut(&BackoffContext, Millis) -> SleepDecision` does; `()` waits here.
pub trait SleepHandler {
    /// Whether there is a handler at all.
    const ACTIVE: bool = true;

    /// A retry was decided, to come after `delay`.
    fn decide(&mut self, context: &BackoffContext, delay: Millis) -> SleepDecision;
}

impl SleepHandler for () {
    const ACTIVE: bool = false;

    #[inline]
    fn decide(&mut self, _context: &BackoffContext, _delay: Millis) -> SleepDecision {
        SleepDecision::Sleep
    }
}

impl<F: FnMut(&BackoffContext, Millis) -> SleepDecision> SleepHandler for F {
    #[inline]
    fn decide(&mut self, context: &BackoffContext, delay: Millis) -> SleepDecision {
        self(context, delay)
    }
}

/// Called between the slices of a wait. Any `FnMut()` is; `()` does nothing and slices nothing.
pub trait SliceHook {
    /// Whether there is a hook at all.
    const ACTIVE: bool = true;

    /// A slice is over.
    fn on_slice(&mut self);
}

impl SliceHook for () {
    const ACTIVE: bool = false;

    #[inline]
    fn on_slice(&mut self) {}
}

impl<F: FnMut()> SliceHook for F {
    #[inline]
    fn on_slice(&mut self) {
        self();
    }
}

/// What is hooked into the calls of a context: classifier, result classifier, abort condition, sleep handler,
/// observer, slice hook. The parts are types, so that those left out cost nothing.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Hooks<C, R = (), A = (), S = (), O = (), W = ()> {
    pub(crate) classifier: C,
    pub(crate) results: R,
    pub(crate) abort: A,
    pub(crate) sleep: S,
    pub(crate) observer: O,
    pub(crate) slices: W,
}

/// The hooks of a new context: the environment's classifier and nothing else.
pub type Default<E> = Hooks<<E as Environment>::Classifier>;

/// The parts of [`Hooks`] as one bound.
pub trait HookSet {
    /// The classifier.
    type Classifier;
    /// The result classifier.
    type Results;
    /// The abort condition.
    type Abort: AbortCondition;
    /// The sleep handler.
    type Sleep: SleepHandler;
    /// The observer.
    type Observer: Observer;
    /// The slice hook.
    type Slices: SliceHook;

    /// All parts, to be used.
    #[expect(clippy::type_complexity, reason = "this is where the six parts are named")]
    fn parts(
        &mut self,
    ) -> &mut Hooks<Self::Classifier, Self::Results, Self::Abort, Self::Sleep, Self::Observer, Self::Slices>;
}

impl<C, R, A: AbortCondition, S: SleepHandler, O: Observer, W: SliceHook> HookSet for Hooks<C, R, A, S, O, W> {
    type Classifier = C;
    type Results = R;
    type Abort = A;
    type Sleep = S;
    type Observer = O;
    type Slices = W;

    #[inline]
    fn parts(&mut self) -> &mut Self {
        self
    }
}

/// A policy bound to an environment, ready to make calls, again and again.
///
/// Made by [`Policy::context`]. `M` is the environment's [mode](crate::env::mode) and decides which `call` and
/// `execute` there are; `H` are the [`Hooks`].
///
/// # Design
///
/// The hooks are one type parameter each inside of [`Hooks`] because they are closures, and a closure behind a
/// reference or a vtable would cost what those who hook nothing in should not pay.
///
/// A clone draws the same random numbers as its original if the environment holds its own generator.
#[derive(Clone, Debug)]
pub struct Context<'p, E, M, H> {
    pub(crate) policy: &'p Policy<'p>,
    pub(crate) env: E,
    pub(crate) operation: &'static str,
    pub(crate) slice: Millis,
    pub(crate) hooks: H,
    mode: PhantomData<fn() -> M>,
}

impl<'p, E, M, H> Context<'p, E, M, H> {
    /// The same operation and hooks, for calls under another policy and in another environment of the same mode: for
    /// adapters which keep a context as the pattern of their calls.
    pub fn rebind<'q, E2: Environment<Mode = M>>(self, policy: &'q Policy<'q>, env: E2) -> Context<'q, E2, M, H> {
        let Self { operation, slice, hooks, mode, .. } = self;
        Context { policy, env, operation, slice, hooks, mode }
    }

    /// The environment, to look at after calls.
    pub const fn env(&self) -> &E {
        &self.env
    }

    /// The policy.
    pub const fn policy(&self) -> &'p Policy<'p> {
        self.policy
    }
}

impl<'p, E: Environment> Context<'p, E, E::Mode, Default<E>> {
    pub(crate) const fn new(policy: &'p Policy<'p>, env: E) -> Self {
        let hooks = Hooks { classifier: E::CLASSIFIER, results: (), abort: (), sleep: (), observer: (), slices: () };
        Self { policy, env, operation: "", slice: Millis::MAX, hooks, mode: PhantomData }
    }
}

/// The context with one hook replaced: `field: what it was => what it is`.
macro_rules! replace_hook {
    ($self:ident, $($kept:ident),*; $field:ident: $before:pat => $value:expr) => {{
        let Self { policy, env, operation, slice, hooks, mode } = $self;
        let $before = hooks.$field;
        let hooks = Hooks { $($kept: hooks.$kept,)* $field: $value };
        Context { policy, env, operation, slice, hooks, mode }
    }};
}

impl<'p, E, M, C, R, A, S, O, W> Context<'p, E, M, Hooks<C, R, A, S, O, W>> {
    /// Names the operation: every event carries the name, so that logs and dashboards can be split by call site.
    /// A static string, because a name per request would be a metrics label per request.
    pub fn operation(mut self, name: &'static str) -> Self {
        self.operation = name;
        self
    }

    /// Classifies errors with this classifier: a `Fn(&E) -> Classification`, or a value that ships with an adapter.
    pub fn classifier<C2>(self, classifier: C2) -> Context<'p, E, M, Hooks<C2, R, A, S, O, W>> {
        replace_hook!(self, results, abort, sleep, observer, slices; classifier: _ => classifier)
    }

    /// Retries on returned values which this function gives a class: `Fn(&T) -> Option<Classification>`, where `None`
    /// is success.
    pub fn retry_result<R2>(self, results: R2) -> Context<'p, E, M, Hooks<C, R2, A, S, O, W>> {
        replace_hook!(self, classifier, abort, sleep, observer, slices; results: _ => results)
    }

    /// Stops when this condition holds. It is asked before each attempt, after each failure and during waits.
    pub fn abort_if<A2: FnMut() -> bool>(self, abort: A2) -> Context<'p, E, M, Hooks<C, R, A2, S, O, W>> {
        replace_hook!(self, classifier, results, sleep, observer, slices; abort: _ => abort)
    }

    /// Lets this function decide who waits, each time a retry was decided.
    pub fn sleep_handler<S2>(self, handler: S2) -> Context<'p, E, M, Hooks<C, R, A, S2, O, W>>
    where
        S2: FnMut(&BackoffContext, Millis) -> SleepDecision,
    {
        replace_hook!(self, classifier, results, abort, observer, slices; sleep: _ => handler)
    }

    /// Tells this observer, after those which are already told: a closure of `&Event`, a `&mut` timeline, or any other
    /// [`Observer`]; one that is looked at after the call goes in as [`ByRef(&mut observer)`](crate::ByRef).
    pub fn observe<O2: Observer>(self, observer: O2) -> Context<'p, E, M, Hooks<C, R, A, S, (O, O2), W>> {
        replace_hook!(self, classifier, results, abort, sleep, slices; observer: before => (before, observer))
    }

    /// Tells this function when an attempt begins.
    pub fn on_attempt_start<F>(self, hook: F) -> Context<'p, E, M, Hooks<C, R, A, S, (O, OnAttemptStart<F>), W>>
    where
        F: FnMut(&crate::AttemptStart),
    {
        self.observe(OnAttemptStart(hook))
    }

    /// Tells this function when an attempt has ended, and what was decided.
    pub fn on_attempt_end<F>(self, hook: F) -> Context<'p, E, M, Hooks<C, R, A, S, (O, OnAttemptEnd<F>), W>>
    where
        F: FnMut(&crate::AttemptEnd),
    {
        self.observe(OnAttemptEnd(hook))
    }

    /// Cuts waits into slices of this length (at least 1 ms) and calls `hook` after each: for watchdogs. What slices take too
    /// long, those after them make up for, to the millisecond.
    pub fn slice<W2: FnMut()>(self, length: Duration, hook: W2) -> Context<'p, E, M, Hooks<C, R, A, S, O, W2>> {
        let length = Millis::from_duration(length).max(Millis::new(1));
        let mut context = replace_hook!(self, classifier, results, abort, sleep, observer; slices: _ => hook);
        context.slice = length;
        context
    }
}
