//! Settings as a file would bring them: read, checked, and the same policy as one built in code.

use std::error::Error;

use redress_core::{
    BackoffConfig, DelayConfig, ErrorClass, Millis, Policy, RetryConfig, StopReason,
    testing::{Script, TestEnv},
};

fn parse(json: &str) -> Result<RetryConfig, serde_json::Error> {
    serde_json::from_str(json)
}

#[test]
fn an_empty_file_gives_the_defaults() -> Result<(), Box<dyn Error>> {
    assert_eq!(parse("{}")?, RetryConfig::default());
    Ok(())
}

#[test]
fn what_is_read_is_what_is_done() -> Result<(), Box<dyn Error>> {
    let config = parse(
        r#"{
            "max_attempts": null,
            "deadline_ms": 4000,
            "limits": {"rate_limit": 2},
            "backoff": {"delay": {"constant": {"delay_ms": 1000}}},
            "backoffs": {"rate_limit": {"delay": {"fixed": {"delays_ms": [10, 20, 30]}}, "retry_after": true}}
        }"#,
    )?;
    let policy = Policy::from_config(&config)?;

    let mut context = policy.context(TestEnv::new());
    let outcome = context.execute(|| Err::<(), _>(ErrorClass::Transient));
    assert_eq!(outcome.stop_reason, Some(StopReason::DeadlineExceeded));
    assert_eq!((outcome.attempts, outcome.elapsed), (4, Millis::new(3_000)));

    let mut context = policy.context(TestEnv::new());
    let outcome = context.execute(|| Err::<(), _>(ErrorClass::RateLimit));
    assert_eq!(outcome.stop_reason, Some(StopReason::MaxAttemptsPerClass));
    assert!(context.env().sleeps().eq([10, 20].map(Millis::new)));
    Ok(())
}

#[test]
fn what_is_written_is_read_again() -> Result<(), Box<dyn Error>> {
    let mut config = RetryConfig { max_attempts: None, max_unknown: None, ..RetryConfig::default() };
    config.limits.server_error = Some(4);
    config.backoffs.concurrency = Some(DelayConfig::None.into());
    assert_eq!(parse(&serde_json::to_string(&config)?)?, config);
    Ok(())
}

#[test]
fn unknown_keys_are_refused_by_name() {
    for json in [
        r#"{"max_attemps": 3}"#,
        r#"{"limits": {"rate_limits": 2}}"#,
        r#"{"backoff": {"delay": {"constant": {"delay_ms": 1, "jitter": 2}}}}"#,
        r#"{"backoff": {"delay": {"linear": {"base_ms": 1}}}}"#,
    ] {
        let error = parse(json).expect_err(json).to_string();
        assert!(error.contains("unknown field") || error.contains("unknown variant"), "{json}: {error}");
    }
}

#[test]
fn contradictions_are_refused_with_field_and_bounds() -> Result<(), Box<dyn Error>> {
    for (json, message) in [
        (r#"{"max_attempts": 0}"#, "max_attempts: must be at least 1"),
        (
            r#"{"deadline_ms": 0}"#,
            "deadline: must be at least 1 ms; for none use no_deadline(), in files deadline = \"none\"",
        ),
        (
            r#"{"retry_after_cap_ms": 0}"#,
            "retry_after_cap: must be at least 1 ms; to ignore every hint, do not follow Retry-After",
        ),
        (
            r#"{"backoff": {"delay": {"equal_jitter": {"base_ms": 20, "max_ms": 10}}}}"#,
            "backoff base: must be at most max",
        ),
        (
            r#"{"backoff": {"delay": {"fixed": {"delays_ms": []}}}}"#,
            "backoff delays: a fixed list must have at least one delay",
        ),
        (r#"{"backoff": null}"#, "backoff: give a default or at least one class a backoff"),
        (
            r#"{"backoff": {"delay": "none", "retry_after": true, "retry_after_jitter_ms": 3600001}}"#,
            "retry_after_jitter: must be at most 1 hour",
        ),
    ] {
        let config = parse(json)?;
        let error = Policy::from_config(&config).expect_err(json);
        assert_eq!(error.to_string(), message, "{json}");
    }
    Ok(())
}

#[test]
fn hints_are_followed_as_configured() -> Result<(), Box<dyn Error>> {
    for (json, backoff) in [
        (r#"{"delay": "none"}"#, "Exponential(0..0 ms)"),
        (r#"{"delay": "none", "retry_after_jitter_ms": 5}"#, "Exponential(0..0 ms)"),
        (r#"{"delay": "none", "retry_after": true}"#, "Exponential(0..0 ms) or Retry-After"),
        (
            r#"{"delay": "none", "retry_after": true, "retry_after_jitter_ms": 5}"#,
            "Exponential(0..0 ms) or Retry-After, jitter 5 ms",
        ),
        (r#"{"delay": "none", "retry_after_as_is": true}"#, "Exponential(0..0 ms) or Retry-After as it is"),
        (
            r#"{"delay": "none", "retry_after": true, "retry_after_as_is": true, "retry_after_jitter_ms": 0}"#,
            "Exponential(0..0 ms) or Retry-After as it is, jitter 0 ms",
        ),
    ] {
        let config: BackoffConfig = serde_json::from_str(json)?;
        assert_eq!(format!("{:?}", config.backoff()?), backoff, "{json}");
    }
    Ok(())
}

#[test]
fn events_and_outcomes_are_written_in_snake_case() -> Result<(), Box<dyn Error>> {
    let config = parse(r#"{"max_attempts": 2, "backoff": {"delay": "none"}}"#)?;
    let policy = Policy::from_config(&config)?;
    let mut written = Vec::new();
    let mut script = Script::new(&[Err::<(), _>(ErrorClass::RateLimit)]);
    let outcome = policy
        .context(TestEnv::new())
        .operation("sync")
        .observe(|event: &redress_core::Event| written.push(serde_json::to_value(event)))
        .execute(|| script.step());
    let written = written.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(written[0]["kind"], "retry");
    assert_eq!(written[1]["stop_reason"], "max_attempts_global");
    assert_eq!(written[1]["operation"], "sync");
    assert_eq!(serde_json::to_value(outcome.last_class)?, "rate_limit");
    Ok(())
}

#[test]
fn none_has_a_word_where_a_format_has_no_null() -> Result<(), Box<dyn Error>> {
    let nothing = RetryConfig {
        max_attempts: None,
        deadline_ms: None,
        max_unknown: None,
        backoff: None,
        ..RetryConfig::default()
    };
    let words = r#"{"max_attempts": "unlimited", "deadline_ms": "none", "attempt_timeout_ms": "none",
        "retry_after_cap_ms": "auto", "max_unknown": "unlimited", "backoff": "per_class"}"#;
    let nulls = [r#""unlimited""#, r#""none""#, r#""per_class""#, r#""auto""#]
        .iter()
        .fold(words.to_owned(), |words, word| words.replace(word, "null"));
    assert_eq!(parse(words)?, nothing);
    assert_eq!(parse(&nulls)?, nothing);
    assert_eq!(serde_json::to_value(&nothing)?["backoff"], "per_class");

    for (json, message) in [
        (r#"{"max_attempts": "none"}"#, r#"invalid value: string "none", expected a whole number or "unlimited""#),
        (r#"{"max_attempts": -1}"#, "invalid value: integer `-1`, expected u32"),
        (r#"{"max_unknown": 256}"#, "invalid value: integer `256`, expected u8"),
        (
            r#"{"deadline_ms": 1.5}"#,
            r#"invalid type: floating point `1.5`, expected a whole number of milliseconds or "none""#,
        ),
    ] {
        let error = parse(json).expect_err(json).to_string();
        assert!(error.starts_with(message), "{json}: {error}");
    }
    Ok(())
}
