//! relentless 0.18, without `std` and `alloc`.

use core::time::Duration;

use ::relentless::{
    RetryPolicy, Wait,
    clock::{Clock, SyncClock},
    predicate, stop, wait,
};
use board::{now, operation, report_result, second_operation, sleep_for, third_operation};

use crate::{ATTEMPTS, BASE, CAP, DEADLINE, passes};

struct Board;

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

/// A macro, because the type of the policy cannot be named.
macro_rules! policy {
    () => {
        RetryPolicy::new()
            .stop(stop::attempts(ATTEMPTS))
            .wait(wait::exponential(BASE).full_jitter().cap(CAP))
            .when(predicate::error(passes))
    };
}

macro_rules! retried {
    ($policy:expr, $operation:ident) => {
        report_result($policy.retry(|_| $operation()).clock(Board).call().map_err(|error| error.into_last_error()))
    };
}

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
