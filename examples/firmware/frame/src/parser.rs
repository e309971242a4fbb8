//! Frames out of a stream of bytes.

use core::fmt;

use crate::Frame;
use crate::wire::{MAX_STUFFED, decode};

/// The reason why the bytes between two delimiters are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Garbled {
    /// More bytes than any frame has.
    TooLong,
    /// Not well-formed, or cut off.
    Encoding,
    /// Well-formed, but the CRC is not that of the bytes.
    Checksum,
    /// Undamaged, but of no kind or length known here.
    Unknown,
}

impl fmt::Display for Garbled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "more bytes than any frame has",
            Self::Encoding => "malformed or truncated frame",
            Self::Checksum => "wrong checksum",
            Self::Unknown => "unknown frame",
        })
    }
}

impl core::error::Error for Garbled {}

/// A parser that takes the bytes of the line one by one and returns frames.
///
/// It holds the bytes of one frame and is in step again at the next delimiter, after any input.
#[derive(Clone, Debug)]
pub struct Parser {
    bytes: [u8; MAX_STUFFED],
    /// Bytes since the last delimiter; a number above the capacity means that there were too many.
    len: usize,
}

impl Parser {
    /// Creates a parser.
    pub const fn new() -> Self {
        Self { bytes: [0; MAX_STUFFED], len: 0 }
    }

    /// Takes one byte. Returns `Some` if it ends a frame or bytes that are no frame.
    pub fn push(&mut self, byte: u8) -> Option<Result<Frame<'_>, Garbled>> {
        if byte != 0 {
            if let Some(slot) = self.bytes.get_mut(self.len) {
                *slot = byte;
            }
            self.len = self.len.saturating_add(1);
            return None;
        }
        let len = core::mem::take(&mut self.len);
        if len == 0 {
            return None;
        }
        let Some(stuffed) = self.bytes.get_mut(..len) else {
            return Some(Err(Garbled::TooLong));
        };
        let body = match cobs::decode_in_place(stuffed) {
            Ok(len) => stuffed.get(..len).unwrap_or_default(),
            Err(_) => return Some(Err(Garbled::Encoding)),
        };
        Some(decode(body))
    }

    /// Drops an unfinished frame.
    pub const fn reset(&mut self) {
        self.len = 0;
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}
