//! Vectors of the files as they stand in a table.

use redress_core::{Classification, ErrorClass, Millis, SleepDecision};
use redress_target::{
    Answered, AttemptSpec, BackoffSpec, BreakerSpec, BudgetOp, BudgetSpec, BudgetVector, CallSpec, DelayRow,
    DelayVector, FormulaSpec, PolicySpec, Vector,
};

use crate::{
    component::{self, Op},
    scenario::{self, Answer, AttemptResult, Class, Scenario, StrategySpec, hint},
    trace::micros,
};

/// A table lives as long as the process.
fn leaked<T>(items: impl IntoIterator<Item = T>) -> &'static [T] {
    items.into_iter().collect::<Vec<_>>().leak()
}

fn name(text: &str) -> &'static str {
    text.to_owned().leak()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a draw is below 1")]
fn draw(u: f64) -> u32 {
    (u * 4_294_967_296.0) as u32
}

/// Those of the files are short; what a longer one decides would be different, and found.
fn span(millis: u64) -> Millis {
    Millis::new(u32::try_from(millis).unwrap_or(u32::MAX))
}

/// A scenario without its expectation.
pub(super) fn vector(scenario: &Scenario) -> Vector {
    Vector {
        id: name(&scenario.id),
        policy: policy(&scenario.policy),
        draws: leaked(scenario.random.iter().map(|u| draw(*u))),
        calls: leaked(scenario.calls.iter().map(call)),
        expected: &[],
    }
}

fn policy(policy: &scenario::PolicySpec) -> PolicySpec {
    // See `scenario::PolicySpec::policy`.
    let limits = policy.per_class_max_attempts.iter();
    let limits = limits.filter(|(class, retries)| class.0.is_retryable() || **retries == 0);
    PolicySpec {
        max_attempts: policy.max_attempts,
        deadline: span(policy.deadline_ms),
        attempt_timeout: None,
        max_unknown: policy.max_unknown_attempts,
        retry_after_cap: None,
        limits: leaked(limits.map(|(class, retries)| (class.0, *retries))),
        backoff: policy.default_strategy.as_ref().map(backoff),
        class_backoffs: leaked(policy.class_strategies.iter().map(|(class, strategy)| (class.0, backoff(strategy)))),
        budget: policy.budget.as_ref().map(rolling),
        breaker: policy.breaker.as_ref().map(|breaker| BreakerSpec {
            failure_threshold: breaker.failure_threshold,
            window: span(breaker.window_ms),
            recovery_timeout: span(breaker.recovery_timeout_ms),
            probes: 1,
            trip_on: breaker.trip_on.as_ref().map(|classes| leaked(classes.iter().map(|Class(class)| *class))),
            class_thresholds: leaked(breaker.class_thresholds.iter().map(|(class, count)| (class.0, *count))),
        }),
    }
}

fn rolling(budget: &scenario::BudgetSpec) -> BudgetSpec {
    BudgetSpec::Rolling { max_retries: budget.max_retries, window: span(budget.window_ms) }
}

fn backoff(strategy: &StrategySpec) -> BackoffSpec {
    let span = |millis: &u64| span(*millis);
    let formula = match strategy {
        StrategySpec::Fixed { delays_ms } => FormulaSpec::Fixed(leaked(delays_ms.iter().copied())),
        StrategySpec::DecorrelatedJitter { base_ms, max_ms } => {
            FormulaSpec::DecorrelatedJitter(span(base_ms), span(max_ms))
        }
        StrategySpec::EqualJitter { base_ms, max_ms } => FormulaSpec::EqualJitter(span(base_ms), span(max_ms)),
        StrategySpec::TokenBackoff { base_ms, max_ms } => FormulaSpec::TokenBackoff(span(base_ms), span(max_ms)),
        StrategySpec::RetryAfterOr { fallback, jitter_ms } => {
            return BackoffSpec { retry_after: Some(span(jitter_ms)), ..backoff(fallback) };
        }
    };
    BackoffSpec { formula, retry_after: None }
}

fn call(call: &scenario::Call) -> CallSpec {
    let answer = |answer: &Answer| match answer {
        Answer::Sleep => SleepDecision::Sleep,
        Answer::Defer => SleepDecision::Defer,
        Answer::Abort => SleepDecision::Abort,
    };
    CallSpec {
        operation: name(call.operation.as_deref().unwrap_or("vectors")),
        gap: span(call.gap_ms).get(),
        attempts: leaked(call.attempts.iter().map(|attempt| AttemptSpec {
            took: span(attempt.took_ms).get(),
            result: match attempt.result {
                AttemptResult::Ok => Answered::Ok,
                AttemptResult::Error => Answered::Error,
                AttemptResult::ResultFailure => Answered::ResultFailure,
                AttemptResult::Abort => Answered::Abort,
            },
            class: attempt.class.map_or(ErrorClass::Unknown, |class| class.0),
            retry_after: attempt.retry_after_ms.map(hint),
        })),
        abort_at: call.abort_if.map(|abort| span(abort.at_ms).get()),
        answers: leaked(call.sleep_decisions.iter().flatten().map(answer)),
        oversleep: leaked(call.oversleep_ms.iter().map(|longer| span(*longer).get())),
    }
}

/// The delays of a strategy in whole milliseconds, where they are what the vector says.
pub(super) fn delays(strategy: &component::Strategy) -> Result<DelayVector, String> {
    strategy.verify().map_err(|why| format!("{}: {why}", strategy.id))?;
    let spec = backoff(&strategy.strategy);
    let built = spec.build().map_err(|error| error.to_string())?;
    let row = |row: &component::Row| {
        let previous = row.prev_sleep_us.map_or(0, |span| (span.saturating_add(500) / 1_000).max(span.min(1)));
        let previous = Millis::new(u32::try_from(previous).unwrap_or(u32::MAX));
        let (retry_after, draw) = (row.retry_after_ms.map(hint), draw(row.u));
        let classification = Classification::new(ErrorClass::Transient);
        let classification = retry_after.map_or(classification, |hint| classification.retry_after(hint));
        let delay = built.delay(row.attempt, &classification, previous, || draw);
        let off = micros(delay).abs_diff(row.sleep_us.min(micros(Millis::MAX)));
        if off > 1_000 {
            return Err(format!("{}: {delay} is not {} us", strategy.id, row.sleep_us));
        }
        let draws = u8::try_from(row.draws).map_err(|error| error.to_string())?;
        Ok(DelayRow { attempt: row.attempt, previous, draw, retry_after, delay, draws })
    };
    let rows: Result<Vec<_>, String> = strategy.rows.iter().map(row).collect();
    Ok(DelayVector { id: name(&strategy.id), backoff: spec, rows: rows?.leak() })
}

/// The uses of a budget.
pub(super) fn budget(budget: &component::Budget) -> Result<BudgetVector, String> {
    let op = |op: &Op| {
        let (at, consumed, remaining) = match *op {
            Op::Consume { at_ms, cost, ok, remaining } => (at_ms, Some((cost, ok)), remaining),
            Op::Remaining { at_ms, remaining } => (at_ms, None, remaining),
        };
        let at = u32::try_from(at).map_err(|_| format!("{}: {at} ms is too late", budget.id))?;
        Ok(BudgetOp { at, consumed, remaining })
    };
    let ops: Result<Vec<_>, String> = budget.ops.iter().map(op).collect();
    Ok(BudgetVector { id: name(&budget.id), budget: rolling(&budget.budget), ops: ops?.leak() })
}
