//! Unified policy model: one value holds what happens after a failure.

use std::{
    io::{Error, ErrorKind},
    time::Duration,
};

use redress_std::{Backoff, Policy, PolicyExt, Retry, RetryPolicy};
use seed::service;

static POLICY: Policy = Policy::new(
    Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(1), Duration::from_secs(5)))
        .deadline(Duration::from_secs(30))
        .max_attempts(5),
);

/// The short name is the same type.
static SHORTCUT: RetryPolicy = POLICY;

fn main() {
    // The classifier is not part of the policy, which stays plain data for calls with any errors. Unless one is given,
    // `DefaultClassifier` classifies all types that implement `std::error::Error`.
    let answer = POLICY.call(service([Error::from(ErrorKind::ConnectionReset)], "answer"));
    println!("after a reset: {answer:?}");
    assert_eq!(answer.expect("the second attempt succeeds"), "answer");

    let error = SHORTCUT.call(service((0..9).map(|_| Error::from(ErrorKind::TimedOut)), ())).unwrap_err();
    println!("after time-outs: {error}");
    assert_eq!((error.attempts, SHORTCUT.retry().deadline_after()), (5, Some(Duration::from_secs(30))));
}
