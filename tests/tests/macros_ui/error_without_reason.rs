//! The error of a function must be able to say why it was not retried any more.

use redress_core::{
    Classify, retry,
    testing::{INSTANT_RETRIES, TestEnv},
};

#[derive(Classify)]
#[class(transient)]
struct Timeout;

#[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
fn read() -> Result<u32, Timeout> {
    Err(Timeout)
}

fn main() {}
