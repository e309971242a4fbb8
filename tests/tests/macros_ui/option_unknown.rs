//! An option that is not there; the message names those that are.

use redress_core::{ErrorClass, RetryError, retry};

#[retry(polciy = POLICY)]
fn misspelt() -> Result<(), RetryError<ErrorClass>> {
    Ok(())
}

#[retry(max_attempts)]
fn valueless() -> Result<(), RetryError<ErrorClass>> {
    Ok(())
}

#[retry(backoff_for = 3)]
fn listless() -> Result<(), RetryError<ErrorClass>> {
    Ok(())
}

#[retry(limit_for(flaky = 3))]
fn classless() -> Result<(), RetryError<ErrorClass>> {
    Ok(())
}

fn main() {
    let _ = (misspelt(), valueless(), listless(), classless());
}
