//! Retries on returned values instead of errors. Run by `cargo run -p redress-std --example result_based`.

use std::{convert::Infallible, time::Duration};

use redress_std::{Backoff, Cause, Classification, ErrorClass, Failure, Millis, Policy, Retry, testing::TestEnv};

static POLICY: Policy = Policy::new(
    Retry::new(Backoff::full_jitter(Duration::from_millis(250), Duration::from_secs(10)).or_retry_after())
        .max_attempts(3),
);

/// A status and the seconds of `Retry-After`.
type Answer = (u16, Option<u32>);

/// `None` is success. Of real responses, `redress_std::http::response` does this.
fn classify((status, retry_after): &Answer) -> Option<Classification> {
    match status {
        429 => {
            let busy = Classification::new(ErrorClass::RateLimit);
            Some(retry_after.map_or(busy, |seconds| busy.retry_after(Millis::from_secs(seconds))))
        }
        500.. => Some(ErrorClass::ServerError.into()),
        _ => None,
    }
}

fn main() {
    let mut answers = [(429, Some(2)), (503, None), (200, None)].into_iter();
    let mut context = POLICY.context(TestEnv::new().like::<redress_std::Threads>()).retry_result(classify);
    let fetched = context.call(|| Ok::<_, Infallible>(answers.next().expect("three attempts")));
    println!("429, 503, then {fetched:?}; waited {:?}", context.env().sleeps().collect::<Vec<_>>());
    assert_eq!(fetched.expect("the third attempt succeeds").0, 200);

    // Out of attempts: the outcome keeps the last value.
    let outcome = context.execute(|| Ok::<_, Infallible>((503, None)));
    println!("503 again and again: {:?}", outcome.result);
    assert_eq!((outcome.attempts, outcome.cause), (3, Some(Cause::Result)));
    assert_eq!(outcome.result, Err(Some(Failure::Result((503, None)))));
}
