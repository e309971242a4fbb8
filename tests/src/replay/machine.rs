//! Calls through the bare machine.

use redress_core::{
    AttemptDecision, Attempts, BreakerState, Cause, CircuitBreakerView, Classification, Clock, Decision, ErrorClass,
    EventKind, Millis, Policy, SleepDecision, StopReason,
};

use crate::{
    trace::{EndTrace, Ending, EventTrace, cause_name, class_name, micros, reason_name},
    world::World,
};

/// A call through the bare machine, told as the drivers would tell it.
struct ByHand<'w> {
    world: &'w World,
    /// Attempts started.
    attempt: u32,
    last: Option<(ErrorClass, Cause, u32)>,
}

impl ByHand<'_> {
    fn event(&self, kind: EventKind, with_failure: bool) -> EventTrace {
        let last = self.last.filter(|_| with_failure);
        EventTrace {
            event: kind.as_str(),
            attempt: self.attempt,
            t_us: micros(self.world.elapsed()),
            class: last.map(|(class, ..)| class_name(class)),
            cause: last.map(|(_, cause, _)| cause_name(cause)),
            ..EventTrace::default()
        }
    }

    fn stopped(&self, reason: StopReason, delay: Millis) {
        let event = self.event(reason.event(), reason != StopReason::Aborted);
        self.world.push_event(EventTrace { stop_reason: Some(reason_name(reason)), sleep_us: micros(delay), ..event });
    }

    fn ended(&self, decision: AttemptDecision, reason: Option<StopReason>, delay: Option<Millis>, with_failure: bool) {
        let last = self.last.filter(|_| with_failure);
        self.world.push_end(EndTrace {
            attempt: self.attempt,
            t_us: micros(self.world.elapsed()),
            decision: decision.as_str(),
            class: last.map(|(class, ..)| class_name(class)),
            stop_reason: reason.map(reason_name),
            cause: last.map(|(_, cause, _)| cause_name(cause)),
            sleep_us: delay.map(micros),
        });
    }

    /// The attempt failed and nothing more comes.
    fn given_up(&self, reason: StopReason, delay: Option<Millis>) -> (StopReason, Option<Millis>) {
        self.stopped(reason, delay.unwrap_or_default());
        self.ended(reason.decision(), Some(reason), delay, true);
        (reason, delay)
    }

    /// Attempts until success (`None`) or stop.
    fn drive(&mut self, attempts: &mut Attempts<'_, 1_000>) -> Option<(StopReason, Option<Millis>)> {
        let world = self.world;
        loop {
            if world.is_aborted() {
                self.stopped(StopReason::Aborted, Millis::ZERO);
                return Some((StopReason::Aborted, None));
            }
            self.attempt += 1;
            world.check(attempts.attempt().number == self.attempt, || format!("the machine is at {attempts:?}"));
            world.check(attempts.poll_at().is_none(), || format!("{attempts:?} waits in an attempt"));
            world.push_start();
            let failure = match world.attempt() {
                Err(step) => Some((step.classification, Cause::Error)),
                Ok(step) => step.failure().map(|classification| (classification, Cause::Result)),
            };
            let Some((classification, cause)) = failure else {
                world.push_event(self.event(EventKind::Success, false));
                self.ended(AttemptDecision::Success, None, None, false);
                return None;
            };
            if let Some(stop) = self.after_failure(attempts, &classification, cause) {
                return Some(stop);
            }
            if let Err(rejected) = attempts.on_wake(world.now()) {
                self.stopped(rejected.reason(), Millis::ZERO);
                return Some((rejected.reason(), None));
            }
        }
    }

    /// Waits if there is to be another attempt.
    fn after_failure(
        &mut self,
        attempts: &mut Attempts<'_, 1_000>,
        classification: &Classification,
        cause: Cause,
    ) -> Option<(StopReason, Option<Millis>)> {
        let world = self.world;
        if !classification.is_abort() {
            self.last = Some((classification.class(), cause, self.attempt));
            if world.is_aborted() {
                return Some(self.given_up(StopReason::Aborted, None));
            }
        }
        let now = world.now();
        let at = match attempts.on_failure(now, *classification, || world.random()) {
            Decision::RetryAt(at) => at,
            Decision::Stop(reason) if classification.is_abort() => {
                self.stopped(reason, Millis::ZERO);
                self.ended(reason.decision(), Some(reason), None, false);
                return Some((reason, None));
            }
            Decision::Stop(reason) => return Some(self.given_up(reason, None)),
        };
        let delay = attempts.delay();
        world.check(attempts.last_class() == Some(classification.class()), || format!("last class of {attempts:?}"));
        world.check(attempts.poll_at() == Some(at), || format!("{at:?} is not when {attempts:?} wakes up"));
        world.check(at.ticks_since(now) == u64::from(delay.get()), || format!("{at:?} is not {delay} after {now:?}"));
        world.push_event(EventTrace {
            sleep_us: micros(delay),
            retry_after_us: classification.hint().map(micros),
            ..self.event(EventKind::Retry, true)
        });
        match world.decide() {
            SleepDecision::Sleep => {
                self.ended(AttemptDecision::Retry, None, Some(delay), true);
                world.pass(world.ask_sleep(at.ticks_since(now)));
                None
            }
            SleepDecision::Defer => Some(self.given_up(StopReason::Scheduled, Some(delay))),
            SleepDecision::Abort => Some(self.given_up(StopReason::Aborted, None)),
            decision => unreachable!("{decision:?}"),
        }
    }
}

pub(super) fn by_machine(world: &World, policy: &Policy<'_>, breaker: Option<&CircuitBreakerView>) -> Ending {
    let tell = |change: Option<BreakerState>, class| {
        if let Some(state) = change {
            world.push_event(EventTrace::of_breaker(state.into(), micros(world.elapsed()), state, class));
        }
    };
    let state = || breaker.map(CircuitBreakerView::state);
    let before = state();
    let started = Attempts::start(policy, world.now());
    let after = state();
    tell(after.filter(|_| after != before), None);
    let Ok(mut attempts) = started else {
        if let Some(state) = after {
            world.push_event(EventTrace::of_breaker(EventKind::CircuitRejected, micros(world.elapsed()), state, None));
        }
        return Ending { stop_reason: Some(reason_name(StopReason::CircuitOpen)), ..Ending::default() };
    };
    let mut by_hand = ByHand { world, attempt: 0, last: None };
    let stop = by_hand.drive(&mut attempts);
    match stop {
        None => attempts.on_success(world.now()),
        Some((StopReason::Scheduled, delay)) => {
            let checkpoint = attempts.defer(world.now());
            world.check(Some(checkpoint.remaining()) == delay, || format!("{checkpoint:?} is not of {delay:?}"));
        }
        Some(_) => drop(attempts),
    }
    let class = by_hand.last.map(|(class, ..)| class).filter(|_| stop.is_some());
    tell(state().filter(|state| Some(*state) != after), class);
    let last = by_hand.last.filter(|_| stop.is_some());
    Ending {
        ok: stop.is_none(),
        stop_reason: stop.map(|(reason, _)| reason_name(reason)),
        attempts: by_hand.attempt,
        last_class: last.map(|(class, ..)| class_name(class)),
        cause: last.map(|(_, cause, _)| cause_name(cause)),
        last_failure_attempt: last.map(|(.., attempt)| attempt),
        next_sleep_us: stop.and_then(|(_, delay)| delay).map(micros),
        elapsed_us: micros(world.elapsed()),
    }
}
