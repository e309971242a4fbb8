//! A policy without a backoff for any class retries nothing.

use redress_core::{Policy, Retry};

static POLICY: Policy = Policy::new(Retry::per_class());

fn main() {
    let _ = &POLICY;
}
