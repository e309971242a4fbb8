//! The hooks of a context: classifiers, abort condition, sleep handler, observer, slice hook.

use core::{
    future::{Pending, pending},
    pin::pin,
    task::{Context as Task, Waker},
};

use embassy_futures::select::{Select, select};

use crate::{BackoffContext, Classification, Millis, Observer};

/// The answer of a sleep handler to a retry that was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SleepDecision {
    /// Wait here.
    Sleep,
    /// Hand the wait over: the call ends with [`StopReason::Scheduled`](crate::StopReason::Scheduled) and a checkpoint.
    Defer,
    /// End the call with [`StopReason::Aborted`](crate::StopReason::Aborted).
    Abort,
}

/// Classifies returned values. Any `Fn(&T) -> Option<Classification>` is one; with `()` every value is a success.
pub trait ResultClassifier<T> {
    /// Returns the classification of a value that is a failure; `None` for success.
    fn classify(&self, value: &T) -> Option<Classification>;
}

impl<T> ResultClassifier<T> for () {
    fn classify(&self, _value: &T) -> Option<Classification> {
        None
    }
}

impl<T, F, C> ResultClassifier<T> for F
where
    F: Fn(&T) -> Option<C>,
    C: Into<Classification>,
{
    fn classify(&self, value: &T) -> Option<Classification> {
        self(value).map(Into::into)
    }
}

/// Decides whether to stop. Any `FnMut() -> bool` is one; `()` never stops. Of a pair, each can stop the call.
pub trait AbortCondition {
    /// Whether the condition is checked during waits too.
    const ACTIVE: bool = true;
    /// Whether [`cancelled`](Self::cancelled) can be ready.
    const CANCELS: bool = false;
    /// A future that is ready when the call is to stop.
    type Cancelled: Future;

    /// Returns whether to stop now.
    fn is_aborted(&mut self) -> bool;

    /// Creates the future that ends an attempt or a wait.
    fn cancelled(&mut self) -> Self::Cancelled;

    /// Takes note that the future was ready: the next [`is_aborted`](Self::is_aborted) returns `true`.
    fn cancel(&mut self) {}
}

impl AbortCondition for () {
    const ACTIVE: bool = false;
    type Cancelled = Pending<()>;

    fn is_aborted(&mut self) -> bool {
        false
    }

    #[inline(always)]
    fn cancelled(&mut self) -> Pending<()> {
        pending()
    }
}

impl<F: FnMut() -> bool> AbortCondition for F {
    type Cancelled = Pending<()>;

    fn is_aborted(&mut self) -> bool {
        self()
    }

    fn cancelled(&mut self) -> Pending<()> {
        pending()
    }
}

impl<A: AbortCondition, B: AbortCondition> AbortCondition for (A, B) {
    const ACTIVE: bool = A::ACTIVE || B::ACTIVE;
    const CANCELS: bool = A::CANCELS || B::CANCELS;
    type Cancelled = Select<A::Cancelled, B::Cancelled>;

    fn is_aborted(&mut self) -> bool {
        // Checks both conditions, because a cancellation is noted only once.
        self.0.is_aborted() | self.1.is_aborted()
    }

    fn cancelled(&mut self) -> Self::Cancelled {
        select(self.0.cancelled(), self.1.cancelled())
    }

    fn cancel(&mut self) {
        self.0.cancel();
        self.1.cancel();
    }
}

/// Stops the call when a future is ready: see [`Context::cancel_on`](crate::Context::cancel_on).
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CancelOn<F> {
    cancelled: F,
    is_cancelled: bool,
}

impl<F> CancelOn<F> {
    pub(crate) const fn new(cancelled: F) -> Self {
        Self { cancelled, is_cancelled: false }
    }
}

impl<F: FnMut() -> U, U: Future> AbortCondition for CancelOn<F> {
    const ACTIVE: bool = false;
    const CANCELS: bool = true;
    type Cancelled = U;

    fn is_aborted(&mut self) -> bool {
        // Between awaits the future is polled once, for a cancellation that came before it could be waited for.
        core::mem::take(&mut self.is_cancelled)
            || pin!((self.cancelled)()).poll(&mut Task::from_waker(Waker::noop())).is_ready()
    }

    fn cancelled(&mut self) -> U {
        (self.cancelled)()
    }

    fn cancel(&mut self) {
        self.is_cancelled = true;
    }
}

/// Decides whether to sleep, defer the retry, or abort. Any `FnMut(&BackoffContext, Millis) -> SleepDecision` is one; `()`
/// always sleeps.
pub trait SleepHandler {
    /// Whether there is a handler.
    const ACTIVE: bool = true;

    /// Decides about a retry that is to come after `delay`.
    fn decide(&mut self, context: &BackoffContext, delay: Millis) -> SleepDecision;
}

impl SleepHandler for () {
    const ACTIVE: bool = false;

    fn decide(&mut self, _context: &BackoffContext, _delay: Millis) -> SleepDecision {
        SleepDecision::Sleep
    }
}

impl<F: FnMut(&BackoffContext, Millis) -> SleepDecision> SleepHandler for F {
    fn decide(&mut self, context: &BackoffContext, delay: Millis) -> SleepDecision {
        self(context, delay)
    }
}

/// Called between the slices of a wait. Any `FnMut()` is one; `()` does nothing and cuts no slices.
pub trait SliceHook {
    /// Whether there is a hook.
    const ACTIVE: bool = true;

    /// Called when a slice is over.
    fn on_slice(&mut self);
}

impl SliceHook for () {
    const ACTIVE: bool = false;

    fn on_slice(&mut self) {}
}

impl<F: FnMut()> SliceHook for F {
    fn on_slice(&mut self) {
        self();
    }
}

/// The hooks of a context: classifier, result classifier, abort condition, sleep handler, observer, slice hook.
///
/// # Design
///
/// Each is a type parameter, because most are closures: behind a reference or a vtable they would cost contexts that have
/// none.
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

impl<C> Hooks<C> {
    /// Creates hooks with a classifier and nothing else.
    pub(crate) const fn new(classifier: C) -> Self {
        Self { classifier, results: (), abort: (), sleep: (), observer: (), slices: () }
    }
}

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

    /// Borrows all parts.
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

    fn parts(&mut self) -> &mut Self {
        self
    }
}
