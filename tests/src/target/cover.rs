//! What vectors cover, and which of them are taken.

use std::collections::BTreeSet;

use redress_core::{AttemptDecision, BreakerState, Cause, ErrorClass, EventKind, SleepDecision, StopReason};
use redress_target::{BackoffSpec, BudgetSpec, FormulaSpec, Item, PolicySpec, Vector};

/// What is covered by construction of the lists below, and what is named here.
pub const REQUIRED: &[&str] = &[
    "formula none",
    "formula constant",
    "formula fixed",
    "formula exponential",
    "formula full_jitter",
    "formula equal_jitter",
    "formula decorrelated_jitter",
    "formula token_backoff",
    "formula custom",
    "formula fixed, hint followed",
    "formula equal_jitter, hint followed",
    "formula decorrelated_jitter, hint followed",
    "formula token_backoff, hint followed",
    "formula of a class",
    "limit attempts",
    "limit class",
    "limit class, no retry",
    "limit unknown",
    "limit deadline, before a wait",
    "limit deadline, after a wait",
    "limit deadline, in an attempt",
    "limit attempt timeout",
    "limit rolling budget",
    "limit bucket",
    "limit hint",
    "limit breaker",
    "breaker closed > closed after a failure",
    "breaker closed > open",
    "breaker open > open",
    "breaker open > half_open",
    "breaker half_open > closed",
    "breaker half_open > open",
    "breaker half_open > half_open",
    "budget refilled",
    "sleep handler defers",
    "sleep handler aborts",
    "abort before an attempt",
    "abort after a failure",
    "operation aborts",
    "wait takes longer",
    "success after retries",
    "class threshold",
];

/// The things that vectors cover.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    covered: BTreeSet<String>,
    pairs: BTreeSet<(String, String)>,
}

impl Coverage {
    /// Adds what this vector covers.
    pub fn add(&mut self, vector: &Vector) {
        let features = features(vector);
        for (i, feature) in features.iter().enumerate() {
            let others = features.iter().skip(i + 1);
            self.pairs.extend(others.map(|other| (feature.clone(), other.clone())));
        }
        self.covered.extend(features);
    }

    /// Returns how many things, and how many pairs of them in one vector, are covered.
    pub fn counts(&self) -> (usize, usize) {
        (self.covered.len(), self.pairs.len())
    }

    /// Returns whether everything is covered that must be.
    ///
    /// # Errors
    ///
    /// What is not.
    pub fn complete(&self) -> Result<(), String> {
        let missing: Vec<_> = required().into_iter().filter(|feature| !self.covered.contains(feature)).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("not covered: {}", missing.join("; "))) }
    }
}

/// Everything that has to be covered.
fn required() -> BTreeSet<String> {
    let mut required: BTreeSet<String> = REQUIRED.iter().map(|feature| (*feature).to_owned()).collect();
    required.extend(StopReason::ALL.iter().map(|reason| format!("stop {}", reason.as_str())));
    // The vectors are calls; sessions are events of a keeper.
    let sessions = [EventKind::SessionEstablished, EventKind::SessionLost];
    let kinds = EventKind::ALL.iter().filter(|kind| !sessions.contains(kind));
    required.extend(kinds.map(|kind| format!("event {kind}")));
    required.extend(Cause::ALL.iter().map(|cause| format!("cause {cause}")));
    required.extend(AttemptDecision::ALL.iter().map(|decision| format!("decision {decision}")));
    required.extend(ErrorClass::ALL.iter().map(|class| format!("failure {class}")));
    required
}

/// Takes vectors, the cheapest first: those that cover something new, and then those that cover a new pair, up to `wanted`.
pub(super) fn pick(candidates: Vec<Vector>, wanted: usize, coverage: &mut Coverage) -> Vec<Vector> {
    let mut picked = Vec::new();
    let mut rest = candidates;
    for new in [|coverage: &Coverage| coverage.covered.len(), |coverage: &Coverage| coverage.pairs.len()] {
        let mut left = Vec::new();
        for vector in rest {
            let before = new(coverage);
            let mut with = if picked.len() < wanted { Some(coverage.clone()) } else { None };
            if let Some(with) = &mut with {
                with.add(&vector);
            }
            match with.filter(|with| new(with) > before) {
                Some(with) => {
                    *coverage = with;
                    picked.push(vector);
                }
                None => left.push(vector),
            }
        }
        rest = left;
    }
    picked
}

fn formula_name(backoff: &BackoffSpec) -> &'static str {
    match backoff.formula {
        FormulaSpec::None => "none",
        FormulaSpec::Constant(_) => "constant",
        FormulaSpec::Fixed(_) => "fixed",
        FormulaSpec::Exponential(..) => "exponential",
        FormulaSpec::FullJitter(..) => "full_jitter",
        FormulaSpec::EqualJitter(..) => "equal_jitter",
        FormulaSpec::DecorrelatedJitter(..) => "decorrelated_jitter",
        FormulaSpec::TokenBackoff(..) => "token_backoff",
        FormulaSpec::Custom => "custom",
    }
}

/// Everything that this vector covers.
fn features(vector: &Vector) -> BTreeSet<String> {
    let mut features = BTreeSet::new();
    let mut calls = vector.expected.split_inclusive(|item| matches!(item, Item::Finish(_)));
    let mut before = vector.policy.breaker.map(|_| BreakerState::Closed);
    let mut remaining = None;
    for (items, call) in calls.by_ref().zip(vector.calls) {
        let mut cover = |feature: String| {
            features.insert(feature);
        };
        call_features(&vector.policy, items, &mut cover);
        breaker_features(&vector.policy, items, before, &mut cover);
        for answer in call.answers {
            match answer {
                SleepDecision::Defer if stops(items, StopReason::Scheduled) => cover("sleep handler defers".into()),
                SleepDecision::Abort if stops(items, StopReason::Aborted) => cover("sleep handler aborts".into()),
                _ => {}
            }
        }
        if call.oversleep.iter().any(|longer| *longer > 0) && items.iter().any(|item| matches!(item, Item::Sleep(_))) {
            cover("wait takes longer".into());
        }
        if let Some(Item::Finish(finish)) = items.last() {
            if remaining.is_some() && finish.remaining > remaining {
                cover("budget refilled".into());
            }
            before = finish.state;
            remaining = finish.remaining;
        }
    }
    features
}

fn stops(items: &[&Item], reason: StopReason) -> bool {
    matches!(items.last(), Some(Item::Finish(finish)) if finish.stop_reason == Some(reason))
}

fn call_features(policy: &PolicySpec, items: &[&Item], cover: &mut impl FnMut(String)) {
    for item in items {
        match item {
            Item::Event(event) => {
                cover(format!("event {}", event.kind));
                if event.kind == EventKind::Retry {
                    retry_features(policy, event.class, event.retry_after.is_some(), cover);
                }
                if event.kind == EventKind::Success && event.attempt > 1 {
                    cover("success after retries".into());
                }
            }
            Item::End(end) => {
                cover(format!("decision {}", end.decision));
                if let (Some(class), Some(cause)) = (end.class, end.cause) {
                    cover(format!("failure {class}"));
                    cover(format!("cause {cause}"));
                    if cause == Cause::Timeout {
                        let ended_by_deadline = end.stop_reason == Some(StopReason::DeadlineExceeded);
                        cover(
                            if ended_by_deadline { "limit deadline, in an attempt" } else { "limit attempt timeout" }
                                .into(),
                        );
                    }
                }
            }
            Item::Finish(finish) => {
                if let Some(reason) = finish.stop_reason {
                    cover(format!("stop {}", reason.as_str()));
                    stop_features(policy, items, reason, cover);
                }
            }
            Item::Start(_) | Item::Sleep(_) | Item::Wrong(_) => {}
        }
    }
}

fn retry_features(policy: &PolicySpec, class: Option<ErrorClass>, hint: bool, cover: &mut impl FnMut(String)) {
    let own = policy.class_backoffs.iter().find(|(own, _)| Some(*own) == class).map(|(_, backoff)| backoff);
    if own.is_some() {
        cover("formula of a class".into());
    }
    let Some(backoff) = own.or(policy.backoff.as_ref()) else { return };
    let followed = hint && backoff.retry_after.is_some();
    cover(format!("formula {}{}", formula_name(backoff), if followed { ", hint followed" } else { "" }));
}

fn stop_features(policy: &PolicySpec, items: &[&Item], reason: StopReason, cover: &mut impl FnMut(String)) {
    let last = items.iter().rev().nth(1);
    let limit = match reason {
        StopReason::MaxAttemptsGlobal => "attempts",
        StopReason::MaxAttemptsPerClass => {
            if policy.limits.iter().any(|(_, retries)| *retries == 0) {
                cover("limit class, no retry".into());
            }
            "class"
        }
        StopReason::MaxUnknownAttempts => "unknown",
        StopReason::DeadlineExceeded if matches!(last, Some(Item::End(end)) if end.cause != Some(Cause::Timeout)) => {
            "deadline, before a wait"
        }
        StopReason::DeadlineExceeded if matches!(last, Some(Item::Event(_))) => "deadline, after a wait",
        StopReason::BudgetExhausted => match policy.budget {
            Some(BudgetSpec::Rolling { .. }) => "rolling budget",
            _ => "bucket",
        },
        StopReason::RetryAfterTooLong => "hint",
        StopReason::CircuitOpen => "breaker",
        StopReason::Aborted => {
            return cover(match last {
                Some(Item::End(end)) if end.class.is_some() => "abort after a failure".into(),
                Some(Item::End(_)) => "operation aborts".into(),
                _ => "abort before an attempt".into(),
            });
        }
        _ => return,
    };
    cover(format!("limit {limit}"));
}

fn breaker_features(
    policy: &PolicySpec,
    items: &[&Item],
    before: Option<BreakerState>,
    cover: &mut impl FnMut(String),
) {
    let (Some(breaker), Some(mut state)) = (policy.breaker, before) else { return };
    let mut changed = false;
    for item in items {
        let Item::Event(event) = item else { continue };
        match event.state {
            Some(next) if next != state => {
                cover(format!("breaker {state} > {next}"));
                if next == BreakerState::Open
                    && breaker.class_thresholds.iter().any(|(class, _)| Some(*class) == event.class)
                {
                    cover("class threshold".into());
                }
                (state, changed) = (next, true);
            }
            Some(_) if event.kind == EventKind::CircuitRejected => cover(format!("breaker {state} > {state}")),
            _ => {}
        }
    }
    let Some(Item::Finish(finish)) = items.last() else { return };
    let failed = finish.stop_reason.is_some();
    if state == BreakerState::Closed && !changed && failed && finish.last_class.is_some() {
        cover("breaker closed > closed after a failure".into());
    }
    if before == Some(BreakerState::HalfOpen) && state == BreakerState::HalfOpen {
        cover("breaker half_open > half_open".into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_not_covered_is_named() {
        let all = Coverage { covered: required(), ..Coverage::default() };
        assert_eq!(all.complete(), Ok(()));
        for feature in required() {
            let mut coverage = all.clone();
            coverage.covered.remove(&feature);
            assert_eq!(coverage.complete(), Err(format!("not covered: {feature}")));
        }
    }

    #[test]
    fn every_reason_event_class_and_transition_is_required() {
        let required = required();
        for feature in ["stop retry_after_too_long", "event circuit_half_open", "cause timeout", "failure auth"] {
            assert!(required.contains(feature), "{feature}");
        }
        let states = BreakerState::ALL.len();
        let transitions = required.iter().filter(|feature| feature.starts_with("breaker ")).count();
        // All pairs but closed to half-open, and open to closed, which no breaker has.
        assert_eq!(transitions, states * states - 2);
    }
}
