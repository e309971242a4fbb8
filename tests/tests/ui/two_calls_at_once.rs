//! A context makes one call at a time; calls at the same time have a context each.

use redress_core::testing::{INSTANT_RETRIES, TestEnv};

fn main() {
    let mut context = INSTANT_RETRIES.context(TestEnv::new());
    let first = context.start().unwrap();
    let second = context.start().unwrap();
    first.succeed(());
    second.succeed(());
}
