//! What every form of a call has to do with its surroundings: asking hooks and breaker, telling observers.

use super::Failed;
use crate::{
    AttemptDecision, AttemptEnd, AttemptStart, BreakerState, Cause, Checkpoint, Classification, Classifier, ErrorClass,
    Event, EventKind, Millis, Observer, Rejected, RetryError, StopReason,
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
    pub(super) fn is_timed<const PLAIN: bool>(&self) -> bool {
        H::Observer::WANTS_TIME || Known::<PLAIN>(self.policy).deadline().is_some()
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
    pub(super) fn announce(&mut self) {
        let operation = self.operation;
        self.tell(|observer| observer.on_call_start(operation));
    }

    /// Takes a permit from the breaker.
    #[cfg_attr(any(target_os = "none", target_family = "wasm"), inline(always))]
    pub(super) fn admit(&mut self, breaker: Link<'_>, elapsed: Millis) -> Result<Word, Rejected> {
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
    pub(super) fn succeeded<const PLAIN: bool>(&mut self, permit: Word, attempt: u32, elapsed: Millis) {
        // Breaker and budget first: they are told even if an observer panics.
        let changed = if PLAIN { None } else { self.settle(permit, Verdict::Success) };
        if let Some(budget) = Known::<PLAIN>(self.policy).budget() {
            budget.on_success();
        }
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
        self.tell(|observer| observer.on_attempt_end(&end));
        self.emit_change(changed, None, elapsed);
    }

    /// The call has stopped: tells everybody. With a classification, the current attempt has just ended.
    ///
    /// Takes what it needs by value, so that a run which has not stopped can live in registers.
    #[cold]
    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(never))]
    #[cfg_attr(any(target_os = "none", target_family = "wasm"), inline(always))]
    pub(super) fn stopped(
        &mut self,
        progress: Progress,
        permit: Word,
        reason: StopReason,
        classification: Option<Classification>,
    ) -> StopReason {
        let elapsed = Self::elapsed(&progress);
        // The breaker first: it is told even if an observer panics.
        let failed = progress.last().map(|(class, _)| class).filter(|_| reason != StopReason::Aborted);
        let changed = self.settle(permit, failed.map_or(Verdict::Neutral, Verdict::Failure));
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
            self.tell(|observer| observer.on_attempt_end(&end));
        }
        self.emit_change(changed, failed, elapsed);
        reason
    }

    /// Why the call gave up.
    #[cold]
    #[cfg_attr(any(target_os = "none", target_family = "wasm"), inline(always))]
    pub(super) fn error<X>(&self, progress: Progress, reason: StopReason, error: Option<X>) -> RetryError<X> {
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
    pub(super) fn deferred(&self, progress: &Progress, reason: StopReason) -> Option<Checkpoint> {
        // Known while compiling, so that an image in which nothing is deferred contains no checkpoints.
        (H::Sleep::ACTIVE && reason == StopReason::Scheduled).then(|| progress.checkpoint::<E::Rate>(self.policy))
    }

    #[inline]
    pub(super) fn failure_end(
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
    pub(super) fn elapsed(progress: &Progress) -> Millis {
        if H::Observer::WANTS_TIME { E::Rate::millis(progress.elapsed()) } else { Millis::ZERO }
    }

    /// Tells the breaker how the call ended.
    #[inline(always)]
    fn settle(&mut self, permit: Word, verdict: Verdict) -> Option<BreakerState> {
        if permit.is_none() {
            return None;
        }
        let env = &self.env;
        self.policy.breaker?.settle::<E::Rate>(permit, verdict, || env.now())
    }

    /// Tells observers of a new state of the breaker.
    #[inline]
    fn emit_change(&mut self, changed: Option<BreakerState>, class: Option<ErrorClass>, elapsed: Millis) {
        if let Some(state) = changed {
            self.emit(Event { state: Some(state), class, ..self.event(state.into(), 0, elapsed) });
        }
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
