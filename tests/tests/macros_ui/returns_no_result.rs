//! What cannot fail is not retried.

use std::future::Future;

use redress_core::{ErrorClass, retry};

#[retry]
fn nothing() {}

#[retry]
fn future() -> impl Future<Output = Result<(), ErrorClass>> {
    async { Ok(()) }
}

#[retry]
const fn constant() -> Result<(), ErrorClass> {
    Ok(())
}

#[retry]
struct Type;

fn main() {}
