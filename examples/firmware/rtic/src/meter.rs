//! A sensor that is read with the bare machine of a call.

use core::time::Duration;

use redress_core::{Attempts, Backoff, Clock, Decision, ErrorClass, Policy, Retry, StopReason};

use crate::link::{CLOCK, sleep_until};

/// The sensor answers at its attempt of this number.
const ANSWERS_AT: u32 = 4;

static READING: Policy =
    Policy::new(Retry::new(Backoff::constant(PERIOD)).max_attempts(5).deadline(Duration::from_secs(60)));
pub(crate) const PERIOD: Duration = Duration::from_secs(9);

/// Reads the sensor. Returns the attempts, and the milliseconds that it took.
///
/// # Errors
///
/// Why it was given up.
pub(crate) async fn read() -> Result<(u32, u64), StopReason> {
    let start = CLOCK.now();
    let mut attempts = Attempts::<1_000>::start(&READING, start).map_err(|rejected| rejected.reason())?;
    loop {
        let number = attempts.attempt().number;
        if number == ANSWERS_AT {
            let now = CLOCK.now();
            attempts.on_success(now);
            return Ok((number, now.ticks_since(start)));
        }
        match attempts.on_failure(CLOCK.now(), ErrorClass::Transient, || 0) {
            Decision::RetryAt(at) => sleep_until(at).await,
            Decision::Stop(reason) => return Err(reason),
        }
        attempts.on_wake(CLOCK.now()).map_err(|rejected| rejected.reason())?;
    }
}
