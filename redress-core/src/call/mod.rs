//! One call: the only place where machine, breaker, budget and hooks meet, and where events are sent.
//!
//! A [`Call`] is a machine and a permit of the breaker; policy, environment and hooks are arguments. Its steps are all that
//! can happen to it:
//!
//! - [`begin`](Call::begin) begins an attempt, or says why not: admission by the breaker, deadline, abort condition.
//! - [`fail`](Call::fail) takes a failed attempt and begins a wait, or says why the call stops: machine, budget, sleep handler.
//! - [`finish`](Call::finish) ends the call: breaker, budget, observers. It is in `end.rs`.
//!
//! Each step reads the clock at most once, and only if the deadline, an observer, the budget or the breaker needs it.

mod end;

use crate::{
    AttemptDecision, BackoffContext, BreakerState, Cause, Classification, Classifier, ErrorClass, ErrorObserver, Event,
    EventKind, Failure, Millis, Observer, Policy, Rejected, SleepDecision, StopReason,
    breaker::Snapshot,
    context::{ResultClassifier, Site},
    env::Environment,
    hooks::{AbortCondition, HookSet, SleepHandler},
    machine::Machine,
    time::{ClockRate, Timestamp},
};

/// A failed attempt: what it returned, its classification, and whether that was an error or a value.
pub(crate) struct Failed<T, X> {
    pub(crate) failure: Failure<T, X>,
    pub(crate) classification: Classification,
    pub(crate) cause: Cause,
}

impl<T, X> Failed<T, X> {
    /// Makes that of an attempt that was still running at its timeout or at the deadline.
    pub(crate) const fn timed_out() -> Self {
        let classification = Classification::new(ErrorClass::Transient);
        Self { failure: Failure::Timeout, classification, cause: Cause::Timeout }
    }
}

impl<E: Environment, H: HookSet> Site<E, H> {
    /// Classifies what an attempt returned.
    #[inline]
    pub(crate) fn classify<B, T, X>(&mut self, result: Result<T, X>) -> Result<T, Failed<T, X>>
    where
        H::Classifier: Classifier<X, B>,
        H::Results: ResultClassifier<T>,
    {
        let hooks = self.hooks.parts();
        match result {
            Err(error) => {
                let classification = hooks.classifier.classify(&error);
                Err(Failed { failure: Failure::Error(error), classification, cause: Cause::Error })
            }
            Ok(value) => match hooks.results.classify(&value) {
                Some(classification) => {
                    Err(Failed { failure: Failure::Result(value), classification, cause: Cause::Result })
                }
                None => Ok(value),
            },
        }
    }
}

/// The state of a call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub(crate) machine: Machine,
    pub(crate) permit: Snapshot,
}

/// Why a call stops.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    pub(crate) reason: StopReason,
    /// Time until calls are admitted; zero unless the circuit is open.
    pub(crate) retry_after: Millis,
    /// The code of the attempt that has just failed.
    pub(crate) code: Option<u32>,
    pub(crate) is_http: bool,
    /// Whether an attempt has just ended; else the call stops before or between attempts.
    has_ended: bool,
    /// Whether that attempt has failed. An operation that asks to stop has not.
    has_failed: bool,
}

impl From<Stop> for Rejected {
    fn from(Stop { reason, retry_after, .. }: Stop) -> Self {
        Self { reason, retry_after }
    }
}

impl From<StopReason> for Stop {
    fn from(reason: StopReason) -> Self {
        Self { reason, retry_after: Millis::ZERO, code: None, is_http: false, has_ended: false, has_failed: false }
    }
}

impl From<Rejected> for Stop {
    fn from(Rejected { reason, retry_after }: Rejected) -> Self {
        Self { retry_after, ..reason.into() }
    }
}

impl Stop {
    /// Stops the call after a failure of this classification.
    #[inline(always)]
    pub(crate) const fn after(reason: StopReason, classification: &Classification) -> Self {
        let (code, is_http) = (classification.numeric_code(), classification.is_http());
        let has_failed = !classification.is_abort();
        Self { reason, retry_after: Millis::ZERO, code, is_http, has_ended: true, has_failed }
    }
}

impl Call {
    /// Creates a new call, or one to go on with.
    #[inline(always)]
    pub(crate) const fn new(machine: Machine) -> Self {
        Self { machine, permit: Snapshot::SPENT }
    }

    /// Starts the call, or goes on with it after it was resumed: asks the breaker for admission and begins an attempt.
    /// `reports_time`: the elapsed time is reported even if no decision needs it.
    ///
    /// # Errors
    ///
    /// The reason against an attempt.
    #[inline(always)]
    pub(crate) fn start<E: Environment, H: HookSet>(
        &mut self,
        policy: &Policy<'_>,
        site: &mut Site<E, H>,
        reports_time: bool,
    ) -> Result<(), Stop> {
        if H::Observer::CAN_BE_IDLE {
            let mut is_idle = false;
            site.is_unobserved = false;
            site.notify(|observer, _| is_idle = observer.is_idle());
            site.is_unobserved = is_idle;
        }
        if H::Observer::WANTS_TIME {
            let mut is_observed = false;
            site.notify(|observer, _| is_observed = observer.wants_time());
            self.machine.is_observed = is_observed;
        }
        let is_first = self.machine.attempt() == 0;
        let is_timed = is_timed::<H>(policy, self.machine.is_observed);
        if is_timed && is_watching::<H>() {
            self.machine.set_timed();
        }
        if is_first && (reports_time || is_timed) {
            self.machine.start(site.env.timestamp());
        }
        site.notify(Observer::on_call_start);
        self.admit(policy, site, !is_first || reports_time, false)?;
        self.begin_attempt(policy, site, is_first)
    }

    /// Reads the clock, if the steps need it: after a failure and after a wait.
    #[inline]
    pub(crate) fn read<E: Environment, H: HookSet>(&mut self, policy: &Policy<'_>, site: &Site<E, H>) {
        if self.is_timed::<H>(policy) {
            self.machine.observe(site.env.timestamp());
        }
    }

    /// Returns whether each step is timed: see [`is_timed`], or the breaker wants it.
    fn is_timed<H: HookSet>(&self, policy: &Policy<'_>) -> bool {
        if is_watching::<H>() { self.machine.is_timed() } else { is_timed::<H>(policy, self.machine.is_observed) }
    }

    /// Returns the reading of this step; [`Timestamp::NEVER`] if there is none.
    #[inline]
    const fn now(&self, is_read: bool) -> Timestamp {
        if is_read { self.machine.seen() } else { Timestamp::NEVER }
    }

    /// Begins the next attempt.
    ///
    /// # Errors
    ///
    /// The reason against it.
    #[inline(always)]
    pub(crate) fn begin<E: Environment, H: HookSet>(
        &mut self,
        policy: &Policy<'_>,
        site: &mut Site<E, H>,
    ) -> Result<(), Stop> {
        if is_watching::<H>() && self.is_timed::<H>(policy) && self.permit == Snapshot::SPENT_ATTEMPT {
            self.admit(policy, site, true, false)?;
        }
        self.begin_attempt(policy, site, false)
    }

    #[inline(always)]
    fn begin_attempt<E: Environment, H: HookSet>(
        &mut self,
        policy: &Policy<'_>,
        site: &mut Site<E, H>,
        is_first: bool,
    ) -> Result<(), Stop> {
        let is_aborted = site.hooks.parts().abort.is_aborted();
        self.machine.begin(&policy.retry, is_first, is_aborted)?;
        self.announce(site);
        Ok(())
    }

    /// Asks the breaker for admission, once for a new call and once after it was resumed, or for each attempt. `is_started`: a
    /// reading was taken before. `is_kept`: a rejection delays the attempt instead of ending the call.
    #[inline]
    pub(crate) fn admit<E: Environment, H: HookSet>(
        &mut self,
        policy: &Policy<'_>,
        site: &mut Site<E, H>,
        is_started: bool,
        is_kept: bool,
    ) -> Result<(), Stop> {
        // A call can be suspended in its last attempt.
        if self.machine.attempt() != 0 && self.machine.is_exhausted(&policy.retry) {
            return Err(StopReason::MaxAttemptsGlobal.into());
        }
        let Some(breaker) = &policy.breaker else { return Ok(()) };
        let admission = breaker.admit(&site.env, self.now(self.is_timed::<H>(policy)));
        let elapsed = elapsed::<H>(&self.machine);
        if admission.has_half_opened() {
            site.emit_state(EventKind::CircuitHalfOpen, BreakerState::HalfOpen, None, elapsed);
        }
        if admission.permit.is_none() {
            let delay = if is_kept { admission.retry_after().max(Millis::new(1)) } else { Millis::ZERO };
            if H::Observer::ACTIVE {
                let event = site.event(EventKind::CircuitRejected, 0, elapsed, None);
                site.emit(Event { state: Some(breaker.state()), delay, ..event });
            }
            return Err(Stop { retry_after: admission.retry_after().max(delay), ..StopReason::CircuitOpen.into() });
        }
        if is_watching::<H>() && admission.permit.is_watched() && !self.is_timed::<H>(policy) {
            self.machine.set_timed();
            let now = site.env.timestamp();
            if is_started { self.machine.observe(now) } else { self.machine.start(now) }
        }
        self.permit = admission.permit;
        Ok(())
    }

    /// Notifies observers of an attempt that begins.
    #[inline]
    pub(crate) fn announce<E: Environment, H: HookSet>(&self, site: &mut Site<E, H>) {
        if site.is_observed() {
            site.announce(self.machine.attempt(), elapsed::<H>(&self.machine));
        }
    }

    /// Counts an attempt that was made without waiting for its turn, if the latest one has ended.
    pub(crate) fn catch_up<E: Environment, H: HookSet>(&mut self, site: &mut Site<E, H>) {
        if self.machine.is_between_attempts() {
            self.machine.begin_unchecked();
            self.announce(site);
        }
    }

    /// Takes the failure of the current attempt and begins to wait.
    ///
    /// # Errors
    ///
    /// The reason against another attempt.
    #[inline(always)]
    pub(crate) fn fail<E: Environment, H: HookSet, X>(
        &mut self,
        policy: &Policy<'_>,
        site: &mut Site<E, H>,
        classification: &Classification,
        cause: Cause,
        error: Option<&X>,
    ) -> Result<(), Stop>
    where
        H::Observer: ErrorObserver<X>,
    {
        if self.is_timed::<H>(policy) {
            let begun = self.machine.seen();
            self.machine.observe(site.env.timestamp());
            if is_watching::<H>() && self.permit.is_for_an_attempt() {
                self.settle_attempt(policy, site, classification, begun);
            }
        }
        self.fail_after(policy, site, classification, cause, error, Millis::ZERO)
    }

    /// Like [`fail`](Self::fail), at the latest reading. The next attempt begins after this wait at the soonest.
    #[inline(always)]
    pub(crate) fn fail_after<E: Environment, H: HookSet, X>(
        &mut self,
        policy: &Policy<'_>,
        site: &mut Site<E, H>,
        classification: &Classification,
        cause: Cause,
        error: Option<&X>,
        shortest: Millis,
    ) -> Result<(), Stop>
    where
        H::Observer: ErrorObserver<X>,
    {
        let plan = self.plan(policy, site, classification, cause, error, shortest);
        plan.map_err(|reason| Stop::after(reason, classification))
    }

    /// Plans the wait after a failure.
    #[inline(always)]
    fn plan<E: Environment, H: HookSet, X>(
        &mut self,
        policy: &Policy<'_>,
        site: &mut Site<E, H>,
        classification: &Classification,
        cause: Cause,
        error: Option<&X>,
        shortest: Millis,
    ) -> Result<(), StopReason>
    where
        H::Observer: ErrorObserver<X>,
    {
        let is_aborted = site.hooks.parts().abort.is_aborted();
        if classification.is_abort() {
            return Err(StopReason::Aborted);
        }
        let (retry, class) = (&policy.retry, classification.class());
        let backoff = self.machine.check(retry, class, cause, is_aborted)?;
        let (formulas, room) = (retry.formulas(), self.machine.room(retry));
        let hint = formulas.hint(backoff, classification);
        if let Some(hint) = hint {
            self.machine.check_hint(retry, hint)?;
        }
        let (attempt, before) = (self.machine.attempt(), self.machine.delayed());
        let context = || {
            let previous = before.filter(|(of, _)| *of == class).map_or(Millis::ZERO, |(_, delay)| delay);
            BackoffContext { attempt, classification: *classification, previous, random: 0 }
        };
        let delay = formulas.delay(backoff, attempt, context, hint, room, &mut site.env, E::random).max(shortest);
        self.machine.fits(retry, delay)?;
        if let Some(budget) = policy.budget
            && !budget.take(attempt, false, &site.env, self.now(self.is_timed::<H>(policy)))
        {
            return Err(StopReason::BudgetExhausted);
        }
        self.machine.commit(class, delay);

        if site.is_observed() {
            let elapsed = elapsed::<H>(&self.machine);
            let event = site.event(EventKind::Retry, attempt, elapsed, self.machine.last());
            let (retry_after, code) = (classification.hint(), classification.numeric_code());
            site.emit_with(error, Event { delay, retry_after, code, ..event });
        }
        self.ask(site, &context(), delay)?;
        self.announce_end(site, AttemptDecision::Retry, None, delay, self.machine.last());
        Ok(())
    }

    /// Asks the sleep handler about a wait that was decided.
    ///
    /// # Errors
    ///
    /// It is not waited here.
    #[inline(always)]
    pub(crate) fn ask<E: Environment, H: HookSet>(
        &mut self,
        site: &mut Site<E, H>,
        context: &BackoffContext,
        delay: Millis,
    ) -> Result<(), StopReason> {
        match site.hooks.parts().sleep.decide(context, delay) {
            SleepDecision::Sleep => Ok(()),
            SleepDecision::Defer => {
                self.machine.hand_over();
                Err(StopReason::Scheduled)
            }
            SleepDecision::Abort => Err(StopReason::Aborted),
        }
    }

    /// Gives up the current attempt, which was cancelled. It has not failed.
    #[inline]
    pub(crate) fn cancel<E: Environment, H: HookSet>(&mut self, policy: &Policy<'_>, site: &Site<E, H>) -> Stop {
        self.read(policy, site);
        Stop { has_ended: true, ..StopReason::Aborted.into() }
    }
}

/// Returns whether calls in a context with these hooks do what a watched permit asks for: take times, ask for admission before
/// each attempt, report that they were abandoned. Known while compiling, so that a call outside of
/// [`Context::watched`](crate::Context::watched) contains none of it: a blocking one would take 20 instructions more on a host,
/// because it could no longer be kept in registers.
const fn is_watching<H: HookSet>() -> bool {
    H::Observer::WATCHES
}

/// Returns whether each step is timed: an observer wants the time, or there is a deadline. By value, because a reference to the
/// call keeps it in memory.
#[inline(always)]
pub(crate) fn is_timed<H: HookSet>(policy: &Policy<'_>, is_observed: bool) -> bool {
    self::is_observed::<H>(is_observed) || policy.retry.deadline_millis().is_some()
}

/// Returns whether an observer wants the time of this call; known while compiling where none ever does.
#[inline(always)]
const fn is_observed<H: HookSet>(is_observed: bool) -> bool {
    H::Observer::WANTS_TIME && is_observed
}

/// Returns the time since the start of the call, as events tell it.
fn elapsed<H: HookSet>(machine: &Machine) -> Millis {
    if H::Observer::WANTS_TIME { machine.elapsed() } else { Millis::ZERO }
}
