//! Problems and risks of the policies in a file.

use std::{collections::BTreeSet, fmt};

use redress_core::{
    Backoff, BackoffConfig, ByClass, ConfigError, DelayConfig, ErrorClass, Millis, Policy, RetryConfig,
    lint::{Lint, Lints, Severity},
};
use serde::Serialize;

use super::{
    BudgetSettings, PolicyConfig, PolicyFile, Position, RateBreakerSettings, duration,
    name::Key,
    rule::{self, Rule, rules},
};

/// Something that is wrong with a policy, or may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The name of the [rule](super::rules).
    pub rule: &'static str,
    /// How bad it is.
    #[serde(serialize_with = "as_str")]
    pub severity: Severity,
    /// The field to change, for example `policy.uplink.retry.deadline_ms`.
    pub field: String,
    /// The problem with its values and bounds, and the remedy.
    pub message: String,
    /// The place of the field or, if it has been left out, of the table it belongs to.
    #[serde(flatten, serialize_with = "line_and_column")]
    pub position: Option<Position>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde passes")]
fn as_str<S: serde::Serializer>(severity: &Severity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(severity.as_str())
}

#[expect(clippy::ref_option, reason = "what serde passes")]
fn line_and_column<S: serde::Serializer>(position: &Option<Position>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Flat {
        line: Option<usize>,
        column: Option<usize>,
    }
    Flat { line: position.map(|at| at.line), column: position.map(|at| at.column) }.serialize(serializer)
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}] {}: {}", self.severity, self.rule, self.field, self.message)
    }
}

/// Returns what is found in these policies of the file.
pub(super) fn check<'a>(
    file: &PolicyFile,
    policies: impl IntoIterator<Item = (&'a str, &'a PolicyConfig)>,
) -> Vec<Finding> {
    let policies = policies.into_iter();
    let mut findings: Vec<Finding> = policies.flat_map(|(name, config)| of_policy(file, name, config)).collect();
    findings.sort_by_key(|finding| (finding.position, std::cmp::Reverse(finding.severity)));
    findings
}

/// One policy, and what has been found in it.
struct Check<'a> {
    file: &'a PolicyFile,
    name: &'a str,
    findings: Vec<Finding>,
}

impl Check<'_> {
    /// `field`: the path of the field within the policy, with dots; no key of a policy contains one.
    fn add(&mut self, rule: Rule, field: &str, message: String) {
        let path = ["policy", self.name].into_iter().chain(field.split('.'));
        let (position, last) = self.file.positions.nearest(path);
        // The last key as it is written, with `_ms` or without.
        let tables = field.rsplit_once('.').map_or(String::new(), |(tables, _)| format!("{tables}."));
        let field = format!("policy.{}.{tables}{last}", Key(self.name));
        self.findings.push(Finding { rule: rule.name, severity: rule.severity, field, message, position });
    }

    fn found(&mut self, rule: Rule, field: &str) {
        self.add(rule, field, rule.message.to_owned());
    }

    /// A contradiction in a table; the error says which field.
    fn contradiction(&mut self, table: &str, error: ConfigError) {
        let field = error.field().split([',', ' ']).next().unwrap_or_default();
        let field = match (table, field) {
            (_, "backoff" | "retry_after_jitter" | "breaker") | ("budget", _) => table.to_owned(),
            (
                _,
                "deadline" | "attempt_timeout" | "retry_after_cap" | "window" | "recovery_timeout" | "probe_lease"
                | "progressive",
            ) => {
                format!("{table}.{field}_ms")
            }
            _ => format!("{table}.{field}"),
        };
        self.add(rule::CONTRADICTION, &field, error.to_string());
    }
}

fn of_policy(file: &PolicyFile, name: &str, config: &PolicyConfig) -> Vec<Finding> {
    let mut check = Check { file, name, findings: Vec::new() };
    contradictions(&mut check, config);
    numbers(&mut check, &config.retry);
    seconds(&mut check, config);
    without_effect(&mut check, config);
    nesting(&mut check, config);
    // What contradicts itself has no other risks yet.
    if check.findings.iter().all(|finding| finding.rule != rule::CONTRADICTION.name) {
        risks(&mut check, config);
    }
    allowed(&mut check, &config.allow);
    check.findings
}

fn contradictions(check: &mut Check<'_>, config: &PolicyConfig) {
    let mut retry = config.retry.clone();
    for (path, backoff) in backoffs(&config.retry) {
        if let Err(error) = backoff.backoff() {
            check.contradiction(&path, error);
            // Something sound instead, so that what is wrong elsewhere is found too.
            retry.backoff = Some(DelayConfig::None.into());
            retry.backoffs = ByClass::default();
        }
    }
    // One at a time: each is mended before the next is looked for.
    while let Err(error) = Policy::from_config(&retry) {
        let field = if error == ConfigError::NoBackoff { "retry.backoff" } else { "retry" };
        check.contradiction(field, error);
        match error {
            ConfigError::ZeroAttempts => retry.max_attempts = None,
            ConfigError::ZeroDeadline => retry.deadline_ms = None,
            ConfigError::ZeroAttemptTimeout => retry.attempt_timeout_ms = None,
            ConfigError::ZeroRetryAfterCap => retry.retry_after_cap_ms = None,
            _ => break,
        }
    }
    if let Err(error) = config.shared_breaker() {
        check.contradiction(breaker_table(config), error);
    }
    if let Err(error) = config.budget.shared() {
        check.contradiction("budget", error);
    }
}

/// Returns the table of the breaker.
fn breaker_table(config: &PolicyConfig) -> &'static str {
    if config.breaker.is_some() { "breaker" } else { "rate_breaker" }
}

/// Backoffs and their paths.
fn backoffs(retry: &RetryConfig) -> impl Iterator<Item = (String, &BackoffConfig)> {
    let own = ErrorClass::ALL.into_iter().filter_map(|class| {
        retry.backoffs.get(class).as_ref().map(|backoff| (format!("retry.backoffs.{class}"), backoff))
    });
    retry.backoff.iter().map(|backoff| ("retry.backoff".to_owned(), backoff)).chain(own)
}

/// In code the largest number is no limit; in a file there is a word for that.
fn numbers(check: &mut Check<'_>, retry: &RetryConfig) {
    if retry.max_attempts == Some(u32::MAX) {
        check.found(rule::NO_SUCH_NUMBER, "retry.max_attempts");
    }
    if retry.max_unknown == Some(u8::MAX) {
        check.found(rule::NO_SUCH_NUMBER, "retry.max_unknown");
    }
    for class in ErrorClass::ALL {
        if *retry.limits.get(class) == Some(u8::MAX) {
            let message = "must be from 0 to 254; leave it out for none".to_owned();
            check.add(rule::NO_SUCH_NUMBER, &format!("retry.limits.{class}"), message);
        }
    }
}

/// Milliseconds that look like seconds. A duration with its unit is what was meant.
fn seconds(check: &mut Check<'_>, config: &PolicyConfig) {
    /// Spans of calls, windows and time-outs are hardly ever shorter, in milliseconds.
    const SHORTEST: u32 = 1_000;
    const SHORTEST_ATTEMPT: u32 = 100;
    let (retry, breaker, rates) = (&config.retry, config.breaker.as_ref(), config.rate_breaker.as_ref());
    let growing = rates.and_then(|rates| rates.growing_timeout);
    let budget = match config.budget {
        BudgetSettings::Rolling { window_ms, .. } => Some(window_ms),
        _ => None,
    };
    for (field, span, shortest) in [
        ("retry.deadline_ms", retry.deadline_ms, SHORTEST),
        ("retry.attempt_timeout_ms", retry.attempt_timeout_ms, SHORTEST_ATTEMPT),
        ("retry.retry_after_cap_ms", retry.retry_after_cap_ms, SHORTEST),
        ("breaker.window_ms", breaker.map(|breaker| breaker.window_ms), SHORTEST),
        ("breaker.recovery_timeout_ms", breaker.map(|breaker| breaker.recovery_timeout_ms), SHORTEST),
        ("breaker.probe_lease_ms", breaker.map(|breaker| breaker.probe_lease_ms), SHORTEST),
        ("rate_breaker.window_ms", rates.map(|rates| rates.window_ms), SHORTEST),
        ("rate_breaker.recovery_timeout_ms", rates.map(|rates| rates.recovery_timeout_ms), SHORTEST),
        ("rate_breaker.probe_lease_ms", rates.map(|rates| rates.probe_lease_ms), SHORTEST),
        ("rate_breaker.progressive_ms", rates.and_then(|rates| rates.progressive_ms), SHORTEST),
        ("rate_breaker.growing_timeout.longest_ms", growing.map(|growing| growing.longest_ms), SHORTEST),
        ("rate_breaker.growing_timeout.healthy_after_ms", growing.map(|growing| growing.healthy_after_ms), SHORTEST),
        ("budget.rolling.window_ms", budget, SHORTEST),
    ] {
        let Some(span) = span.map(Millis::get).filter(|span| (1..shortest).contains(span)) else { continue };
        let path = ["policy", check.name].into_iter().chain(field.split('.'));
        let (_, written) = check.file.positions.nearest(path);
        if let Some(key) = duration::short(written) {
            let message =
                format!("{span} ms; if seconds are meant, write {key} = \"{span}s\", else {key} = \"{span}ms\"");
            check.add(rule::SECONDS_AS_MILLIS, field, message);
        }
    }
}

fn without_effect(check: &mut Check<'_>, config: &PolicyConfig) {
    let retry = &config.retry;
    if let Some(rates) = config.rate_breaker.as_ref().filter(|rates| rates.needs_watching()) {
        let field = match rates {
            RateBreakerSettings { slow_calls: Some(_), .. } => "rate_breaker.slow_calls",
            RateBreakerSettings { abandoned_calls: Some(_), .. } => "rate_breaker.abandoned_calls",
            _ => "rate_breaker.per_attempt",
        };
        check.found(rule::WATCHED_CALLS, field);
    }
    for class in ErrorClass::ALL.into_iter().filter(|class| !class.is_retryable()) {
        if retry.backoffs.get(class).is_some() {
            check.found(rule::CLASS_NEVER_RETRIED, &format!("retry.backoffs.{class}"));
        }
    }
    for (path, backoff) in backoffs(retry) {
        if backoff.retry_after_jitter_ms.is_some() && !backoff.follows_hints() {
            check.found(rule::JITTER_WITHOUT_RETRY_AFTER, &format!("{path}.retry_after_jitter_ms"));
        }
    }
}

fn nesting(check: &mut Check<'_>, config: &PolicyConfig) {
    let (file, name) = (check.file, check.name);
    for callee in &config.calls {
        let Some(inner) = file.get(callee) else {
            check.add(rule::UNKNOWN_POLICY, "calls", format!("no policy named {} is in this file", Key(callee)));
            continue;
        };
        let (retry, inner) = (&config.retry, &inner.retry);
        let caller = [retry.deadline_ms, retry.attempt_timeout_ms].into_iter().flatten().min();
        let longest = inner.deadline_ms.unwrap_or(Millis::MAX);
        // A timeout may be as long as the call inside, a deadline has to leave time for a retry.
        let outlives = retry.max_attempts != Some(1)
            && (retry.deadline_ms.is_some_and(|own| longest >= own)
                || retry.attempt_timeout_ms.is_some_and(|own| longest > own));
        if let (true, Some(caller)) = (outlives, caller) {
            let longest = inner.deadline_ms.map_or("no deadline".to_owned(), |deadline| format!("deadline {deadline}"));
            let (inside, outside) = (Key(callee), Key(name));
            let why = rule::CALLEE_OUTLIVES_CALLER.message;
            let message = format!("{inside} has {longest}, {outside} {caller}: {why}");
            check.add(rule::CALLEE_OUTLIVES_CALLER, "calls", message);
        }
    }
    if file.is_cyclic(name) {
        check.found(rule::CALL_CYCLE, "calls");
    }
    // Told once, where the calls begin.
    if file.is_called(name) {
        return;
    }
    let Some(chain) = file.worst_chain(name).filter(|chain| chain.unbounded > 1) else { return };
    let message = format!("{chain}: {}", rule::NESTED_AMPLIFICATION.message);
    check.add(rule::NESTED_AMPLIFICATION, "calls", message);
}

fn risks(check: &mut Check<'_>, config: &PolicyConfig) {
    let Ok(mut policy) = Policy::from_config(&config.retry) else { return };
    let breaker = config.shared_breaker().ok().flatten();
    let budget = config.budget.shared().ok().flatten();
    if let Some(breaker) = &breaker {
        policy = policy.circuit_breaker(breaker);
    }
    if let Some(budget) = &budget {
        policy = policy.budget(budget);
    }
    let mut rest = policy.lints();
    let mut told = Lints::EMPTY;
    for class in ErrorClass::ALL {
        let own = config.retry.backoffs.get(class).is_some();
        for lint in policy.retry().lints_for(class).iter() {
            rest = rest.without(Lints::EMPTY.with(lint));
            // A finding that classes share is reported once.
            if own || lint.field() == "limit" || !told.contains(lint) {
                of_class(check, &config.retry, class, lint);
            }
            told = if own { told } else { told.with(lint) };
        }
    }
    if let Some(breaker) = &config.breaker {
        rest = rest.union(breaker.config().lints(policy.retry()));
    }
    if let Some(rates) = &config.rate_breaker {
        rest = rest.union(rates.config().lints(policy.retry()));
    }
    let of_breaker = |key: &str| format!("{}.{key}", breaker_table(config));
    let (trip_on, probe_lease, window) = (of_breaker("trip_on"), of_breaker("probe_lease_ms"), of_breaker("window_ms"));
    if let Some(budget) = config.budget.config() {
        rest = rest.union(budget.lints(policy.retry()));
    }
    for lint in rest.iter() {
        let (field, values) = match lint.field() {
            "max_attempts" => ("retry.max_attempts", String::new()),
            "max_unknown" => ("retry.max_unknown", String::new()),
            "attempt_timeout" if config.retry.attempt_timeout_ms.is_none() => {
                ("retry.attempt_timeout_ms", format!("{}: ", deadline(&config.retry)))
            }
            "attempt_timeout" => {
                let timeout = config.retry.attempt_timeout_ms.unwrap_or_default();
                ("retry.attempt_timeout_ms", format!("timeout {timeout}, {}: ", deadline(&config.retry)))
            }
            "deadline" => ("retry.deadline_ms", String::new()),
            "trip_on" => (trip_on.as_str(), String::new()),
            "probe_lease" => (probe_lease.as_str(), format!("{}: ", deadline(&config.retry))),
            "window" => (window.as_str(), format!("{}: ", deadline(&config.retry))),
            field => (field, String::new()),
        };
        check.add(lint.into(), field, format!("{values}{lint}"));
    }
}

/// A lint about one class, or about those without a backoff of their own.
fn of_class(check: &mut Check<'_>, retry: &RetryConfig, class: ErrorClass, lint: Lint) {
    let own = retry.backoffs.get(class).as_ref();
    let who = own.map_or(String::new(), |_| format!("{class}: "));
    let deadline = deadline(retry);
    let backoff = own.or(retry.backoff.as_ref()).and_then(|config| config.backoff().ok());
    let (field, values) = match lint.field() {
        "limit" => (format!("retry.limits.{class}"), String::new()),
        "max_attempts" => ("retry.max_attempts".to_owned(), format!("{who}{deadline}: ")),
        "retry_after_cap" => ("retry.retry_after_cap_ms".to_owned(), format!("{who}{deadline}: ")),
        "deadline" => {
            let first = backoff.filter(|_| lint != Lint::RetryAfterCapped).map(|backoff| first(&backoff, class));
            ("retry.deadline_ms".to_owned(), format!("{who}{deadline}{}: ", first.unwrap_or_default()))
        }
        _ => {
            let path = own.map_or("retry.backoff".to_owned(), |_| format!("retry.backoffs.{class}"));
            let backoff = backoff.map_or(String::new(), |backoff| format!("{backoff:?}"));
            let deadline = if lint == Lint::MaxBeyondDeadline { format!(", {deadline}") } else { String::new() };
            (path, format!("{backoff}{deadline}: "))
        }
    };
    check.add(lint.into(), &field, format!("{values}{lint}"));
}

fn deadline(retry: &RetryConfig) -> String {
    retry.deadline_ms.map_or("no deadline".to_owned(), |deadline| format!("deadline {deadline}"))
}

/// The first delay in words, to go on with.
fn first(backoff: &Backoff<'_>, class: ErrorClass) -> String {
    let [shortest, longest] = [0, u32::MAX].map(|random| backoff.delay(1, &class.into(), Millis::ZERO, || random));
    if shortest == longest {
        format!(", first delay {shortest}")
    } else {
        format!(", first delay {} to {longest}", shortest.get())
    }
}

/// Drops what is allowed, and tells what is allowed in vain.
fn allowed(check: &mut Check<'_>, allow: &[String]) {
    if allow.is_empty() {
        return;
    }
    let names: BTreeSet<&str> = allow.iter().map(String::as_str).collect();
    let mut used = BTreeSet::new();
    check.findings.retain(|finding| {
        let is_allowed = finding.severity != Severity::Error && names.contains(finding.rule);
        if is_allowed {
            used.insert(finding.rule);
        }
        !is_allowed
    });
    for name in allow {
        if !rules().any(|rule| rule.name == name && rule.severity < Severity::Error) {
            check.add(rule::UNKNOWN_RULE, "allow", format!("{}: {}", Key(name), rule::UNKNOWN_RULE.message));
        } else if !used.remove(name.as_str()) {
            check.add(rule::UNUSED_ALLOW, "allow", format!("{name}: {}", rule::UNUSED_ALLOW.message));
        }
    }
}
