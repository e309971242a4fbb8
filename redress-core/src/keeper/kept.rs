//! The state machine of a kept connection: sessions, wakes, the budget of the day, around the [call](crate::call) that decides on
//! each wait.
//!
//! It performs no I/O: the clock is that of the site, which the bare machine fills with the time it was told. A step reads it once.
//!
//! The steps are inlined into the blocking loop, so that its state needs no memory and what an image does not use of it vanishes:
//! 328 bytes over a blocking call on a Cortex-M0, where a function for each reading takes 484.
//!
//! ```text
//!             ready          begin             established        tick
//! Fresh, Ended  ->  Offline    ->  Connecting       ->      Up     ->   Stable
//!                      ^  ^            |                     |             |
//!                      |  +-- lost, as a failure of its class +             |
//!                      +------------- lost, after which all counts anew ---+
//! ```

use super::Keep;
use crate::{
    AttemptInfo, BackoffContext, Cause, Classification, ErrorClass, ErrorObserver, Event, EventKind, Millis, Observer,
    StopReason,
    backoff::part,
    call::{Call, Stop},
    context::Site,
    env::Environment,
    hooks::HookSet,
    machine::Machine,
    time::{ClockRate, Timestamp},
};

/// The state of a kept connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    pub(super) call: Call,
    /// The cost of the attempts of the day that time has not paid back.
    pub(super) debt: Millis,
    /// How long no wake cuts a wait short.
    pub(super) gate: Millis,
    /// How long the session has been established.
    pub(super) up: Millis,
    pub(super) phase: Phase,
    /// Whether the attempts count from a stable session that was lost, which is the first of them.
    pub(super) is_renewed: bool,
    /// Whether the dependency asked for the wait, which a wake does not cut short then.
    pub(super) is_hinted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// No attempt has begun, or the keeper gave up: the next attempt is the first.
    Idle,
    /// Between two attempts.
    Offline,
    Connecting,
    /// Established, not yet for long enough.
    Up,
    Stable,
}

impl Kept {
    pub(super) const fn new(keep: &Keep<'_>, slack: Millis) -> Self {
        Self {
            call: Call::new(timed(Machine::new(&keep.policy.retry, slack))),
            debt: Millis::ZERO,
            gate: Millis::ZERO,
            up: Millis::ZERO,
            phase: Phase::Idle,
            is_renewed: false,
            is_hinted: false,
        }
    }

    pub(super) fn attempt(&self, keep: &Keep<'_>) -> AttemptInfo {
        self.call.machine.info(&keep.policy.retry)
    }

    /// Returns what is left to wait, at the latest reading.
    pub(super) const fn wait(&self) -> Millis {
        if self.is_waiting() { self.call.machine.wait() } else { Millis::ZERO }
    }

    /// Returns whether the next attempt comes after a wait.
    pub(super) const fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Offline)
    }

    pub(super) const fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up | Phase::Stable)
    }

    pub(super) const fn is_stable(&self) -> bool {
        matches!(self.phase, Phase::Stable)
    }

    /// Takes a reading of the clock.
    #[inline(always)]
    fn pass<E: Environment, H>(&mut self, site: &Site<E, H>) {
        self.pass_to(site.env.timestamp());
    }

    fn pass_to(&mut self, now: Timestamp) {
        let passed = self.call.machine.pass(now);
        self.debt = self.debt.saturating_sub(passed);
        self.gate = self.gate.saturating_sub(passed);
        self.up = self.up.saturating_add(passed);
    }

    /// Starts the time anew, without attempts and failures.
    fn renew<E: Environment>(&mut self, keep: &Keep<'_>, now: Timestamp) {
        self.call.machine = timed(Machine::new(&keep.policy.retry, E::RATE.slack()));
        self.call.machine.start(now);
    }

    /// Returns the moment at which a new connection begins, else the latest reading.
    #[inline(always)]
    pub(super) fn begins_at<E: Environment, H>(&self, site: &Site<E, H>) -> Timestamp {
        if self.phase == Phase::Idle { site.env.timestamp() } else { self.call.machine.seen() }
    }

    /// Prepares the wait for the next attempt. Ends an attempt or a session that the caller has dropped, which is no failure.
    pub(super) fn ready<E: Environment, H: HookSet>(&mut self, keep: &Keep<'_>, site: &mut Site<E, H>) {
        let now = self.begins_at(site);
        self.ready_at(keep, site, now);
    }

    /// Like [`ready`](Self::ready), of a connection that [begins at](Self::begins_at) this moment if it is new.
    pub(super) fn ready_at<E: Environment, H: HookSet>(
        &mut self,
        keep: &Keep<'_>,
        site: &mut Site<E, H>,
        now: Timestamp,
    ) {
        match self.phase {
            Phase::Idle => {
                self.renew::<E>(keep, now);
                self.is_renewed = false;
                site.notify(Observer::on_call_start);
                self.call.machine.hold(spread(keep, site), E::RATE.slack());
            }
            Phase::Offline => self.pass(site),
            Phase::Connecting | Phase::Up | Phase::Stable => {
                self.tick(keep, site);
                self.release(keep);
                self.end(site, None);
                if self.phase == Phase::Stable {
                    self.renew::<E>(keep, self.call.machine.seen());
                    self.is_renewed = false;
                }
                self.call.machine.hold(Millis::ZERO, Millis::ZERO);
            }
        }
        self.phase = Phase::Offline;
    }

    /// Begins the next attempt after the wait. `false` if something is against it that passes, such as an open circuit: then there
    /// is another wait.
    ///
    /// # Errors
    ///
    /// The reason against any attempt.
    #[inline]
    pub(super) fn begin<E: Environment, H: HookSet>(
        &mut self,
        keep: &Keep<'_>,
        site: &mut Site<E, H>,
    ) -> Result<bool, Stop> {
        self.pass(site);
        let over = self.over_credit(keep);
        if over > Millis::ZERO {
            return self.hold(keep, site, over);
        }
        match self.call.admit(&keep.policy, site, true, true) {
            Err(stop) if stop.reason == StopReason::CircuitOpen => {
                return self.hold(keep, site, stop.retry_after);
            }
            admitted => admitted?,
        }
        if let Some(budget) = keep.budget
            && self.call.machine.attempt() > 0
            && !budget.take(self.call.machine.attempt(), false, &site.env, self.call.machine.seen())
        {
            self.release(keep);
            let wait = self.call.machine.delay().max(Millis::from_secs(1));
            let (attempt, elapsed) = (self.call.machine.attempt(), self.call.machine.elapsed());
            let event = site.event(EventKind::BudgetExhausted, attempt, elapsed, self.call.machine.last());
            site.emit(Event { delay: wait, ..event });
            return self.hold(keep, site, wait);
        }
        self.call.begin(&keep.policy, site)?;
        self.count(keep);
        Ok(true)
    }

    /// Counts an attempt that begins.
    fn count(&mut self, keep: &Keep<'_>) {
        self.debt = self.debt.saturating_add(keep.cost);
        self.phase = Phase::Connecting;
    }

    /// Waits once more, unless the wait would end after the deadline or the sleep handler is against it.
    fn hold<E: Environment, H: HookSet>(
        &mut self,
        keep: &Keep<'_>,
        site: &mut Site<E, H>,
        wait: Millis,
    ) -> Result<bool, Stop> {
        let machine = &mut self.call.machine;
        machine.fits(&keep.policy.retry, wait)?;
        machine.hold(wait, E::RATE.slack());
        let classification = machine.last().map_or(ErrorClass::Transient, |(class, _)| class).into();
        let (attempt, previous) = (machine.attempt(), machine.delay());
        self.call.ask(site, &BackoffContext { attempt, classification, previous, random: 0 }, wait)?;
        Ok(false)
    }

    /// Returns how long the budget of the day allows no attempt.
    fn over_credit(&self, keep: &Keep<'_>) -> Millis {
        if keep.cost == Millis::ZERO { Millis::ZERO } else { self.debt.saturating_sub(keep.credit) }
    }

    /// The session is established. Ignored unless an attempt is under way, so that only the first of several counts.
    #[inline(always)]
    pub(super) fn established<E: Environment, H: HookSet>(&mut self, site: &mut Site<E, H>) {
        if self.phase != Phase::Connecting {
            return;
        }
        self.pass(site);
        self.up = Millis::ZERO;
        self.phase = Phase::Up;
        let attempts = self.call.machine.attempt().wrapping_sub(u32::from(self.is_renewed));
        site.emit(site.event(EventKind::SessionEstablished, attempts, self.call.machine.elapsed(), None));
    }

    /// Takes the time: a session that has been established for long enough becomes stable, which is a success.
    #[inline(always)]
    pub(super) fn tick<E: Environment, H: HookSet>(&mut self, keep: &Keep<'_>, site: &mut Site<E, H>) {
        self.pass(site);
        if self.phase != Phase::Up || self.up < stable_after::<E>(keep) {
            return;
        }
        self.phase = Phase::Stable;
        self.settle(keep, site, false);
        if let Some(budget) = keep.budget {
            budget.record_success();
        }
    }

    /// Returns how long it takes until a [`tick`](Self::tick) makes the session stable.
    pub(super) fn unstable_for<E: Environment>(&self, keep: &Keep<'_>) -> Option<Millis> {
        (self.phase == Phase::Up).then(|| stable_after::<E>(keep).saturating_sub(self.up))
    }

    /// Reports a session or an attempt to the breaker.
    #[inline(always)]
    fn settle<E: Environment, H: HookSet>(&mut self, keep: &Keep<'_>, site: &mut Site<E, H>, has_failed: bool) {
        let begun = self.call.machine.seen();
        if let Some(state) = self.call.settle(&keep.policy, site, !has_failed, has_failed, true, begun) {
            let class = self.call.machine.last().filter(|_| has_failed).map(|(class, _)| class);
            site.emit_state(state.into(), state, class, self.call.machine.elapsed());
        }
    }

    /// Notifies observers of the end of a session, if there was one.
    fn end<E: Environment, H: HookSet>(&self, site: &mut Site<E, H>, failure: Option<(&Classification, Cause)>) {
        if self.phase >= Phase::Up {
            let attempt = self.call.machine.attempt();
            let failure = failure.map(|(classification, cause)| (classification.class(), cause));
            site.emit(site.event(EventKind::SessionLost, attempt, self.up, failure));
        }
    }

    /// Counts an attempt that was made without waiting for its turn.
    pub(super) fn catch_up<E: Environment, H: HookSet>(&mut self, keep: &Keep<'_>, site: &mut Site<E, H>) {
        if self.phase < Phase::Connecting {
            self.ready(keep, site);
            self.call.machine.begin_unchecked();
            self.call.announce(site);
            self.count(keep);
        }
    }

    /// Takes the end of a session or of an attempt, and begins a wait. The class is that of the failure.
    ///
    /// # Errors
    ///
    /// The reason against another attempt.
    #[inline(always)]
    pub(super) fn lost<E: Environment, H: HookSet, X>(
        &mut self,
        keep: &Keep<'_>,
        site: &mut Site<E, H>,
        classification: &Classification,
        cause: Cause,
        error: Option<&X>,
    ) -> Result<(), Stop>
    where
        H::Observer: ErrorObserver<X>,
    {
        self.tick(keep, site);
        self.end(site, Some((classification, cause)));
        let was_stable = self.phase == Phase::Stable;
        if was_stable {
            self.renew::<E>(keep, self.call.machine.seen());
            self.call.machine.begin_unchecked();
            self.is_renewed = true;
        }
        self.phase = Phase::Offline;
        self.is_hinted = classification.hint().is_some();
        let shortest = self.over_credit(keep);
        self.call.fail_after(&keep.policy, site, classification, cause, error, shortest)?;
        let wait = self.call.machine.wait();
        self.call.machine.hold(wait, E::RATE.slack());
        if !was_stable {
            self.settle(keep, site, true);
        }
        Ok(())
    }

    /// The link is up again: cuts the wait short, unless it is one that the dependency asked for. Within the interval of the latest
    /// wake that did so, the wait ends with the interval.
    pub(super) fn link_up<E: Environment, H: HookSet>(&mut self, keep: &Keep<'_>, site: &mut Site<E, H>) {
        if self.phase != Phase::Offline || self.is_hinted {
            return;
        }
        self.pass(site);
        let soonest = self.gate.max(spread(keep, site));
        if soonest < self.call.machine.wait() {
            self.call.machine.hold(soonest, E::RATE.slack());
            let interval = keep.wake_interval;
            let jitter = part(interval.get() >> 1, site.env.random());
            self.gate = self.call.machine.wait().saturating_add(interval).saturating_add(Millis::new(jitter));
        }
    }

    /// Ends the call of a keeper that gives up. What was deferred can be suspended, else the next attempt is the first again.
    pub(super) fn finish<E: Environment, H: HookSet>(
        &mut self,
        keep: &Keep<'_>,
        site: &mut Site<E, H>,
        stop: Stop,
        emit: impl FnOnce(&mut Site<E, H>, Event),
    ) {
        self.call.finish(&keep.policy, site, Some(stop), true, emit);
        self.phase = if stop.reason == StopReason::Scheduled { Phase::Offline } else { Phase::Idle };
    }

    /// Gives the permit back, if there still is one.
    pub(super) fn release(&mut self, keep: &Keep<'_>) {
        self.call.release(&keep.policy);
    }
}

/// Makes each step be timed, with or without an observer.
pub(super) const fn timed(mut machine: Machine) -> Machine {
    machine.is_observed = true;
    machine.set_timed();
    machine
}

/// Returns for how long a session is up before it is stable, on this clock.
fn stable_after<E: Environment>(keep: &Keep<'_>) -> Millis {
    keep.stable_after.saturating_add(E::RATE.slack())
}

/// Draws the delay of a first attempt.
fn spread<E: Environment, H>(keep: &Keep<'_>, site: &mut Site<E, H>) -> Millis {
    match keep.spread {
        Millis::ZERO => Millis::ZERO,
        spread => Millis::new(part(spread.get(), site.env.random())),
    }
}
