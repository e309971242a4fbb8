//! Per-class strategies and limits.

use std::time::Duration;

use redress_std::{Backoff, ErrorClass, Policy, Retry, StopReason, testing::TestEnv};
use seed::service;

const fn decorrelated(max: u64) -> Backoff<'static> {
    Backoff::decorrelated_jitter(Duration::from_millis(250), Duration::from_secs(max))
}

const RETRY: Retry = Retry::new(decorrelated(10)) // for most classes
    .backoff_for(ErrorClass::Concurrency, decorrelated(1))
    .backoff_for(ErrorClass::RateLimit, decorrelated(60))
    .backoff_for(ErrorClass::ServerError, Backoff::equal_jitter(Duration::from_secs(1), Duration::from_secs(30)))
    .no_deadline()
    .max_attempts(100);

static POLICY: Policy = Policy::new(RETRY.limit_for(ErrorClass::RateLimit, 3).limit_for(ErrorClass::ServerError, 5));

/// The longest delay before the last of many attempts.
fn longest(class: ErrorClass) -> Duration {
    let mut context = POLICY.context(TestEnv::new());
    assert_eq!(context.call(service(vec![class; 40], "answer")).ok(), Some("answer"));
    context.env().sleeps().max().expect("waits").into()
}

fn main() {
    for (class, max) in [(ErrorClass::Concurrency, 1), (ErrorClass::Transient, 10)] {
        let longest = longest(class);
        println!("{class}: waits up to {longest:?} of {max} s");
        assert!(longest <= Duration::from_secs(max) && longest > Duration::from_millis(500));
    }

    for (class, retries) in [(ErrorClass::RateLimit, 3), (ErrorClass::ServerError, 5)] {
        let outcome = POLICY.context(TestEnv::new()).execute(|| Err::<(), _>(class));
        println!("{class}: {} attempts, {:?}", outcome.attempts, outcome.stop_reason);
        assert_eq!((outcome.attempts, outcome.stop_reason), (1 + retries, Some(StopReason::MaxAttemptsPerClass)));
    }

    // 0: no retry of that class; 1: one; 2: two.
    for limit in [0, 1, 2] {
        let policy = Policy::new(RETRY.limit_for(ErrorClass::Transient, limit));
        let outcome = policy.context(TestEnv::new()).execute(|| Err::<(), _>(ErrorClass::Transient));
        assert_eq!(outcome.attempts, 1 + u32::from(limit));
    }
    println!("limits of 0, 1 and 2: 1, 2 and 3 attempts");
}
