//! Misuse that must not compile. Each file in `ui` says what it guards; the compiler's words beside it are those of the
//! stable release 1.95, and `TRYBUILD=overwrite` renews them.

use redress_tests::misuse::hold_to_words;

/// What each file's message must contain: the field and its bounds for configuration, the name of the thing for misuse.
const WORDS: &[(&str, &[&str])] = &[
    ("base_above_max", &["backoff base: must be at most max"]),
    ("blocking_call_of_an_async_fn", &["it is async, or returns no `Result`", "needs an async environment: `Tokio`"]),
    ("blocking_call_of_an_async_operation", &["it is async", "Result<_, _>"]),
    ("budget_above_capacity", &["max_retries: must be at most the window's capacity"]),
    ("empty_fixed_list", &["backoff delays: a fixed list must have at least one delay"]),
    ("error_without_class", &["Timeout"]),
    ("hook_of_another_error", &["Result<_, u8>"]),
    ("neutral_trips", &["neutral: a class that trips the breaker cannot be neutral"]),
    ("no_backoff", &["backoff: give a default or at least one class a backoff"]),
    ("permit_used_twice", &["use of moved value: `permit`"]),
    ("probes_out_of_range", &["probes: must be from 1 to 15", "NONE", "MANY"]),
    (
        "rate_breaker_contradicts_itself",
        &["window_of_calls: must be at least the number of buckets", "probe_rate: must be from 1"],
    ),
    ("retry_after_jitter_too_long", &["retry_after_jitter: must be at most 1 hour"]),
    ("run_after_success", &["borrow of moved value: `run`"]),
    ("spawned_call_of_a_local_operation", &["cannot be sent between threads safely", "Rc<()>"]),
    ("spawned_local_call", &["could not prove", ": Send"]),
    ("strategy_of_two_arguments", &["expected function that takes 1 argument", "Strategy"]),
    ("threshold_above_capacity", &["failure_threshold: ", "capacity"]),
    ("two_calls_at_once", &["cannot borrow `context` as mutable more than once"]),
    ("unseeded_device", &["argument #1 of type `u64` is missing", "Embassy<SeededRandom>: Default", "expected value"]),
    ("unseeded_random", &["SeededRandom", "default"]),
    ("unused_decision", &["the decision says whether and when there is another attempt"]),
    (
        "unused_run_permit_and_resumed",
        &[
            "dropping a `Run` abandons the call",
            "dropping the permit releases it as if the call had not been made",
            "the call goes on when it is called",
        ],
    ),
    ("zero_attempts", &["max_attempts: must be at least 1"]),
    ("zero_recovery_timeout", &["recovery_timeout: must be from 1 ms to 24 days"]),
    ("zero_threshold", &["failure_threshold, threshold_for: must be at least 1"]),
    ("zero_window", &["window: must be from 1 ms to 12 hours"]),
];

#[test]
fn misuse_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

/// Renewing the messages must not lose what users need of them.
#[test]
fn messages_name_the_field_and_its_bounds() {
    hold_to_words("ui", WORDS);
}
