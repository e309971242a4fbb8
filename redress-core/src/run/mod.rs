//! One call in progress: the loop form, and what both drivers are made of.

mod first;
mod resumed;
mod telling;

pub(crate) use first::First;
pub use resumed::Resumed;
use telling::{End, with_failure};

use crate::{
    AttemptDecision, AttemptEnd, BackoffContext, Cause, Checkpoint, Classification, Classifier, Event, EventKind,
    Millis, Observer, Policy, Rejected, RetryError, SleepDecision, StopReason,
    attempts::Progress,
    breaker::Word,
    context::{AbortCondition, Context, HookSet, ResultClassifier, SleepHandler, SliceHook},
    env::Environment,
    kept::{Time, after},
    outcome::{Ended, Failure, Outcome},
    policy::Known,
    time::{Convert, Instant, TickRate, passed},
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

impl Attempt {
    /// What is told, if anything is.
    #[inline]
    pub(crate) fn told(told: Option<&Self>) -> Self {
        told.copied().unwrap_or(Self { number: 0, remaining: None })
    }
}

/// A call in progress, made attempt by attempt by whoever holds it: the loop form.
///
/// Dropped before its end, it is as if the call had not been made, as far as breaker and budget are concerned; budget
/// tokens of retries that were decided stay spent.
#[derive(Debug)]
#[must_use = "a run that is dropped is a call given up"]
pub struct Run<'c, 'p, E: Environment, M, H> {
    permit: Word,
    /// Not looked up in the context, so that a compiler which knows it goes on knowing.
    pub(crate) policy: &'p Policy<'p>,
    pub(crate) context: &'c mut Context<'p, E, M, H>,
    pub(crate) progress: Progress,
}

/// A failure, its classification and what it was.
pub(crate) type Failed<T, X> = (Failure<T, X>, Classification, Cause);

/// A wait that is under way, in slices.
pub(crate) struct Wait {
    slice: Millis,
    /// What is left after this slice.
    left: Millis,
    until: Time,
}

impl Wait {
    /// The ticks to sleep now.
    #[inline]
    pub(crate) fn slice<R: TickRate>(&self) -> u64 {
        R::ticks(self.slice)
    }
}

/// Why a call did not begin.
pub(crate) enum NotBegun {
    /// By the breaker, which told observers.
    Rejected(Rejected),
    /// For this reason, which observers are still to be told.
    Stopped(StopReason),
}

impl<'c, 'p, E: Environment, M, H: HookSet> Run<'c, 'p, E, M, H> {
    /// A call that stands here, under the context's policy.
    #[inline]
    pub(crate) fn under(policy: &'p Policy<'p>, context: &'c mut Context<'p, E, M, H>, progress: Progress) -> Self {
        Self { policy, context, progress, permit: Word::NONE }
    }

    #[inline]
    pub(crate) fn in_first_attempt(context: &'c mut Context<'p, E, M, H>, permit: Word, started: Instant) -> Self {
        let mut progress = Progress::new(E::Rate::moment(started));
        progress.on_first();
        Self { policy: context.policy, context, progress, permit }
    }

    /// Begins the attempt after a wait, unless the deadline has passed meanwhile or the call is aborted.
    #[inline(always)]
    pub(crate) fn begin<const PLAIN: bool>(&mut self) -> Result<(), StopReason> {
        self.wake::<PLAIN>().map_err(|reason| self.stop(reason, None))
    }

    /// [`begin`](Self::begin), but for the end it may come to.
    #[inline(always)]
    pub(crate) fn wake<const PLAIN: bool>(&mut self) -> Result<(), StopReason> {
        if Context::<'p, E, M, H>::is_timed(Known::<PLAIN>(self.policy)) {
            self.progress.observe(E::Rate::moment(self.context.env.now()));
        }
        let aborted = self.context.is_aborted();
        self.progress.on_wake::<PLAIN>(Known(self.policy), aborted)?;
        self.context.tell_start(self.progress.attempt(), self.elapsed());
        Ok(())
    }

    /// The next attempt begins, unless there is a reason against it: the first, or one that was waited for. Before the first
    /// of a call, or of a call that goes on, the breaker is asked.
    #[inline(always)]
    pub(crate) fn enter(&mut self, admitted: bool, waited: bool) -> Result<(), NotBegun> {
        if !admitted {
            // A call may be suspended in its last attempt.
            if waited && self.progress.attempt() >= self.policy.retry.attempts() {
                return Err(NotBegun::Stopped(StopReason::MaxAttemptsGlobal));
            }
            if let Some(breaker) = self.policy.breaker {
                let elapsed = self.elapsed();
                match self.context.admit(breaker, elapsed) {
                    Ok(permit) => self.permit = permit,
                    Err(rejected) => return Err(NotBegun::Rejected(rejected)),
                }
            }
        }
        let begun = if waited {
            self.wake::<false>()
        } else if self.context.is_aborted() {
            Err(StopReason::Aborted)
        } else {
            self.progress.on_first();
            self.context.tell_start(1, Millis::ZERO);
            Ok(())
        };
        begun.map_err(NotBegun::Stopped)
    }

    /// The current attempt: its number and what is left for it.
    pub fn attempt(&self) -> Attempt {
        self.attempt_under::<false>()
    }

    #[inline]
    pub(crate) fn attempt_under<const PLAIN: bool>(&self) -> Attempt {
        let policy = Known::<PLAIN>(self.policy);
        Attempt { number: self.progress.attempt(), remaining: self.progress.remaining(policy) }
    }

    /// Ticks the current attempt may take, if the policy has an attempt timeout.
    #[inline]
    pub(crate) fn attempt_ticks(&self) -> Option<u64> {
        self.progress.attempt_limit::<false>(Known(self.policy)).map(E::Rate::ticks)
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
    #[inline(always)]
    pub(crate) fn on_success<const PLAIN: bool>(&mut self) {
        self.observe_time();
        let permit = core::mem::replace(&mut self.permit, Word::NONE);
        self.context.succeeded(Known::<PLAIN>(self.policy), permit, self.progress.attempt(), self.elapsed());
    }

    /// The attempt failed: the wait before the next, or why there is none.
    #[inline(always)]
    pub(crate) fn on_failure<const PLAIN: bool>(
        &mut self,
        classification: Classification,
        cause: Cause,
    ) -> Result<Wait, StopReason> {
        match self.decide::<PLAIN>(&classification, cause) {
            Ok(()) => Ok(self.begin_wait()),
            Err(reason) => Err(self.stop(reason, Some(classification))),
        }
    }

    /// [`on_failure`](Self::on_failure), but for what follows: the wait or the end.
    #[inline(always)]
    pub(crate) fn decide<const PLAIN: bool>(
        &mut self,
        classification: &Classification,
        cause: Cause,
    ) -> Result<(), StopReason> {
        self.observe_time();
        let aborted = self.context.is_aborted();
        let previous = self.progress.previous(classification.class());
        let context = &mut *self.context;
        let policy = Known::<PLAIN>(self.policy);
        self.progress.on_failure(policy, &mut context.env, classification, cause, aborted)?;
        let (attempt, delay, elapsed) = (self.progress.attempt(), self.progress.wait(), self.elapsed());
        let event = self.context.event(EventKind::Retry, attempt, elapsed);
        let event = with_failure(event, self.progress.last(), Some(classification));
        self.context.emit(Event { delay, retry_after: classification.hint(), ..event });
        let asked = BackoffContext { attempt, classification: *classification, previous, random: 0 };
        match self.context.hooks.parts().sleep.decide(&asked, delay) {
            SleepDecision::Sleep => {
                let end = AttemptEnd {
                    attempt,
                    operation: self.context.operation,
                    elapsed,
                    decision: AttemptDecision::Retry,
                    class: event.class,
                    stop_reason: None,
                    cause: event.cause,
                    delay,
                };
                self.context.tell(|observer| observer.on_attempt_end(&end));
                Ok(())
            }
            SleepDecision::Defer => {
                self.progress.hand_over();
                Err(StopReason::Scheduled)
            }
            SleepDecision::Abort => Err(StopReason::Aborted),
        }
    }

    /// Ends the call. With a classification, the current attempt has just ended.
    #[inline]
    fn stop(&mut self, reason: StopReason, classification: Option<Classification>) -> StopReason {
        let permit = core::mem::replace(&mut self.permit, Word::NONE);
        self.context.stopped(self.policy, self.progress, permit, reason, classification)
    }

    /// Ends the call, by a success if there is no reason. `begun`: something has run since admission.
    #[inline(always)]
    pub(crate) fn conclude(
        &mut self,
        reason: Option<StopReason>,
        classification: Option<&Classification>,
        begun: bool,
    ) {
        let permit = core::mem::replace(&mut self.permit, Word::NONE);
        let (attempt, elapsed) = (self.progress.attempt(), self.elapsed());
        let (last, delay) = (self.progress.last(), self.progress.wait());
        let end = End { reason, last, delay, classification, begun };
        self.context.conclude(Known::<false>(self.policy), permit, attempt, elapsed, end);
    }

    /// The first slice is slept in any case, even if it is empty.
    #[inline(always)]
    pub(crate) fn begin_wait(&mut self) -> Wait {
        let wait = self.progress.wait();
        match Self::slice_length(self.context.slice) {
            None => Wait { slice: wait, left: Millis::ZERO, until: 0 },
            Some(length) => {
                let slice = wait.min(length);
                let until = after(E::Rate::time_up(self.context.env.now()), wait);
                Wait { slice, left: wait.wrapping_sub(slice), until }
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
    #[inline(always)]
    pub(crate) fn next_slice(&mut self, wait: &mut Wait) -> bool {
        let Some(length) = Self::slice_length(self.context.slice) else { return false };
        self.context.hooks.parts().slices.on_slice();
        let left = wait.left.min(passed(E::Rate::time(self.context.env.now()), wait.until));
        if left == Millis::ZERO || self.context.is_aborted() {
            return false;
        }
        wait.slice = left.min(length);
        wait.left = left.wrapping_sub(wait.slice);
        true
    }

    #[inline]
    pub(crate) fn observe_time(&mut self) {
        if H::Observer::WANTS_TIME {
            self.progress.observe(E::Rate::moment(self.context.env.now()));
        }
    }

    /// The time at the end of a call. Where an observer wanted times, it was told of it just before.
    #[inline]
    pub(crate) fn observe_end(&mut self) {
        if !H::Observer::WANTS_TIME {
            self.progress.observe(E::Rate::moment(self.context.env.now()));
        }
    }

    #[inline]
    fn elapsed(&self) -> Millis {
        Context::<'p, E, M, H>::elapsed(&self.progress)
    }

    /// Why the call gave up, as `call` returns it.
    #[inline]
    pub(crate) fn error<X>(&self, reason: StopReason, error: Option<X>) -> RetryError<X> {
        Context::<'p, E, M, H>::error(self.policy, self.progress, reason, error)
    }

    #[inline]
    pub(crate) fn ended<T, X>(&self, ended: Ended<T, X>) -> RetryError<X> {
        self.error(ended.reason, ended.failure.and_then(Failure::into_error))
    }

    /// All about the call, as `execute` returns it.
    #[inline]
    pub(crate) fn outcome<T, X>(mut self, result: Result<T, Ended<T, X>>) -> Outcome<T, X> {
        self.observe_end();
        let checkpoint = result
            .as_ref()
            .err()
            .and_then(|ended| Context::<'p, E, M, H>::deferred(self.policy, &self.progress, ended.reason));
        Outcome::new(result, &self.progress, self.progress.elapsed(E::Rate::SLACK), checkpoint)
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
        if Context::<'p, E, M, H>::is_timed(Known::<false>(self.policy)) {
            self.progress.pause(E::Rate::moment(self.context.env.now()));
        }
        self.progress.checkpoint(self.policy)
    }
}

impl<E: Environment, M, H> Drop for Run<'_, '_, E, M, H> {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.permit.is_none() {
            give_back(self.policy, self.permit);
        }
    }
}

/// Tells the breaker that the call did not take place.
///
/// Not inlined, so that dropping a run takes few enough instructions to be inlined itself, also where a call unwinds.
/// Otherwise that place alone would take the address of the future, and keep all of it out of registers.
#[cold]
#[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(never))]
#[cfg_attr(any(target_os = "none", target_family = "wasm"), inline(always))]
fn give_back(policy: &Policy<'_>, permit: Word) {
    if let Some(breaker) = policy.breaker {
        breaker.release(permit);
    }
}
