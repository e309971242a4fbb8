//! An async operation needs an async environment.

use std::io;

use redress_std::{Backoff, Policy, PolicyExt, Retry, Threads};

static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));

async fn fetch() -> io::Result<u32> {
    Ok(7)
}

fn main() {
    let _ = POLICY.call(fetch);
    let _ = POLICY.context(Threads).call(|| fetch());
}
