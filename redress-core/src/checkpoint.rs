//! A suspended call in 32 bytes.

use core::num::NonZeroU16;

use crate::{Cause, ErrorClass, Millis, Policy};

/// Length of a checkpoint in bytes.
pub const CHECKPOINT_LEN: usize = 32;

const VERSION: u32 = 1;

/// The state from which a call resumes: every count, the time used up and the time left to wait, for a queue, a database
/// row or retained memory.
///
/// Times are spans, because clocks restart. The bytes carry a version, a fingerprint of the policy and a checksum;
/// other bytes are refused.
///
/// # Design
///
/// It is kept as the words which its bytes are, and taken apart only when the call goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// From the lowest bit on: cause (2), version (6), class of the latest failure (4), class of the latest delay (4),
    /// fingerprint (16).
    pub(crate) head: u32,
    pub(crate) attempt: u32,
    pub(crate) delay: Millis,
    pub(crate) remaining: Millis,
    pub(crate) elapsed: Millis,
    /// A byte for each class, in the order of their numbers.
    pub(crate) failures: [u32; 2],
    /// One more than what a [keeper](crate::keeper) adds; calls add zero. Never zero, so that an `Option` takes no more room.
    pub(crate) extra: NonZeroU16,
}

/// Bytes that are no checkpoint of this policy or breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CheckpointError {
    /// Not as long as a checkpoint is.
    Length,
    /// Written by another version of the format.
    Version,
    /// The checksum is wrong.
    Corrupt,
    /// Written under a policy with other limits or backoffs, or by a breaker with another configuration.
    OtherPolicy,
}

impl core::fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Length => "checkpoint: must be 32 bytes long, that of a breaker as long as its CHECKPOINT_LEN",
            Self::Version => "checkpoint: written by another version",
            Self::Corrupt => "checkpoint: checksum does not match",
            Self::OtherPolicy => "checkpoint: written under another policy",
        })
    }
}

impl core::error::Error for CheckpointError {}

impl Checkpoint {
    /// The addition of a call, which is none.
    pub(crate) const NO_EXTRA: NonZeroU16 = NonZeroU16::MIN;

    /// How long to wait before resuming, counted from when the checkpoint was made. Keep that moment with it, on a clock
    /// that goes on meanwhile: resuming asks how long ago it was.
    pub const fn remaining(&self) -> Millis {
        self.remaining
    }

    /// Attempts made so far.
    pub const fn attempts(&self) -> u32 {
        self.attempt
    }

    /// Returns the time that the call has taken, as deadlines count it: on a clock finer than a millisecond, up to 2 ms more.
    /// Zero if the call measured no time: without deadline, observer and `execute`.
    pub const fn elapsed(&self) -> Millis {
        self.elapsed
    }

    /// The first word. A class of 8 and a cause of 3 are none.
    pub(crate) fn pack(fingerprint: u16, last: Option<(ErrorClass, Cause)>, delay_class: Option<ErrorClass>) -> u32 {
        let last = last.map_or(3, |(class, cause)| (class as u32) << 8 | cause as u32);
        let delay_class = delay_class.map_or(8, |class| class as u32);
        u32::from(fingerprint) << 16 | delay_class << 12 | VERSION << 2 | last
    }

    /// Whether it is one of a call under this policy.
    pub(crate) fn check(&self, policy: &Policy<'_>) -> Result<(), CheckpointError> {
        if self.head >> 16 == u32::from(policy.fingerprint) { Ok(()) } else { Err(CheckpointError::OtherPolicy) }
    }

    /// The class the latest delay was for.
    pub(crate) const fn delay_class(&self) -> Option<ErrorClass> {
        ErrorClass::from_index((self.head >> 12 & 0xF) as u8)
    }

    /// The latest failure.
    pub(crate) fn last(&self) -> Option<(ErrorClass, Cause)> {
        let cause = match self.head & 3 {
            0 => Some(Cause::Error),
            1 => Some(Cause::Result),
            2 => Some(Cause::Timeout),
            _ => None,
        };
        ErrorClass::from_index((self.head >> 8 & 0xF) as u8).zip(cause)
    }

    /// The checkpoint as bytes: little endian, the same on every machine.
    pub fn to_bytes(&self) -> [u8; CHECKPOINT_LEN] {
        let Self { head, attempt, delay, remaining, elapsed, failures: [low, high], extra } = *self;
        let extra = u32::from(extra.get().wrapping_sub(1));
        // Words of four bytes, because to copy those takes no code of its own.
        let mut words =
            [head, attempt, delay.get(), remaining.get(), elapsed.get(), low, high, extra].map(u32::to_le_bytes);
        let bytes = words.as_flattened_mut();
        if let Some((content, checksum)) = bytes.split_last_chunk_mut() {
            *checksum = crc16(content).to_be_bytes();
        }
        words.as_flattened().try_into().unwrap_or([0; CHECKPOINT_LEN])
    }

    /// The checkpoint these bytes are, if they are one of this version and unharmed. Whether it is of this policy is
    /// found out when it is resumed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        if bytes.len() != CHECKPOINT_LEN {
            return Err(CheckpointError::Length);
        }
        let (words, _) = bytes.as_chunks();
        let [head, attempt, delay, remaining, elapsed, low, high, last] =
            core::array::from_fn(|place| u32::from_le_bytes(words.get(place).copied().unwrap_or_default()));
        if head >> 2 & 0x3F != VERSION {
            return Err(CheckpointError::Version);
        }
        // The checksum of the content followed by the checksum itself is zero.
        if crc16(bytes) != 0 {
            return Err(CheckpointError::Corrupt);
        }
        let [delay, remaining, elapsed] = [delay, remaining, elapsed].map(Millis::new);
        // No keeper adds the number after which there is no other.
        #[expect(clippy::cast_possible_truncation, reason = "the upper half is the checksum")]
        let extra = NonZeroU16::new((last as u16).wrapping_add(1)).ok_or(CheckpointError::Corrupt)?;
        Ok(Self { head, attempt, delay, remaining, elapsed, failures: [low, high], extra })
    }
}

impl core::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Checkpoint")
            .field("attempt", &self.attempt)
            .field("remaining", &self.remaining)
            .field("elapsed", &self.elapsed)
            .field("last", &self.last())
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Checkpoint {
    fn format(&self, f: defmt::Formatter<'_>) {
        let Self { attempt, remaining, elapsed, .. } = self;
        defmt::write!(
            f,
            "Checkpoint(attempt {}, remaining {}, elapsed {}, {})",
            attempt,
            remaining,
            elapsed,
            self.last()
        );
    }
}

/// CRC-16/CCITT-FALSE (polynomial 0x1021, start 0xFFFF, nothing reflected): finds every error of up to 16 bits in a
/// row, and so every single bit. Over bytes that end in their own checksum, high byte first, it is zero.
#[inline(never)]
pub(crate) fn crc16(bytes: &[u8]) -> u16 {
    let mut crc = 0xFFFF_u16;
    for &byte in bytes {
        crc ^= u16::from(byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
        }
    }
    crc
}

#[cfg(feature = "serde")]
impl serde::Serialize for Checkpoint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_bytes().serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Checkpoint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <[u8; CHECKPOINT_LEN]>::deserialize(deserializer)?;
        Self::from_bytes(&bytes).map_err(serde::de::Error::custom)
    }
}
