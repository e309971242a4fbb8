//! What every form of a call has to do with its surroundings: asking hooks and breaker, telling observers.

use super::Failed;
use crate::{
    AttemptDecision, AttemptEnd, AttemptStart, BreakerState, Cause, Checkpoint, Classification, Classifier, ErrorClass,
    Event, EventKind, Millis, Observer, Policy, Rejected, RetryError, StopReason,
    attempts::Progress,
    breaker::{Link, Verdict, Word},
    context::{AbortCondition, Context, HookSet, Hooks, ResultClassifier, SleepHandler},
    env::Environment,
    outcome::Failure,
    policy::Known,
    time::Convert,
};

impl<C, R, A, S, O, W> Hooks<C, R, A, S, O, W> {
    /// What an attempt returned, classified.
    #[inline]
    pub(crate) fn classify<T, X>(&self, result: Result<T, X>) -> Result<T, Failed<T, X>>
    where
        C: Classifier<X>,
        R: ResultClassifier<T>,
    {
        match result {
            Err(error) => {
                let classification = self.classifier.classify(&error);
                Err((Failure::Error(error), classification, Cause::Error))
            }
            Ok(value) => match self.results.classify(&value) {
                Some(classification) => Err((Failure::Result(value), classification, Cause::Result)),
                None => Ok(value),
            },
        }
    }
}

impl<E: Environment, M, H: HookSet> Context<'_, E, M, H> {
    /// Whether attempts are timed: somebody wants to know, or there is a deadline.
    #[inline]
    pub(crate) fn is_timed<const PLAIN: bool>(policy: Known<'_, PLAIN>) -> bool {
        H::Observer::WANTS_TIME || policy.deadline().is_some()
    }

    /// Tells the observer, if there is one, in the way of the environment.
    #[inline(always)]
    pub(super) fn tell(&mut self, told: impl FnOnce(&mut H::Observer)) {
        let observer = &mut self.hooks.parts().observer;
        E::tell(|| told(observer));
    }

    #[inline]
    pub(super) fn is_aborted(&mut self) -> bool {
        self.hooks.parts().abort.is_aborted()
    }

    #[inline]
    pub(crate) fn announce(&mut self) {
        let operation = self.operation;
        self.tell(|observer| observer.on_call_start(operation));
    }

    /// Takes a permit from the breaker.
    #[cfg_attr(any(target_os = "none", target_family = "wasm"), inline(always))]
    pub(super) fn admit(&mut self, breaker: Link<'_>, elapsed: Millis) -> Result<Word, Rejected> {
        let env = &self.env;
        let answer = breaker.admit::<E::Rate>(|| env.now());
        let word = answer.word;
        if answer.half_opened() {
            self.emit_state(EventKind::CircuitHalfOpen, BreakerState::HalfOpen, None, elapsed);
        }
        if word.is_none() {
            // Not asked for nobody.
            if H::Observer::ACTIVE {
                self.emit_state(EventKind::CircuitRejected, breaker.state(), None, elapsed);
            }
            return Err(Rejected { reason: StopReason::CircuitOpen, retry_after: answer.retry_after() });
        }
        Ok(word)
    }

    #[inline]
    pub(super) fn tell_start(&mut self, attempt: u32, elapsed: Millis) {
        let start = AttemptStart { attempt, operation: self.operation, elapsed };
        self.tell(|observer| observer.on_attempt_start(&start));
    }

    #[inline]
    pub(super) fn classify<T, X>(&mut self, result: Result<T, X>) -> Result<T, Failed<T, X>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        self.hooks.parts().classify(result)
    }

    /// An attempt succeeded, and with it the call.
    #[inline(always)]
    pub(super) fn succeeded<const PLAIN: bool>(
        &mut self,
        policy: Known<'_, PLAIN>,
        permit: Word,
        attempt: u32,
        elapsed: Millis,
    ) {
        self.conclude(policy, permit, attempt, elapsed, End::SUCCESS);
    }

    /// The call has stopped: tells everybody. With a classification, the current attempt has just ended.
    ///
    /// Takes what it needs by value, so that a run which has not stopped can live in registers.
    #[cold]
    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(never))]
    #[cfg_attr(any(target_os = "none", target_family = "wasm"), inline(always))]
    pub(super) fn stopped(
        &mut self,
        policy: &Policy<'_>,
        progress: Progress,
        permit: Word,
        reason: StopReason,
        classification: Option<Classification>,
    ) -> StopReason {
        let (attempt, elapsed) = (progress.attempt(), Self::elapsed(&progress));
        let end = End {
            reason: Some(reason),
            last: progress.last(),
            delay: progress.wait(),
            classification: classification.as_ref(),
            begun: true,
        };
        self.conclude(Known::<false>(policy), permit, attempt, elapsed, end);
        reason
    }

    /// The call has ended, by a success if it did not stop: tells everybody.
    #[inline(always)]
    pub(super) fn conclude<const PLAIN: bool>(
        &mut self,
        policy: Known<'_, PLAIN>,
        permit: Word,
        attempt: u32,
        elapsed: Millis,
        end: End<'_>,
    ) {
        let End { reason, last, delay, classification, begun } = end;
        // Who aborts does not do so for the failure before.
        let for_failure = !matches!(reason, None | Some(StopReason::Aborted));
        let failure = if for_failure { last } else { None };
        let failed = failure.map(|(class, _)| class);
        // Breaker and budget first: they are told even if an observer panics.
        let verdict = Verdict::of(reason.is_some(), if begun { failed } else { None });
        let changed = policy.breaker().and_then(|breaker| self.settle(breaker, permit, verdict));
        if let (None, Some(budget)) = (reason, policy.budget()) {
            budget.on_success();
        }
        let delay = if reason == Some(StopReason::Scheduled) { delay } else { Millis::ZERO };
        let kind = reason.map_or(EventKind::Success, StopReason::event);
        let event = Event { delay, stop_reason: reason, ..self.event(kind, attempt, elapsed) };
        self.emit(with_failure(event, failure, classification.filter(|_| for_failure)));
        if reason.is_none() || classification.is_some() {
            // What asks to abort is no failure, and so the attempt has none.
            let failed = reason.is_some() && !classification.is_some_and(Classification::is_abort);
            let last = if failed { last } else { None };
            let end = AttemptEnd {
                attempt,
                operation: self.operation,
                elapsed,
                decision: reason.map_or(AttemptDecision::Success, StopReason::decision),
                class: last.map(|(class, _)| class),
                stop_reason: reason,
                cause: last.map(|(_, cause)| cause),
                delay,
            };
            self.tell(|observer| observer.on_attempt_end(&end));
        }
        if let Some(state) = changed {
            self.emit_state(state.into(), state, failed, elapsed);
        }
    }

    /// Why the call gave up.
    #[cold]
    #[cfg_attr(any(target_os = "none", target_family = "wasm"), inline(always))]
    pub(super) fn error<X>(
        policy: &Policy<'_>,
        progress: Progress,
        reason: StopReason,
        error: Option<X>,
    ) -> RetryError<X> {
        let last = progress.last();
        RetryError {
            error,
            reason,
            attempts: progress.attempt(),
            last_class: last.map(|(class, _)| class),
            cause: last.map(|(_, cause)| cause),
            next_delay: progress.next_delay(),
            checkpoint: Self::deferred(policy, &progress, reason),
        }
    }

    /// The checkpoint that goes with a deferral.
    pub(crate) fn deferred(policy: &Policy<'_>, progress: &Progress, reason: StopReason) -> Option<Checkpoint> {
        // Known while compiling, so that an image in which nothing is deferred contains no checkpoints.
        (H::Sleep::ACTIVE && reason == StopReason::Scheduled).then(|| progress.checkpoint(policy))
    }

    /// Time since the start, as events tell it.
    #[inline]
    pub(super) fn elapsed(progress: &Progress) -> Millis {
        if H::Observer::WANTS_TIME { progress.elapsed(E::Rate::SLACK) } else { Millis::ZERO }
    }

    /// Tells the breaker how the call ended.
    #[inline(always)]
    fn settle(&mut self, breaker: Link<'_>, permit: Word, verdict: Verdict) -> Option<BreakerState> {
        let env = &self.env;
        if permit.is_none() { None } else { breaker.settle::<E::Rate>(permit, verdict, || env.now()) }
    }

    /// Tells observers of the breaker's state.
    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline)]
    #[cfg_attr(any(target_os = "none", target_family = "wasm"), inline(never))]
    fn emit_state(&mut self, kind: EventKind, state: BreakerState, class: Option<ErrorClass>, elapsed: Millis) {
        self.emit(Event { state: Some(state), class, ..self.event(kind, 0, elapsed) });
    }

    #[inline]
    pub(super) fn emit(&mut self, event: Event) {
        self.tell(|observer| observer.on_event(&event));
    }

    #[inline]
    pub(super) fn event(&self, kind: EventKind, attempt: u32, elapsed: Millis) -> Event {
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

/// How a call ends, and what observers are told about it.
#[derive(Clone, Copy)]
pub(super) struct End<'a> {
    /// Why, unless it succeeded.
    pub(super) reason: Option<StopReason>,
    /// The latest failure.
    pub(super) last: Option<(ErrorClass, Cause)>,
    /// The delay that was decided.
    pub(super) delay: Millis,
    /// Of the current attempt, if it has just ended.
    pub(super) classification: Option<&'a Classification>,
    /// Whether anything has run since the breaker was asked. If not, it has nothing to learn.
    pub(super) begun: bool,
}

impl End<'_> {
    const SUCCESS: Self = Self { reason: None, last: None, delay: Millis::ZERO, classification: None, begun: true };
}

/// Adds the latest failure, and of the failure just classified its code.
#[inline]
pub(super) fn with_failure(
    event: Event,
    last: Option<(ErrorClass, Cause)>,
    classification: Option<&Classification>,
) -> Event {
    Event {
        class: last.map(|(class, _)| class),
        cause: last.map(|(_, cause)| cause),
        code: classification.and_then(Classification::numeric_code),
        ..event
    }
}
