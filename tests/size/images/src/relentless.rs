//! relentless 0.18, without `std` and `alloc`.

use core::time::Duration;

use ::relentless::clock::{Clock, SyncClock};
use board::{now, operation, report_result, second_operation, sleep_for, third_operation};

use crate::DEADLINE;

pub(crate) struct Board;

impl Clock for Board {
    fn now(&self) -> Duration {
        Duration::from_millis(now())
    }
}

impl SyncClock for Board {
    fn wait(&self, delay: Duration) {
        sleep_for(delay);
    }
}

/// Macros, because the type of the policy cannot be named.
macro_rules! policy {
    () => {
        policy!(crate::BASE, crate::CAP, crate::ATTEMPTS)
    };
    ($base:expr, $cap:expr, $attempts:expr) => {
        ::relentless::RetryPolicy::new()
            .stop(::relentless::stop::attempts($attempts))
            .wait(::relentless::Wait::cap(
                ::relentless::Wait::full_jitter(::relentless::wait::exponential($base)),
                $cap,
            ))
            .when(::relentless::predicate::error(crate::passes))
    };
}

macro_rules! retried {
    ($policy:expr, $operation:ident) => {
        report_result($policy.retry(|_| $operation()).clock(Board).call().map_err(|error| error.into_last_error()))
    };
}

pub(crate) use {policy, retried};

/// Backoff and attempt limit.
pub fn basic() {
    retried!(policy!(), operation);
}

/// The same at two call sites.
pub fn two_sites() {
    retried!(policy!(), operation);
    retried!(policy!(), second_operation);
}

/// The same at three.
pub fn three_sites() {
    retried!(policy!(), operation);
    retried!(policy!(), second_operation);
    retried!(policy!(), third_operation);
}

/// With a deadline; without a limit on one kind of fault.
pub fn deadline() {
    retried!(policy!().timeout(DEADLINE), operation);
}
