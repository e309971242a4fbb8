//! One call in progress: the loop form, and what both drivers are made of.

use crate::{
    AttemptDecision, AttemptEnd, AttemptStart, BackoffContext, Cause, Checkpoint, CheckpointError, CircuitBreakerView,
    Classification, Classifier, ErrorClass, Event, EventKind, Millis, Observer, Policy, Rejected, RetryError,
    SleepDecision, StopReason,
    attempts::Progress,
    breaker::{Verdict, Word},
    context::{AbortCondition, Context, HookSet, ResultClassifier, SleepHandler, SliceHook},
    env::Environment,
    outcome::{Ended, Failure, Outcome},
    policy::Known,
    time::{Convert, Instant, Slept},
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
    slice: u64,
    /// What is left after this slice.
    left: u64,
    until: Instant,
}

impl Wait {
    /// The ticks to sleep now.
    #[inline]
    pub(crate) const fn slice(&self) -> u64 {
        self.slice
    }
}

/// An admission that is given back unless it is taken.
struct Guard<'p> {
    breaker: Option<&'p CircuitBreakerView>,
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
    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(always))]
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
    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(always))]
    pub(crate) fn launch<const PLAIN: bool>(
        context: &'c mut Context<'p, E, M, H>,
        clocked: bool,
    ) -> Result<Self, Rejected> {
        let started = if clocked || context.is_timed::<PLAIN>() { context.env.now() } else { Instant::ZERO };
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
            remaining: Progress::new(self.started).remaining::<E::Rate, PLAIN>(Known(self.context.policy)),
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
    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(always))]
    pub(crate) fn succeed<const PLAIN: bool>(self) {
        let elapsed = if H::Observer::WANTS_TIME {
            E::Rate::millis(self.context.env.now().ticks_since(self.started))
        } else {
            Millis::ZERO
        };
        self.context.succeeded::<PLAIN>(self.guard.into_permit(), 1, elapsed);
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

/// A failure, its classification and what it was.
pub(crate) type Failed<T, X> = (Failure<T, X>, Classification, Cause);

impl<E: Environment, M, H: HookSet> Context<'_, E, M, H> {
    /// Whether attempts are timed: somebody wants to know, or there is a deadline.
    #[inline]
    fn is_timed<const PLAIN: bool>(&self) -> bool {
        H::Observer::WANTS_TIME || Known::<PLAIN>(self.policy).deadline().is_some()
    }

    #[inline]
    fn observer(&mut self) -> &mut H::Observer {
        &mut self.hooks.parts().observer
    }

    #[inline]
    fn is_aborted(&mut self) -> bool {
        self.hooks.parts().abort.is_aborted()
    }

    #[inline]
    fn announce(&mut self) {
        let operation = self.operation;
        self.observer().on_call_start(operation);
    }

    /// Takes a permit from the breaker.
    fn admit(&mut self, breaker: &CircuitBreakerView, elapsed: Millis) -> Result<Word, Rejected> {
        let env = &self.env;
        let (admission, changed) = breaker.admit::<E::Rate>(|| env.now());
        if let Some(state) = changed {
            self.emit(Event { state: Some(state), ..self.event(state.into(), 0, elapsed) });
        }
        admission.map_err(|ticks| {
            let event = self.event(EventKind::CircuitRejected, 0, elapsed);
            self.emit(Event { state: Some(breaker.state()), ..event });
            Rejected { reason: StopReason::CircuitOpen, retry_after: E::Rate::millis_up(ticks) }
        })
    }

    #[inline]
    fn tell_start(&mut self, attempt: u32, elapsed: Millis) {
        let start = AttemptStart { attempt, operation: self.operation, elapsed };
        self.observer().on_attempt_start(&start);
    }

    #[inline]
    fn classify<T, X>(&mut self, result: Result<T, X>) -> Result<T, Failed<T, X>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        let hooks = self.hooks.parts();
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

    /// An attempt succeeded, and with it the call.
    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(always))]
    fn succeeded<const PLAIN: bool>(&mut self, permit: Word, attempt: u32, elapsed: Millis) {
        self.emit(self.event(EventKind::Success, attempt, elapsed));
        let end = AttemptEnd {
            attempt,
            operation: self.operation,
            elapsed,
            decision: AttemptDecision::Success,
            class: None,
            stop_reason: None,
            cause: None,
            delay: Millis::ZERO,
        };
        self.observer().on_attempt_end(&end);
        if let Some(budget) = Known::<PLAIN>(self.policy).budget() {
            budget.on_success();
        }
        if !PLAIN && !permit.is_none() {
            self.settle(permit, Verdict::Success, elapsed);
        }
    }

    /// The call has stopped: tells everybody. With a classification, the current attempt has just ended.
    ///
    /// Takes what it needs by value, so that a run which has not stopped can live in registers.
    #[cold]
    #[inline(never)]
    fn stopped(
        &mut self,
        progress: Progress,
        permit: Word,
        reason: StopReason,
        classification: Option<Classification>,
    ) -> StopReason {
        let elapsed = Self::elapsed(&progress);
        let delay = if reason == StopReason::Scheduled { progress.wait() } else { Millis::ZERO };
        let mut event = self.event(reason.event(), progress.attempt(), elapsed);
        // Who aborts does not do so for the failure before.
        if reason != StopReason::Aborted {
            event = with_failure(Event { delay, ..event }, progress.last(), classification.as_ref());
        }
        self.emit(Event { stop_reason: Some(reason), ..event });
        if let Some(classification) = classification {
            let mut end = self.failure_end(&progress, elapsed, reason.decision(), delay, Some(reason));
            if classification.is_abort() {
                (end.class, end.cause) = (None, None);
            }
            self.observer().on_attempt_end(&end);
        }
        if !permit.is_none() {
            let verdict = match (reason, progress.last()) {
                (StopReason::Aborted, _) | (_, None) => Verdict::Neutral,
                (_, Some((class, _))) => Verdict::Failure(class),
            };
            self.settle(permit, verdict, elapsed);
        }
        reason
    }

    /// Why the call gave up.
    #[cold]
    fn error<X>(&self, progress: Progress, reason: StopReason, error: Option<X>) -> RetryError<X> {
        let last = progress.last();
        RetryError {
            error,
            reason,
            attempts: progress.attempt(),
            last_class: last.map(|(class, _)| class),
            cause: last.map(|(_, cause)| cause),
            next_delay: progress.next_delay(),
            checkpoint: self.deferred(&progress, reason),
        }
    }

    /// The checkpoint that goes with a deferral.
    fn deferred(&self, progress: &Progress, reason: StopReason) -> Option<Checkpoint> {
        (reason == StopReason::Scheduled).then(|| progress.checkpoint::<E::Rate>(self.policy))
    }

    #[inline]
    fn failure_end(
        &self,
        progress: &Progress,
        elapsed: Millis,
        decision: AttemptDecision,
        delay: Millis,
        stop_reason: Option<StopReason>,
    ) -> AttemptEnd {
        let last = progress.last();
        AttemptEnd {
            attempt: progress.attempt(),
            operation: self.operation,
            elapsed,
            decision,
            class: last.map(|(class, _)| class),
            stop_reason,
            cause: last.map(|(_, cause)| cause),
            delay,
        }
    }

    /// Time since the start, as events tell it.
    #[inline]
    fn elapsed(progress: &Progress) -> Millis {
        if H::Observer::WANTS_TIME { E::Rate::millis(progress.elapsed()) } else { Millis::ZERO }
    }

    /// Tells the breaker how the call ended.
    fn settle(&mut self, permit: Word, verdict: Verdict, elapsed: Millis) {
        let Some(breaker) = self.policy.breaker else { return };
        let env = &self.env;
        if let Some(state) = breaker.settle::<E::Rate>(permit, verdict, || env.now()) {
            let class = match verdict {
                Verdict::Failure(class) => Some(class),
                Verdict::Success | Verdict::Neutral => None,
            };
            self.emit(Event { state: Some(state), class, ..self.event(state.into(), 0, elapsed) });
        }
    }

    #[inline]
    fn emit(&mut self, event: Event) {
        self.observer().on_event(&event);
    }

    #[inline]
    fn event(&self, kind: EventKind, attempt: u32, elapsed: Millis) -> Event {
        Event {
            kind,
            operation: self.operation,
            attempt,
            elapsed,
            delay: Millis::ZERO,
            class: None,
            stop_reason: None,
            cause: None,
            state: None,
            retry_after: None,
            code: None,
        }
    }
}

/// Adds the latest failure, and of the failure just classified its code.
#[inline]
fn with_failure(event: Event, last: Option<(ErrorClass, Cause)>, classification: Option<&Classification>) -> Event {
    Event {
        class: last.map(|(class, _)| class),
        cause: last.map(|(_, cause)| cause),
        code: classification.and_then(Classification::numeric_code),
        ..event
    }
}

impl<'c, 'p, E: Environment, M, H: HookSet> Run<'c, 'p, E, M, H> {
    #[inline]
    pub(crate) fn in_first_attempt(context: &'c mut Context<'p, E, M, H>, permit: Word, started: Instant) -> Self {
        let mut progress = Progress::new(started);
        progress.on_first();
        Self { context, progress, permit }
    }

    /// Begins the attempt after a wait, unless the deadline has passed meanwhile or the call is aborted.
    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(always))]
    pub(crate) fn begin<const PLAIN: bool>(&mut self) -> Result<(), StopReason> {
        if self.context.is_timed::<PLAIN>() {
            self.progress.observe(self.context.env.now());
        }
        let aborted = self.context.is_aborted();
        if let Err(reason) = self.progress.on_wake::<E::Rate, PLAIN>(Known(self.context.policy), aborted) {
            return Err(self.stop(reason, None));
        }
        self.context.tell_start(self.progress.attempt(), self.elapsed());
        Ok(())
    }

    /// The current attempt: its number and what is left for it.
    pub fn attempt(&self) -> Attempt {
        self.attempt_under::<false>()
    }

    #[inline]
    pub(crate) fn attempt_under<const PLAIN: bool>(&self) -> Attempt {
        let policy = Known::<PLAIN>(self.context.policy);
        Attempt { number: self.progress.attempt(), remaining: self.progress.remaining::<E::Rate, PLAIN>(policy) }
    }

    /// Ticks the current attempt may take, if the policy has an attempt timeout.
    #[inline]
    pub(crate) fn attempt_ticks(&self) -> Option<u64> {
        self.progress.attempt_ticks::<E::Rate, false>(Known(self.context.policy))
    }

    /// What the attempt returned, classified.
    #[inline]
    pub(crate) fn classify<T, X>(&mut self, result: Result<T, X>) -> Result<T, Failed<T, X>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        self.context.classify(result)
    }

    /// The attempt succeeded, and with it the call.
    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(always))]
    pub(crate) fn on_success<const PLAIN: bool>(&mut self) {
        self.observe_time();
        let permit = core::mem::replace(&mut self.permit, Word::NONE);
        self.context.succeeded::<PLAIN>(permit, self.progress.attempt(), self.elapsed());
    }

    /// The attempt failed: the wait before the next, or why there is none.
    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(always))]
    pub(crate) fn on_failure<const PLAIN: bool>(
        &mut self,
        classification: Classification,
        cause: Cause,
    ) -> Result<Wait, StopReason> {
        self.observe_time();
        let aborted = self.context.is_aborted();
        let previous = self.progress.previous(classification.class());
        let context = &mut *self.context;
        let policy = Known::<PLAIN>(context.policy);
        let decided = self.progress.on_failure(policy, &mut context.env, &classification, cause, aborted);
        if let Err(reason) = decided {
            return Err(self.stop(reason, Some(classification)));
        }
        let (attempt, delay) = (self.progress.attempt(), self.progress.wait());
        let event = self.context.event(EventKind::Retry, attempt, self.elapsed());
        let event = with_failure(event, self.progress.last(), Some(&classification));
        self.context.emit(Event { delay, retry_after: classification.hint(), ..event });
        let asked = BackoffContext { attempt, classification, previous, random: 0 };
        match self.context.hooks.parts().sleep.decide(&asked, delay) {
            SleepDecision::Sleep => {
                let decision = AttemptDecision::Retry;
                let end = self.context.failure_end(&self.progress, self.elapsed(), decision, delay, None);
                self.context.observer().on_attempt_end(&end);
                Ok(self.begin_wait())
            }
            SleepDecision::Defer => {
                self.progress.hand_over();
                Err(self.stop(StopReason::Scheduled, Some(classification)))
            }
            SleepDecision::Abort => Err(self.stop(StopReason::Aborted, Some(classification))),
        }
    }

    /// Ends the call. With a classification, the current attempt has just ended.
    #[inline]
    fn stop(&mut self, reason: StopReason, classification: Option<Classification>) -> StopReason {
        let permit = core::mem::replace(&mut self.permit, Word::NONE);
        self.context.stopped(self.progress, permit, reason, classification)
    }

    /// The first slice is slept in any case, even if it is empty.
    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(always))]
    fn begin_wait(&mut self) -> Wait {
        let ticks = E::Rate::ticks(self.progress.wait());
        match Self::slice_length(self.context.slice) {
            None => Wait { slice: ticks, left: 0, until: Instant::ZERO },
            Some(length) => {
                let slice = ticks.min(E::Rate::ticks(length));
                let until = self.context.env.now().saturating_add(ticks);
                Wait { slice, left: ticks.saturating_sub(slice), until }
            }
        }
    }

    /// How long a wait may go on without a look around; `None` for as long as it takes.
    #[inline]
    fn slice_length(configured: Millis) -> Option<Millis> {
        let poll = if H::Abort::ACTIVE { E::ABORT_POLL } else { None };
        match (poll, H::Slices::ACTIVE) {
            (Some(poll), true) => Some(poll.min(configured)),
            (None, true) => Some(configured),
            (poll, false) => poll,
        }
    }

    /// A slice has been slept: whether there is another, because the wait is neither over nor aborted.
    ///
    /// Each slice counts as slept whatever the clock says, so that a clock which stands still delays nothing for ever;
    /// the clock can only shorten the rest, by what earlier slices took too long.
    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(always))]
    pub(crate) fn next_slice(&mut self, wait: &mut Wait) -> bool {
        let Some(length) = Self::slice_length(self.context.slice) else { return false };
        self.context.hooks.parts().slices.on_slice();
        let left = wait.left.min(wait.until.ticks_since(self.context.env.now()));
        if left == 0 || self.context.is_aborted() {
            return false;
        }
        wait.slice = left.min(E::Rate::ticks(length));
        wait.left = left.saturating_sub(wait.slice);
        true
    }

    #[inline]
    fn observe_time(&mut self) {
        if H::Observer::WANTS_TIME {
            self.progress.observe(self.context.env.now());
        }
    }

    #[inline]
    fn elapsed(&self) -> Millis {
        Context::<'p, E, M, H>::elapsed(&self.progress)
    }

    /// Why the call gave up, as `call` returns it.
    #[inline]
    pub(crate) fn error<X>(&self, reason: StopReason, error: Option<X>) -> RetryError<X> {
        self.context.error(self.progress, reason, error)
    }

    #[inline]
    pub(crate) fn ended<T, X>(&self, ended: Ended<T, X>) -> RetryError<X> {
        self.error(ended.reason, ended.failure.and_then(Failure::into_error))
    }

    /// All about the call, as `execute` returns it.
    #[inline]
    pub(crate) fn outcome<T, X>(mut self, result: Result<T, Ended<T, X>>) -> Outcome<T, X> {
        self.progress.observe(self.context.env.now());
        let checkpoint = result.as_ref().err().and_then(|ended| self.context.deferred(&self.progress, ended.reason));
        Outcome::new(result, &self.progress, E::Rate::millis(self.progress.elapsed()), checkpoint)
    }

    /// The operation succeeded: ends the call and hands the value through.
    #[inline]
    pub fn succeed<T>(mut self, value: T) -> T {
        self.on_success::<false>();
        value
    }

    /// Ends the call and keeps what is needed to go on later, on this machine or another. Suspended in the middle of
    /// an attempt, it goes on with the next one. To the breaker it is as if the call had not been made.
    pub fn suspend(mut self) -> Checkpoint {
        // Where nothing is timed, the start was not looked at either: there is no time to tell.
        if self.context.is_timed::<false>() {
            self.progress.pause::<E::Rate>(self.context.env.now());
        }
        self.progress.checkpoint::<E::Rate>(self.context.policy)
    }
}

impl<E: Environment, M, H> Drop for Run<'_, '_, E, M, H> {
    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(always))]
    fn drop(&mut self) {
        if !self.permit.is_none() {
            give_back(self.context.policy, self.permit);
        }
    }
}

/// Tells the breaker that the call did not take place.
///
/// Not inlined, so that dropping a run takes few enough instructions to be inlined itself, also where a call unwinds.
/// Otherwise that place alone would take the address of the future, and keep all of it out of registers.
#[cold]
#[inline(never)]
fn give_back(policy: &Policy<'_>, permit: Word) {
    if let Some(breaker) = policy.breaker {
        breaker.release(permit);
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
        slept: Slept,
    ) -> Result<Self, CheckpointError> {
        let progress = Progress::resume::<E::Rate>(context.policy, checkpoint, slept, context.env.now())?;
        Ok(Self(Run { context, progress, permit: Word::NONE }))
    }

    pub(crate) fn begin_wait(&mut self) -> Wait {
        self.0.context.announce();
        self.0.begin_wait()
    }

    /// The wait is over: admission and the next attempt, or why not.
    pub(crate) fn begin(&mut self) -> Result<(), Rejected> {
        // A call may be suspended in its last attempt.
        if self.0.progress.attempt() >= self.0.context.policy.retry.attempts() {
            let reason = self.0.stop(StopReason::MaxAttemptsGlobal, None);
            return Err(Rejected { reason, retry_after: Millis::ZERO });
        }
        if let Some(breaker) = self.0.context.policy.breaker {
            let elapsed = self.0.elapsed();
            self.0.permit = self.0.context.admit(breaker, elapsed)?;
        }
        // Nothing has run since the resumption: if it stops here, the breaker has nothing to learn from it.
        let permit = core::mem::replace(&mut self.0.permit, Word::NONE);
        let begun = self.0.begin::<false>();
        self.0.permit = permit;
        begun.map_err(|reason| Rejected { reason, retry_after: Millis::ZERO })
    }
}
