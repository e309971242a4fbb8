//! A blocking environment cannot wait for a future, also if an async function is passed by its name or called in a closure.

use redress_core::{
    ErrorClass,
    testing::{INSTANT_RETRIES, TestEnv},
};

async fn fetch() -> Result<(), ErrorClass> {
    Ok(())
}

fn main() {
    let _ = INSTANT_RETRIES.context(TestEnv::new()).call(fetch);
    let _ = INSTANT_RETRIES.context(TestEnv::new()).call(|| fetch());
}
