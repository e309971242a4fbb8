//! A sleep handler that defers instead of sleeping; the call goes on later. Run by `cargo run -p redress-std --example sleep_handler`.

use std::time::Duration;

use redress_std::{
    Backoff, BackoffContext, Checkpoint, CheckpointError, ErrorClass, Millis, Policy, Retry, SleepDecision, StopReason,
    Threads,
};

static POLICY: Policy =
    Policy::new(Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(1), Duration::from_secs(5))));

fn main() -> Result<(), CheckpointError> {
    let mut saved = None;
    let schedule = |context: &BackoffContext, delay: Millis| {
        saved = Some((context.attempt, delay, context.classification.class()));
        SleepDecision::Defer // or `Sleep`, or `Abort`
    };
    let outcome = POLICY.context(Threads).sleep_handler(schedule).execute(|| Err::<(), _>(ErrorClass::Transient));
    let (attempt, delay, class) = saved.expect("the handler was called");
    println!("attempt {attempt} failed ({class}): again in {delay}, not slept");
    assert_eq!((outcome.stop_reason, outcome.next_delay), (Some(StopReason::Scheduled), Some(delay)));

    // A queue, a database row, a file: 32 bytes keep every count and the deadline.
    let row = outcome.checkpoint.expect("a deferred call has one").to_bytes();
    let checkpoint = Checkpoint::from_bytes(&row)?;
    let mut context = POLICY.context(Threads);
    let outcome = context.resume(&checkpoint, delay)?.execute(|| Ok::<_, ErrorClass>("done"));
    println!("resumed from {} bytes: {:?} at attempt {}", row.len(), outcome.value(), outcome.attempts);
    assert_eq!((outcome.value(), outcome.attempts), (Some(&"done"), 2));
    Ok(())
}
