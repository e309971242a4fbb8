//! A policy is given or written in place, and says one thing.

use redress_core::{Backoff, ErrorClass, RetryError, retry, testing::INSTANT_RETRIES};

#[retry(policy = INSTANT_RETRIES, max_attempts = 3)]
fn two_policies() -> Result<(), RetryError<ErrorClass>> {
    Ok(())
}

#[retry(max_attempts = 3, unlimited_attempts)]
fn two_limits() -> Result<(), RetryError<ErrorClass>> {
    Ok(())
}

#[retry(operation = "one", operation = "two")]
fn two_names() -> Result<(), RetryError<ErrorClass>> {
    Ok(())
}

#[retry(backoff_for(auth = Backoff::none()))]
fn never_retried() -> Result<(), RetryError<ErrorClass>> {
    Ok(())
}

fn main() {}
