//! More than an hour of jitter is a unit mixed up.

use core::time::Duration;
use redress_core::{Backoff, Retry};

static RETRY: Retry = Retry::new(Backoff::none().or_retry_after_jittered(Duration::from_secs(3_601)));

fn main() {
    let _ = &RETRY;
}
