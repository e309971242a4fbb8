//! Contexts for repeated calls: hooks and operation are bound once.

use std::time::Duration;

use redress_std::{Backoff, ErrorClass, Event, Policy, Retry, Threads, Tokio};
use seed::service;

static POLICY: Policy =
    Policy::new(Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(1), Duration::from_secs(30))));

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut operations = Vec::new();
    {
        let mut batch =
            POLICY.context(Threads).operation("batch").observe(|event: &Event| operations.push(event.operation));
        assert_eq!(batch.call(service([ErrorClass::Transient], "thing")).ok(), Some("thing"));
        let (left, right) = (20, 22);
        assert_eq!(batch.call(|| Ok::<_, ErrorClass>(left + right)).ok(), Some(42));
    }
    assert_eq!(operations, ["batch"; 3]);

    let mut batch = POLICY.context(Tokio).operation("batch").observe(|event: &Event| operations.push(event.operation));
    for answer in 0..2 {
        assert_eq!(batch.call(async || Ok::<_, ErrorClass>(answer)).await.ok(), Some(answer));
    }
    assert_eq!(operations, ["batch"; 5]);
    println!("five events of four calls, blocking and async, all of operation {}", operations[0]);
}
