//! Misuse of redress-std, and what the compiler says to it. Each file in `std_ui` says what it guards; the compiler's words
//! beside it are those of the stable release 1.95, and `TRYBUILD=overwrite` renews them.

use redress_tests::misuse::hold_to_words;

/// What each file's message must contain: what is missing, and what to do.
const WORDS: &[(&str, &[&str])] = &[
    ("async_operations_in_threads", &["it is async, or returns no `Result`", "needs an async environment: `Tokio`"]),
    (
        "errors_without_display",
        &[
            "`LogObserver` cannot observe errors of type `Timeout`",
            "show errors that implement `Display`",
            "with `observe` they show none",
        ],
    ),
    ("retry_of_no_operation", &["is not an operation that can be retried", "returns a `Result` or a future of one"]),
];

#[test]
fn misuse_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/std_ui/*.rs");
}

/// Renewing the messages must not lose what users need of them.
#[test]
fn messages_say_what_to_do() {
    hold_to_words("std_ui", WORDS);
}
