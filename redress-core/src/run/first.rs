//! The first attempt of a call, before anything has failed.

use super::{Attempt, Failed, Run};
use crate::{
    Classifier, Event, Millis, Observer, Rejected, StopReason,
    attempts::Progress,
    breaker::{Link, Word},
    context::{Context, HookSet, ResultClassifier},
    env::Environment,
    outcome::Outcome,
    policy::Known,
    time::{Convert, Instant},
};

/// An admission that is given back unless it is taken.
pub(super) struct Guard<'p> {
    breaker: Option<Link<'p>>,
    permit: Word,
}

impl Guard<'_> {
    #[inline]
    fn into_permit(self) -> Word {
        let permit = self.permit;
        core::mem::forget(self);
        permit
    }
}

impl Drop for Guard<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if let (false, Some(breaker)) = (self.permit.is_none(), self.breaker) {
            breaker.release(self.permit);
        }
    }
}

/// A call in its first attempt: what a run is before anything has failed, small enough for registers.
pub(crate) struct First<'c, 'p, E: Environment, M, H> {
    pub(crate) context: &'c mut Context<'p, E, M, H>,
    guard: Guard<'p>,
    started: Instant,
}

impl<'c, 'p, E: Environment, M, H: HookSet> First<'c, 'p, E, M, H> {
    /// Asks breaker and abort condition and begins the first attempt. `clocked`: the caller wants the elapsed time even
    /// if nothing else does.
    #[inline(always)]
    pub(crate) fn launch<const PLAIN: bool>(
        context: &'c mut Context<'p, E, M, H>,
        clocked: bool,
    ) -> Result<Self, Rejected> {
        let started = if clocked || Context::<'p, E, M, H>::is_timed(Known::<PLAIN>(context.policy)) {
            context.env.now()
        } else {
            Instant::ZERO
        };
        context.announce();
        let breaker = Known::<PLAIN>(context.policy).breaker();
        let mut guard = Guard { breaker, permit: Word::NONE };
        if let Some(breaker) = breaker {
            guard.permit = context.admit(breaker, Millis::ZERO)?;
        }
        if context.is_aborted() {
            let reason = StopReason::Aborted;
            let event = context.event(reason.event(), 0, Millis::ZERO);
            context.emit(Event { stop_reason: Some(reason), ..event });
            return Err(Rejected { reason, retry_after: Millis::ZERO });
        }
        context.tell_start(1, Millis::ZERO);
        Ok(Self { context, guard, started })
    }

    /// The first attempt.
    #[inline]
    pub(crate) fn attempt<const PLAIN: bool>(&self) -> Attempt {
        Attempt {
            number: 1,
            remaining: Progress::new(E::Rate::moment(self.started)).remaining::<PLAIN>(Known(self.context.policy)),
        }
    }

    /// What it returned, classified.
    #[inline]
    pub(crate) fn classify<T, X>(&mut self, result: Result<T, X>) -> Result<T, Failed<T, X>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        self.context.classify(result)
    }

    /// It succeeded, and with it the call.
    #[inline(always)]
    pub(crate) fn succeed<const PLAIN: bool>(self) {
        let elapsed = if H::Observer::WANTS_TIME {
            E::Rate::millis(self.context.env.now().ticks_since(self.started))
        } else {
            Millis::ZERO
        };
        self.context.succeeded(Known::<PLAIN>(self.context.policy), self.guard.into_permit(), 1, elapsed);
    }

    /// It failed, or its maker wants the loop form.
    #[inline]
    pub(crate) fn into_run(self) -> Run<'c, 'p, E, M, H> {
        let Self { context, guard, started } = self;
        Run::in_first_attempt(context, guard.into_permit(), started)
    }

    /// All about a call that succeeded at once, as `execute` returns it.
    #[inline]
    pub(crate) fn outcome<T, X>(self, value: T) -> Outcome<T, X> {
        let elapsed = E::Rate::millis(self.context.env.now().ticks_since(self.started));
        self.succeed::<false>();
        Outcome::first(value, elapsed)
    }
}
