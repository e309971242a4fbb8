//! Hooks at the beginning and the end of each attempt. Run by `cargo run -p redress-std --example lifecycle`.

use std::time::Duration;

use redress_std::{AttemptDecision, AttemptEnd, AttemptStart, Backoff, ErrorClass, Policy, Retry, testing::TestEnv};

static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_millis(250))));

fn main() {
    let mut failures = vec![ErrorClass::ServerError, ErrorClass::Transient];
    let (mut started, mut retries, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    let answer = POLICY
        .context(TestEnv::new())
        .operation("sync_account")
        .on_attempt_start(|start: &AttemptStart| started.push((start.operation, start.attempt)))
        .on_attempt_end(|end: &AttemptEnd| {
            ends.push(end.decision);
            if end.decision == AttemptDecision::Retry {
                retries.push((end.attempt, end.class, end.delay));
            }
        })
        .call(|| failures.pop().map_or(Ok("answer"), Err));
    assert_eq!(answer, Ok("answer"));

    for (attempt, class, delay) in &retries {
        println!("attempt {attempt} failed: {class:?}, next in {delay}");
    }
    assert_eq!(started, [("sync_account", 1), ("sync_account", 2), ("sync_account", 3)]);
    assert_eq!(ends, [AttemptDecision::Retry, AttemptDecision::Retry, AttemptDecision::Success]);
    assert!(retries.iter().map(|retry| retry.1).eq([Some(ErrorClass::Transient), Some(ErrorClass::ServerError)]));
}
