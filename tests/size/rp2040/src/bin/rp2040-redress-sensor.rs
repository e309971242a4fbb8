//! With redress.
#![no_std]
#![no_main]
#![expect(clippy::used_underscore_binding, reason = "the macro of the executor passes every argument on")]

use core::time::Duration;

use redress_embassy::{Backoff, Embassy, Policy, Retry, embedded::hal::I2cClassifier};
use rp2040::{ATTEMPTS, BASE_MS, CAP_MS, DEADLINE_MS, RoscRng, Sensor, Spawner, main, show};

static POLICY: Policy = Policy::new(
    Retry::new(Backoff::full_jitter(Duration::from_millis(BASE_MS as u64), Duration::from_millis(CAP_MS as u64)))
        .max_attempts(ATTEMPTS)
        .deadline(Duration::from_millis(DEADLINE_MS as u64)),
);

#[main]
async fn main(_spawner: Spawner) {
    let chip = embassy_rp::init(embassy_rp::config::Config::default());
    let mut sensor = Sensor::new(chip.I2C0, chip.PIN_5, chip.PIN_4);
    let mut context = POLICY.context(Embassy::with(|| RoscRng.next_u32())).classifier(I2cClassifier);
    loop {
        show(context.call(async || sensor.read().await).await.ok()).await;
    }
}
