//! One call in progress: the loop form, and what both drivers are made of.

use crate::{
    AttemptDecision, AttemptEnd, AttemptStart, BackoffContext, Cause, Checkpoint, CheckpointError, Classification,
    Classifier, ErrorClass, Event, EventKind, Millis, Observer, Rejected, RetryError, SleepDecision, StopReason,
    attempts::Progress,
    breaker::{Verdict, Word},
    context::{AbortCondition, Context, HookSet, ResultClassifier, SleepHandler, SliceHook},
    env::Environment,
    outcome::{Ended, Failure, Outcome},
    time::{Convert, Instant},
};

/// What an attempt may know of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Attempt {
    /// Its number; the first is 1.
    pub number: u32,
    /// How long it may take: until its timeout or the deadline, whichever is sooner; `None` for any time. Blocking
    /// attempts set it on their socket.
    pub remaining: Option<Millis>,
}

/// A call in progress, made attempt by attempt by whoever holds it: the loop form.
///
/// Dropped before its end, it is as if the call had not been made, as far as breaker and budget are concerned; budget
/// tokens of retries that were decided stay spent.
#[derive(Debug)]
#[must_use = "a run that is dropped is a call given up"]
pub struct Run<'c, 'p, E: Environment, M, H> {
    pub(crate) context: &'c mut Context<'p, E, M, H>,
    pub(crate) progress: Progress,
    permit: Word,
}

/// A wait that is under way, in slices.
pub(crate) struct Wait {
    left: u64,
    until: Instant,
    state: WaitState,
}

#[derive(PartialEq)]
enum WaitState {
    Begun,
    Slept,
    Sliced,
}

impl<'c, 'p, E: Environment, M, H: HookSet> Run<'c, 'p, E, M, H> {
    /// Asks breaker and abort condition and begins the first attempt. `clocked`: the caller wants the elapsed time even
    /// if nothing else does.
    #[inline]
    pub(crate) fn start(context: &'c mut Context<'p, E, M, H>, clocked: bool) -> Result<Self, Rejected> {
        let now = if clocked || Self::is_timed(context) { context.env.now() } else { Instant::ZERO };
        let mut run = Run { context, progress: Progress::new(now), permit: Word::NONE };
        run.announce();
        if run.context.policy.breaker.is_some() {
            run.admit()?;
        }
        match run.begin() {
            Ok(()) => Ok(run),
            Err(reason) => Err(Rejected { reason, retry_after: Millis::ZERO }),
        }
    }

    /// Whether attempts are timed: somebody wants to know, or there is a deadline.
    #[inline]
    fn is_timed(context: &Context<'p, E, M, H>) -> bool {
        H::Observer::WANTS_TIME || context.policy.retry.deadline_after().is_some()
    }

    #[inline]
    fn observer(&mut self) -> &mut H::Observer {
        &mut self.context.hooks.parts().observer
    }

    #[inline]
    fn is_aborted(&mut self) -> bool {
        self.context.hooks.parts().abort.is_aborted()
    }

    #[inline]
    fn announce(&mut self) {
        let operation = self.context.operation;
        self.observer().on_call_start(operation);
    }

    /// Takes a permit from the breaker, if there is one.
    fn admit(&mut self) -> Result<(), Rejected> {
        let Some(breaker) = self.context.policy.breaker else { return Ok(()) };
        let env = &self.context.env;
        let (admission, changed) = breaker.admit::<E::Rate>(|| env.now());
        if let Some(state) = changed {
            self.emit(Event { state: Some(state), ..self.event(state.into(), 0) });
        }
        match admission {
            Ok(word) => {
                self.permit = word;
                Ok(())
            }
            Err(ticks) => {
                let event = self.event(EventKind::CircuitRejected, 0);
                self.emit(Event { state: Some(breaker.state()), ..event });
                Err(Rejected { reason: StopReason::CircuitOpen, retry_after: E::Rate::millis_up(ticks) })
            }
        }
    }

    /// Begins an attempt: the first, or the one after a wait, unless the deadline has passed meanwhile or the call is
    /// aborted.
    #[inline]
    pub(crate) fn begin(&mut self) -> Result<(), StopReason> {
        if Self::is_timed(self.context) && self.progress.attempt() != 0 {
            self.progress.observe(self.context.env.now());
        }
        let aborted = self.is_aborted();
        if let Err(reason) = self.progress.on_start::<E::Rate>(self.context.policy, aborted) {
            return Err(self.stop(reason, None));
        }
        let start = AttemptStart {
            attempt: self.progress.attempt(),
            operation: self.context.operation,
            elapsed: self.elapsed_for_events(),
        };
        self.observer().on_attempt_start(&start);
        Ok(())
    }

    /// The current attempt: its number and what is left for it.
    pub fn attempt(&self) -> Attempt {
        Attempt { number: self.progress.attempt(), remaining: self.progress.remaining::<E::Rate>(self.context.policy) }
    }

    /// Ticks the current attempt may take, if the policy has an attempt timeout.
    #[inline]
    pub(crate) fn attempt_ticks(&self) -> Option<u64> {
        self.progress.attempt_ticks::<E::Rate>(self.context.policy)
    }

    /// What the attempt returned, classified; `Ok(Ok(..))` is success.
    #[inline]
    pub(crate) fn classify<T, X>(&mut self, result: Result<T, X>) -> Result<T, (Failure<T, X>, Classification, Cause)>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        let hooks = self.context.hooks.parts();
        match result {
            Err(error) => {
                let classification = hooks.classifier.classify(&error);
                Err((Failure::Error(error), classification, Cause::Error))
            }
            Ok(value) => match hooks.results.classify(&value) {
                Some(classification) => Err((Failure::Result(value), classification, Cause::Result)),
                None => Ok(value),
            },
        }
    }

    /// The attempt succeeded, and with it the call.
    #[inline]
    pub(crate) fn on_success(&mut self) {
        self.observe_time();
        self.emit(self.event(EventKind::Success, self.progress.attempt()));
        let end = self.end(AttemptDecision::Success, Millis::ZERO);
        self.observer().on_attempt_end(&end);
        if let Some(budget) = self.context.policy.budget {
            budget.on_success();
        }
        if !self.permit.is_none() {
            self.settle(Verdict::Success);
        }
    }

    /// The attempt failed: the wait before the next, or why there is none.
    #[inline]
    pub(crate) fn on_failure(&mut self, classification: &Classification, cause: Cause) -> Result<Wait, StopReason> {
        self.observe_time();
        let aborted = self.is_aborted();
        let previous = self.progress.previous(classification.class());
        let context = &mut *self.context;
        let decided = self.progress.on_failure(context.policy, &mut context.env, classification, cause, aborted);
        if let Err(reason) = decided {
            return Err(self.stop(reason, Some(classification)));
        }
        let (attempt, delay) = (self.progress.attempt(), self.progress.wait());
        let event = self.event(EventKind::Retry, attempt);
        let retry_after = classification.hint();
        self.emit(Event { delay, retry_after, ..self.with_failure(event, Some(classification)) });
        let asked = BackoffContext { attempt, classification: *classification, previous, random: 0 };
        match self.context.hooks.parts().sleep.decide(&asked, delay) {
            SleepDecision::Sleep => {
                let end = self.failure_end(AttemptDecision::Retry, delay, None);
                self.observer().on_attempt_end(&end);
                Ok(self.begin_wait())
            }
            SleepDecision::Defer => {
                self.progress.hand_over();
                Err(self.stop(StopReason::Scheduled, Some(classification)))
            }
            SleepDecision::Abort => Err(self.stop(StopReason::Aborted, Some(classification))),
        }
    }

    /// Tells everybody that the call has stopped. With a classification, the current attempt has just ended.
    #[cold]
    #[inline(never)]
    fn stop(&mut self, reason: StopReason, classification: Option<&Classification>) -> StopReason {
        let delay = if reason == StopReason::Scheduled { self.progress.wait() } else { Millis::ZERO };
        let mut event = self.event(reason.event(), self.progress.attempt());
        // Who aborts does not do so for the failure before.
        if reason != StopReason::Aborted {
            event = self.with_failure(Event { delay, ..event }, classification);
        }
        self.emit(Event { stop_reason: Some(reason), ..event });
        if let Some(classification) = classification {
            let mut end = self.failure_end(reason.decision(), delay, Some(reason));
            if classification.is_abort() {
                (end.class, end.cause) = (None, None);
            }
            self.observer().on_attempt_end(&end);
        }
        let verdict = match (reason, self.progress.last()) {
            (StopReason::Aborted, _) | (_, None) => Verdict::Neutral,
            (_, Some((class, _))) => Verdict::Failure(class),
        };
        self.settle(verdict);
        reason
    }

    /// Tells the breaker how the call ended, once.
    fn settle(&mut self, verdict: Verdict) {
        let permit = core::mem::replace(&mut self.permit, Word::NONE);
        if permit.is_none() {
            return;
        }
        let Some(breaker) = self.context.policy.breaker else { return };
        let env = &self.context.env;
        if let Some(state) = breaker.settle::<E::Rate>(permit, verdict, || env.now()) {
            let class = match verdict {
                Verdict::Failure(class) => Some(class),
                Verdict::Success | Verdict::Neutral => None,
            };
            self.emit(Event { state: Some(state), class, ..self.event(state.into(), 0) });
        }
    }

    #[inline]
    fn begin_wait(&mut self) -> Wait {
        let left = E::Rate::ticks(self.progress.wait());
        let until = if Self::slice_length(self.context.slice).is_some() {
            self.context.env.now().saturating_add(left)
        } else {
            Instant::ZERO
        };
        Wait { left, until, state: WaitState::Begun }
    }

    /// How long a wait may go on without a look around.
    #[inline]
    fn slice_length(configured: Millis) -> Option<Millis> {
        let poll = if H::Abort::ACTIVE { E::ABORT_POLL } else { None };
        match (poll, H::Slices::ACTIVE) {
            (Some(poll), true) => Some(poll.min(configured)),
            (None, true) => Some(configured),
            (poll, false) => poll,
        }
    }

    /// The ticks to sleep next, or `None` when the wait is over or aborted.
    ///
    /// Each slice counts as slept whatever the clock says, so that a clock which stands still delays nothing for ever;
    /// the clock can only shorten the rest, by what earlier slices took too long.
    #[inline]
    pub(crate) fn next_slice(&mut self, wait: &mut Wait) -> Option<u64> {
        let Some(slice) = Self::slice_length(self.context.slice) else {
            return match core::mem::replace(&mut wait.state, WaitState::Slept) {
                WaitState::Begun => Some(wait.left),
                WaitState::Slept | WaitState::Sliced => None,
            };
        };
        if wait.state == WaitState::Sliced {
            self.context.hooks.parts().slices.on_slice();
            wait.left = wait.left.min(wait.until.ticks_since(self.context.env.now()));
            if wait.left == 0 || self.is_aborted() {
                return None;
            }
        }
        wait.state = WaitState::Sliced;
        let ticks = wait.left.min(E::Rate::ticks(slice));
        wait.left = wait.left.saturating_sub(ticks);
        Some(ticks)
    }

    #[inline]
    fn observe_time(&mut self) {
        if H::Observer::WANTS_TIME {
            self.progress.observe(self.context.env.now());
        }
    }

    fn elapsed_for_events(&self) -> Millis {
        if H::Observer::WANTS_TIME { E::Rate::millis(self.progress.elapsed()) } else { Millis::ZERO }
    }

    #[inline]
    fn emit(&mut self, event: Event) {
        self.observer().on_event(&event);
    }

    #[inline]
    fn event(&self, kind: EventKind, attempt: u32) -> Event {
        Event {
            kind,
            operation: self.context.operation,
            attempt,
            elapsed: self.elapsed_for_events(),
            delay: Millis::ZERO,
            class: None,
            stop_reason: None,
            cause: None,
            state: None,
            retry_after: None,
            code: None,
        }
    }

    /// Adds the latest failure, and of the failure just classified its code.
    #[inline]
    fn with_failure(&self, event: Event, classification: Option<&Classification>) -> Event {
        let last = self.progress.last();
        Event {
            class: last.map(|(class, _)| class),
            cause: last.map(|(_, cause)| cause),
            code: classification.and_then(Classification::numeric_code),
            ..event
        }
    }

    #[inline]
    fn end(&self, decision: AttemptDecision, delay: Millis) -> AttemptEnd {
        AttemptEnd {
            attempt: self.progress.attempt(),
            operation: self.context.operation,
            elapsed: self.elapsed_for_events(),
            decision,
            class: None,
            stop_reason: None,
            cause: None,
            delay,
        }
    }

    #[inline]
    fn failure_end(&self, decision: AttemptDecision, delay: Millis, stop_reason: Option<StopReason>) -> AttemptEnd {
        let last: Option<(ErrorClass, Cause)> = self.progress.last();
        AttemptEnd {
            class: last.map(|(class, _)| class),
            cause: last.map(|(_, cause)| cause),
            stop_reason,
            ..self.end(decision, delay)
        }
    }

    /// The checkpoint that goes with a deferral.
    fn deferred(&self, reason: StopReason) -> Option<Checkpoint> {
        (reason == StopReason::Scheduled).then(|| self.progress.checkpoint::<E::Rate>(self.context.policy))
    }

    /// Why the call gave up, as `call` returns it.
    #[cold]
    pub(crate) fn error<X>(&self, reason: StopReason, error: Option<X>) -> RetryError<X> {
        let last = self.progress.last();
        RetryError {
            error,
            reason,
            attempts: self.progress.attempt(),
            last_class: last.map(|(class, _)| class),
            cause: last.map(|(_, cause)| cause),
            next_delay: self.progress.next_delay(),
            checkpoint: self.deferred(reason),
        }
    }

    #[inline]
    pub(crate) fn ended<T, X>(&self, ended: Ended<T, X>) -> RetryError<X> {
        self.error(ended.reason, ended.failure.and_then(Failure::into_error))
    }

    /// All about the call, as `execute` returns it.
    #[inline]
    pub(crate) fn outcome<T, X>(mut self, result: Result<T, Ended<T, X>>) -> Outcome<T, X> {
        self.progress.observe(self.context.env.now());
        let checkpoint = result.as_ref().err().and_then(|ended| self.deferred(ended.reason));
        Outcome::new(result, &self.progress, E::Rate::millis(self.progress.elapsed()), checkpoint)
    }

    /// The operation succeeded: ends the call and hands the value through.
    #[inline]
    pub fn succeed<T>(mut self, value: T) -> T {
        self.on_success();
        value
    }

    /// Ends the call and keeps what is needed to go on later, on this machine or another. Suspended in the middle of
    /// an attempt, it goes on with the next one. To the breaker it is as if the call had not been made.
    pub fn suspend(mut self) -> Checkpoint {
        self.progress.observe(self.context.env.now());
        self.progress.checkpoint::<E::Rate>(self.context.policy)
    }
}

impl<E: Environment, M, H> Drop for Run<'_, '_, E, M, H> {
    #[inline]
    fn drop(&mut self) {
        if let (false, Some(breaker)) = (self.permit.is_none(), self.context.policy.breaker) {
            breaker.release(self.permit);
        }
    }
}

/// A call that goes on from a checkpoint. Waits out what is left, then asks the breaker again.
#[derive(Debug)]
#[must_use = "the call goes on when it is called, executed or started"]
pub struct Resumed<'c, 'p, E: Environment, M, H>(pub(crate) Run<'c, 'p, E, M, H>);

impl<'c, 'p, E: Environment, M, H: HookSet> Resumed<'c, 'p, E, M, H> {
    pub(crate) fn new(
        context: &'c mut Context<'p, E, M, H>,
        checkpoint: &Checkpoint,
        slept: Millis,
    ) -> Result<Self, CheckpointError> {
        let progress = Progress::resume::<E::Rate>(context.policy, checkpoint, slept, context.env.now())?;
        Ok(Self(Run { context, progress, permit: Word::NONE }))
    }

    pub(crate) fn begin_wait(&mut self) -> Wait {
        self.0.announce();
        self.0.begin_wait()
    }

    /// The wait is over: admission and the next attempt, or why not.
    pub(crate) fn begin(mut self) -> Result<Run<'c, 'p, E, M, H>, Rejected> {
        self.0.admit()?;
        match self.0.begin() {
            Ok(()) => Ok(self.0),
            Err(reason) => Err(Rejected { reason, retry_after: Millis::ZERO }),
        }
    }
}
