//! Without retries.
#![no_std]
#![no_main]
#![expect(clippy::used_underscore_binding, reason = "the macro of the executor passes every argument on")]

use rp2040::{Sensor, Spawner, main, show};

#[main]
async fn main(_spawner: Spawner) {
    let chip = embassy_rp::init(embassy_rp::config::Config::default());
    let mut sensor = Sensor::new(chip.I2C0, chip.PIN_5, chip.PIN_4);
    loop {
        show(sensor.read().await.ok()).await;
    }
}
