//! A Raspberry Pi Pico that reads the temperature from a BME280 over I2C every ten seconds, in a task of embassy.
//!
//! Three images differ in how a reading is retried: not at all, by redress, by a loop by hand. Three more keep up a [`Station`], the
//! errors of whose driver are around those of the bus. They are built, not run.
#![no_std]

mod station;

pub use station::{KEPT_BASE_MS, KEPT_CAP_MS, STABLE_SECS, Station, StationError};

use bme280_rs::{AsyncBme280, Configuration, Oversampling, SensorMode};
pub use embassy_executor::{Spawner, main};
use embassy_rp::{
    Peri, bind_interrupts,
    i2c::{Async, Config, I2c, InterruptHandler},
    peripherals::{I2C0, PIN_4, PIN_5},
};
pub use embassy_rp::{clocks::RoscRng, i2c::Error};
use embassy_time::{Delay, Timer};

bind_interrupts!(struct Interrupts {
    I2C0_IRQ => InterruptHandler<I2C0>;
});

/// The attempts of a reading.
pub const ATTEMPTS: u32 = 4;
/// The shortest delay between two, in milliseconds.
pub const BASE_MS: u32 = 10;
/// The longest delay between two, in milliseconds.
pub const CAP_MS: u32 = 1_000;
/// How long a reading may take, in milliseconds.
pub const DEADLINE_MS: u32 = 5_000;

/// The sensor, configured at each reading, because it may have lost its power in between.
pub struct Sensor(AsyncBme280<I2c<'static, I2C0, Async>, Delay>);

impl Sensor {
    /// Takes the bus.
    pub fn new(bus: Peri<'static, I2C0>, clock: Peri<'static, PIN_5>, data: Peri<'static, PIN_4>) -> Self {
        Self(AsyncBme280::new(I2c::new_async(bus, clock, data, Interrupts, Config::default()), Delay))
    }

    /// Reads the temperature, in degrees Celsius; `None` if it is not measured.
    ///
    /// # Errors
    ///
    /// The bus failed, or the sensor does not answer.
    pub async fn read(&mut self) -> Result<Option<f32>, Error> {
        self.0.init().await?;
        let sampling = Configuration::default()
            .with_temperature_oversampling(Oversampling::Oversample1)
            .with_sensor_mode(SensorMode::Normal);
        self.0.set_sampling_configuration(sampling).await?;
        self.0.read_temperature().await
    }
}

/// Shows a reading, where it cannot be optimised away, and waits for the next.
pub async fn show<T>(reading: T) {
    core::hint::black_box(reading);
    Timer::after_secs(10).await;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
