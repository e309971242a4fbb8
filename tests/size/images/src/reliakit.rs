//! reliakit-retry, -backoff and -circuit 1.1, without `std`. Jitter is drawn where the caller sleeps; the breaker takes the
//! time as an argument and wraps the retries.

use board::{Fault, now, operation, random, report_result, second_operation, sleep_for, third_operation};
use reliakit_backoff::{Backoff, full_jitter};
use reliakit_circuit::CircuitBreaker;
use reliakit_retry::{RetryPolicy, retry_with_sleep};

use crate::{ATTEMPTS, BASE, CAP, DEADLINE_MS, passes};

fn retried(operation: impl FnMut() -> Result<u32, Fault>) -> Result<u32, Option<Fault>> {
    let backoff = Backoff::exponential(BASE, 2).with_max_delay(CAP);
    let policy = RetryPolicy::new(ATTEMPTS, backoff).ok_or(None)?;
    let jittered = |delay| sleep_for(full_jitter(delay, random()));
    retry_with_sleep(&policy, operation, passes, jittered).map_err(|error| Some(error.into_last_error()))
}

/// Backoff and attempt limit.
pub fn basic() {
    report_result(retried(operation));
}

/// The same at two call sites.
pub fn two_sites() {
    report_result(retried(operation));
    report_result(retried(second_operation));
}

/// The same at three.
pub fn three_sites() {
    report_result(retried(operation));
    report_result(retried(second_operation));
    report_result(retried(third_operation));
}

/// With a breaker in front; without deadline and table, which it does not have.
pub fn breaker() {
    let mut breaker = CircuitBreaker::new(4, DEADLINE_MS.into());
    loop {
        if !breaker.allow(now()) {
            report_result(Err(None));
            continue;
        }
        let result = retried(operation);
        match result {
            Ok(_) => breaker.on_success(),
            Err(_) => breaker.on_failure(now()),
        }
        report_result(result);
    }
}
