//! The record that survives deep sleep: two checkpoints, the state of the generator, and the time.

use firmware_support::retained;
use redress_embassy::{CHECKPOINT_LEN, Checkpoint, CheckpointError, Millis};

use crate::{BREAKER, Breaker, CLOCK};

const SIZE: usize = 8 + 4 + Breaker::CHECKPOINT_LEN + CHECKPOINT_LEN;

const _: () = assert!(SIZE <= retained::CAPACITY, "the record fits the memory");

/// The record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retained {
    pub(crate) slept_at: u64,
    pub(crate) random: u32,
    breaker: [u8; Breaker::CHECKPOINT_LEN],
    checkpoint: [u8; CHECKPOINT_LEN],
}

impl Retained {
    /// Creates the record of this moment.
    pub(crate) fn new(checkpoint: &Checkpoint, random: u32, slept_at: u64) -> Result<Self, CheckpointError> {
        let mut breaker = [0; Breaker::CHECKPOINT_LEN];
        BREAKER.checkpoint(&CLOCK, &mut breaker)?;
        Ok(Self { slept_at, random, breaker, checkpoint: checkpoint.to_bytes() })
    }

    /// Keeps it. Returns whether it fits.
    pub(crate) fn store(&self) -> bool {
        let mut bytes = [0; SIZE];
        let mut to = bytes.iter_mut();
        let mut put = |part: &[u8]| part.iter().zip(&mut to).for_each(|(from, to)| *to = *from);
        put(&self.slept_at.to_le_bytes());
        put(&self.random.to_le_bytes());
        put(&self.breaker);
        put(&self.checkpoint);
        retained::store(&bytes)
    }

    /// Returns what was kept; `None` after power-up.
    pub(crate) fn load() -> Option<Self> {
        let mut buffer = [0; retained::CAPACITY];
        let rest = retained::load(&mut buffer)?;
        let (slept_at, rest) = rest.split_first_chunk()?;
        let (random, rest) = rest.split_first_chunk()?;
        let (breaker, rest) = rest.split_first_chunk()?;
        let checkpoint = rest.try_into().ok()?;
        let (slept_at, random) = (u64::from_le_bytes(*slept_at), u32::from_le_bytes(*random));
        Some(Self { slept_at, random, breaker: *breaker, checkpoint })
    }

    /// Restores the breaker and returns the checkpoint of the connection.
    pub(crate) fn restore(&self, slept: Millis) -> Result<Checkpoint, CheckpointError> {
        BREAKER.restore(&self.breaker, slept, &CLOCK)?;
        Checkpoint::from_bytes(&self.checkpoint)
    }
}
