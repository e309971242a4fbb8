//! Decorator-based retries, blocking and async.

use std::{cell::Cell, time::Duration};

use redress_std::{AttemptEnd, Backoff, ErrorClass, Event, Millis, RetryError, StopReason, retry, testing::TestEnv};

/// Default classifier, decorrelated jitter from 250 ms up to 5 s, in this thread.
#[retry]
fn fetch_user(id: u32) -> Result<u32, RetryError<ErrorClass>> {
    if id == 0 { Err(ErrorClass::Permission) } else { Ok(id) }
}

/// The same in tokio: the function's kind decides.
#[retry]
async fn fetch_user_async(id: u32) -> Result<u32, RetryError<ErrorClass>> {
    if id == 0 { Err(ErrorClass::Permission) } else { Ok(id) }
}

/// Hooks are set at the attribute. There is no `backoff`, and no `backoff_for` either: the default comes in.
#[retry(context = TestEnv::new(), max_attempts = 9, observe = told, on_attempt_end = ended)]
fn with_the_default(told: impl Fn(&Event), ended: impl Fn(&AttemptEnd)) -> Result<(), RetryError<ErrorClass>> {
    Err(ErrorClass::Transient)
}

/// With a backoff for one class and no other, no default is added.
#[retry(context = TestEnv::new(), backoff_for(rate_limit = Backoff::constant(Duration::from_secs(1))))]
fn per_class_only(class: ErrorClass) -> Result<(), RetryError<ErrorClass>> {
    Err(class)
}

#[retry(context = TestEnv::new(), operation = "given", observe = told)]
fn named(told: impl Fn(&Event)) -> Result<(), RetryError<ErrorClass>> {
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(fetch_user(7), Ok(7));
    assert_eq!(fetch_user(0).unwrap_err().reason, StopReason::NonRetryableClass);
    assert_eq!(fetch_user_async(7).await, Ok(7));
    println!("fetch_user(7) and fetch_user_async(7) have their answers");

    let (operation, longest, ends) = (Cell::new(""), Cell::new(Millis::ZERO), Cell::new(0));
    let told = |event: &Event| operation.set(event.operation);
    let ended = |end: &AttemptEnd| {
        ends.set(ends.get() + 1);
        if end.class.is_some() && end.stop_reason.is_none() {
            longest.set(longest.get().max(end.delay));
            assert!(end.delay >= Millis::new(250) && end.delay <= Millis::from_secs(5));
        }
    };
    assert_eq!(with_the_default(told, ended).unwrap_err().attempts, 9);
    println!("operation {}: nine attempts, waits up to {}", operation.get(), longest.get());
    assert_eq!((operation.get(), ends.get()), ("with_the_default", 9));
    named(told).expect("it succeeds");
    assert_eq!(operation.get(), "given");

    let error = per_class_only(ErrorClass::Transient).unwrap_err();
    println!("per-class backoffs alone: {error}");
    assert_eq!((error.attempts, error.reason), (1, StopReason::NoStrategy));
    assert_eq!(per_class_only(ErrorClass::RateLimit).unwrap_err().attempts, 6);
}
