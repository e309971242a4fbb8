//! A superloop that ignores the decision retries at once and for ever.
#![deny(unused_must_use)]

use redress_core::{Attempts, ErrorClass, Instant, testing::INSTANT_RETRIES};

fn main() {
    let mut attempts = Attempts::<1_000>::start(&INSTANT_RETRIES, Instant::ZERO).unwrap();
    attempts.on_failure(Instant::ZERO, ErrorClass::Transient, || 7);
}
