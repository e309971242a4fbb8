//! Ends a call or an attempt: tells breaker, budget and observers.

use super::{Call, Stop, elapsed, is_observed, is_timed, is_watching};
use crate::{
    AttemptDecision, AttemptEnd, BreakerState, Cause, CircuitBreakerView, Classification, Clock, ErrorClass, Event,
    EventKind, Millis, Observer, Policy, StopReason,
    breaker::Snapshot,
    context::Site,
    env::Environment,
    hooks::HookSet,
    time::{ClockRate, Timestamp},
};

impl Call {
    /// Notifies observers of an attempt that has ended.
    pub(super) fn announce_end<E: Environment, H: HookSet>(
        &self,
        site: &mut Site<E, H>,
        decision: AttemptDecision,
        stop_reason: Option<StopReason>,
        delay: Millis,
        failure: Option<(ErrorClass, Cause)>,
    ) {
        site.notify(|observer, operation| {
            observer.on_attempt_end(&AttemptEnd {
                attempt: self.machine.attempt(),
                operation,
                elapsed: elapsed::<H>(&self.machine),
                decision,
                class: failure.map(|(class, _)| class),
                stop_reason,
                cause: failure.map(|(_, cause)| cause),
                delay,
            });
        });
    }

    /// Ends the call, for a reason or with success. `reports_time` as for [`start`](Self::start); `emit` sends the event, with
    /// the error that it reports.
    #[inline(always)]
    pub(crate) fn finish<E: Environment, H: HookSet>(
        &mut self,
        policy: &Policy<'_>,
        site: &mut Site<E, H>,
        stop: Option<Stop>,
        reports_time: bool,
        emit: impl FnOnce(&mut Site<E, H>, Event),
    ) {
        let reason = stop.map(|stop| stop.reason);
        // A rejection has told observers already, and there is no permit.
        if reason == Some(StopReason::CircuitOpen) {
            return;
        }
        let is_success = reason.is_none();
        let begun = self.machine.seen();
        // Each other end was timed with the step that led to it.
        if reports_time && !is_timed::<H>(policy, self.machine.is_observed)
            || is_success && (reports_time || is_observed::<H>(self.machine.is_observed))
        {
            self.machine.observe(site.env.timestamp());
        }
        // An abort is not attributed to the failure before it.
        let is_failure = !matches!(reason, None | Some(StopReason::Aborted));
        let last = if is_failure { self.machine.last() } else { None };
        // Breaker and budget come first, so that they learn of the call even if an observer panics.
        let changed = self.settle(policy, site, is_success, is_failure, reports_time, begun);
        if is_success && let Some(budget) = policy.budget {
            let is_read = reports_time || is_observed::<H>(self.machine.is_observed);
            budget.succeed(self.machine.attempt(), &site.env, self.now(is_read));
        }
        if !site.is_observed() {
            return;
        }
        let elapsed = elapsed::<H>(&self.machine);
        let delay = if reason == Some(StopReason::Scheduled) { self.machine.wait() } else { Millis::ZERO };
        let is_too_long = reason == Some(StopReason::RetryAfterTooLong);
        let retry_after = if is_too_long { self.machine.next_delay() } else { None };
        let kind = reason.map_or(EventKind::Success, StopReason::event);
        let code = if is_failure { stop.and_then(|stop| stop.code) } else { None };
        let event = site.event(kind, self.machine.attempt(), elapsed, last);
        emit(site, Event { delay, stop_reason: reason, retry_after, code, ..event });
        if stop.is_none_or(|stop| stop.has_ended) {
            // An operation that asks to abort has not failed.
            let failure = if stop.is_some_and(|stop| stop.has_failed) { self.machine.last() } else { None };
            let decision = reason.map_or(AttemptDecision::Success, StopReason::decision);
            self.announce_end(site, decision, reason, delay, failure);
        }
        if let Some(state) = changed {
            site.emit_state(state.into(), state, last.map(|(class, _)| class), elapsed);
        }
    }

    /// Gives the permit back, if there still is one, as if the call had not been made.
    pub(crate) fn release(&mut self, policy: &Policy<'_>) {
        let permit = core::mem::replace(&mut self.permit, Snapshot::SPENT);
        if let Some(breaker) = policy.breaker {
            breaker.release(permit);
        }
    }

    /// Gives the permit back, if there still is one: the caller has dropped the call, maybe in the middle of an attempt.
    #[inline(always)]
    pub(crate) fn abandon<C: Clock, H: HookSet>(&self, policy: &Policy<'_>, clock: &C) {
        if !is_watching::<H>() {
            if self.permit.is_half_open() {
                give_back(policy.breaker, self.permit);
            }
        } else if self.permit.is_missed() {
            let begun = if self.machine.is_between_attempts() { Timestamp::NEVER } else { self.machine.seen() };
            abandon(policy.breaker, self.permit, begun, clock);
        }
    }

    /// Reports to a breaker that observes attempts how this one has failed, at the latest reading.
    #[cold]
    #[inline(never)]
    pub(super) fn settle_attempt<E: Environment, H: HookSet>(
        &mut self,
        policy: &Policy<'_>,
        site: &mut Site<E, H>,
        classification: &Classification,
        begun: Timestamp,
    ) {
        let permit = core::mem::replace(&mut self.permit, Snapshot::SPENT_ATTEMPT);
        let Some(breaker) = policy.breaker else { return };
        if classification.is_abort() {
            breaker.release(permit);
            return;
        }
        let (now, class) = (self.machine.seen(), classification.class());
        let changed = breaker.settle_after(permit, Some(class), now.since(begun).unwrap_or_default(), &site.env, now);
        if let Some(state) = changed {
            site.emit_state(state.into(), state, Some(class), elapsed::<H>(&self.machine));
        }
    }

    /// Reports to the breaker how the call ended; `begun` is when its latest attempt began. Returns the new state if it
    /// changed.
    #[inline(always)]
    pub(crate) fn settle<E: Environment, H: HookSet>(
        &mut self,
        policy: &Policy<'_>,
        site: &Site<E, H>,
        is_success: bool,
        is_failure: bool,
        reports_time: bool,
        begun: Timestamp,
    ) -> Option<BreakerState> {
        let permit = core::mem::replace(&mut self.permit, Snapshot::SPENT);
        let breaker = policy.breaker?;
        let failure = if is_success {
            None
        } else if is_failure && self.machine.has_begun() {
            // An attempt that has begun has failed, so there is a class.
            Some(self.machine.last().map_or(ErrorClass::Unknown, |(class, _)| class))
        } else {
            // A failure of before the call was resumed has been reported then.
            breaker.release(permit);
            return None;
        };
        let is_read =
            reports_time || is_observed::<H>(self.machine.is_observed) || !is_success && self.is_timed::<H>(policy);
        if is_watching::<H>() && permit.is_watched() {
            let took = self.time_watched(permit, site, is_read, begun);
            return breaker.settle_after(permit, failure, took, &site.env, self.machine.seen());
        }
        settle(breaker, permit, failure, &site.env, self.now(is_read))
    }

    /// Returns how long a call or an attempt took whose breaker wants to know, and takes a reading for that.
    #[cold]
    #[inline(never)]
    fn time_watched<E: Environment, H: HookSet>(
        &mut self,
        permit: Snapshot,
        site: &Site<E, H>,
        is_read: bool,
        begun: Timestamp,
    ) -> Millis {
        if !is_read {
            self.machine.observe(site.env.timestamp());
        }
        if permit.is_for_an_attempt() {
            self.machine.seen().since(begun).unwrap_or_default()
        } else {
            self.machine.elapsed()
        }
    }
}

/// Tells the breaker how a call ended. Apart on hosts, where a call without a breaker would take 7 instructions more.
#[cfg_attr(feature = "std", inline(never))]
#[cfg_attr(not(feature = "std"), inline)]
fn settle<C: Clock>(
    breaker: &CircuitBreakerView,
    permit: Snapshot,
    failure: Option<ErrorClass>,
    clock: &C,
    now: Timestamp,
) -> Option<BreakerState> {
    breaker.settle(permit, failure, clock, now)
}

/// Takes the permit by value and is not inlined, so that a call which is dropped or unwinds need not be in memory.
#[cold]
#[inline(never)]
fn give_back(breaker: Option<&CircuitBreakerView>, permit: Snapshot) {
    if let Some(breaker) = breaker {
        breaker.release(permit);
    }
}

/// As [`give_back`], of a call that was timed, and may have been dropped in the middle of the attempt that began then.
#[cold]
#[inline(never)]
fn abandon<C: Clock>(breaker: Option<&CircuitBreakerView>, permit: Snapshot, begun: Timestamp, clock: &C) {
    let Some(breaker) = breaker else { return };
    if permit.is_watched() && begun != Timestamp::NEVER {
        let took = clock.timestamp().since(begun).unwrap_or_default();
        breaker.abandon(permit, took, clock);
    } else {
        breaker.release(permit);
    }
}
