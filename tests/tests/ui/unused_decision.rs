//! A superloop that ignores the decision retries at once and for ever.
#![deny(unused_must_use)]

use redress_core::{Attempts, ErrorClass, Hz, Instant, testing::INSTANT_RETRIES};

fn main() {
    let mut attempts = Attempts::<Hz<1_000>>::new(&INSTANT_RETRIES, Instant::ZERO);
    attempts.on_failure(Instant::ZERO, ErrorClass::Transient, 7);
}
