//! An `SHT4x` that is set up once and read until it fails: then its supply is turned off and on.

use embassy_rp::{
    Peri,
    gpio::{Level, Output},
    i2c::{Async, Config, Error, I2c},
    peripherals::{I2C0, PIN_4, PIN_5, PIN_22},
};
use embassy_time::{Delay, Timer};
use sht4x::{Precision, Sht4xAsync};

use crate::{Interrupts, show};

/// An error of the driver, of which that of the bus is one.
pub type StationError = sht4x::Error<Error>;

/// How long a station must have been read for its failure to count as the first.
pub const STABLE_SECS: u32 = 60;
/// The shortest delay between two attempts, in milliseconds.
pub const KEPT_BASE_MS: u32 = 500;
/// The longest delay between two attempts, in milliseconds.
pub const KEPT_CAP_MS: u32 = 300_000;

/// The sensor and its supply.
pub struct Station {
    sensor: Sht4xAsync<I2c<'static, I2C0, Async>, Delay>,
    supply: Output<'static>,
}

impl Station {
    /// Takes the bus and the pin of the supply, which is on.
    pub fn new(
        bus: Peri<'static, I2C0>,
        clock: Peri<'static, PIN_5>,
        data: Peri<'static, PIN_4>,
        supply: Peri<'static, PIN_22>,
    ) -> Self {
        let bus = I2c::new_async(bus, clock, data, Interrupts, Config::default());
        Self { sensor: Sht4xAsync::new(bus), supply: Output::new(supply, Level::High) }
    }

    /// Sets the sensor up: a reset, and its serial number as a sign that it is there.
    ///
    /// # Errors
    ///
    /// The bus failed, or what was read is damaged.
    pub async fn set_up(&mut self) -> Result<u32, StationError> {
        self.sensor.soft_reset(&mut Delay).await?;
        self.sensor.serial_number(&mut Delay).await
    }

    /// Shows readings until one fails.
    pub async fn read(&mut self) -> StationError {
        loop {
            match self.sensor.measure(Precision::High, &mut Delay).await {
                Ok(reading) => show(reading.temperature_milli_celsius()).await,
                Err(error) => return error,
            }
        }
    }

    /// Turns the supply off and on.
    pub async fn recover(&mut self) {
        self.supply.set_low();
        Timer::after_millis(50).await;
        self.supply.set_high();
        Timer::after_millis(5).await;
    }
}
