//! Which of the two was meant is not for the library to guess.

use core::time::Duration;
use redress_core::{Backoff, Policy, Retry};

static POLICY: Policy =
    Policy::new(Retry::new(Backoff::full_jitter(Duration::from_secs(2), Duration::from_millis(1_999))));

fn main() {
    let _ = &POLICY;
}
