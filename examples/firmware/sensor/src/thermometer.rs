//! A driver, as it would be for a TMP102: it reads a register and passes on errors of the bus.

use embedded_hal::i2c::I2c;

const ADDRESS: u8 = 0x48;
const TEMPERATURE: u8 = 0;

/// A thermometer on an I2C bus.
#[derive(Debug)]
pub(crate) struct Thermometer<I>(pub(crate) I);

impl<I: I2c> Thermometer<I> {
    /// Reads the temperature in sixteenths of a degree.
    pub(crate) fn read(&mut self) -> Result<i16, I::Error> {
        let mut bytes = [0; 2];
        self.0.write_read(ADDRESS, &[TEMPERATURE], &mut bytes)?;
        Ok(i16::from_be_bytes(bytes) >> 4)
    }
}
