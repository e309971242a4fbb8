//! Misuse of the macros, and what the compiler says to it. Each file in `macros_ui` says what it guards; the compiler's
//! words beside it are those of the stable release 1.95, and `TRYBUILD=overwrite` renews them.

use redress_tests::misuse::hold_to_words;

/// What each file's message must contain: what is allowed instead, or the name of the thing.
const WORDS: &[(&str, &[&str])] = &[
    (
        "argument_moved",
        &[
            "moves the variable `name` out of its environment",
            "implements the `FnMut` trait",
            "implements the `AsyncFnMut` trait",
        ],
    ),
    ("class_missing", &["`BadFrame` has no class", "`Busy` has no class", "`auth`, `permission`"]),
    (
        "cancel_on_in_a_blocking_fn",
        &["a blocking function is stopped by `abort_if = || ..`", "`classify` contradicts `classifier`"],
    ),
    (
        "class_misplaced",
        &["the class belongs to each variant", "an abort is no failure", "a union does not know what it is"],
    ),
    ("class_twice", &["it is `transient` already", "`code` is given twice", "it is `auth` already"]),
    ("class_unknown", &["unknown class `flaky`", "unknown class `RateLimit`", "`rate_limit`", "write `#[class("]),
    ("error_without_reason", &["`Timeout` cannot say why", "return `Result<_, RetryError<Timeout>>`"]),
    ("field_type", &["`u64` is not a span of time", "`String` is not a code", "`std::io::Error: Classify`"]),
    (
        "field_unknown",
        &["no field `aftr`; the fields are `after`, `code`", "the only field is `_0`", "there are no fields"],
    ),
    ("kind_of_the_environment", &["Result<_, RetryError<_>>", "is not a future"]),
    ("lent_to_a_spawned_call", &["async closure does not implement `FnMut`"]),
    (
        "option_unknown",
        &[
            "unknown option `polciy`; there are `policy`",
            "`max_attempts = …`",
            "`backoff_for(rate_limit = …)`",
            "unknown class `flaky`",
        ],
    ),
    (
        "options_contradict",
        &[
            "`max_attempts` is part of a policy, and there is one",
            "`unlimited_attempts` contradicts `max_attempts`",
            "`operation` is given twice",
            "`auth` failures have no backoff of their own",
        ],
    ),
    (
        "policy_contradicts_itself",
        &["max_attempts: must be at least 1", "give a default or at least one class a backoff"],
    ),
    ("returns_no_result", &["a retried function returns a `Result`", "write `async fn`", "a `const fn` cannot wait"]),
    ("transparent_of_many", &["which field? write `transparent = _0`", "there is none"]),
];

#[test]
fn misuse_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/macros_ui/*.rs");
}

/// Renewing the messages must not lose what users need of them.
#[test]
fn messages_say_what_is_allowed() {
    hold_to_words("macros_ui", WORDS);
}
