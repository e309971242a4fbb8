//! An error nobody can classify is not retried by guessing.

use redress_core::testing::{INSTANT_RETRIES, TestEnv};

struct Timeout;

fn main() {
    let _ = INSTANT_RETRIES.context(TestEnv::new()).call(|| Err::<(), _>(Timeout));
}
