//! Only async calls are ended by a future.

use std::io;

use redress_core::{RetryError, retry};

#[retry(cancel_on = || std::future::ready(()))]
fn blocking() -> Result<(), RetryError<io::Error>> {
    Ok(())
}

#[retry(classifier = SelfClassifier, classify = |error: &io::Error| class(error))]
fn two_classifiers() -> Result<(), RetryError<io::Error>> {
    Ok(())
}

fn main() {}
