//! `#[retry]` with limits, backoffs and hooks. Feature `macros`. Run by `cargo run -p redress-std --example decorator_options`.

use std::{cell::Cell, time::Duration};

use redress_std::{Backoff, ErrorClass, Event, RetryError, StopReason, retry, testing::TestEnv};

/// There is no `backoff`, and no `backoff_for` either: decorrelated jitter comes in. The operation is the function's name.
#[retry(context = TestEnv::new(), max_attempts = 9, observe = note)]
fn with_the_default(note: impl Fn(&Event)) -> Result<(), RetryError<ErrorClass>> {
    Err(ErrorClass::Transient)
}

/// With a backoff for one class and no other, no default is added.
#[retry(context = TestEnv::new(), backoff_for(rate_limit = Backoff::constant(Duration::from_secs(1))))]
fn per_class_only(class: ErrorClass) -> Result<(), RetryError<ErrorClass>> {
    Err(class)
}

#[retry(context = TestEnv::new(), operation = "given", observe = note)]
fn named(note: impl Fn(&Event)) -> Result<(), RetryError<ErrorClass>> {
    Ok(())
}

fn main() {
    let operation = Cell::new("");
    let note = |event: &Event| operation.set(event.operation);
    let error = with_the_default(note).unwrap_err();
    println!("{}: {error}", operation.get());
    assert_eq!((operation.get(), error.attempts), ("with_the_default", 9));
    named(note).expect("it succeeds");
    assert_eq!(operation.get(), "given");

    let error = per_class_only(ErrorClass::Transient).unwrap_err();
    println!("backoffs of classes alone: {error}");
    assert_eq!((error.attempts, error.reason), (1, StopReason::NoStrategy));
    assert_eq!(per_class_only(ErrorClass::RateLimit).unwrap_err().attempts, 6);
}
