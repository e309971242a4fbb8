//! A station that a loop by hand keeps up.
#![no_std]
#![no_main]
#![expect(clippy::used_underscore_binding, reason = "the macro of the executor passes every argument on")]

use embassy_time::{Duration, Instant, Timer};
use rp2040::{KEPT_BASE_MS, KEPT_CAP_MS, RoscRng, STABLE_SECS, Spawner, Station, main};

#[main]
async fn main(_spawner: Spawner) {
    let chip = embassy_rp::init(embassy_rp::config::Config::default());
    let mut station = Station::new(chip.I2C0, chip.PIN_5, chip.PIN_4, chip.PIN_22);
    let mut ceiling = 2 * KEPT_BASE_MS;
    loop {
        if station.set_up().await.is_ok() {
            let since = Instant::now();
            station.read().await;
            if since.elapsed() >= Duration::from_secs(STABLE_SECS.into()) {
                ceiling = 2 * KEPT_BASE_MS;
            }
        }
        Timer::after_millis((u64::from(ceiling) * u64::from(RoscRng.next_u32())) >> 32).await;
        ceiling = (2 * ceiling).min(KEPT_CAP_MS);
        station.recover().await;
    }
}
