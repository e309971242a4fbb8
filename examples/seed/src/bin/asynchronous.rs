//! Async usage: the same policy, awaited.

use std::time::Duration;

use redress_std::{Backoff, ErrorClass, Event, Policy, Retry, StopReason, Threads, Tokio};
use seed::service;

static POLICY: Policy = Policy::new(
    Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(1), Duration::from_secs(2)))
        .backoff_for(
            ErrorClass::RateLimit,
            Backoff::decorrelated_jitter(Duration::from_millis(10), Duration::from_secs(8)),
        )
        .limit_for(ErrorClass::ServerError, 1)
        .deadline(Duration::from_secs(10))
        .max_attempts(5),
);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut fetch = service([ErrorClass::RateLimit, ErrorClass::Transient], "user");
    let mut events = Vec::new();
    let user = POLICY
        .context(Tokio)
        .operation("fetch_user")
        .observe(|event: &Event| events.push((event.kind.as_str(), event.class)))
        .call(|| std::future::ready(fetch()))
        .await;
    println!("{user:?} after {events:?}");
    assert_eq!(user.ok(), Some("user"));
    assert_eq!(
        events,
        [("retry", Some(ErrorClass::RateLimit)), ("retry", Some(ErrorClass::Transient)), ("success", None)]
    );

    // Without a name, straight from the policy.
    assert_eq!(POLICY.context(Tokio).call(async || Ok::<_, ErrorClass>(7)).await.ok(), Some(7));

    // Limits are those of the blocking call, from the same `static`.
    let awaited = POLICY.context(Tokio).execute(async || Err::<(), _>(ErrorClass::ServerError)).await;
    let blocking = POLICY.context(Threads).execute(|| Err::<(), _>(ErrorClass::ServerError));
    println!("limits, awaited and blocking: {:?}, {:?}", awaited.stop_reason, blocking.stop_reason);
    assert_eq!((awaited.attempts, awaited.stop_reason), (2, Some(StopReason::MaxAttemptsPerClass)));
    assert_eq!((blocking.attempts, blocking.stop_reason), (2, Some(StopReason::MaxAttemptsPerClass)));
}
