//! Contexts for repeated calls: hooks and operation are bound once. Run by `cargo run -p redress-std --example contexts`.

use std::time::Duration;

use redress_std::{Backoff, ErrorClass, Event, Policy, Retry, Threads, Tokio};

static POLICY: Policy =
    Policy::new(Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(1), Duration::from_secs(30))));

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut operations = Vec::new();
    let mut batch =
        POLICY.context(Threads).operation("batch").observe(|event: &Event| operations.push(event.operation));
    let mut failures = vec![ErrorClass::Transient];
    assert_eq!(batch.call(|| failures.pop().map_or(Ok("thing"), Err)), Ok("thing"));
    let (left, right) = (20, 22);
    assert_eq!(batch.call(|| Ok::<_, ErrorClass>(left + right)), Ok(42));
    assert_eq!(operations, ["batch"; 3]);

    let mut batch = POLICY.context(Tokio).operation("batch").observe(|event: &Event| operations.push(event.operation));
    for answer in 0..2 {
        assert_eq!(batch.call(async || Ok::<_, ErrorClass>(answer)).await, Ok(answer));
    }
    assert_eq!(operations, ["batch"; 5]);
    println!("five events of four calls, blocking and async, all of operation {}", operations[0]);
}
