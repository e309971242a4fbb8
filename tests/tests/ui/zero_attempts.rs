//! A policy of no attempts would never call anything.

use redress_core::{Backoff, Policy, Retry};

static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(0));

fn main() {
    let _ = &POLICY;
}
