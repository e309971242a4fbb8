//! A station that is set up again at once, for ever.
#![no_std]
#![no_main]
#![expect(clippy::used_underscore_binding, reason = "the macro of the executor passes every argument on")]

use rp2040::{Spawner, Station, main};

#[main]
async fn main(_spawner: Spawner) {
    let chip = embassy_rp::init(embassy_rp::config::Config::default());
    let mut station = Station::new(chip.I2C0, chip.PIN_5, chip.PIN_4, chip.PIN_22);
    loop {
        if station.set_up().await.is_ok() {
            station.read().await;
        }
        station.recover().await;
    }
}
