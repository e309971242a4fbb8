//! The same policy, awaited in tokio. Feature `tokio`. Run by `cargo run -p redress-std --example asynchronous`.

use std::time::Duration;

use redress_std::{Backoff, ErrorClass, Event, Policy, Retry, StopReason, Threads, Tokio};

static POLICY: Policy = Policy::new(
    Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(1), Duration::from_secs(2)))
        .limit_for(ErrorClass::ServerError, 1)
        .deadline(Duration::from_secs(10)),
);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut failures = vec![ErrorClass::Transient, ErrorClass::RateLimit];
    let mut events = Vec::new();
    let user = POLICY
        .context(Tokio)
        .operation("fetch_user")
        .observe(|event: &Event| events.push((event.kind.as_str(), event.class)))
        .call(|| std::future::ready(failures.pop().map_or(Ok("user"), Err)))
        .await;
    println!("{user:?} after {events:?}");
    assert_eq!(user, Ok("user"));
    assert_eq!(events[..2], [("retry", Some(ErrorClass::RateLimit)), ("retry", Some(ErrorClass::Transient))]);

    // Limits are those of the blocking call, from the same `static`.
    let awaited = POLICY.context(Tokio).execute(async || Err::<(), _>(ErrorClass::ServerError)).await;
    let blocking = POLICY.context(Threads).execute(|| Err::<(), _>(ErrorClass::ServerError));
    println!("limits, awaited and blocking: {:?}, {:?}", awaited.stop_reason, blocking.stop_reason);
    for outcome in [awaited, blocking] {
        assert_eq!((outcome.attempts, outcome.stop_reason), (2, Some(StopReason::MaxAttemptsPerClass)));
    }
}
