//! Plays a scenario in every form a call can have, and compares.

mod form;
mod machine;

use std::sync::{LazyLock, Mutex};

use redress_core::{
    AttemptEnd, AttemptStart, Event, Failure, Millis, Outcome, Policy, Rejected, RetryError, StopReason,
    env::mode::{Blocking, Local, Spawned},
    testing::block_on,
};
use serde_json::Value;

pub use self::form::Form;
use self::machine::by_machine;
use crate::{
    compare::{Difference, first_difference},
    scenario::{AttemptResult, Call, Scenario, Shared},
    trace::Ending,
    world::{Env, Step, World, yield_once},
};

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
