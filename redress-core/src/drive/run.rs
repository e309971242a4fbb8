//! The loop form, and what all loops are made of.

use core::marker::PhantomData;

use crate::{
    AttemptInfo, Cause, Checkpoint, CheckpointError, Classification, ErrorObserver, Event, Millis, Observer, Policy,
    Rejected, RetryError,
    call::{Call, Failed, Stop, is_timed},
    context::{Context, PolicyRef, Site},
    drive::steps::{Step, Steps},
    env::{Environment, mode::Mode},
    hooks::{AbortCondition, HookSet, SleepHandler, SliceHook},
    machine::{Machine, Seen},
    outcome::{Failure, FromReport, Report},
    time::{ClockRate, Slept, Timestamp},
};

/// A call in progress whose attempts the caller makes: the loop form.
///
/// Dropping it before its end abandons the call: breaker and budget are as if the call had not been made, except for the budget tokens
/// of retries that were decided.
#[must_use = "dropping a `Run` abandons the call"]
pub struct Run<'c, E: Environment, H: HookSet, M = <E as Environment>::Mode> {
    /// Kept beside the site so that the optimiser can propagate a policy that it knows.
    pub(super) policy: &'c Policy<'c>,
    pub(super) site: &'c mut Site<E, H>,
    pub(super) call: Call,
    mode: PhantomData<fn() -> M>,
}

impl<'c, E: Environment, H: HookSet, M> Run<'c, E, H, M> {
    /// Creates a call that has not been started, new or to go on with.
    #[inline(always)]
    pub(super) fn of(policy: &'c Policy<'c>, site: &'c mut Site<E, H>, resumed: Option<Machine>) -> Self {
        let machine = match resumed {
            Some(machine) => machine,
            None => Machine::new(&policy.retry, E::RATE.slack()),
        };
        Self { policy, site, call: Call::new(machine), mode: PhantomData }
    }

    /// Starts the call and begins an attempt, or says why not. `reports_time` as for [`Call::start`].
    #[inline(always)]
    pub(super) fn start(&mut self, reports_time: bool) -> Result<(), Stop> {
        self.call.start(self.policy, self.site, reports_time)
    }

    /// Begins the next attempt, or says why not.
    #[inline]
    pub(super) fn begin(&mut self) -> Result<(), Stop> {
        self.call.begin(self.policy, self.site)
    }

    /// Begins the next attempt, and before the first one the call. A wait has ended.
    #[inline(always)]
    pub(super) fn start_or_begin(&mut self, reports_time: bool) -> Result<(), Stop> {
        if shares_steps::<E, H>() {
            return self.step(Step::Begin { reports_time }).map_err(Into::into);
        }
        if self.call.machine.is_waiting() {
            self.call.read(self.policy, self.site);
        }
        if self.call.machine.has_begun() { self.begin() } else { self.start(reports_time) }
    }

    /// Takes a step that the call sites share.
    fn step(&mut self, step: Step<'_>) -> Result<(), Rejected> {
        self.site.steps.take(&mut self.call, self.policy, &mut self.site.env, step)
    }

    /// Returns the started call, in the loop form.
    pub(super) fn started(mut self, begun: Result<(), Stop>) -> Result<Self, Rejected> {
        match begun {
            Ok(()) => Ok(self),
            Err(stop) => {
                self.end(Some(stop), false, Site::emit);
                Err(stop.into())
            }
        }
    }

    /// Returns the number of the current attempt and what is left for it.
    pub fn attempt(&self) -> AttemptInfo {
        self.call.machine.info(&self.policy.retry)
    }

    /// Takes the failure of the current attempt and keeps what it returned. Says why there is no wait before another.
    #[inline(always)]
    pub(super) fn fail<T, X>(&mut self, failed: Failed<T, X>, last: &mut Option<Failure<T, X>>) -> Result<(), Stop>
    where
        H::Observer: ErrorObserver<X>,
    {
        let error = if H::Observer::SEES_ERRORS { failed.failure.error() } else { None };
        let waiting = self.take(&failed.classification, failed.cause, error);
        *last = Some(failed.failure);
        waiting
    }

    /// Takes the failure of the current attempt. Says why there is no wait before another.
    #[inline(always)]
    pub(super) fn take<X>(
        &mut self,
        classification: &Classification,
        cause: Cause,
        error: Option<&X>,
    ) -> Result<(), Stop>
    where
        H::Observer: ErrorObserver<X>,
    {
        if shares_steps::<E, H>() {
            let taken = self.step(Step::Fail { classification, cause });
            return taken.map_err(|rejected| Stop::after(rejected.reason, classification));
        }
        self.call.fail(self.policy, self.site, classification, cause, error)
    }

    /// Ends the call. `emit` as for [`Call::finish`].
    #[inline(always)]
    fn end(&mut self, stop: Option<Stop>, reports_time: bool, emit: impl FnOnce(&mut Site<E, H>, Event)) {
        if shares_steps::<E, H>() {
            let reason = stop.map(|stop| stop.reason);
            let _ = self.step(Step::Finish { reason, reports_time });
        } else {
            self.call.finish(self.policy, self.site, stop, reports_time, emit);
        }
    }

    /// Ends the call and makes what it returns, of the value or of the reason and the latest failure.
    #[inline(always)]
    pub(super) fn finish<T, X, R: FromReport<T, X>>(&mut self, end: Result<T, Stop>, last: Option<Failure<T, X>>) -> R
    where
        H::Observer: ErrorObserver<X>,
    {
        let error = if H::Observer::SEES_ERRORS { last.as_ref().and_then(Failure::error) } else { None };
        let (stop, emit) = (end.as_ref().err().copied(), |site: &mut Site<E, H>, event| site.emit_with(error, event));
        self.end(stop, R::REPORTS_TIME, emit);
        R::from_report(self.report(end, last))
    }

    /// Reports how the call has ended.
    #[inline(always)]
    fn report<T, X>(&self, end: Result<T, Stop>, last: Option<Failure<T, X>>) -> Report<'_, T, X> {
        let (result, stop) = match end {
            Ok(value) => (Ok(value), crate::StopReason::Aborted.into()),
            Err(stop) => (Err(last), stop),
        };
        // Known while compiling, so that an image in which nothing is deferred contains no checkpoints.
        let policy = if H::Sleep::ACTIVE { Some(self.policy) } else { None };
        Report { result, stop, operation: self.site.operation, call: &self.call, policy }
    }

    /// Ends the call with success and returns the value.
    pub fn succeed<T>(mut self, value: T) -> T {
        self.call.catch_up(self.site);
        self.end(None, false, Site::emit);
        value
    }

    /// Suspends the call and returns a checkpoint to resume it from later, on this machine or another. Suspended in the middle
    /// of an attempt, it resumes with the next one. To the breaker it is as if the call had not been made.
    pub fn suspend(mut self) -> Checkpoint {
        // Without a reading at the start, there is no time to tell.
        if is_timed::<H>(self.policy, self.call.machine.is_observed) {
            self.call.machine.observe_wait(self.site.env.timestamp());
        }
        self.call.release(self.policy);
        self.call.machine.checkpoint(self.policy)
    }
}

impl<E: Environment, H: HookSet, M> Drop for Run<'_, E, H, M> {
    #[inline(always)]
    fn drop(&mut self) {
        if !shares_steps::<E, H>() {
            self.call.abandon::<_, H>(self.policy, &self.site.env);
        } else if self.call.permit.is_half_open() {
            let _ = self.step(Step::Abandon);
        }
    }
}

impl<E: Environment, H: HookSet, M> core::fmt::Debug for Run<'_, E, H, M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Run").field("operation", &self.site.operation).field("call", &self.call).finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<E: Environment, H: HookSet, M> defmt::Format for Run<'_, E, H, M> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Run({=str}, attempt {=u32})", self.site.operation, self.call.machine.attempt());
    }
}

/// A call that was resumed from a checkpoint. It waits out what is left, then asks the breaker again.
#[derive(Debug)]
#[must_use = "the call goes on when it is called, executed or started"]
pub struct Resumed<'c, E: Environment, H, M = <E as Environment>::Mode> {
    pub(super) policy: &'c Policy<'c>,
    pub(super) site: &'c mut Site<E, H>,
    pub(super) machine: Machine,
    mode: PhantomData<fn() -> M>,
}

#[cfg(feature = "defmt")]
impl<E: Environment, H, M> defmt::Format for Resumed<'_, E, H, M> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Resumed({=str}, attempt {=u32})", self.site.operation, self.machine.attempt());
    }
}

impl<'p, E: Environment, H: HookSet, P: PolicyRef<'p>, M> Context<'p, E, H, P, M> {
    /// Resumes a call from a checkpoint, `slept` after it was made: waits out what is left, then makes the next attempt. All
    /// counts and the deadline stay in force.
    ///
    /// # Errors
    ///
    /// The checkpoint was made under another policy.
    pub fn resume(
        &mut self,
        checkpoint: &Checkpoint,
        slept: impl Into<Slept>,
    ) -> Result<Resumed<'_, E, H, M>, CheckpointError> {
        let (policy, site) = (self.policy.policy(), &mut self.site);
        checkpoint.check(policy)?;
        let now = site.env.timestamp();
        let machine = Machine::resume(&policy.retry, checkpoint, slept.into(), now, E::RATE.slack());
        Ok(Resumed { policy, site, machine, mode: PhantomData })
    }
}

impl<E: Environment, H: HookSet, M> Run<'_, E, H, M> {
    /// Makes the error of a call that stops, in the loop form.
    pub(super) fn give_up<X>(&mut self, stop: Stop, error: Option<X>) -> RetryError<X>
    where
        H::Observer: ErrorObserver<X>,
    {
        let emit = |site: &mut Site<E, H>, event| site.emit_with(error.as_ref(), event);
        self.end(Some(stop), false, emit);
        self.report::<(), X>(Err(stop), error.map(Failure::Error)).into_error()
    }
}

/// Returns whether calls with these hooks take their steps in code that call sites share.
const fn shares_steps<E: Environment, H: HookSet>() -> bool {
    let is_observed = H::Observer::ACTIVE || H::Observer::WATCHES;
    let has_hooks = is_observed || H::Abort::ACTIVE || H::Abort::CANCELS || H::Sleep::ACTIVE;
    !has_hooks && <<E::Mode as Mode>::Steps<E> as Steps<E>>::ARE_SHARED
}

/// A wait that is under way, in slices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    /// The rest of the wait, the slice to sleep now included.
    left: Millis,
    until: Seen,
}

impl Wait {
    /// Begins the wait of a call. The first slice is slept even if it is empty.
    #[inline(always)]
    pub(crate) fn begin<E: Environment, H: HookSet>(call: &Call, policy: &Policy<'_>, site: &Site<E, H>) -> Self {
        Self::cut(call, policy, site, false)
    }

    /// Like [`begin`](Self::begin). `polls`: something is looked at between slices, as an abort condition is.
    #[inline(always)]
    pub(crate) fn cut<E: Environment, H: HookSet>(
        call: &Call,
        policy: &Policy<'_>,
        site: &Site<E, H>,
        polls: bool,
    ) -> Self {
        let left = call.machine.wait();
        if slice_length(site, polls).is_none() {
            return Self { left, until: Seen(Timestamp::ZERO) };
        }
        let is_timed = is_timed::<H>(policy, call.machine.is_observed);
        let now = if is_timed { call.machine.seen() } else { site.env.timestamp() };
        Self { left, until: Seen(now.after(left.saturating_add(E::RATE.slack()))) }
    }

    /// Returns the slice to sleep now.
    pub(super) fn slice<E: Environment, H: HookSet>(&self, site: &Site<E, H>, polls: bool) -> Millis {
        slice_length(site, polls).map_or(self.left, |length| self.left.min(length))
    }

    /// Returns the ticks to sleep now.
    pub(crate) fn ticks<E: Environment, H: HookSet>(&self, site: &Site<E, H>, polls: bool) -> u64 {
        E::RATE.ticks(self.slice(site, polls))
    }

    /// Goes on after a slice has been slept. Returns whether there is another: the wait is neither over nor aborted.
    ///
    /// Every slice counts as slept, also by a clock that stands still, so that the wait ends. The clock can only shorten the rest, by
    /// what earlier slices took too long.
    #[inline(always)]
    pub(crate) fn next<E: Environment, H: HookSet>(&mut self, site: &mut Site<E, H>) -> bool {
        self.go_on(site, false)
    }

    /// Like [`next`](Self::next), of a wait that [`cut`](Self::cut) began.
    #[inline(always)]
    pub(crate) fn go_on<E: Environment, H: HookSet>(&mut self, site: &mut Site<E, H>, polls: bool) -> bool {
        if slice_length(site, polls).is_none() {
            return false;
        }
        site.hooks.parts().slices.on_slice();
        let left = self.left.saturating_sub(self.slice(site, polls));
        self.left = left.min(self.until.0.since(site.env.timestamp()).unwrap_or_default());
        self.left != Millis::ZERO && !site.hooks.parts().abort.is_aborted()
    }
}

/// Returns the longest slice of a wait; `None` if waits are not cut.
fn slice_length<E: Environment, H: HookSet>(site: &Site<E, H>, polls: bool) -> Option<Millis> {
    let poll = if polls || H::Abort::ACTIVE { E::ABORT_POLL } else { None };
    if H::Slices::ACTIVE { Some(poll.map_or(site.slice, |poll| poll.min(site.slice))) } else { poll }
}
