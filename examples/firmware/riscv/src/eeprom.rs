//! A driver, as it would be for a 24C02.

use embedded_hal::i2c::I2c;

const ADDRESS: u8 = 0x50;

/// Bytes of one write.
pub(crate) const PAGE: usize = 8;

/// A memory of 256 bytes on an I2C bus.
#[derive(Debug)]
pub(crate) struct Eeprom<I>(pub(crate) I);

impl<I: I2c> Eeprom<I> {
    /// Writes a page. For some milliseconds afterwards the memory does not answer.
    pub(crate) fn write(&mut self, page: u8, content: [u8; PAGE]) -> Result<(), I::Error> {
        let mut bytes = [0; PAGE + 1];
        let (address, rest) = bytes.split_at_mut(1);
        address.copy_from_slice(&[page.wrapping_mul(8)]);
        rest.copy_from_slice(&content);
        self.0.write(ADDRESS, &bytes)
    }

    /// Reads a page.
    pub(crate) fn read(&mut self, page: u8) -> Result<[u8; PAGE], I::Error> {
        let mut content = [0; PAGE];
        self.0.write_read(ADDRESS, &[page.wrapping_mul(8)], &mut content)?;
        Ok(content)
    }
}
