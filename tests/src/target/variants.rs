//! Vectors changed in one thing that the files cannot express.

use redress_core::{EventKind, Millis, StopReason};
use redress_target::{Answered, AttemptSpec, BackoffSpec, BudgetSpec, CallSpec, FormulaSpec, Item, Vector};

use super::record;

/// How many vectors are changed in each way.
const EACH: usize = 3;

type Change = fn(&Vector) -> Option<Vector>;

const CHANGES: [(&str, Change); 12] = [
    ("none", |vector| formula(vector, |_, _| FormulaSpec::None)),
    ("constant", |vector| formula(vector, |base, _| FormulaSpec::Constant(base))),
    ("exponential", |vector| formula(vector, FormulaSpec::Exponential)),
    ("full_jitter", |vector| formula(vector, FormulaSpec::FullJitter)),
    ("custom", |vector| formula(vector, |_, _| FormulaSpec::Custom)),
    ("bucket", bucket),
    ("bucket_refill", bucket_refill),
    ("retry_after_cap", retry_after_cap),
    ("two_probes", |vector| probes(vector, 2)),
    ("three_probes", |vector| probes(vector, 3)),
    ("attempt_timeout", attempt_timeout),
    ("deadline_in_attempt", hanging),
];

/// The first vectors that can be changed in each way, with what happens on the host as expectation.
pub(super) fn of(candidates: &[Vector]) -> Result<Vec<Vector>, String> {
    let mut variants = Vec::new();
    for (name, change) in CHANGES {
        let before = variants.len();
        for candidate in candidates {
            if variants.len() - before == EACH {
                break;
            }
            let Some(changed) = change(candidate) else { continue };
            // What the script does not go far enough for is no vector, and neither is what changes nothing.
            let Some(variant) = played(changed, &format!("{}+{name}", candidate.id))? else { continue };
            if variant.expected != candidate.expected {
                variants.push(variant);
            }
        }
        if variants.len() == before {
            return Err(format!("no vector can be changed by {name}"));
        }
    }
    Ok(variants)
}

fn played(mut vector: Vector, id: &str) -> Result<Option<Vector>, String> {
    // Other formulas may draw where the vector's own did not.
    let more = (0..64_u32).map(|i| i.wrapping_mul(0x9E37_79B9) ^ 0x5EED_5EED);
    let draws: Vec<u32> = vector.draws.iter().copied().chain(more).collect();
    vector.draws = draws.clone().leak();
    let items = record::items(&vector)?;
    if record::wrong(&items).is_some() {
        return Ok(None);
    }
    let of_call = |item: &Item| if let Item::Finish(finish) = item { usize::from(finish.draws) } else { 0 };
    let used: usize = items.iter().flatten().map(of_call).sum();
    vector.draws = draws[..used].to_vec().leak();
    vector.expected = record::leaked(&items);
    vector.id = id.to_owned().leak();
    Ok(Some(vector))
}

fn stopped_by(vector: &Vector, reason: StopReason) -> bool {
    vector.expected.iter().any(|item| matches!(item, Item::Finish(finish) if finish.stop_reason == Some(reason)))
}

fn sleeps(vector: &Vector) -> usize {
    vector.expected.iter().filter(|item| matches!(item, Item::Sleep(_))).count()
}

/// Another formula for a vector that retries at least twice.
fn formula(vector: &Vector, formula: fn(Millis, Millis) -> FormulaSpec) -> Option<Vector> {
    let BackoffSpec { formula: before, retry_after } = vector.policy.backoff?;
    let (FormulaSpec::EqualJitter(base, max) | FormulaSpec::DecorrelatedJitter(base, max)) = before else {
        return None;
    };
    let mut changed = *vector;
    changed.policy.backoff = Some(BackoffSpec { formula: formula(base, max), retry_after });
    (sleeps(vector) > 1 && vector.policy.class_backoffs.is_empty()).then_some(changed)
}

/// A token bucket in place of a rolling budget that was exhausted.
fn bucket(vector: &Vector) -> Option<Vector> {
    let BudgetSpec::Rolling { max_retries, .. } = vector.policy.budget? else { return None };
    let mut changed = *vector;
    changed.policy.budget = Some(BudgetSpec::Bucket { capacity: max_retries.max(1), per_success: 700, per_second: 0 });
    stopped_by(vector, StopReason::BudgetExhausted).then_some(changed)
}

fn bucket_refill(vector: &Vector) -> Option<Vector> {
    let mut changed = bucket(vector)?;
    let Some(BudgetSpec::Bucket { per_second, .. }) = &mut changed.policy.budget else { return None };
    *per_second = 900;
    Some(changed)
}

/// A cap below the hints of the vector.
fn retry_after_cap(vector: &Vector) -> Option<Vector> {
    let hints = vector.calls.iter().flat_map(|call| call.attempts).filter_map(|attempt| attempt.retry_after);
    let longest = hints.max().filter(|hint| hint.get() > 1)?;
    let mut changed = *vector;
    changed.policy.retry_after_cap = Some(Millis::new(longest.get() - 1));
    Some(changed)
}

/// More probes for a breaker that is half-open with so many calls to come.
fn probes(vector: &Vector, probes: u8) -> Option<Vector> {
    let calls = vector.expected.split(|item| matches!(item, Item::Finish(_)));
    let is_probed = |items: &[&Item]| {
        items.iter().any(|item| matches!(item, Item::Event(event) if event.kind == EventKind::CircuitHalfOpen))
    };
    let first = calls.into_iter().position(is_probed)?;
    let mut changed = *vector;
    changed.policy.breaker.as_mut()?.probes = probes;
    (first + usize::from(probes) <= vector.calls.len()).then_some(changed)
}

/// A first attempt that hangs where the vector's fails.
fn hanging(vector: &Vector) -> Option<Vector> {
    let (first, rest) = vector.calls.split_first()?;
    let (attempt, others) = first.attempts.split_first()?;
    if attempt.result != Answered::Error || vector.policy.deadline > Millis::from_secs(60) {
        return None;
    }
    let hangs = AttemptSpec { result: Answered::Hangs, ..*attempt };
    let attempts: Vec<_> = [hangs].into_iter().chain(others.iter().copied()).collect();
    let first = CallSpec { attempts: attempts.leak(), ..*first };
    let calls: Vec<_> = [first].into_iter().chain(rest.iter().copied()).collect();
    Some(Vector { calls: calls.leak(), ..*vector })
}

fn attempt_timeout(vector: &Vector) -> Option<Vector> {
    let mut changed = hanging(vector)?;
    changed.policy.attempt_timeout = Some(Millis::new(vector.policy.deadline.get() / 5 + 1));
    (sleeps(vector) > 1).then_some(changed)
}
