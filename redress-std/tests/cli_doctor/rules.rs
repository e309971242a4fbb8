//! Rules: each is broken and only just kept.

use std::collections::BTreeSet;

use redress_std::{file::rules, lint::Severity};

use crate::{
    Case,
    cli::{Ran, redress},
    contradictions, findings, json, with,
};

const CASES: &[Case] = &[
    Case(
        "breaker_never_trips",
        "policy.a.rate_breaker.trip_on",
        "no class trips the breaker",
        "[policy.a.rate_breaker]\nfailure_rate = 50\ntrip_on = []",
        "[policy.a.rate_breaker]\nfailure_rate = 50\ntrip_on = [\"unknown\"]",
    ),
    Case(
        "seconds_as_millis",
        "policy.a.rate_breaker.growing_timeout.healthy_after_ms",
        "120 ms; if seconds are meant, write healthy_after = \"120s\"",
        "[policy.a.rate_breaker]\nfailure_rate = 50\ngrowing_timeout = { longest = \"10m\", healthy_after_ms = 120 }",
        "[policy.a.rate_breaker]\nfailure_rate = 50\ngrowing_timeout = { longest = \"10m\", healthy_after = \"120s\" }",
    ),
    Case(
        "watched_calls",
        "policy.a.rate_breaker.slow_calls",
        "counts only calls in a watched context",
        "[policy.a.rate_breaker]\nfailure_rate = 50\nslow_calls = { after = \"2s\", rate = 80 }",
        "[policy.a.rate_breaker]\nfailure_rate = 50",
    ),
    Case(
        "watched_calls",
        "policy.a.rate_breaker.per_attempt",
        "counts only calls in a watched context",
        "[policy.a.rate_breaker]\nfailure_rate = 50\nper_attempt = true",
        "[policy.a.rate_breaker]\nfailure_rate = 50\nper_attempt = false",
    ),
    Case(
        "window_below_deadline",
        "policy.a.rate_breaker.window",
        "deadline 60000 ms: calls may last longer than the window",
        "deadline_ms = 60_000\n[policy.a.rate_breaker]\nfailure_rate = 50\nwindow = \"59s\"",
        "deadline_ms = 60_000\n[policy.a.rate_breaker]\nfailure_rate = 50\nwindow = \"59s\"\nwindow_of_calls = 100",
    ),
    Case(
        "no_such_number",
        "policy.a.retry.max_attempts",
        "must be below it, or \"unlimited\"",
        "max_attempts = 4_294_967_295",
        "max_attempts = 4_294_967_294",
    ),
    Case(
        "no_such_number",
        "policy.a.retry.limits.transient",
        "must be from 0 to 254",
        "limits.transient = 255",
        "limits.transient = 254",
    ),
    Case("no_such_number", "policy.a.retry.max_unknown", "must be below it", "max_unknown = 255", "max_unknown = 254"),
    Case(
        "no_jitter",
        "policy.a.retry.backoff",
        "Exponential(100..5000 ms): no jitter: clients that failed together come back together",
        "backoff.delay.exponential = { base_ms = 100, max_ms = 5_000 }",
        "backoff.delay.full_jitter = { base_ms = 100, max_ms = 5_000 }",
    ),
    Case(
        "no_jitter",
        "policy.a.retry.backoffs.concurrency",
        "no jitter",
        "backoffs.concurrency.delay.fixed = { delays_ms = [0, 5] }",
        "backoffs.concurrency.delay.full_jitter = { base_ms = 1, max_ms = 5 }",
    ),
    Case(
        "no_delay",
        "policy.a.retry.backoff",
        "no delay",
        "backoff.delay = \"none\"",
        "backoff.delay.constant = { delay_ms = 1 }",
    ),
    Case(
        "deadline_before_retry",
        "policy.a.retry.deadline_ms",
        "deadline 100 ms, first delay 100 to 200 ms: even the shortest first delay reaches the deadline",
        "deadline_ms = 100",
        "deadline_ms = 101",
    ),
    Case(
        "deadline_before_retry",
        "policy.a.retry.deadline_ms",
        "unknown: deadline 400 ms, first delay 400 ms: even the shortest",
        "deadline_ms = 400\nbackoffs.unknown.delay.constant = { delay_ms = 400 }",
        "deadline_ms = 401\nbackoffs.unknown.delay.constant = { delay_ms = 400 }",
    ),
    Case(
        "deadline_within_first_delay",
        "policy.a.retry.deadline_ms",
        "deadline 200 ms, first delay 100 to 200 ms",
        "deadline_ms = 200",
        "deadline_ms = 201",
    ),
    Case(
        "attempts_beyond_deadline",
        "policy.a.retry.max_attempts",
        // The shortest delays before the fifth attempt are 100, 200, 400 and 800 ms.
        "deadline 1500 ms: the last attempts never come",
        "deadline_ms = 1_500",
        "deadline_ms = 1_501",
    ),
    Case(
        "max_beyond_deadline",
        "policy.a.retry.backoff",
        "EqualJitter(100..5000 ms), deadline 5000 ms: max is never waited",
        "deadline_ms = 5_000",
        "deadline_ms = 5_001",
    ),
    Case(
        "retry_after_without_jitter",
        "policy.a.retry.backoffs.rate_limit",
        "no jitter after Retry-After",
        "limits.rate_limit = 1\nbackoffs.rate_limit = { delay.full_jitter = { base_ms = 9, max_ms = 90 }, retry_after = true, retry_after_jitter_ms = 0 }",
        "limits.rate_limit = 1\nbackoffs.rate_limit = { delay.full_jitter = { base_ms = 9, max_ms = 90 }, retry_after = true }",
    ),
    Case(
        "retry_after_capped",
        "policy.a.retry.deadline_ms",
        "rate_limit: deadline 60000 ms: a Retry-After that reaches the deadline is not waited out but ends the call",
        "deadline_ms = 60_000\nlimits.rate_limit = 1\nbackoffs.rate_limit = { delay.full_jitter = { base_ms = 9, max_ms = 90 }, retry_after = true }",
        "limits.rate_limit = 1\nbackoffs.rate_limit = { delay.full_jitter = { base_ms = 9, max_ms = 90 }, retry_after = true }",
    ),
    Case(
        "retry_after_as_is",
        "policy.a.retry.backoffs.rate_limit",
        "any Retry-After is taken as it is: a server that says 0 gets no wait but the jitter",
        "limits.rate_limit = 1\nbackoffs.rate_limit = { delay.full_jitter = { base_ms = 9, max_ms = 90 }, retry_after_as_is = true }",
        "limits.rate_limit = 1\nbackoffs.rate_limit = { delay.full_jitter = { base_ms = 9, max_ms = 90 }, retry_after = true }",
    ),
    Case(
        "retry_after_without_cap",
        "policy.a.retry.retry_after_cap_ms",
        "rate_limit: no deadline: a Retry-After may last up to 49 days",
        "deadline_ms = \"none\"\nretry_after_cap_ms = 4_294_967_295\nlimits.rate_limit = 1\nbackoffs.rate_limit = { delay.full_jitter = { base_ms = 9, max_ms = 90 }, retry_after = true }",
        "deadline_ms = \"none\"\nretry_after_cap_ms = \"auto\"\nlimits.rate_limit = 1\nbackoffs.rate_limit = { delay.full_jitter = { base_ms = 9, max_ms = 90 }, retry_after = true }",
    ),
    Case(
        "rate_limit_ignores_retry_after",
        "policy.a.retry.backoff",
        "in files retry_after = true",
        "limits.rate_limit = 1",
        "limits.rate_limit = 1\nbackoff = { delay.full_jitter = { base_ms = 9, max_ms = 90 }, retry_after = true }",
    ),
    Case(
        "limit_beyond_attempts",
        "policy.a.retry.limits.server_error",
        "the limit has no effect",
        "limits.server_error = 5",
        "limits.server_error = 4",
    ),
    Case(
        "unknown_without_cap",
        "policy.a.retry.max_unknown",
        "unknown failures are retried like others",
        "max_unknown = \"unlimited\"",
        "max_unknown = \"unlimited\"\nlimits.unknown = 3",
    ),
    Case(
        "timeout_reaches_deadline",
        "policy.a.retry.attempt_timeout_ms",
        "timeout 10000 ms, deadline 10000 ms: one attempt that hangs uses up the deadline",
        "deadline_ms = 10_000\nattempt_timeout_ms = 10_000",
        "deadline_ms = 10_000\nattempt_timeout_ms = 9_999",
    ),
    Case(
        "attempt_never_ends",
        "policy.a.retry.attempt_timeout",
        "neither an attempt timeout nor a deadline ends an attempt that hangs",
        "attempt_timeout = \"none\"",
        "attempt_timeout = \"30m\"",
    ),
    Case(
        "hang_uses_deadline",
        "policy.a.retry.attempt_timeout",
        "deadline 60000 ms: without an attempt timeout, an attempt that hangs lasts until the deadline and is never retried",
        "deadline_ms = 60_000\nattempt_timeout = \"none\"",
        "deadline_ms = 60_000\nattempt_timeout = \"none\"\nmax_attempts = 1",
    ),
    Case(
        "no_wait_on_zero_hint",
        "policy.a.retry.backoffs.rate_limit",
        "no wait at all when the server says 0",
        "max_attempts = \"unlimited\"\nlimits.rate_limit = 1\nbackoffs.rate_limit = { delay.full_jitter = { base_ms = 9, max_ms = 90 }, retry_after_as_is = true, retry_after_jitter_ms = 0 }",
        "max_attempts = \"unlimited\"\nlimits.rate_limit = 1\nbackoffs.rate_limit = { delay.full_jitter = { base_ms = 9, max_ms = 90 }, retry_after_as_is = true, retry_after_jitter_ms = 1 }",
    ),
    Case(
        "seconds_as_millis",
        "policy.a.retry.deadline_ms",
        "30 ms; if seconds are meant, write deadline = \"30s\", else deadline = \"30ms\"",
        "deadline_ms = 30",
        "deadline_ms = 1_000",
    ),
    Case(
        "seconds_as_millis",
        "policy.a.retry.attempt_timeout_ms",
        "5 ms; if seconds are meant, write attempt_timeout = \"5s\"",
        "attempt_timeout_ms = 5",
        "attempt_timeout = \"5ms\"",
    ),
    Case(
        "seconds_as_millis",
        "policy.a.breaker.recovery_timeout_ms",
        "30 ms; if seconds are meant, write recovery_timeout = \"30s\"",
        "[policy.a.breaker]\nfailure_threshold = 4\nrecovery_timeout_ms = 30",
        "[policy.a.breaker]\nfailure_threshold = 4\nrecovery_timeout_ms = 30_000",
    ),
    Case(
        "unlimited_without_breaker",
        "policy.a.retry.max_attempts",
        "no circuit breaker",
        "max_attempts = \"unlimited\"",
        "max_attempts = \"unlimited\"\n[policy.a.breaker]\nfailure_threshold = 4",
    ),
    Case(
        "breaker_never_told",
        "policy.a.retry.deadline_ms",
        "give each call a deadline or max_attempts, and repeat the call in a loop",
        "max_attempts = \"unlimited\"\n[policy.a]\nbudget = \"none\"\nbreaker.failure_threshold = 4",
        "max_attempts = \"unlimited\"\n[policy.a]\nbreaker.failure_threshold = 4",
    ),
    Case(
        "no_budget",
        "policy.a.budget",
        "no budget",
        "max_attempts = 2\n[policy.a]\nbudget = \"none\"",
        "max_attempts = 1\n[policy.a]\nbudget = \"none\"",
    ),
    Case(
        "breaker_never_trips",
        "policy.a.breaker.trip_on",
        "no class trips the breaker",
        "[policy.a.breaker]\nfailure_threshold = 4\ntrip_on = []",
        "[policy.a.breaker]\nfailure_threshold = 4\ntrip_on = []\nthresholds.unknown = 3",
    ),
    Case(
        "breaker_trips_on_answers",
        "policy.a.breaker.trip_on",
        "one bad caller would shut out all others",
        "[policy.a.breaker]\nfailure_threshold = 4\ntrip_on = [\"permanent\", \"transient\"]",
        "[policy.a.breaker]\nfailure_threshold = 4\ntrip_on = [\"rate_limit\", \"transient\"]",
    ),
    Case(
        "lease_below_deadline",
        "policy.a.breaker.probe_lease_ms",
        "deadline 60000 ms: a call may outlive its probe's lease",
        "deadline_ms = 60_000\n[policy.a.breaker]\nfailure_threshold = 4\nprobe_lease_ms = 59_999",
        "deadline_ms = 60_000\n[policy.a.breaker]\nfailure_threshold = 4\nprobe_lease_ms = 60_000",
    ),
    Case(
        "window_below_deadline",
        "policy.a.breaker.window_ms",
        "deadline 60000 ms: calls may last longer than the window",
        "deadline_ms = 60_000\n[policy.a.breaker]\nfailure_threshold = 4\nwindow_ms = 59_999",
        "deadline_ms = 60_000\n[policy.a.breaker]\nfailure_threshold = 4\nwindow_ms = 60_000",
    ),
    Case(
        "budget_runs_dry",
        "policy.a.budget",
        "nothing ever comes back",
        "[policy.a.budget.token_bucket]\ncapacity = 10\nrefill_per_success_millitokens = 0",
        "[policy.a.budget.token_bucket]\ncapacity = 10\nrefill_per_success_millitokens = 1",
    ),
    Case(
        "budget_below_one_call",
        "policy.a.budget",
        "one call may use up the whole budget",
        "[policy.a.budget.rolling]\nmax_retries = 3\nwindow_ms = 1_000",
        "[policy.a.budget.rolling]\nmax_retries = 4\nwindow_ms = 1_000",
    ),
    Case(
        "budget_below_one_call",
        "policy.a.budget",
        "one call may use up the whole budget",
        "[policy.a.budget.ratio]\npercent = 20",
        "[policy.a.budget.ratio]\npercent = 20\nmin_per_second = 1",
    ),
    Case(
        "class_never_retried",
        "policy.a.retry.backoffs.auth",
        "never retried",
        "backoffs.auth.delay.full_jitter = { base_ms = 1, max_ms = 5 }",
        "backoffs.concurrency.delay.full_jitter = { base_ms = 1, max_ms = 5 }",
    ),
    Case(
        "jitter_without_retry_after",
        "policy.a.retry.backoff.retry_after_jitter_ms",
        "no effect without retry_after = true",
        "backoff = { delay.full_jitter = { base_ms = 9, max_ms = 90 }, retry_after_jitter_ms = 1 }",
        "backoff = { delay.full_jitter = { base_ms = 9, max_ms = 90 }, retry_after_jitter_ms = 1, retry_after = true }",
    ),
    Case(
        "unknown_policy",
        "policy.a.calls",
        "no policy named c",
        "[policy.a]\ncalls = [\"c\"]\n[policy.b]",
        "[policy.a]\ncalls = [\"b\"]\n[policy.b]",
    ),
    Case(
        "call_cycle",
        "policy.a.calls",
        "calls itself",
        "[policy.a]\ncalls = [\"b\"]\n[policy.b]\ncalls = [\"b\", \"c\"]\n[policy.c]\ncalls = [\"a\"]",
        "[policy.a]\ncalls = [\"b\", \"c\"]\n[policy.b]\ncalls = [\"c\"]\n[policy.c]",
    ),
    Case(
        "nested_amplification",
        "policy.a.calls",
        "a (5) -> b (4) -> c (3) makes up to 60 attempts: retries within retries multiply",
        "[policy.a]\nbudget = \"none\"\ncalls = [\"b\"]\n[policy.b]\ncalls = [\"c\"]\nretry.max_attempts = 4\n[policy.c]\nretry.max_attempts = 3\nbudget = \"none\"",
        "[policy.a]\nbudget = \"none\"\ncalls = [\"b\"]\n[policy.b]\ncalls = [\"c\"]\nretry.max_attempts = 1\n[policy.c]\nretry.max_attempts = 3\nbudget.token_bucket.capacity = 5",
    ),
    Case(
        "callee_outlives_caller",
        "policy.a.calls",
        "b has deadline 10000 ms, a 10000 ms: the call inside may use up all the time of the call outside",
        "deadline_ms = 10_000\n[policy.a]\ncalls = [\"b\"]\n[policy.b]\nretry.deadline_ms = 10_000",
        "deadline_ms = 10_000\n[policy.a]\ncalls = [\"b\"]\n[policy.b]\nretry.deadline_ms = 9_999",
    ),
    Case(
        "callee_outlives_caller",
        "policy.a.calls",
        "b has no deadline, a 3000 ms",
        "attempt_timeout_ms = 3_000\n[policy.a]\ncalls = [\"b\"]\n[policy.b]\nretry.deadline_ms = \"none\"",
        "attempt_timeout_ms = 3_000\n[policy.a]\ncalls = [\"b\"]\n[policy.b]\nretry.deadline_ms = 3_000",
    ),
    Case(
        "unknown_rule",
        "policy.a.allow",
        "no_jiter: allow names no rule",
        "[policy.a]\nallow = [\"no_jiter\"]",
        "[policy.a]\nallow = [\"no_jitter\"]",
    ),
    Case(
        "unknown_rule",
        "policy.a.allow",
        "deadline_before_retry: allow names no rule that can be allowed",
        "deadline_ms = 1\n[policy.a]\nallow = [\"deadline_before_retry\"]",
        "[policy.a]\nbudget = \"none\"\nallow = [\"no_budget\"]",
    ),
    Case(
        "unused_allow",
        "policy.a.allow",
        "no_jitter: nothing is found that this would allow",
        "[policy.a]\nallow = [\"no_jitter\"]",
        "backoff.delay.constant = { delay_ms = 5 }\n[policy.a]\nallow = [\"no_jitter\"]",
    ),
];

fn cases() -> impl Iterator<Item = &'static Case> {
    contradictions::CASES.iter().chain(CASES)
}

#[test]
fn every_rule_is_broken_and_only_just_kept() {
    for (n, Case(rule, field, message, breaks, keeps)) in cases().enumerate() {
        let text = with(breaks);
        let (code, report) = json(&format!("breaks-{n}.toml"), &text);
        let found = findings(&report);
        assert!(
            found.iter().any(|(r, f, m)| r == rule && f == field && m.contains(message)),
            "{rule} in {text}: {found:#?}"
        );
        let severity = rules().find(|known| known.name == *rule).expect(rule).severity;
        assert!(code == Some(1) || severity < Severity::Error, "{rule}: {code:?}");

        let text = with(keeps);
        let (_, report) = json(&format!("keeps-{n}.toml"), &text);
        let found = findings(&report);
        assert!(!found.iter().any(|(r, f, _)| r == rule && f == field), "{rule} in {text}: {found:#?}");
    }
}

#[test]
fn no_rule_is_left_out_here() {
    let tried: BTreeSet<&str> = cases().map(|case| case.0).collect();
    let known: BTreeSet<&str> = rules().map(|rule| rule.name).collect();
    assert_eq!(tried, known);
    let Ran { code, out, .. } = redress(["rules"]);
    let listed: BTreeSet<&str> = out.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!((code, listed), (Some(0), known));
}
