//! An argument that an attempt consumes is not there for the next.

use redress_core::{
    ErrorClass, RetryError, retry,
    testing::{INSTANT_RETRIES, TestAsyncEnv, TestEnv},
};

fn consume(_: String) -> Result<(), ErrorClass> {
    Ok(())
}

#[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
fn blocking(name: String) -> Result<(), RetryError<ErrorClass>> {
    consume(name)
}

#[retry(policy = INSTANT_RETRIES, context = TestAsyncEnv::new())]
async fn asynchronous(name: String) -> Result<(), RetryError<ErrorClass>> {
    consume(name)
}

fn main() {}
