//! A blocking environment cannot wait for a future: the closure returns a result.

use redress_core::{
    ErrorClass,
    testing::{INSTANT_RETRIES, TestEnv},
};

fn main() {
    let _ = INSTANT_RETRIES.context(TestEnv::new()).call(async || Ok::<_, ErrorClass>(()));
}
