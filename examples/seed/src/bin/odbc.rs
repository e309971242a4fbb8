//! A classifier of one's own: errors of an ODBC driver, by their SQLSTATE.
//!
//! redress has no ODBC in it, and needs none: a classifier is a function.

use std::time::Duration;

use redress_std::{
    Backoff, Classification, ErrorClass, RetryError, StopReason, classify::sqlstate::classify_sqlstate, retry,
};

/// An error as a driver reports it: records of state, native code and text, the most important first.
#[derive(Debug)]
struct OdbcError {
    records: Vec<(&'static str, i32, &'static str)>,
}

/// The first state with a class decides; deadlocks of a server that says so only in its native code are known too.
fn odbc_classifier(error: &OdbcError) -> Classification {
    /// SQL Server: chosen as the victim of a deadlock.
    const VICTIM: i32 = 1_205;

    let classes = error.records.iter().map(|(state, native, _)| {
        if *native == VICTIM { ErrorClass::Concurrency.into() } else { classify_sqlstate(state) }
    });
    let known = classes.into_iter().find(|class| class.class() != ErrorClass::Unknown);
    known.unwrap_or(ErrorClass::Unknown.into())
}

fn error(state: &'static str, native: i32, text: &'static str) -> OdbcError {
    OdbcError { records: vec![("01000", 0, "[Driver] a notice"), (state, native, text)] }
}

#[retry(
    classifier = odbc_classifier,
    backoff = Backoff::decorrelated_jitter(Duration::from_millis(1), Duration::from_secs(3)),
    attempt = attempt,
)]
fn run_query(trouble: (&'static str, i32, &'static str)) -> Result<u32, RetryError<OdbcError>> {
    if attempt.number < 3 { Err(error(trouble.0, trouble.1, trouble.2)) } else { Ok(attempt.number) }
}

fn main() {
    for (state, native, text, class) in [
        ("40001", 0, "serialization failure", ErrorClass::Concurrency),
        ("HY000", 1_205, "deadlock victim", ErrorClass::Concurrency),
        ("HYT00", 0, "login timeout expired", ErrorClass::Transient),
        ("08S01", 0, "communication link failure", ErrorClass::Transient),
        ("28000", 18_456, "login failed", ErrorClass::Auth),
        ("42000", 102, "incorrect syntax", ErrorClass::Permanent),
        ("HY000", 0, "general error", ErrorClass::Unknown),
    ] {
        assert_eq!(odbc_classifier(&error(state, native, text)).class(), class, "{state}");
        let result = run_query((state, native, text));
        let told = result.as_ref().map_or_else(ToString::to_string, |attempt| format!("done at attempt {attempt}"));
        println!("{state} {text} ({class}): {told}");
        match class {
            ErrorClass::Auth | ErrorClass::Permanent => {
                let stopped = result.unwrap_err();
                assert_eq!((stopped.reason, stopped.attempts), (StopReason::NonRetryableClass, 1));
                assert_eq!(stopped.error.expect("the driver's error").records.len(), 2);
            }
            ErrorClass::Unknown => {
                let stopped = result.unwrap_err();
                assert_eq!((stopped.reason, stopped.attempts), (StopReason::MaxUnknownAttempts, 2));
            }
            _ => assert_eq!(result.expect("the third attempt succeeds"), 3),
        }
    }
}
