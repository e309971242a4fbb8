//! Unified policy model: one value holds what happens after a failure. Run by `cargo run -p redress-std --example unified_policy`.

use std::{
    io::{Error, ErrorKind},
    time::Duration,
};

use redress_std::{Backoff, Policy, PolicyExt, Retry, RetryPolicy};

static POLICY: Policy = Policy::new(
    Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(1), Duration::from_secs(5)))
        .deadline(Duration::from_secs(30))
        .max_attempts(5),
);

/// The short name is the same type.
static SHORTCUT: RetryPolicy = POLICY;

fn main() {
    // The classifier is not part of the policy. Unless a context has one, `DefaultClassifier` classifies every `Error`.
    let mut failures = vec![Error::from(ErrorKind::ConnectionReset)];
    let answer = POLICY.call(|| failures.pop().map_or(Ok("answer"), Err));
    println!("after a reset: {answer:?}");
    assert_eq!(answer.expect("the second attempt succeeds"), "answer");

    let error = SHORTCUT.call(|| Err::<(), _>(Error::from(ErrorKind::TimedOut))).unwrap_err();
    println!("after time-outs: {error}");
    assert_eq!((error.attempts, SHORTCUT.retry().deadline_after()), (5, Some(Duration::from_secs(30))));
}
