//! Strategies and limits per error class. Run by `cargo run -p redress-std --example per_class`.

use std::time::Duration;

use redress_std::{Backoff, ErrorClass, Policy, Retry, StopReason, testing::TestEnv};

const fn decorrelated(max: u64) -> Backoff<'static> {
    Backoff::decorrelated_jitter(Duration::from_millis(250), Duration::from_secs(max))
}

const RETRY: Retry = Retry::new(decorrelated(10)) // for most classes
    .backoff_for(ErrorClass::Concurrency, decorrelated(1))
    .backoff_for(ErrorClass::RateLimit, decorrelated(60))
    .no_deadline()
    .max_attempts(40);

fn main() {
    // The test environment records waits and takes no time. A program has `Threads` or `Tokio` here.
    for (class, max) in [(ErrorClass::Concurrency, 1), (ErrorClass::Transient, 10), (ErrorClass::RateLimit, 60)] {
        let policy = Policy::new(RETRY);
        let mut context = policy.context(TestEnv::new());
        assert_eq!(context.call(|| Err::<(), _>(class)).unwrap_err().attempts, 40);
        let longest: Duration = context.env().sleeps().max().expect("waits").into();
        println!("{class}: waits up to {longest:?} of {max} s");
        assert!(longest <= Duration::from_secs(max) && longest > Duration::from_millis(500));
    }

    // 0: no retry of that class; 1: one; 2: two.
    for limit in [0, 1, 2] {
        let policy = Policy::new(RETRY.limit_for(ErrorClass::ServerError, limit));
        let outcome = policy.context(TestEnv::new()).execute(|| Err::<(), _>(ErrorClass::ServerError));
        println!("limit of {limit}: {} attempts, {:?}", outcome.attempts, outcome.stop_reason);
        assert_eq!(outcome.attempts, 1 + u32::from(limit));
        assert_eq!(outcome.stop_reason, Some(StopReason::MaxAttemptsPerClass));
    }
}
