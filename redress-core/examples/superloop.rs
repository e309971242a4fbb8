//! The bare machine in a superloop. Run by `cargo run -p redress-core --example superloop`.

use core::time::Duration;

use redress_core::{
    Attempts, Backoff, Decision, ErrorClass, Instant, Policy, RandomSource, Rejected, Retry, SeededRandom,
};

static SENSOR: Policy =
    Policy::new(Retry::new(Backoff::full_jitter(Duration::from_millis(50), Duration::from_secs(5))));

/// Answers from the third poll on.
fn poll_sensor(polls: u32) -> Result<i16, ErrorClass> {
    if polls < 3 { Err(ErrorClass::Transient) } else { Ok(215) }
}

fn main() -> Result<(), Rejected> {
    let mut random = SeededRandom::new(7); // of the device: its serial number
    let (mut millis, mut polls) = (0, 0);
    let mut attempts = Attempts::<1_000>::start(&SENSOR, Instant::ZERO)?; // of a clock with 1,000 ticks per second
    let reading = loop {
        millis += 1; // and everything else that the loop does
        let now = Instant::from_ticks(millis);
        if attempts.poll_at().is_some_and(|at| now < at) || attempts.on_wake(now).is_err() {
            continue;
        }
        polls += 1;
        match poll_sensor(polls) {
            Ok(reading) => break reading,
            Err(class) => match attempts.on_failure(now, class, || random.next_u32()) {
                Decision::RetryAt(at) => println!("{millis} ms: {class}, again at {} ms", at.ticks()),
                Decision::Stop(reason) => panic!("{reason}"),
            },
        }
    };
    attempts.on_success(Instant::from_ticks(millis));
    println!("{millis} ms: {reading} tenths of a degree");
    assert_eq!((reading, polls), (215, 3));
    Ok(())
}
