//! Plays a scenario in every form a call can have, and compares.

use std::sync::{LazyLock, Mutex};

use redress_core::{
    AttemptDecision, AttemptEnd, AttemptStart, Attempts, BreakerState, Cause, CircuitBreakerView, Classification,
    Clock, Decision, ErrorClass, Event, EventKind, Failure, Millis, Outcome, Policy, Rejected, RetryError,
    SleepDecision, StopReason,
    env::mode::{Blocking, Local, Spawned},
    testing::block_on,
};
use serde_json::Value;

use crate::{
    compare::{Difference, first_difference},
    scenario::{AttemptResult, Call, Scenario, Shared},
    trace::{EndTrace, Ending, EventTrace, cause_name, class_name, micros, reason_name},
    world::{Env, Step, World, yield_once},
};

/// A form in which a call can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The bare machine.
    Machine,
    /// `execute` of the blocking driver.
    Blocking,
    /// `execute` of the async driver, with an `AsyncFnMut`.
    Local,
    /// `execute` of the async driver, with an `FnMut() -> Future`, whole and `Send`.
    Spawned,
    /// The loop form, blocking.
    Loop,
    /// The loop form, async.
    AsyncLoop,
    /// `call` of the blocking driver.
    Call,
    /// `call` of the async driver, with an `AsyncFnMut`.
    LocalCall,
    /// `call` of the async driver, with an `FnMut() -> Future`.
    SpawnedCall,
    /// `execute` with nobody observing, so that no event is made.
    Quiet,
    /// `call`, with nobody observing.
    QuietCall,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Machine,
        Self::Blocking,
        Self::Local,
        Self::Spawned,
        Self::Loop,
        Self::AsyncLoop,
        Self::Call,
        Self::LocalCall,
        Self::SpawnedCall,
        Self::Quiet,
        Self::QuietCall,
    ];

    /// When its world begins: at zero, at an odd moment, and shortly before some counter overflows, for a clock starts
    /// anywhere.
    const fn epoch(self) -> u64 {
        match self {
            Self::Machine => 0,
            Self::Blocking => 977,
            Self::Local => (1 << 28) - 1_500,
            Self::Spawned => (1 << 32) - 2_500,
            Self::Loop => (1 << 32) - 1,
            Self::AsyncLoop => (1 << 60) + 3,
            Self::Call => 1,
            Self::LocalCall => (3 << 28) - 5,
            Self::SpawnedCall => (5 << 32) - 777,
            Self::Quiet => (1 << 29) - 350,
            Self::QuietCall => (7 << 28) - 60,
        }
    }

    /// The fields in which this form cannot express a call like this one.
    fn cannot_tell(self, call: &Value) -> Vec<&'static str> {
        let is = |key, value: Value| call.get(key) == Some(&value);
        let mut fields = Vec::new();
        if matches!(self, Self::Quiet | Self::QuietCall) {
            fields.extend(["events", "attempt_starts_us", "attempt_ends"]);
        }
        if !matches!(self, Self::Machine | Self::Blocking | Self::Local | Self::Spawned | Self::Quiet) {
            fields.extend(["elapsed_us", "last_failure_attempt"]);
            // A success comes back as the plain value, without a report.
            if is("ok", true.into()) {
                fields.push("attempts");
            }
        }
        // The machine names its verdict; the delay which it refused is told by the drivers.
        if self == Self::Machine && is("stop_reason", "DEADLINE_EXCEEDED".into()) {
            fields.push("next_sleep_us");
        }
        fields
    }

    /// Takes out of both traces of a call what this form cannot express.
    fn mute(self, expected: &mut Value, actual: &mut Value) {
        let muted = self.cannot_tell(actual);
        for call in [expected, actual] {
            if let Some(fields) = call.as_object_mut() {
                fields.retain(|key, _| !muted.contains(&key.as_str()));
            }
            // In a loop of one's own, a value that is a failure is reported like an error.
            if matches!(self, Self::Loop | Self::AsyncLoop) {
                rename_causes(call);
            }
        }
    }
}

fn rename_causes(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                if key == "cause" {
                    *field = cause_name(Cause::Error).into();
                }
                rename_causes(field);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(rename_causes),
        _ => {}
    }
}

/// How a scenario was played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The form of the calls.
    pub form: Form,
    /// Whether the policy has its deadline. Where that decides nothing, all must be the same without, and then other
    /// parts of the crate do it: some read no clock, some know that nothing but attempts is limited.
    pub deadline: bool,
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}{}", self.form, if self.deadline { "" } else { " without deadline" })
    }
}

/// Why a scenario does not hold.
#[derive(Clone, Debug)]
pub enum Problem {
    /// The scenario could not be played.
    Unplayable(String),
    /// Something happened that must not happen whatever the scenario.
    Wrong(Way, String),
    /// The trace is another one.
    Differs(Way, Difference),
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unplayable(error) => f.write_str(error),
            Self::Wrong(way, error) => write!(f, "{way}: {error}"),
            Self::Differs(way, difference) => write!(f, "{way}: {difference}"),
        }
    }
}

/// Plays a scenario in all forms, and again without deadline if none is exceeded.
pub fn verify(scenario: &Scenario) -> Result<(), Problem> {
    let calls = scenario.expected.get("calls").and_then(Value::as_array);
    let exceeded = calls.into_iter().flatten().any(|call| call.get("stop_reason") == Some(&"DEADLINE_EXCEEDED".into()));
    for form in Form::ALL {
        verify_way(scenario, Way { form, deadline: true })?;
        if !exceeded {
            verify_way(scenario, Way { form, deadline: false })?;
        }
    }
    Ok(())
}

fn verify_way(scenario: &Scenario, way: Way) -> Result<(), Problem> {
    let (mut actual, error) = play(scenario, way).map_err(Problem::Unplayable)?;
    let mut expected = scenario.expected.clone();
    if let (Some(Value::Array(expected)), Some(Value::Array(actual))) =
        (expected.get_mut("calls"), actual.get_mut("calls"))
    {
        expected.iter_mut().zip(actual).for_each(|(expected, actual)| way.form.mute(expected, actual));
    }
    // The difference says more than what came of it.
    if let Some(difference) = first_difference(&expected, &actual, scenario.tolerance_us) {
        let because = error.map(|error| Problem::Wrong(way, format!("{difference}; {error}")));
        return Err(because.unwrap_or(Problem::Differs(way, difference)));
    }
    error.map_or(Ok(()), |error| Err(Problem::Wrong(way, error)))
}

/// Plays a scenario in one way: its trace, and the first thing that must never happen, if any did.
pub fn play(scenario: &Scenario, way: Way) -> Result<(Value, Option<String>), String> {
    let shared = scenario.policy.shared()?;
    let policy = scenario.policy.policy(&shared, way.deadline)?;
    let world = World::new(way.form.epoch(), &scenario.random);
    let mut calls = Vec::new();
    for call in &scenario.calls {
        calls.push(play_call(&world, call, way.form, &policy, &shared)?);
        if world.error().is_some() {
            break;
        }
    }
    Ok((serde_json::json!({ "calls": calls }), world.error()))
}

fn play_call(world: &World, call: &Call, form: Form, policy: &Policy<'_>, shared: &Shared) -> Result<Value, String> {
    world.begin(call, name(call.operation.as_deref().unwrap_or("vectors")));
    let ending = match form {
        Form::Machine => by_machine(world, policy, shared.breaker.as_deref()),
        Form::Blocking => by_execute(world, policy),
        Form::Local => by_local(world, policy),
        Form::Spawned => by_spawned(world, policy),
        Form::Loop => by_loop(world, policy),
        Form::AsyncLoop => by_async_loop(world, policy),
        Form::Call => by_call(world, policy),
        Form::LocalCall => by_local_call(world, policy),
        Form::SpawnedCall => by_spawned_call(world, policy),
        Form::Quiet => by_quiet(world, policy),
        Form::QuietCall => by_quiet_call(world, policy),
    };
    let mut trace = world.finish();
    trace.ending = ending;
    trace.breaker_state = shared.breaker.as_ref().map(|breaker| breaker.state().as_str());
    trace.budget_remaining = shared.budget.as_ref().map(|budget| budget.remaining(world));
    serde_json::to_value(trace).map_err(|error| error.to_string())
}

/// The names of operations are static; those in the vectors are few, so each is leaked once.
fn name(name: &str) -> &'static str {
    static NAMES: LazyLock<Mutex<Vec<&'static str>>> = LazyLock::new(Mutex::default);
    let mut names = NAMES.lock().expect("nobody panics while holding the names");
    if let Some(known) = names.iter().find(|known| **known == name) {
        return known;
    }
    let leaked: &'static str = name.to_owned().leak();
    names.push(leaked);
    leaked
}

/// A context with the hooks which the call has, and no others: `$context` is the context, `$body` uses it.
macro_rules! with_hooks {
    ($world:ident, $before:expr, |$context:ident| $body:expr) => {{
        let (abort, handler) = ($world.clone(), $world.clone());
        let abort = move || abort.is_aborted();
        let handler = move |_: &_, _| handler.decide();
        match ($world.has_abort(), $world.has_handler()) {
            (false, false) => {
                let mut $context = $before;
                $body
            }
            (true, false) => {
                let mut $context = $before.abort_if(abort);
                $body
            }
            (false, true) => {
                let mut $context = $before.sleep_handler(handler);
                $body
            }
            (true, true) => {
                let mut $context = $before.abort_if(abort).sleep_handler(handler);
                $body
            }
        }
    }};
}

/// A context that tells the world everything.
macro_rules! observed {
    ($world:ident, $policy:ident, $mode:ident) => {{
        let [events, starts, ends] = [(); 3].map(|()| $world.clone());
        $policy
            .context(Env::<$mode>::new($world))
            .operation($world.operation())
            .retry_result(Step::failure)
            .observe(move |event: &Event| events.on_event(event))
            .on_attempt_start(move |start: &AttemptStart| starts.on_start(start))
            .on_attempt_end(move |end: &AttemptEnd| ends.on_end(end))
    }};
}

fn by_execute(world: &World, policy: &Policy<'_>) -> Ending {
    with_hooks!(world, observed!(world, policy, Blocking), |context| {
        ending_of_outcome(world, context.execute(|| world.attempt()))
    })
}

fn by_quiet(world: &World, policy: &Policy<'_>) -> Ending {
    let context = policy.context(Env::<Blocking>::new(world)).retry_result(Step::failure);
    with_hooks!(world, context, |context| ending_of_outcome(world, context.execute(|| world.attempt())))
}

fn by_quiet_call(world: &World, policy: &Policy<'_>) -> Ending {
    let context = policy.context(Env::<Blocking>::new(world)).retry_result(Step::failure);
    with_hooks!(world, context, |context| ending_of_call(world, &context.call(|| world.attempt())))
}

fn by_call(world: &World, policy: &Policy<'_>) -> Ending {
    with_hooks!(world, observed!(world, policy, Blocking), |context| {
        ending_of_call(world, &context.call(|| world.attempt()))
    })
}

fn by_local(world: &World, policy: &Policy<'_>) -> Ending {
    with_hooks!(world, observed!(world, policy, Local), |context| {
        ending_of_outcome(world, block_on(context.execute(async || attempt_later(world).await)))
    })
}

fn by_local_call(world: &World, policy: &Policy<'_>) -> Ending {
    with_hooks!(world, observed!(world, policy, Local), |context| {
        ending_of_call(world, &block_on(context.call(async || attempt_later(world).await)))
    })
}

fn by_spawned(world: &World, policy: &Policy<'_>) -> Ending {
    with_hooks!(world, observed!(world, policy, Spawned), |context| {
        ending_of_outcome(world, block_on(sendable(context.execute(|| attempt_later(world)))))
    })
}

fn by_spawned_call(world: &World, policy: &Policy<'_>) -> Ending {
    with_hooks!(world, observed!(world, policy, Spawned), |context| {
        ending_of_call(world, &block_on(sendable(context.call(|| attempt_later(world)))))
    })
}

async fn attempt_later(world: &World) -> Result<Step, Step> {
    yield_once().await;
    world.attempt()
}

/// Could be spawned, if it borrowed nothing.
fn sendable<F: Future + Send>(future: F) -> F {
    future
}

fn by_loop(world: &World, policy: &Policy<'_>) -> Ending {
    with_hooks!(world, observed!(world, policy, Blocking), |context| {
        let result = match context.start() {
            Err(rejected) => Err(not_started(world, rejected)),
            Ok(mut run) => loop {
                world.check(run.attempt().number == world.attempts() + 1, || "the run counts otherwise".into());
                let failed = match world.attempt() {
                    Ok(step) => match step.failure() {
                        None => break Ok(run.succeed(step)),
                        Some(class) => run.failed_as(class, step),
                    },
                    Err(step) => run.failed(step),
                };
                if let Err(error) = failed {
                    break Err(error);
                }
            },
        };
        ending_of_call(world, &result)
    })
}

fn by_async_loop(world: &World, policy: &Policy<'_>) -> Ending {
    with_hooks!(world, observed!(world, policy, Local), |context| {
        let result = block_on(async {
            let mut run = context.start().map_err(|rejected| not_started(world, rejected))?;
            loop {
                yield_once().await;
                match world.attempt() {
                    Ok(step) => match step.failure() {
                        None => break Ok(run.succeed(step)),
                        Some(class) => run.failed_as(class, step).await?,
                    },
                    Err(step) => run.failed(step).await?,
                }
            }
        });
        ending_of_call(world, &result)
    })
}

fn not_started(world: &World, rejected: Rejected) -> RetryError<Step> {
    let open = rejected.reason() == StopReason::CircuitOpen;
    world.check(open || rejected.reason() == StopReason::Aborted, || format!("not started: {rejected:?}"));
    rejected.into()
}

/// The ending of an outcome, and whether the outcome is consistent in what the vectors do not know.
fn ending_of_outcome(world: &World, outcome: Outcome<Step, Step>) -> Ending {
    let ending = Ending::from(&outcome);
    let handed_back = match &outcome.result {
        Ok(step) | Err(Some(Failure::Error(step) | Failure::Result(step))) => step.attempt,
        Err(_) => 0,
    };
    world.check(handed_back == outcome.attempts, || format!("{outcome:?} is not of its last attempt"));
    let is_right = match &outcome.result {
        Ok(step) => step.result == AttemptResult::Ok,
        Err(Some(Failure::Error(step))) => matches!(step.result, AttemptResult::Error | AttemptResult::Abort),
        Err(Some(Failure::Result(step))) => step.result == AttemptResult::ResultFailure,
        Err(None) => outcome.attempts == 0,
        Err(Some(_)) => false,
    };
    world.check(is_right, || format!("{outcome:?} does not say what the operation returned"));
    match outcome.into_result() {
        Ok(_) => world.check(ending.stop_reason.is_none(), || "stopped although it succeeded".into()),
        Err(error) => check_error(world, &error),
    }
    ending
}

fn ending_of_call(world: &World, result: &Result<Step, RetryError<Step>>) -> Ending {
    match result {
        Ok(step) => {
            world.check(step.result == AttemptResult::Ok, || format!("{step:?} is no success"));
            Ending { ok: true, ..Ending::default() }
        }
        Err(error) => {
            check_error(world, error);
            error.into()
        }
    }
}

/// A checkpoint comes with a deferral and only then; an open circuit says when it lets calls through.
fn check_error(world: &World, error: &RetryError<Step>) {
    let deferred = error.reason == StopReason::Scheduled;
    world.check(error.checkpoint.is_some() == deferred, || format!("{error:?}: checkpoint"));
    if let Some(checkpoint) = error.checkpoint {
        let matches = checkpoint.attempts() == error.attempts && Some(checkpoint.remaining()) == error.next_delay;
        world.check(matches, || format!("{checkpoint:?} is not that of {error:?}"));
    }
    if error.reason == StopReason::CircuitOpen {
        world.check(error.next_delay.is_some_and(|delay| delay != Millis::ZERO), || format!("{error:?}: next delay"));
    }
    if let Some(step) = error.error {
        world.check(step.attempt == error.attempts, || format!("{error:?} is not of its last attempt"));
    }
}

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

fn by_machine(world: &World, policy: &Policy<'_>, breaker: Option<&CircuitBreakerView>) -> Ending {
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
