//! Answers with `Retry-After`, and a backoff that follows them. Run by `cargo run -p redress-std --example retry_after`.

use std::time::Duration;

use ::http::Response;
use redress_std::{Backoff, ErrorClass, Millis, Policy, Retry, http, testing::TestEnv};

static POLICY: Policy = Policy::new(Retry::new(
    Backoff::decorrelated_jitter(Duration::from_millis(250), Duration::from_secs(10)).or_retry_after(),
));

fn main() -> Result<(), ::http::Error> {
    let busy = Response::builder().status(503).header("Retry-After", "3").body(())?;
    let mut answers = vec![Response::new(()), busy];
    let mut context = POLICY.context(TestEnv::new()).retry_result(http::response);
    let outcome = context.execute(|| Ok::<_, ErrorClass>(answers.pop().expect("two attempts")));
    assert_eq!(outcome.attempts, 2);
    let waited = context.env().sleeps().next().expect("a wait");
    println!("asked to come back in 3 s, came back in {waited}");
    assert!(waited >= Millis::from_secs(3) && waited <= Millis::from_secs(6));
    Ok(())
}
