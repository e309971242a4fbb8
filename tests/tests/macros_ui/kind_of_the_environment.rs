//! A blocking function does not run in an environment of futures, nor the other way round.

use redress_core::{
    ErrorClass, RetryError, retry,
    testing::{INSTANT_RETRIES, TestAsyncEnv, TestEnv},
};

#[retry(policy = INSTANT_RETRIES, context = TestAsyncEnv::new())]
fn blocking() -> Result<(), RetryError<ErrorClass>> {
    Ok(())
}

#[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
async fn asynchronous() -> Result<(), RetryError<ErrorClass>> {
    Ok(())
}

fn main() {}
