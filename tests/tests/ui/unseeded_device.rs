//! Without a seed of its own there is no device: a fleet that shares one retries in step.

use redress_embassy::{Backoff, Embassy, Policy, Retry, SeededRandom};

static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));

fn main() {
    let _ = Embassy::seeded();
    let _: Embassy<SeededRandom> = Default::default();
    let _ = POLICY.context(Embassy);
}
