//! A suspended call in 32 bytes.

use crate::{Cause, ErrorClass, Millis};

/// Length of a checkpoint in bytes.
pub const CHECKPOINT_LEN: usize = 32;

const VERSION: u8 = 1;
const NONE: u8 = 0xFF;

/// Where to resume a call: every count, the time used up and the time left to wait, for a queue, a database row or
/// retained memory.
///
/// Times are spans, because clocks restart. The bytes carry a version, a fingerprint of the policy and a checksum;
/// other bytes are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Checkpoint {
    pub(crate) attempt: u32,
    pub(crate) delay: Millis,
    pub(crate) remaining: Millis,
    pub(crate) elapsed: Millis,
    pub(crate) failures: [u8; 8],
    pub(crate) fingerprint: u16,
    pub(crate) delay_class: Option<ErrorClass>,
    pub(crate) last: Option<(ErrorClass, Cause)>,
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
    /// How long to wait before resuming, counted from when the checkpoint was made. Keep that moment with it, on a clock
    /// that goes on meanwhile: resuming asks how long ago it was.
    pub const fn remaining(&self) -> Millis {
        self.remaining
    }

    /// Attempts made so far.
    pub const fn attempts(&self) -> u32 {
        self.attempt
    }

    /// Time the call has taken so far, as deadlines count it: on a clock finer than a millisecond up to two more. Zero if nobody
    /// asked for it: without deadline, observer and `execute`.
    pub const fn elapsed(&self) -> Millis {
        self.elapsed
    }

    /// The checkpoint as bytes: little endian, the same on every machine.
    pub fn to_bytes(&self) -> [u8; CHECKPOINT_LEN] {
        let mut bytes = [0; CHECKPOINT_LEN];
        let mut writer = bytes.iter_mut();
        let mut put = |part: &[u8]| part.iter().zip(&mut writer).for_each(|(from, to)| *to = *from);
        let (last_class, cause) = match self.last {
            Some((class, cause)) => (class as u8, cause as u8),
            None => (NONE, NONE),
        };
        // The cause shares the version's byte: three causes and none fit two bits.
        put(&[VERSION << 2 | cause & 3, last_class & 0xF | self.delay_class.map_or(NONE, |class| class as u8) << 4]);
        put(&self.fingerprint.to_le_bytes());
        put(&self.attempt.to_le_bytes());
        put(&self.delay.get().to_le_bytes());
        put(&self.remaining.get().to_le_bytes());
        put(&self.elapsed.get().to_le_bytes());
        put(&self.failures);
        let [content @ .., _, _] = &bytes;
        let checksum = crc16(content).to_be_bytes();
        let [.., high, low] = &mut bytes;
        [*high, *low] = checksum;
        bytes
    }

    /// The checkpoint these bytes are, if they are one of this version and unharmed. Whether it is of this policy is
    /// found out when it is resumed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let bytes: &[u8; CHECKPOINT_LEN] = bytes.try_into().map_err(|_| CheckpointError::Length)?;
        let [version, classes, f0, f1, a0, a1, a2, a3, d0, d1, d2, d3, r0, r1, r2, r3, e0, e1, e2, e3, rest @ ..] =
            *bytes;
        if version >> 2 != VERSION {
            return Err(CheckpointError::Version);
        }
        // The checksum of the content followed by the checksum itself is zero.
        if crc16(bytes) != 0 {
            return Err(CheckpointError::Corrupt);
        }
        let [n0, n1, n2, n3, n4, n5, n6, n7, _, _, _, _] = rest;
        let cause = match version & 3 {
            0 => Some(Cause::Error),
            1 => Some(Cause::Result),
            2 => Some(Cause::Timeout),
            _ => None,
        };
        Ok(Self {
            attempt: u32::from_le_bytes([a0, a1, a2, a3]),
            delay: Millis::new(u32::from_le_bytes([d0, d1, d2, d3])),
            remaining: Millis::new(u32::from_le_bytes([r0, r1, r2, r3])),
            elapsed: Millis::new(u32::from_le_bytes([e0, e1, e2, e3])),
            failures: [n0, n1, n2, n3, n4, n5, n6, n7],
            fingerprint: u16::from_le_bytes([f0, f1]),
            delay_class: ErrorClass::from_index(classes >> 4),
            last: ErrorClass::from_index(classes & 0xF).zip(cause),
        })
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
