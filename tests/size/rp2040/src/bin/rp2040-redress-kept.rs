//! A station that redress keeps up.
#![no_std]
#![no_main]
#![expect(clippy::used_underscore_binding, reason = "the macro of the executor passes every argument on")]

use core::time::Duration;

use redress_embassy::{
    Backoff, Embassy, ErrorClass, Policy, Recoverable, Retry,
    embedded::hal::I2cClassifier,
    keeper::{Keep, KeepConfig, Session},
};
use rp2040::{KEPT_BASE_MS, KEPT_CAP_MS, RoscRng, STABLE_SECS, Spawner, Station, StationError, main};

static STATION: Keep = Keep::new(
    Policy::new(Retry::new(Backoff::full_jitter(
        Duration::from_millis(KEPT_BASE_MS as u64),
        Duration::from_millis(KEPT_CAP_MS as u64),
    ))),
    KeepConfig::new(Duration::from_secs(STABLE_SECS as u64)),
);

#[main]
async fn main(_spawner: Spawner) {
    let chip = embassy_rp::init(embassy_rp::config::Config::default());
    let station = Station::new(chip.I2C0, chip.PIN_5, chip.PIN_4, chip.PIN_22);
    let mut station = Recoverable::new(station, async |station: &mut Station| station.recover().await);
    // The error of the bus by its kind; what the driver adds is damage on the line.
    let classifier = I2cClassifier.through(|error: &StationError| match error {
        StationError::I2c(error) => Ok(error),
        _ => Err(ErrorClass::Transient),
    });
    let mut context = STATION.context(Embassy::with(|| RoscRng.next_u32())).classifier(classifier);
    let attempt = station.local_session(async |station: &mut Station, session: Session<'_>| {
        station.set_up().await?;
        session.established();
        Err::<(), _>(station.read().await)
    });
    core::hint::black_box(context.keep().run(attempt).await);
}
