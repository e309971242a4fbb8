//! Misuse of redress-std, and what the compiler says to it. Each file in `std_ui` says what it guards; the compiler's words
//! beside it are those of the stable release 1.95, and `TRYBUILD=overwrite` renews them.

use std::{fs, path::Path};

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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/std_ui");
    let files = fs::read_dir(&folder)
        .unwrap()
        .filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "rs"));
    assert_eq!(files.count(), WORDS.len(), "every file has its words");
    for (name, words) in WORDS {
        let message = fs::read_to_string(folder.join(name).with_extension("stderr")).unwrap();
        for word in *words {
            assert!(message.contains(word), "{name}: {word:?} is missing");
        }
    }
}
