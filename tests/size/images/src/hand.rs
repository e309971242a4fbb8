//! The task as it is written without a crate: settings are constants, numbers are 32 bits wide, and there is nothing that
//! the task does not need.

use board::{Fault, now, operation, random, report_result, second_operation, sleep_ms, third_operation};

use crate::{ATTEMPTS, BASE_MS, BUSY, CAP_MS, DEADLINE_MS, passes};

/// Draws a number from `[0, ceiling)`.
pub(crate) fn up_to(ceiling: u32) -> u32 {
    ((u64::from(ceiling) * u64::from(random())) >> 32) as u32
}

/// The delay after attempt n.
pub fn jitter() {
    let ceiling = BASE_MS.checked_shl(board::opaque()).map_or(CAP_MS, |delay| delay.min(CAP_MS));
    board::report(up_to(ceiling));
}

/// The delay after attempt n, with a division.
pub fn jitter_by_division() {
    let ceiling = BASE_MS.checked_shl(board::opaque()).map_or(CAP_MS, |delay| delay.min(CAP_MS));
    board::report(random() % (ceiling + 1));
}

#[inline]
fn retried(mut operation: impl FnMut() -> Result<u32, Fault>) -> Result<u32, Option<Fault>> {
    let mut ceiling = 2 * BASE_MS;
    let mut attempt = 1;
    loop {
        match operation() {
            Ok(value) => return Ok(value),
            Err(fault) if attempt < ATTEMPTS && passes(&fault) => {
                sleep_ms(up_to(ceiling));
                ceiling = (2 * ceiling).min(CAP_MS);
                attempt += 1;
            }
            Err(fault) => return Err(Some(fault)),
        }
    }
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

/// The machine alone, in a superloop.
pub fn machine() {
    let mut ceiling = 2 * BASE_MS;
    let mut attempt = 1;
    while let Err(fault) = operation() {
        if attempt >= ATTEMPTS || !passes(&fault) {
            board::report(fault as u32);
            return;
        }
        let at = now() + u64::from(up_to(ceiling));
        ceiling = (2 * ceiling).min(CAP_MS);
        attempt += 1;
        while now() < at {}
    }
}

/// With a deadline, and a limit on the retries of a busy device.
pub fn deadline() {
    report_result(limited(|_| false));
}

#[inline]
fn limited(rests: impl Fn(Fault) -> bool) -> Result<u32, Option<Fault>> {
    let start = now();
    let mut ceiling = 2 * BASE_MS;
    let mut attempt = 1;
    let mut busy = 0;
    loop {
        let fault = match operation() {
            Ok(value) => return Ok(value),
            Err(fault) => fault,
        };
        busy += u8::from(fault == Fault::Busy);
        let wait = if rests(fault) { 500 + up_to(500) } else { up_to(ceiling) };
        #[expect(clippy::cast_possible_truncation, reason = "calls end within the deadline")]
        let elapsed = (now() - start) as u32;
        if attempt >= ATTEMPTS || !passes(&fault) || busy > BUSY || elapsed + wait >= DEADLINE_MS {
            return Err(Some(fault));
        }
        sleep_ms(wait);
        ceiling = (2 * ceiling).min(CAP_MS);
        attempt += 1;
    }
}

/// With a longer delay for a busy device.
pub fn table() {
    report_result(limited(|fault| fault == Fault::Busy));
}

/// Opens after four failed calls in a row, for half a minute.
struct Breaker {
    failures: u8,
    open_until: u64,
}

/// With a breaker in front.
pub fn breaker() {
    let mut breaker = Breaker { failures: 0, open_until: 0 };
    loop {
        if breaker.failures >= 4 && now() < breaker.open_until {
            report_result(Err(None));
            continue;
        }
        let result = limited(|fault| fault == Fault::Busy);
        if result.is_ok() {
            breaker.failures = 0;
        } else {
            breaker.failures = breaker.failures.saturating_add(1);
            breaker.open_until = now() + u64::from(DEADLINE_MS);
        }
        report_result(result);
    }
}
