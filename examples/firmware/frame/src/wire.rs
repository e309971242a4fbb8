//! Bytes of a frame: kind, fields, CRC; and the wire form around them.

use crc::{CRC_16_IBM_SDLC, Crc, NoTable};

use crate::{Ack, Frame, Garbled, MAX_PAYLOAD, Request};

/// Computed bit by bit: on a small device, 512 bytes of table cost more than the cycles do at serial speed.
const CRC: Crc<u16, NoTable> = Crc::<u16, NoTable>::new(&CRC_16_IBM_SDLC);

const REQUEST: u8 = 1;
const ACK: u8 = 2;
const NAK: u8 = 3;
const BUSY: u8 = 4;
const CONNECT: u8 = 5;
const HUNG_UP: u8 = 6;
const CARRIER: u8 = 7;
const NOW: u8 = 8;
const IDLE: u8 = 9;
const OFF: u8 = 10;
const BOOT: u8 = 11;
const OVER: u8 = 12;

/// Kind, device, seq, payload, CRC: the longest frame is a request.
const MAX_BODY: usize = 1 + 4 + 2 + MAX_PAYLOAD + 2;

/// Longest frame after COBS, without the zeros around it.
pub(crate) const MAX_STUFFED: usize = cobs::max_encoding_length(MAX_BODY);

/// Longest frame on the wire, zeros included.
pub const MAX_WIRE: usize = MAX_STUFFED + 2;

/// A frame as it goes over the line, delimiters included.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    bytes: [u8; MAX_WIRE],
    len: usize,
}

impl Wire {
    /// Returns the bytes to send.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Frame<'_> {
    /// Encodes the frame as it goes over the line.
    pub fn encode(&self) -> Wire {
        let mut body = Body::default();
        match *self {
            Frame::Request(request) => {
                body.put(&[REQUEST]);
                body.put(&request.device().to_le_bytes());
                body.put(&request.seq().to_le_bytes());
                body.put(request.payload());
            }
            Frame::Ack(Ack { seq }) => {
                body.put(&[ACK]);
                body.put(&seq.to_le_bytes());
            }
            Frame::Nak { seq, code } => {
                body.put(&[NAK]);
                body.put(&seq.to_le_bytes());
                body.put(&[code]);
            }
            Frame::Busy { seq, retry_after_ms } => {
                body.put(&[BUSY]);
                body.put(&seq.to_le_bytes());
                body.put(&retry_after_ms.to_le_bytes());
            }
            Frame::Connect { device, seq, attempt } => {
                body.put(&[CONNECT]);
                body.put(&device.to_le_bytes());
                body.put(&seq.to_le_bytes());
                body.put(&attempt.to_le_bytes());
            }
            Frame::HungUp => body.put(&[HUNG_UP]),
            Frame::Carrier { is_up } => body.put(&[CARRIER, is_up.into()]),
            Frame::Now { at_ms, follow } => {
                body.put(&[NOW]);
                body.put(&at_ms.to_le_bytes());
                body.put(&[follow]);
            }
            Frame::Idle { until_ms } => {
                body.put(&[IDLE]);
                body.put(&until_ms.to_le_bytes());
            }
            Frame::Off { until_ms } => {
                body.put(&[OFF]);
                body.put(&until_ms.to_le_bytes());
            }
            Frame::Boot { device } => {
                body.put(&[BOOT]);
                body.put(&device.to_le_bytes());
            }
            Frame::Over => body.put(&[OVER]),
        }
        let crc = CRC.checksum(body.as_bytes());
        body.put(&crc.to_le_bytes());

        let mut bytes = [0; MAX_WIRE];
        // MAX_WIRE is computed from the longest body, so this cannot fail; if it did, the wire would be empty.
        let len = cobs::try_encode_including_sentinels(body.as_bytes(), &mut bytes).unwrap_or(0);
        Wire { bytes, len }
    }
}

/// Reads the bytes between two zeros, after COBS is undone.
pub(crate) fn decode(body: &[u8]) -> Result<Frame<'_>, Garbled> {
    let (body, crc) = body.split_last_chunk::<2>().ok_or(Garbled::Encoding)?;
    if CRC.checksum(body) != u16::from_le_bytes(*crc) {
        return Err(Garbled::Checksum);
    }
    let (&kind, fields) = body.split_first().ok_or(Garbled::Encoding)?;
    // A good CRC over the wrong fields comes from another version of the protocol, not from noise.
    match kind {
        REQUEST => request(fields).map(Frame::Request),
        ACK => match *fields {
            [a, b] => Some(Frame::Ack(Ack { seq: u16::from_le_bytes([a, b]) })),
            _ => None,
        },
        NAK => match *fields {
            [a, b, code] => Some(Frame::Nak { seq: u16::from_le_bytes([a, b]), code }),
            _ => None,
        },
        BUSY => busy(fields),
        CONNECT => connect(fields),
        _ => simulated(kind, fields),
    }
    .ok_or(Garbled::Unknown)
}

/// Reads what has no number: news of a session, and turns in simulated time.
fn simulated<'a>(kind: u8, fields: &[u8]) -> Option<Frame<'a>> {
    let moment = || Some(u64::from_le_bytes(fields.try_into().ok()?));
    match (kind, fields) {
        (HUNG_UP, []) => Some(Frame::HungUp),
        (CARRIER, [is_up @ (0 | 1)]) => Some(Frame::Carrier { is_up: *is_up == 1 }),
        (NOW, _) => {
            let (at_ms, follow) = fields.split_first_chunk::<8>()?;
            let &[follow] = follow else { return None };
            Some(Frame::Now { at_ms: u64::from_le_bytes(*at_ms), follow })
        }
        (IDLE, _) => Some(Frame::Idle { until_ms: moment()? }),
        (OFF, _) => Some(Frame::Off { until_ms: moment()? }),
        (BOOT, _) => Some(Frame::Boot { device: u32::from_le_bytes(fields.try_into().ok()?) }),
        (OVER, []) => Some(Frame::Over),
        _ => None,
    }
}

fn request(fields: &[u8]) -> Option<Request<'_>> {
    let (device, rest) = fields.split_first_chunk::<4>()?;
    let (seq, payload) = rest.split_first_chunk::<2>()?;
    Request::new(u32::from_le_bytes(*device), u16::from_le_bytes(*seq), payload)
}

fn connect<'a>(fields: &[u8]) -> Option<Frame<'a>> {
    let (device, rest) = fields.split_first_chunk::<4>()?;
    let (seq, rest) = rest.split_first_chunk::<2>()?;
    let attempt = u32::from_le_bytes(rest.try_into().ok()?);
    Some(Frame::Connect { device: u32::from_le_bytes(*device), seq: u16::from_le_bytes(*seq), attempt })
}

fn busy<'a>(fields: &[u8]) -> Option<Frame<'a>> {
    let (seq, rest) = fields.split_first_chunk::<2>()?;
    let retry_after_ms = u32::from_le_bytes(rest.try_into().ok()?);
    Some(Frame::Busy { seq: u16::from_le_bytes(*seq), retry_after_ms })
}

/// A frame before COBS.
struct Body {
    bytes: [u8; MAX_BODY],
    len: usize,
}

impl Default for Body {
    fn default() -> Self {
        Self { bytes: [0; MAX_BODY], len: 0 }
    }
}

impl Body {
    /// Appends; leaves out what does not fit, which the limits on a request's payload rule out.
    fn put(&mut self, part: &[u8]) {
        let Some(end) = self.len.checked_add(part.len()) else { return };
        if let Some(space) = self.bytes.get_mut(self.len..end) {
            space.copy_from_slice(part);
            self.len = end;
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}
