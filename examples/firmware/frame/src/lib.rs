//! Request and acknowledge frames of the modem's serial line, for both of its ends.
//!
//! ```
//! use frame::{Ack, Frame, Parser, Request};
//!
//! let wire = Frame::from(Request::new(7, 1, b"21.5 C").unwrap()).encode();
//! let mut parser = Parser::new();
//! let noise_then_request = b"\xffnoise".iter().chain(wire.as_bytes());
//! let request = noise_then_request.filter_map(|&byte| parser.push(byte)?.ok()?.seq()).last();
//! assert_eq!(request, Some(1));
//! assert_eq!(Frame::from(Ack { seq: 1 }).seq(), Some(1));
//! ```
//!
//! On the wire a frame is `00 COBS(kind, fields, CRC) 00`, all numbers little-endian, the CRC being CRC-16/IBM-SDLC
//! over kind and fields. A zero byte occurs only between frames, so a receiver is in step again after the next one
//! after any bytes; the zero in front costs a byte and saves the frame that follows line noise.
//!
//! | kind | frame | fields |
//! |---|---|---|
//! | 1 | [`Request`] | device `u32`, seq `u16`, payload 0 to [`MAX_PAYLOAD`] bytes |
//! | 2 | [`Ack`] | seq `u16` |
//! | 3 | [`Frame::Nak`] | seq `u16`, code `u8` |
//! | 4 | [`Frame::Busy`] | seq `u16`, `retry_after_ms` `u32` |
//! | 5 | [`Frame::Connect`] | device `u32`, seq `u16`, attempt `u32` |
//! | 6 | [`Frame::HungUp`] | |
//! | 7 | [`Frame::Carrier`] | `is_up` `u8`, 0 or 1 |
//! | 8 | [`Frame::Now`] | `at_ms` `u64`, `follow` `u8` |
//! | 9 | [`Frame::Idle`] | `until_ms` `u64` |
//! | 10 | [`Frame::Off`] | `until_ms` `u64` |
//! | 11 | [`Frame::Boot`] | device `u32` |
//! | 12 | [`Frame::Over`] | |
//!
//! # Sessions
//!
//! A device that keeps a session asks for it with a Connect frame, which is answered like a request. An acknowledgement establishes the
//! session, in which requests are answered, until the modem hangs up or no answer comes.
//!
//! # Simulated time
//!
//! Kinds 8 to 12 let the modem own the time, so that a week takes seconds and repeats exactly. The two ends take turns. The
//! device's turn ends with Idle, once nothing is left to do before a moment, or with Off, when it sleeps deeply until then; after
//! a start it is Boot. The modem answers with Now: the time has come to that moment, or to an earlier one at which something
//! happens, which the frames after it say.
//!
//! The crate neither allocates nor waits, and does not panic for any input. The protocol has no version, no address of the modem
//! and no fragmentation, because a retry needs none of them to be seen.

#![no_std]

mod parser;
mod wire;

pub use parser::{Garbled, Parser};
pub use wire::{MAX_WIRE, Wire};

/// Longest payload of a [`Request`], in bytes.
pub const MAX_PAYLOAD: usize = 48;

/// A reading that a device sends to the modem for delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Request<'a> {
    device: u32,
    seq: u16,
    payload: &'a [u8],
}

impl<'a> Request<'a> {
    /// Creates a request; `None` if the payload is longer than [`MAX_PAYLOAD`].
    pub const fn new(device: u32, seq: u16, payload: &'a [u8]) -> Option<Self> {
        if payload.len() > MAX_PAYLOAD { None } else { Some(Self { device, seq, payload }) }
    }

    /// Returns the device that sends it.
    pub const fn device(&self) -> u32 {
        self.device
    }

    /// Returns the number that its answers carry. All attempts at one delivery share it.
    pub const fn seq(&self) -> u16 {
        self.seq
    }

    /// Returns the payload.
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// The modem has delivered the request of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ack {
    /// Number of the request.
    pub seq: u16,
}

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Frame<'a> {
    /// Device to modem: deliver this.
    Request(Request<'a>),
    /// Modem to device: delivered.
    Ack(Ack),
    /// Modem to device: not delivered, for a reason that may pass.
    Nak {
        /// Number of the request.
        seq: u16,
        /// The modem's reason.
        code: u8,
    },
    /// Modem to device: not now.
    Busy {
        /// Number of the request.
        seq: u16,
        /// Time until the next request, in milliseconds.
        retry_after_ms: u32,
    },
    /// Device to modem: establish a session.
    Connect {
        /// Device that asks.
        device: u32,
        /// Number that the answer carries.
        seq: u16,
        /// The device's count of attempts.
        attempt: u32,
    },
    /// Modem to device: the session is over.
    HungUp,
    /// Modem to device: the radio has found its network, or lost it.
    Carrier {
        /// Whether it is found.
        is_up: bool,
    },
    /// Modem to device, in simulated time: it is this late.
    Now {
        /// Milliseconds since the beginning.
        at_ms: u64,
        /// Frames that follow in this turn.
        follow: u8,
    },
    /// Device to modem, in simulated time: nothing is left to do before this moment.
    Idle {
        /// Milliseconds since the beginning; `u64::MAX` without one.
        until_ms: u64,
    },
    /// Device to modem, in simulated time: deep sleep, until this moment or until the carrier is back.
    Off {
        /// Milliseconds since the beginning.
        until_ms: u64,
    },
    /// Device to modem, in simulated time: started, at power-up or after deep sleep.
    Boot {
        /// Device that has started.
        device: u32,
    },
    /// Modem to device, in simulated time: the end of the simulation.
    Over,
}

impl Frame<'_> {
    /// Returns the number of the request that this frame is or answers.
    pub const fn seq(&self) -> Option<u16> {
        match self {
            Self::Request(request) => Some(request.seq()),
            Self::Ack(ack) => Some(ack.seq),
            Self::Nak { seq, .. } | Self::Busy { seq, .. } | Self::Connect { seq, .. } => Some(*seq),
            _ => None,
        }
    }
}

impl<'a> From<Request<'a>> for Frame<'a> {
    fn from(request: Request<'a>) -> Self {
        Self::Request(request)
    }
}

impl From<Ack> for Frame<'_> {
    fn from(ack: Ack) -> Self {
        Self::Ack(ack)
    }
}
