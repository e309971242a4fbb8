//! Result-based retries: on returned values instead of errors.

use std::{convert::Infallible, time::Duration};

use redress_std::{
    Backoff, Cause, Classification, DefaultClassifier, ErrorClass, Failure, Millis, Policy, Retry, testing::TestEnv,
};

static POLICY: Policy = Policy::new(
    Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(250), Duration::from_secs(10)).or_retry_after())
        .max_attempts(3),
);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Response {
    status: u16,
    retry_after: Option<u32>,
}

const fn answer(status: u16, retry_after: Option<u32>) -> Response {
    Response { status, retry_after }
}

/// `None` is success. Of real responses, `redress_std::http::response` does this.
fn result_classifier(response: &Response) -> Option<Classification> {
    match response.status {
        429 => {
            let busy = Classification::new(ErrorClass::RateLimit);
            Some(response.retry_after.map_or(busy, |seconds| busy.retry_after(Millis::from_secs(seconds))))
        }
        500.. => Some(ErrorClass::ServerError.into()),
        _ => None,
    }
}

fn main() {
    let mut answers = [answer(429, Some(2)), answer(503, None), answer(200, None)].into_iter();
    let mut context = POLICY.context(TestEnv::new()).classifier(DefaultClassifier).retry_result(result_classifier);
    let fetched = context.call(|| Ok::<_, Infallible>(answers.next().expect("three attempts")));
    println!("429, 503, then {fetched:?}; waited {:?}", context.env().sleeps().collect::<Vec<_>>());
    assert_eq!(fetched.expect("the third attempt succeeds").status, 200);
    assert!(context.env().sleeps().next().expect("a wait") >= Millis::from_secs(2));

    // Exhausted: the error says so, the outcome keeps the last value.
    let mut context = POLICY.context(TestEnv::new()).classifier(DefaultClassifier).retry_result(result_classifier);
    let error = context.call(|| Ok::<_, Infallible>(answer(503, None))).unwrap_err();
    println!("503 again and again: {error}");
    assert_eq!(
        (error.attempts, error.cause, error.last_class),
        (3, Some(Cause::Result), Some(ErrorClass::ServerError))
    );
    let outcome = context.execute(|| Ok::<_, Infallible>(answer(503, None)));
    assert_eq!(outcome.result, Err(Some(Failure::Result(answer(503, None)))));
}
