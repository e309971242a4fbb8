//! The record that is kept through deep sleep, as bytes: two checkpoints, the time at which they were made, and how far
//! the story is.

use redress_core::{CHECKPOINT_LEN, Checkpoint, CheckpointError, Millis};

use crate::report::{BREAKER, Breaker, CLOCK};

/// The progress of the story.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chapter {
    /// Attempts made in all.
    pub(crate) tried: u8,
    /// Calls given up.
    pub(crate) gave_up: u8,
    /// Calls which the open circuit rejected.
    pub(crate) rejected: u8,
    /// The wait decided at the latest failure.
    pub(crate) wait: u32,
    /// When the latest attempt was made.
    pub(crate) tried_at: u64,
}

/// The record. Times are those of the clock with the battery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) chapter: Chapter,
    pub(crate) slept_at: u64,
    pub(crate) call: Option<Checkpoint>,
    breaker: [u8; Breaker::CHECKPOINT_LEN],
}

/// Story, two times, breaker, and the call last: if there is none, its bytes are left out.
const FIXED: usize = 3 + 4 + 8 + 8 + Breaker::CHECKPOINT_LEN;
const SIZE: usize = FIXED + CHECKPOINT_LEN;

/// Bytes of no call; no checkpoint has this version.
const NO_CALL: [u8; CHECKPOINT_LEN] = [0; CHECKPOINT_LEN];

impl Record {
    /// Creates the record of this moment.
    pub(crate) fn new(chapter: Chapter, call: Option<Checkpoint>, now: u64) -> Result<Self, CheckpointError> {
        let mut breaker = [0; Breaker::CHECKPOINT_LEN];
        BREAKER.checkpoint(&CLOCK, &mut breaker)?;
        Ok(Self { chapter, slept_at: now, call, breaker })
    }

    /// Restores the breaker, `slept` after the record was made.
    pub(crate) fn restore_breaker(&self, slept: Millis) -> Result<(), CheckpointError> {
        BREAKER.restore(&self.breaker, slept, &CLOCK)
    }

    pub(crate) fn to_bytes(self) -> [u8; SIZE] {
        let Chapter { tried, gave_up, rejected, wait, tried_at } = self.chapter;
        let mut bytes = [0; SIZE];
        let mut to = bytes.iter_mut();
        let mut put = |part: &[u8]| part.iter().zip(&mut to).for_each(|(from, to)| *to = *from);
        put(&[tried, gave_up, rejected]);
        put(&wait.to_le_bytes());
        put(&tried_at.to_le_bytes());
        put(&self.slept_at.to_le_bytes());
        put(&self.breaker);
        put(&self.call.map_or(NO_CALL, |call| call.to_bytes()));
        bytes
    }

    /// Reads a record. Its checkpoints carry checksums of their own; that of the breaker is verified when it is
    /// restored.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let bytes: &[u8; SIZE] = bytes.try_into().map_err(|_| CheckpointError::Length)?;
        let mut rest = bytes.as_slice();
        let [tried, gave_up, rejected] = take(&mut rest)?;
        let wait = u32::from_le_bytes(take(&mut rest)?);
        let tried_at = u64::from_le_bytes(take(&mut rest)?);
        let slept_at = u64::from_le_bytes(take(&mut rest)?);
        let breaker = take(&mut rest)?;
        let call = if rest == NO_CALL { None } else { Some(Checkpoint::from_bytes(rest)?) };
        Ok(Self { chapter: Chapter { tried, gave_up, rejected, wait, tried_at }, slept_at, call, breaker })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], CheckpointError> {
    let (first, rest) = bytes.split_first_chunk().ok_or(CheckpointError::Length)?;
    *bytes = rest;
    Ok(*first)
}
