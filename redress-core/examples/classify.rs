//! Errors that know their class. Feature `macros`. Run by `cargo run -p redress-core --example classify --features macros`.

use core::time::Duration;

use redress_core::{Backoff, Classify, ErrorClass, Millis, Policy, Retry, testing::TestEnv};

static QUEUE: Policy = Policy::new(Retry::new(Backoff::none().or_retry_after()).max_attempts(3));

#[derive(Classify, Debug)]
enum QueueError {
    #[class(transient)]
    Timeout,
    #[class(rate_limit, retry_after = wait)]
    Full { wait: Duration },
    #[class(permanent, code = _0)]
    NoSuchQueue(u16),
}

fn main() {
    let full = QueueError::Full { wait: Duration::from_secs(2) };
    let mut failures = vec![QueueError::NoSuchQueue(404), full, QueueError::Timeout];
    let mut queue = QUEUE.context(TestEnv::new());
    let outcome = queue.execute(|| failures.pop().map_or(Ok(()), Err));
    println!("{:?}: {:?}, code {:?}", outcome.stop_reason, outcome.last_class, outcome.code);
    assert_eq!((outcome.attempts, outcome.last_class), (3, Some(ErrorClass::Permanent)));
    assert!(queue.env().sleeps().max() >= Some(Millis::from_secs(2)), "the queue's own wait");
}
