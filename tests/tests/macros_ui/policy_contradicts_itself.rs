//! A policy in place is checked while compiling, as one in a `static` is.

use redress_core::{ErrorClass, RetryError, retry, testing::TestEnv};

#[retry(context = TestEnv::new(), max_attempts = 0)]
fn never_tried() -> Result<(), RetryError<ErrorClass>> {
    Ok(())
}

#[retry(context = TestEnv::new(), backoff_for())]
fn no_backoff() -> Result<(), RetryError<ErrorClass>> {
    Ok(())
}

fn main() {}
