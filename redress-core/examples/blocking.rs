//! A blocking call on a board: a clock, a delay and random numbers. Run by `cargo run -p redress-core --example blocking`.

use std::{
    cell::Cell,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use redress_core::{Backoff, Blocking, Clock, ErrorClass, Instant, Policy, Retry, RetryError, SeededRandom};

static SENSOR: Policy =
    Policy::new(Retry::new(Backoff::exponential(Duration::from_millis(2), Duration::from_millis(20))).max_attempts(4));

/// On a board: a timer that counts microseconds.
struct Micros;

impl Clock for Micros {
    const TICK_HZ: u32 = 1_000_000;

    fn now(&self) -> Instant {
        let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        Instant::from_ticks(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

fn main() -> Result<(), RetryError<ErrorClass>> {
    let left = Cell::new(2);
    let read_register = || match left.replace(left.get() - 1) {
        0 => Ok(0x5A),
        _ => Err(ErrorClass::Transient), // not acknowledged
    };
    let delay = |ticks: u64| std::thread::sleep(Duration::from_micros(ticks)); // on a board: `DelayNs`
    let mut sensor = SENSOR.context(Blocking::new(Micros, delay, SeededRandom::new(7)));
    let value = sensor.call(read_register)?;
    println!("{value:#x} at the third attempt");
    assert_eq!(value, 0x5A);
    Ok(())
}
