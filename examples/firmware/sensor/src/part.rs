//! The sensor, simulated: a function chooses the transfers that fail.

use embedded_hal::i2c::{ErrorKind, ErrorType, I2c, Operation};

/// The temperature that the part measures, in sixteenths of a degree.
pub(crate) const TEMPERATURE: i16 = 21 * 16 + 8;

/// A part on a bus of its own.
#[derive(Debug)]
pub(crate) struct Part<F> {
    fault: F,
    transfers: u32,
}

impl<F: FnMut(u32) -> Option<ErrorKind>> Part<F> {
    /// Creates a part whose transfers, counted from 0, fail as `fault` says.
    pub(crate) const fn new(fault: F) -> Self {
        Self { fault, transfers: 0 }
    }

    /// Returns the number of transfers tried.
    pub(crate) const fn transfers(&self) -> u32 {
        self.transfers
    }
}

impl<F> ErrorType for Part<F> {
    type Error = ErrorKind;
}

impl<F: FnMut(u32) -> Option<ErrorKind>> I2c for Part<F> {
    fn transaction(&mut self, _address: u8, operations: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
        let number = self.transfers;
        self.transfers += 1;
        if let Some(error) = (self.fault)(number) {
            return Err(error);
        }
        for operation in operations {
            if let Operation::Read(buffer) = operation {
                for (to, from) in buffer.iter_mut().zip((TEMPERATURE << 4).to_be_bytes()) {
                    *to = from;
                }
            }
        }
        Ok(())
    }
}
