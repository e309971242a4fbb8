//! The memory, simulated: busy after each write, and stuck or unplugged on demand.

use embedded_hal::i2c::{ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation};
use firmware_support::mtime;

/// The data sheet's longest write cycle.
const WRITE_CYCLE: u64 = 5 * (mtime::HZ / 1_000) as u64;

/// A 24C02 on a bus of its own.
#[derive(Debug)]
pub(crate) struct Chip {
    memory: [u8; 256],
    address: u8,
    busy_until: u64,
    /// Whether the data line is held low, until the bus is cleared.
    pub(crate) stuck: bool,
    /// Whether no device answers.
    pub(crate) unplugged: bool,
    /// The number of transfers tried.
    pub(crate) transfers: u32,
    /// The number of times the bus was cleared.
    pub(crate) cleared: u32,
}

impl Chip {
    /// Creates an empty memory, at rest.
    pub(crate) const fn new() -> Self {
        Self {
            memory: [0xFF; 256],
            address: 0,
            busy_until: 0,
            stuck: false,
            unplugged: false,
            transfers: 0,
            cleared: 0,
        }
    }

    /// Clears the bus with nine clocks and a STOP, after which every device releases the data line.
    pub(crate) fn clear_bus(&mut self) {
        self.stuck = false;
        self.cleared += 1;
    }
}

impl ErrorType for Chip {
    type Error = ErrorKind;
}

impl I2c for Chip {
    fn transaction(&mut self, _address: u8, operations: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
        self.transfers += 1;
        if self.stuck {
            return Err(ErrorKind::Bus);
        }
        if self.unplugged || mtime::now() < self.busy_until {
            return Err(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));
        }
        for operation in operations {
            match operation {
                Operation::Write([address, content @ ..]) => {
                    self.address = *address;
                    for byte in content {
                        self.memory[usize::from(self.address)] = *byte;
                        self.address = self.address.wrapping_add(1);
                        self.busy_until = mtime::now() + WRITE_CYCLE;
                    }
                }
                Operation::Write([]) => {}
                Operation::Read(buffer) => {
                    for byte in buffer.iter_mut() {
                        *byte = self.memory[usize::from(self.address)];
                        self.address = self.address.wrapping_add(1);
                    }
                }
            }
        }
        Ok(())
    }
}
