//! What happens on the host, and whether it is what a vector expects.

use std::cell::RefCell;

use redress_core::{AttemptDecision, Millis, StopReason};
use redress_target::{FinishItem, Form, Item, Vector, play};
use serde_json::json;

use super::convert;
use crate::{
    compare::first_difference,
    scenario::Scenario,
    trace::{CallTrace, EndTrace, Ending, EventTrace, cause_name, class_name, micros, reason_name},
};

/// The items of each call, in the form that can play the vector.
pub(super) fn items(vector: &Vector) -> Result<Vec<Vec<Item>>, String> {
    let form = if Form::Blocking.can_play(vector) { Form::Blocking } else { Form::Async };
    let calls = RefCell::new(vec![Vec::new(); vector.calls.len()]);
    play(vector, form, &|call, item| calls.borrow_mut()[call].push(item)).map_err(|error| error.to_string())?;
    Ok(calls.into_inner())
}

/// Something that must not happen whatever the vector.
pub(super) fn wrong(items: &[Vec<Item>]) -> Option<&'static str> {
    items.iter().flatten().find_map(|item| if let Item::Wrong(what) = item { Some(*what) } else { None })
}

/// The scenario with what happened as expectation, which has to be the scenario's own within its tolerance.
pub(super) fn of_scenario(scenario: &Scenario) -> Result<Vector, String> {
    let mut vector = convert::vector(scenario);
    let items = items(&vector)?;
    if let Some(what) = wrong(&items) {
        return Err(what.to_owned());
    }
    let traces: Vec<CallTrace> = items.iter().map(|items| trace(items)).collect();
    let played = json!({ "calls": traces });
    if let Some(difference) = first_difference(&scenario.expected, &played, scenario.tolerance_us) {
        return Err(difference.to_string());
    }
    vector.expected = leaked(&items);
    Ok(vector)
}

/// Items as a table has them.
pub(super) fn leaked(items: &[Vec<Item>]) -> &'static [&'static Item] {
    let leaked: &'static [Item] = items.concat().leak();
    leaked.iter().collect::<Vec<_>>().leak()
}

/// How much flash a vector takes, in words, roughly.
pub(super) fn cost(vector: &Vector) -> usize {
    let attempts: usize = vector.calls.iter().map(|call| call.attempts.len()).sum();
    8 * vector.expected.len() + 8 * attempts + vector.draws.len()
}

/// The items of a call in the words of the vectors.
fn trace(items: &[Item]) -> CallTrace {
    let mut trace = CallTrace::default();
    for item in items {
        match item {
            Item::Start(at) => trace.attempt_starts_us.push(micros(*at)),
            Item::Sleep(span) => trace.sleeps_us.push(micros(*span)),
            Item::Event(event) => trace.events.push(EventTrace {
                event: event.kind.as_str(),
                attempt: event.attempt.into(),
                t_us: micros(event.elapsed),
                sleep_us: micros(event.delay),
                class: event.class.map(class_name),
                stop_reason: event.stop_reason.map(reason_name),
                cause: event.cause.map(cause_name),
                state: event.state.map(redress_core::BreakerState::as_str),
                retry_after_us: event.retry_after.map(micros),
            }),
            Item::End(end) => {
                let waits = matches!(end.decision, AttemptDecision::Retry | AttemptDecision::Scheduled);
                trace.attempt_ends.push(EndTrace {
                    attempt: end.attempt.into(),
                    t_us: micros(end.elapsed),
                    decision: end.decision.as_str(),
                    class: end.class.map(class_name),
                    stop_reason: end.stop_reason.map(reason_name),
                    cause: end.cause.map(cause_name),
                    sleep_us: (waits || end.delay != Millis::ZERO).then(|| micros(end.delay)),
                });
            }
            Item::Finish(finish) => {
                trace.ending = ending(finish);
                trace.draws = finish.draws.into();
                trace.breaker_state = finish.state.map(redress_core::BreakerState::as_str);
                trace.budget_remaining = finish.remaining;
            }
            Item::Wrong(_) => {}
        }
    }
    trace
}

fn ending(finish: &FinishItem) -> Ending {
    // When to come back to an open circuit is in the crate's answer only.
    let rejected = finish.stop_reason == Some(StopReason::CircuitOpen);
    Ending {
        ok: finish.stop_reason.is_none(),
        stop_reason: finish.stop_reason.map(reason_name),
        attempts: finish.attempts.into(),
        last_class: finish.last_class.map(class_name),
        cause: finish.cause.map(cause_name),
        last_failure_attempt: finish.last_failure_attempt.map(u32::from),
        next_sleep_us: finish.next_delay.filter(|_| !rejected).map(micros),
        elapsed_us: micros(finish.elapsed),
    }
}
