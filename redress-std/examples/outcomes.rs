//! Structured outcomes, and the timeline of a call. Run by `cargo run -p redress-std --example outcomes`.

use redress_std::{Backoff, ErrorClass, EventKind, Policy, PolicyExt, Retry, RetryTimeline, StopReason, Threads};

static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(3));

fn main() {
    let mut failures = vec![ErrorClass::Transient];
    let outcome = POLICY.execute(|| failures.pop().map_or(Ok("answer"), Err));
    println!("{:?} after {} attempts", outcome.value(), outcome.attempts);
    assert_eq!((outcome.value(), outcome.attempts, outcome.stop_reason), (Some(&"answer"), 2, None));

    // The collector is the caller's: the last eight events of a call, in a place of fixed size.
    let mut timeline = RetryTimeline::<8>::new();
    let mut context = POLICY.context(Threads).operation("sync_task").observe(&mut timeline);
    let outcome = context.execute(|| Err::<(), _>(ErrorClass::Transient));
    println!("{outcome}");
    assert!(!outcome.is_ok());
    assert_eq!(outcome.stop_reason, Some(StopReason::MaxAttemptsGlobal));
    assert_eq!((outcome.last_class, outcome.error()), (Some(ErrorClass::Transient), Some(&ErrorClass::Transient)));
    for event in timeline.events() {
        println!("  attempt {}: {} {:?}", event.attempt, event.event, event.stop_reason);
    }
    let events: Vec<_> = timeline.events().map(|event| (event.attempt, event.event)).collect();
    assert_eq!(events, [(1, EventKind::Retry), (2, EventKind::Retry), (3, EventKind::MaxAttemptsExceeded)]);
}
