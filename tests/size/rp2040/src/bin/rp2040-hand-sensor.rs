//! With a loop by hand.
#![no_std]
#![no_main]
#![expect(clippy::used_underscore_binding, reason = "the macro of the executor passes every argument on")]

use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Instant, Timer};
use rp2040::{ATTEMPTS, BASE_MS, CAP_MS, DEADLINE_MS, RoscRng, Sensor, Spawner, main, show};

async fn read(sensor: &mut Sensor) -> Option<Option<f32>> {
    let deadline = Instant::now() + Duration::from_millis(DEADLINE_MS.into());
    let mut ceiling = 2 * BASE_MS;
    let mut attempt = 1;
    loop {
        match select(sensor.read(), Timer::at(deadline)).await {
            Either::First(Ok(reading)) => return Some(reading),
            Either::First(Err(_)) => {}
            Either::Second(()) => return None,
        }
        let delay = (u64::from(ceiling) * u64::from(RoscRng.next_u32())) >> 32;
        let ends = Instant::now() + Duration::from_millis(delay);
        if attempt >= ATTEMPTS || ends >= deadline {
            return None;
        }
        Timer::at(ends).await;
        ceiling = (2 * ceiling).min(CAP_MS);
        attempt += 1;
    }
}

#[main]
async fn main(_spawner: Spawner) {
    let chip = embassy_rp::init(embassy_rp::config::Config::default());
    let mut sensor = Sensor::new(chip.I2C0, chip.PIN_5, chip.PIN_4);
    loop {
        show(read(&mut sensor).await).await;
    }
}
