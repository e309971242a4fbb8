//! `redress doctor`: what it finds, where it says it is, and its exit codes.

mod cli;

use std::{collections::BTreeSet, fs};

use cli::{EXAMPLE, Ran, file, redress};
use redress_std::{file::rules, lint::Severity};
use serde_json::Value;

/// Nothing is found in this.
const SOUND: &str = r#"
[policy.a.retry]
max_attempts = 5
deadline_ms = "none"
attempt_timeout = "1h"
backoff.delay.equal_jitter = { base_ms = 100, max_ms = 5_000 }
limits.rate_limit = 0
"#;

/// `SOUND` with other lines for the keys at their beginnings, and more lines at the end.
fn with(lines: &str) -> String {
    let (mut kept, mut added) = (String::new(), String::new());
    let (own, tables) = lines.split_once('[').map_or((lines, String::new()), |(own, rest)| (own, format!("[{rest}")));
    for line in SOUND.lines().filter(|line| {
        let key = line.split('=').next().unwrap_or_default().split('.').next().unwrap_or_default().trim();
        key.is_empty() || key.starts_with('[') || !own.lines().any(|own| own.trim_start().starts_with(key))
    }) {
        kept = kept + line + "\n";
    }
    for line in own.lines() {
        added = added + line.trim_start() + "\n";
    }
    kept + &added + &tables
}

fn json(name: &str, content: &str) -> (Option<i32>, Value) {
    let path = file(name, content);
    let ran = redress(["doctor", &path, "--format", "json"]);
    let report = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err));
    (ran.code, report)
}

/// Rule, field and text of what is found.
fn findings(report: &Value) -> Vec<(&str, &str, &str)> {
    report["findings"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().expect("a string");
            (text("rule"), text("field"), text("message"))
        })
        .collect()
}

/// A rule, its field and what its message says; lines that break it, and lines that only just don't.
struct Case(&'static str, &'static str, &'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    Case(
        "contradiction",
        "policy.a.retry.max_attempts",
        "max_attempts: must be at least 1",
        "max_attempts = 0",
        "max_attempts = 1",
    ),
    Case(
        "contradiction",
        "policy.a.retry.deadline_ms",
        "deadline: must be at least 1 ms; for none use no_deadline(), in files deadline = \"none\"",
        "deadline_ms = 0",
        "deadline_ms = 10_000",
    ),
    Case(
        "contradiction",
        "policy.a.retry.attempt_timeout_ms",
        "attempt_timeout: must be at least 1 ms; leave it out for none",
        "attempt_timeout_ms = 0",
        "attempt_timeout_ms = 1",
    ),
    Case(
        "contradiction",
        "policy.a.retry.retry_after_cap_ms",
        "retry_after_cap: must be at least 1 ms; to ignore every hint, do not follow Retry-After",
        "retry_after_cap_ms = 0",
        "retry_after_cap_ms = 1",
    ),
    Case(
        "contradiction",
        "policy.a.retry.backoff",
        "backoff base: must be at most max",
        "backoff.delay.equal_jitter = { base_ms = 101, max_ms = 100 }",
        "backoff.delay.equal_jitter = { base_ms = 100, max_ms = 100 }",
    ),
    Case(
        "contradiction",
        "policy.a.retry.backoffs.transient",
        "backoff base: must be at least 1 ms; use Backoff::none() to retry at once",
        "backoffs.transient.delay.token_backoff = { base_ms = 0, max_ms = 100 }\nbackoff = \"per_class\"",
        "backoffs.transient.delay.token_backoff = { base_ms = 1, max_ms = 100 }\nbackoff = \"per_class\"",
    ),
    Case(
        "contradiction",
        "policy.a.retry.backoff",
        "backoff: give a default or at least one class a backoff",
        "backoff = \"per_class\"",
        "backoff = \"per_class\"\nbackoffs.transient.delay.full_jitter = { base_ms = 2, max_ms = 100 }",
    ),
    Case(
        "contradiction",
        "policy.a.retry.backoff",
        "retry_after_jitter: must be at most 1 hour",
        "backoff = { delay.full_jitter = { base_ms = 2, max_ms = 9 }, retry_after = true, retry_after_jitter_ms = 3_600_001 }",
        "backoff = { delay.full_jitter = { base_ms = 2, max_ms = 9 }, retry_after = true, retry_after_jitter_ms = 3_600_000 }",
    ),
    Case(
        "contradiction",
        "policy.a.breaker.failure_threshold",
        "failure_threshold, threshold_for: must be at least 1",
        "[policy.a.breaker]\nfailure_threshold = 0",
        "[policy.a.breaker]\nfailure_threshold = 1",
    ),
    Case(
        "contradiction",
        "policy.a.breaker.window_ms",
        "window: must be from 1 ms to 12 hours",
        "[policy.a.breaker]\nfailure_threshold = 2\nwindow_ms = 43_200_001",
        "[policy.a.breaker]\nfailure_threshold = 2\nwindow_ms = 43_200_000",
    ),
    Case(
        "contradiction",
        "policy.a.breaker.failure_threshold",
        "sum of (threshold - 1) plus 1 must be at most the window's capacity",
        "[policy.a.breaker]\nfailure_threshold = 200\nthresholds.unknown = 58",
        "[policy.a.breaker]\nfailure_threshold = 200\nthresholds.unknown = 57",
    ),
    Case(
        "contradiction",
        "policy.a.breaker.recovery_timeout_ms",
        "recovery_timeout: must be from 1 ms to 24 days",
        "[policy.a.breaker]\nfailure_threshold = 2\nrecovery_timeout_ms = 0",
        "[policy.a.breaker]\nfailure_threshold = 2\nrecovery_timeout_ms = 1",
    ),
    Case(
        "contradiction",
        "policy.a.breaker.probe_lease_ms",
        "probe_lease: must be from 1 ms to 24 days",
        "[policy.a.breaker]\nfailure_threshold = 2\nprobe_lease_ms = 0",
        "[policy.a.breaker]\nfailure_threshold = 2\nprobe_lease_ms = 1",
    ),
    Case(
        "contradiction",
        "policy.a.budget",
        "refill_per_success, refill_per_second: must be at most the capacity",
        "[policy.a.budget.token_bucket]\ncapacity = 10\nrefill_per_second_millitokens = 10_001",
        "[policy.a.budget.token_bucket]\ncapacity = 10\nrefill_per_second_millitokens = 10_000",
    ),
    Case(
        "contradiction",
        "policy.a.breaker.probes",
        "probes: must be from 1 to 15",
        "[policy.a.breaker]\nfailure_threshold = 2\nprobes = 16",
        "[policy.a.breaker]\nfailure_threshold = 2\nprobes = 15",
    ),
    Case(
        "contradiction",
        "policy.a.budget",
        "capacity: must be from 1 to 4000 tokens",
        "[policy.a.budget.token_bucket]\ncapacity = 4_001",
        "[policy.a.budget.token_bucket]\ncapacity = 4_000",
    ),
    Case(
        "contradiction",
        "policy.a.budget",
        "initial: must be at most the capacity",
        "[policy.a.budget.token_bucket]\ncapacity = 10\ninitial = 11",
        "[policy.a.budget.token_bucket]\ncapacity = 10\ninitial = 10",
    ),
    Case(
        "contradiction",
        "policy.a.budget",
        "max_retries: must be at most the window's capacity",
        "[policy.a.budget.rolling]\nmax_retries = 4_097\nwindow_ms = 1_000",
        "[policy.a.budget.rolling]\nmax_retries = 4_096\nwindow_ms = 1_000",
    ),
    Case(
        "contradiction",
        "policy.a.budget",
        "percent: must be from 0 to 100",
        "[policy.a.budget.ratio]\npercent = 101\nmin_per_second = 1",
        "[policy.a.budget.ratio]\npercent = 100\nmin_per_second = 1",
    ),
    Case(
        "contradiction",
        "policy.a.budget",
        "min_per_second: times the window must be at most 2000000 retries",
        "[policy.a.budget.ratio]\npercent = 20\nwindow_ms = 1_000_000\nmin_per_second = 2_001",
        "[policy.a.budget.ratio]\npercent = 20\nwindow_ms = 1_000_000\nmin_per_second = 2_000",
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

#[test]
fn every_rule_is_broken_and_only_just_kept() {
    for (n, Case(rule, field, message, breaks, keeps)) in CASES.iter().enumerate() {
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
    let tried: BTreeSet<&str> = CASES.iter().map(|case| case.0).collect();
    let known: BTreeSet<&str> = rules().map(|rule| rule.name).collect();
    assert_eq!(tried, known);
    let Ran { code, out, .. } = redress(["rules"]);
    let listed: BTreeSet<&str> = out.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!((code, listed), (Some(0), known));
}

#[test]
fn what_is_sound_is_silent() {
    let (code, report) = json("sound.toml", SOUND);
    assert_eq!((code, findings(&report)), (Some(0), vec![]));
}

#[test]
fn all_contradictions_are_found_at_once() {
    let text = "[policy.a.retry]\nmax_attempts = 0\ndeadline_ms = 0\nattempt_timeout_ms = 0\n\
        backoff.delay.exponential = { base_ms = 0, max_ms = 1 }\n\
        backoffs.unknown.delay.fixed = { delays_ms = [] }\n\
        breaker = { failure_threshold = 0 }\n"
        .replace("breaker =", "[policy.a]\nbreaker =");
    let (code, report) = json("all.toml", &text);
    let fields: Vec<&str> = findings(&report).iter().map(|(_, field, _)| *field).collect();
    let retry = "policy.a.retry";
    assert_eq!(
        fields,
        [
            &format!("{retry}.max_attempts"),
            &format!("{retry}.deadline_ms"),
            &format!("{retry}.attempt_timeout_ms"),
            &format!("{retry}.backoff"),
            &format!("{retry}.backoffs.unknown"),
            "policy.a.breaker.failure_threshold",
        ]
    );
    assert_eq!((code, report["errors"].as_u64()), (Some(1), Some(6)));
}

#[test]
fn findings_have_line_and_column() {
    let text = "[policy.a.retry]\nmax_attempts = \"unlimited\"\n  backoff.delay.constant.delay_ms = 5\nattempt_timeout = \"1s\"\n";
    let path = file("places.toml", text);
    let Ran { code, out, .. } = redress(["doctor", &path]);
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[0].starts_with(&format!("{path}:2:1: warning[unlimited_without_breaker] policy.a.retry.max_attempts: ")),
        "{out}"
    );
    assert!(lines[1].starts_with(&format!("{path}:3:3: warning[no_jitter] policy.a.retry.backoff: ")), "{out}");
    assert!(lines[2].starts_with(&format!("{path}:3:3: note[rate_limit_ignores_retry_after] ")), "{out}");
    assert_eq!(lines[3], format!("{path}: 1 policy, 0 errors, 2 warnings, 1 note"));
}

#[test]
fn what_is_denied_decides_the_exit_code() {
    let sound = file("codes-sound.toml", SOUND);
    let note = file("codes-note.toml", with("limits.server_error = 5"));
    let warning = file("codes-warning.toml", with("max_attempts = \"unlimited\""));
    let error = file("codes-error.toml", with("max_attempts = 0"));
    for (path, codes) in [(&sound, [0, 0, 0]), (&note, [0, 0, 1]), (&warning, [0, 1, 1]), (&error, [1, 1, 1])] {
        let ran = [
            redress(["doctor", path]),
            redress(["doctor", path, "--deny", "warnings"]),
            redress(["doctor", path, "--deny", "notes"]),
        ];
        assert_eq!(ran.map(|ran| ran.code), codes.map(Some), "{path}");
    }
}

#[test]
fn without_a_verdict_the_exit_code_is_2() {
    for args in [vec![], vec!["doctor"], vec!["doctor", EXAMPLE, "--deny", "everything"], vec!["cure", EXAMPLE]] {
        let Ran { code, out, err } = redress(args.iter().copied());
        assert_eq!((code, out.as_str()), (Some(2), ""), "{args:?}");
        assert!(!err.is_empty(), "{args:?}");
    }
    let Ran { code, err, .. } = redress(["doctor", "no/such/file.toml"]);
    assert_eq!(code, Some(2));
    assert!(err.starts_with("no/such/file.toml: error: cannot be read: "), "{err}");
}

/// A name, what stands in the file, and what is said about it after the path.
const BAD: &[(&str, &[u8], &str)] = &[
    ("empty", b"", ":1:1: error: no policy: expected a table [policy.NAME]\n"),
    ("comment", b"# nothing\n", ":1:1: error: no policy: expected a table [policy.NAME]\n"),
    ("syntax", b"[policy.a.retry]\nmax_attempts = = 3\n", ":2:16: error: "),
    ("table", b"[policy.a.retry\nmax_attempts = 3\n", ":1:16: error: "),
    ("string", b"[policy.a.retry]\ndeadline_ms = \"none\n", ":2:20: error: "),
    ("twice", b"[policy.a.retry]\nmax_attempts = 3\nmax_attempts = 4\n", ":3:1: error: duplicate key"),
    (
        "key",
        b"[policy.a.retry]\nmax_attempts = 3\n  max_attemps = 4\n",
        ":3:3: error: unknown field `max_attemps`, expected one of `max_attempts`, `deadline_ms`, `attempt_timeout_ms`, ",
    ),
    ("top", b"[policies.a.retry]\n", ":1:2: error: unknown field `policies`, expected `policy`"),
    (
        "table_key",
        b"[policy.a]\n[policy.a.braker]\nfailure_threshold = 3\n",
        ":2:11: error: unknown field `braker`, expected one of `allow`, `calls`, `retry`, `breaker`, `budget`",
    ),
    (
        "class",
        b"[policy.a.retry]\nlimits.rate_limits = 3\n",
        ":2:8: error: unknown field `rate_limits`, expected one of `auth`, ",
    ),
    (
        "formula",
        b"[policy.a.retry]\nbackoff.delay.linear = { base_ms = 1 }\n",
        ":2:15: error: unknown variant `linear`, expected one of `none`, `constant`, ",
    ),
    (
        "formula_key",
        b"[policy.a.retry]\nbackoff.delay.constant = { delay_ms = 1, jitter = true }\n",
        ":2:42: error: unexpected keys in table: jitter, available keys: delay_ms",
    ),
    (
        "unit",
        b"[policy.a.retry]\nbackoff.delay.constant = { delay_ms = \"1s\" }\n",
        ":2:39: error: `delay_ms` takes whole milliseconds; with a unit, the key is `delay`",
    ),
    (
        "unit_missing",
        b"[policy.a.retry]\ndeadline = 30\n",
        ":2:1: error: `deadline` takes a duration such as \"30s\"; the key for milliseconds is `deadline_ms`\n",
    ),
    (
        "unit_as_text",
        b"[policy.a.retry]\ndeadline = \"30\"\n",
        ":2:1: error: `deadline` takes a duration such as \"30s\"; the key for milliseconds is `deadline_ms`\n",
    ),
    ("unit_elsewhere", b"[policy.a.retry]\nmax_attempts = \"3s\"\n", ":2:1: error: `max_attempts` takes no duration\n"),
    ("unit_unknown", b"[policy.a.retry]\ndeadline = \"30 parsecs\"\n", ":2:12: error: `30 parsecs` is no duration: "),
    (
        "unit_small",
        b"[policy.a.retry]\ndeadline = \"10us\"\n",
        ":2:12: error: `10us` is no whole number of milliseconds\n",
    ),
    ("unit_large", b"[policy.a.retry]\ndeadline = \"50d\"\n", ":2:12: error: `50d` is too long: at most "),
    (
        "unit_twice",
        b"[policy.a.retry]\ndeadline_ms = 30\ndeadline = \"30s\"\n",
        ":3:1: error: `deadline` and `deadline_ms` are the same key\n",
    ),
    (
        "unit_nowhere",
        b"[policy.a.retry]\ndeadlin = \"30s\"\n",
        ":2:1: error: unknown field `deadlin`, expected one of `max_attempts`, `deadline_ms`, ",
    ),
    (
        "word",
        b"[policy.a.retry]\nmax_attempts = \"none\"\n",
        ":2:16: error: invalid value: string \"none\", expected a whole number or \"unlimited\"",
    ),
    (
        "negative",
        b"[policy.a.retry]\nmax_attempts = -1\n",
        ":2:16: error: invalid value: integer `-1`, expected a whole number from 1 to 4294967294, or \"unlimited\"\n",
    ),
    (
        "huge",
        b"[policy.a.retry]\ndeadline_ms = 4_294_967_296\n",
        ":2:15: error: invalid value: integer `4294967296`, expected a whole number of milliseconds from 0 to 4294967295\n",
    ),
    ("giant", b"[policy.a.retry]\ndeadline_ms = 99999999999999999999\n", ":2:15: error: "),
    (
        "limit",
        b"[policy.a.retry]\nlimits.transient = 256\n",
        ":2:20: error: invalid value: integer `256`, expected a whole number from 0 to 254\n",
    ),
    ("fraction", b"[policy.a.retry]\nmax_attempts = 1.5\n", ":2:16: error: invalid type: floating point `1.5`, "),
    ("missing", b"[policy.a]\n[policy.a.breaker]\nwindow_ms = 5\n", ":2:1: error: missing field `failure_threshold`"),
    (
        "both",
        b"[policy.a.budget]\nrolling = { max_retries = 1, window_ms = 1 }\ntoken_bucket.capacity = 3\n",
        ":3:1: error: `budget` takes exactly one key, found rolling, token_bucket",
    ),
    (
        "two_formulas",
        b"[policy.a.retry.backoffs.unknown.delay]\nconstant.delay_ms = 3\n fixed.delays_ms = [1]\n",
        ":3:2: error: `delay` takes exactly one key, found constant, fixed",
    ),
    ("no_formula", b"[policy.a.retry]\nbackoff.delay = {}\n", ":2:17: error: takes exactly one key, found none\n"),
    (
        "list",
        b"[policy.a.retry]\nbackoff.delay.fixed = { delays_ms = [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1] }\n",
        ":2:37: error: expected a list of at most 16 delays\n",
    ),
    ("latin1", b"[policy.a]\n# caf\xe9\n", ":2:6: error: not UTF-8, which TOML has to be\n"),
    ("zeros", &[0; 64], ":1:"),
];

#[test]
fn bad_files_are_refused_with_line_and_column() {
    for (name, content, message) in BAD {
        let path = file(&format!("bad-{name}.toml"), content);
        for command in ["doctor", "plan"] {
            let Ran { code, out, err } = redress([command, &path]);
            assert_eq!((code, out.as_str()), (Some(2), ""), "{name}: {err}");
            assert!(err.starts_with(&format!("{path}{message}")), "{name}: {err}");
        }
    }
}

#[test]
fn the_line_is_shown_with_a_mark_under_the_place() {
    let path = file("marked.toml", "[policy.a.retry]\n\tmax_attemps = 4\n");
    let Ran { err, .. } = redress(["doctor", &path]);
    let shown: Vec<&str> = err.lines().skip(1).collect();
    assert_eq!(shown, ["   |", " 2 | \tmax_attemps = 4", "   | \t^"]);
}

/// Nothing that a terminal would act on, but line breaks and the tabs of the file.
fn assert_printable(out: &str, name: &str) {
    let bad = out.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t') || matches!(c, '\u{202a}'..='\u{202e}'));
    assert_eq!(bad, None, "{name}: {out:?}");
}

#[test]
fn names_are_shown_escaped() {
    let (escape, feed) = ("\\u001B[31mred\\u009B", "\\n::error::mine\\u202E");
    for name in [escape, feed] {
        let text = format!(
            "[policy.\"{name}\".retry]\nmax_attempts = 0\n[policy.\"{name}\"]\ncalls = [\"{name}\", \"other{name}\"]\nallow = [\"{name}\"]\n"
        );
        let path = file("names.toml", &text);
        for args in [
            vec!["doctor", &path],
            vec!["doctor", &path, "--show"],
            vec!["doctor", &path, "--format", "json"],
            vec!["plan", &path],
            vec!["plan", &path, "--policy", "\u{1b}[31mnone"],
        ] {
            let Ran { out, err, .. } = redress(args.iter().copied());
            assert_printable(&out, name);
            assert_printable(&err, name);
            assert!(!out.lines().chain(err.lines()).any(|line| line.starts_with("::error::")), "{out}{err}");
        }
        let Ran { out, .. } = redress(["doctor", &path]);
        let key = name.replace("\\n", "\\u000A");
        assert!(out.contains(&format!(" policy.\"{key}\".retry.max_attempts: ")), "{out}");
        assert!(out.contains(&format!("no policy named \"other{key}\" is in this file")), "{out}");
        assert!(out.contains(&format!("\"{key}\": allow names no rule")), "{out}");

        let sound = format!("[policy.\"{name}\".retry]\nmax_attempts = 2\n");
        let (path, svg) = (file("names-sound.toml", sound), cli::scratch("names.svg"));
        let Ran { code, out, err } = redress(["plan", &path, "--svg", svg.to_str().expect("UTF-8")]);
        assert_eq!(code, Some(0), "{err}");
        assert_printable(&out, name);
        assert_printable(&fs::read_to_string(svg).expect("written"), name);
    }
    // What is refused is shown too: a key, and the line it stands in.
    for text in [
        "[policy.a]\n\"\\u001B[31m\" = 1\n",
        "[policy.a]\nx = \"\u{9b}31m\u{202e}\"\n",
        "[policy.a]\nx\u{1b}[31m = 1\n",
    ] {
        let Ran { code, out, err } = redress(["doctor", &file("names-bad.toml", text)]);
        assert_eq!((code, out.as_str()), (Some(2), ""));
        assert_printable(&err, text);
    }
}

/// Each file of `tests/faults` begins with the exit code and with what is said about it.
#[test]
fn each_fault_is_told() {
    let mut faults = 0;
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults")).expect("the directory") {
        let path = entry.expect("a file").path();
        let text = fs::read_to_string(&path).expect("UTF-8");
        let path = path.to_str().expect("UTF-8");
        let expected =
            |what: &'static str| text.lines().filter_map(move |line| line.strip_prefix(what)).collect::<Vec<_>>();
        let Ran { code, out, err } = redress(["doctor", path]);
        assert_printable(&(out.clone() + &err), path);
        assert_eq!(expected("# code: "), [code.expect("no signal").to_string()], "{path}: {out}{err}");
        let says = expected("# says: ");
        assert!(!says.is_empty(), "{path}");
        for says in says {
            let mut lines = out.lines().chain(err.lines());
            assert!(lines.any(|line| line.contains(says)), "{says} in {out}{err}");
        }
        faults += 1;
    }
    assert!(faults >= 13, "{faults}");
}

#[test]
fn of_a_long_line_the_surroundings_are_shown() {
    let text = format!(
        "policy.a.retry = {{ {}, max_attemps = 3 }}\n",
        ["max_attempts = 1"; 1].join(", ") + &" ".repeat(100_000)
    );
    let Ran { code, err, .. } = redress(["doctor", &file("long.toml", text)]);
    assert_eq!(code, Some(2));
    assert!(err.len() < 2_000 && err.contains("max_attemps = 3 }"), "{err}");
    let marked: Vec<&str> = err.lines().skip(2).collect();
    let place = marked[1].find('^').expect("a mark");
    assert!(marked[0][place..].starts_with("max_attemps"), "{err}");
}

#[test]
fn keys_too_deep_are_refused() {
    let keys = "a.".repeat(50_000);
    let Ran { code, err, .. } = redress(["doctor", &file("deep-keys.toml", format!("policy.{keys}b = 1\n"))]);
    assert_eq!(code, Some(2), "{}", &err[..err.len().min(500)]);
}

#[test]
fn nesting_too_deep_is_refused() {
    let deep = format!("policy.a.retry.backoff = {}1{}", "[".repeat(50_000), "]".repeat(50_000));
    let Ran { code, err, .. } = redress(["doctor", &file("deep.toml", deep)]);
    assert_eq!(code, Some(2), "{}", &err[..err.len().min(500)]);
}

#[test]
fn the_documented_example_is_clean() {
    let Ran { code, out, err } = redress(["doctor", EXAMPLE, "--deny", "notes"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.ends_with("policy.toml: 3 policies, nothing to report\n"), "{out}");
}

#[test]
fn what_is_shown_reads_as_the_same_policies() {
    let Ran { code, out, .. } = redress(["doctor", EXAMPLE, "--show"]);
    assert_eq!(code, Some(0));
    let shown = out.rsplit_once("\n\n").expect("the report follows").0;
    for line in ["max_unknown = 1", "retry_after_cap_ms = \"auto\"", "retry_after = false", "probe_lease_ms = 60000"] {
        assert!(shown.lines().any(|shown| shown == line), "{line} in {shown}");
    }
    let again = file("shown.toml", shown);
    let Ran { out: twice, .. } = redress(["doctor", &again, "--show"]);
    assert_eq!(twice.rsplit_once("\n\n").expect("the report follows").0, shown);

    let text = fs::read_to_string(EXAMPLE).expect("the example");
    let (_, report) = json("show.toml", &text);
    assert_eq!(report.get("policies"), None);
    let Ran { out, .. } = redress(["doctor", EXAMPLE, "--show", "--format", "json"]);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(report["policies"]["database"]["retry"]["retry_after_cap_ms"], "auto");
    assert_eq!(report["policies"]["payments"]["breaker"]["probe_lease_ms"], 60_000);
}

#[test]
fn the_default_backoff_and_the_default_budget_are_shown() {
    let path = file("defaults.toml", "[policy.a]\n");
    let Ran { out, .. } = redress(["doctor", path.as_str(), "--show"]);
    for shown in [
        "[policy.a.retry.backoff.delay.equal_jitter]\nbase_ms = 250\nmax_ms = 30000\n",
        "[policy.a.budget.token_bucket]\ncapacity = 10\nrefill_per_success_millitokens = 100\nrefill_per_second_millitokens = 1\n",
    ] {
        assert!(out.contains(shown), "{shown} in {out}");
    }
}
