//! What is returned.

use std::{cell::Cell, fmt::Debug, io};

use redress_core::{
    Backoff, Classify, ErrorClass, Outcome, RetryError, StopReason, retry,
    testing::{INSTANT_RETRIES, TestAsyncEnv, TestEnv, block_on},
};

use crate::Flaky;

#[derive(Debug, PartialEq, Classify)]
enum Error {
    #[class(transient)]
    Timeout,
    #[class(permanent)]
    GaveUp(StopReason),
}

impl From<ErrorClass> for Error {
    fn from(_: ErrorClass) -> Self {
        Self::Timeout
    }
}

impl From<RetryError<Self>> for Error {
    fn from(ended: RetryError<Self>) -> Self {
        ended.error.unwrap_or(Self::GaveUp(ended.reason))
    }
}

/// The error as it was; what says why the call ended goes into it.
#[retry(policy = INSTANT_RETRIES, context = TestEnv::new(), abort_if = || abort)]
fn converted(flaky: &Flaky, abort: bool) -> Result<u32, Error> {
    Ok(flaky.get()?)
}

/// The application's own error around that of the body.
#[derive(Debug)]
struct Application(RetryError<io::Error>);

impl From<RetryError<io::Error>> for Application {
    fn from(ended: RetryError<io::Error>) -> Self {
        Self(ended)
    }
}

type AppResult<T> = Result<T, Application>;

#[retry(backoff = Backoff::none(), error = io::Error)]
fn outside(calls: &Cell<u32>) -> AppResult<u32> {
    calls.set(calls.get() + 1);
    Err(io::ErrorKind::TimedOut)?
}

#[retry(policy = INSTANT_RETRIES, context = TestEnv::new(), retry_result = |value: &u32| (*value < 2).then_some(ErrorClass::ServerError))]
fn told(next: &Cell<u32>) -> Outcome<u32, ErrorClass> {
    Ok(next.replace(next.get() + 1))
}

#[retry(policy = INSTANT_RETRIES, context = TestAsyncEnv::new())]
async fn told_async(flaky: &Flaky) -> Outcome<u32, ErrorClass> {
    flaky.get()
}

#[test]
fn callers_get_what_is_written() {
    assert_eq!(converted(&Flaky::failing(1), false), Ok(21));
    assert_eq!(converted(&Flaky::failing(99), false), Err(Error::Timeout));
    assert_eq!(converted(&Flaky::failing(0), true), Err(Error::GaveUp(StopReason::Aborted)));

    let calls = Cell::new(0);
    let Application(ended) = outside(&calls).unwrap_err();
    assert_eq!((ended.attempts, calls.get(), ended.error.unwrap().kind()), (6, 6, io::ErrorKind::TimedOut));

    let outcome = told(&Cell::new(0));
    assert_eq!((outcome.value(), outcome.attempts), (Some(&2), 3));
    assert_eq!(block_on(told_async(&Flaky::failing(1))).attempts, 2);
}
