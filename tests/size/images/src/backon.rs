//! backon 1.6, without `std`. It draws its own random numbers, knows no deadline and has no breaker.

use ::backon::{BlockingRetryable, ExponentialBuilder};
use board::{Fault, operation, random, report_result, second_operation, sleep_for, third_operation};

use crate::{ATTEMPTS, BASE, CAP, passes};

pub(crate) fn policy() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_jitter()
        .with_jitter_seed(random().into())
        .with_min_delay(BASE)
        .with_max_delay(CAP)
        .with_max_times(ATTEMPTS as usize - 1)
}

fn retried(operation: impl FnMut() -> Result<u32, Fault>) -> Result<u32, Option<Fault>> {
    operation.retry(policy()).when(passes).sleep(sleep_for).call().map_err(Some)
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
