//! Pluggable sleep handler: defer instead of sleeping, and go on later.

use std::time::Duration;

use redress_std::{
    Backoff, BackoffContext, Checkpoint, ErrorClass, Millis, Policy, Retry, SleepDecision, StopReason, Threads,
};
use seed::service;

static POLICY: Policy =
    Policy::new(Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(1), Duration::from_secs(5))));

fn main() {
    let mut saved = None;
    let schedule = |context: &BackoffContext, delay: Millis| {
        saved = Some((context.attempt, delay, context.classification.class()));
        SleepDecision::Defer
    };
    let outcome = POLICY.context(Threads).sleep_handler(schedule).execute(service([ErrorClass::Transient], "done"));
    assert_eq!(outcome.stop_reason, Some(StopReason::Scheduled));
    let checkpoint = outcome.checkpoint.expect("a deferred call has one");
    let (attempt, delay, class) = saved.expect("the handler was asked");
    println!("attempt {attempt} failed ({class}): again in {delay}, not slept");
    assert_eq!((attempt, class, outcome.next_delay), (1, ErrorClass::Transient, Some(delay)));

    // A queue, a database row, a file: 32 bytes. Who reads them goes on with every count and the deadline kept.
    let row = checkpoint.to_bytes();
    let checkpoint = Checkpoint::from_bytes(&row).expect("what was written");
    let mut context = POLICY.context(Threads);
    let resumed = context.resume(&checkpoint, delay).expect("the same policy");
    let outcome = resumed.execute(service([] as [ErrorClass; 0], "done"));
    println!("resumed from {} bytes: {:?} at attempt {}", row.len(), outcome.value(), outcome.attempts);
    assert_eq!((outcome.value(), outcome.attempts), (Some(&"done"), 2));

    // The other two answers.
    let outcome = POLICY
        .context(Threads)
        .sleep_handler(|_, _| SleepDecision::Sleep)
        .execute(service([ErrorClass::Transient], "done"));
    assert_eq!((outcome.value(), outcome.attempts), (Some(&"done"), 2));
    let outcome = POLICY
        .context(Threads)
        .sleep_handler(|_, _| SleepDecision::Abort)
        .execute(service([ErrorClass::Transient], "done"));
    assert_eq!(outcome.stop_reason, Some(StopReason::Aborted));
}
