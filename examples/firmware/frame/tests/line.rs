//! The protocol over a bad line: frames that arrive intact are read, damaged bytes never pass for a frame.

use frame::{Ack, Frame, Garbled, MAX_PAYLOAD, MAX_WIRE, Parser, Request};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// A frame that owns its payload, so that it outlives the parser's next byte.
#[derive(Clone, Debug, PartialEq)]
enum Owned {
    Request(u32, u16, Vec<u8>),
    Ack(u16),
    Nak(u16, u8),
    Busy(u16, u32),
    /// A frame without a payload.
    Plain(Frame<'static>),
}

impl Owned {
    fn wire(&self) -> Vec<u8> {
        let frame = match self {
            Self::Request(device, seq, payload) => Request::new(*device, *seq, payload).unwrap().into(),
            Self::Ack(seq) => Ack { seq: *seq }.into(),
            Self::Nak(seq, code) => Frame::Nak { seq: *seq, code: *code },
            Self::Busy(seq, retry_after_ms) => Frame::Busy { seq: *seq, retry_after_ms: *retry_after_ms },
            Self::Plain(frame) => *frame,
        };
        frame.encode().as_bytes().to_vec()
    }
}

impl From<Frame<'_>> for Owned {
    fn from(frame: Frame<'_>) -> Self {
        match frame {
            Frame::Request(r) => Self::Request(r.device(), r.seq(), r.payload().to_vec()),
            Frame::Ack(ack) => Self::Ack(ack.seq),
            Frame::Nak { seq, code } => Self::Nak(seq, code),
            Frame::Busy { seq, retry_after_ms } => Self::Busy(seq, retry_after_ms),
            Frame::Connect { device, seq, attempt } => Self::Plain(Frame::Connect { device, seq, attempt }),
            Frame::HungUp => Self::Plain(Frame::HungUp),
            Frame::Carrier { is_up } => Self::Plain(Frame::Carrier { is_up }),
            Frame::Now { at_ms, follow } => Self::Plain(Frame::Now { at_ms, follow }),
            Frame::Idle { until_ms } => Self::Plain(Frame::Idle { until_ms }),
            Frame::Off { until_ms } => Self::Plain(Frame::Off { until_ms }),
            Frame::Boot { device } => Self::Plain(Frame::Boot { device }),
            Frame::Over => Self::Plain(Frame::Over),
        }
    }
}

fn parse(bytes: &[u8]) -> Vec<Result<Owned, Garbled>> {
    let mut parser = Parser::new();
    bytes.iter().filter_map(|&byte| parser.push(byte).map(|result| result.map(Owned::from))).collect()
}

fn any_frame() -> impl Strategy<Value = Owned> {
    prop_oneof![
        (any::<u32>(), any::<u16>(), vec(any::<u8>(), 0..=MAX_PAYLOAD)).prop_map(|(d, s, p)| Owned::Request(d, s, p)),
        any::<u16>().prop_map(Owned::Ack),
        (any::<u16>(), any::<u8>()).prop_map(|(s, c)| Owned::Nak(s, c)),
        (any::<u16>(), any::<u32>()).prop_map(|(s, ms)| Owned::Busy(s, ms)),
        plain_frame().prop_map(Owned::Plain),
    ]
}

/// Frames of sessions and of simulated time.
fn plain_frame() -> impl Strategy<Value = Frame<'static>> {
    prop_oneof![
        (any::<u32>(), any::<u16>(), any::<u32>()).prop_map(|(device, seq, attempt)| Frame::Connect {
            device,
            seq,
            attempt
        }),
        any::<bool>().prop_map(|is_up| Frame::Carrier { is_up }),
        (any::<u64>(), any::<u8>()).prop_map(|(at_ms, follow)| Frame::Now { at_ms, follow }),
        any::<u64>().prop_map(|until_ms| Frame::Idle { until_ms }),
        any::<u64>().prop_map(|until_ms| Frame::Off { until_ms }),
        any::<u32>().prop_map(|device| Frame::Boot { device }),
        prop_oneof![Just(Frame::HungUp), Just(Frame::Over)],
    ]
}

#[test]
fn wire_form_is_fixed() {
    // Kept as bytes: both ends compile this crate, so a change of format would pass every other test.
    assert_eq!(Owned::Ack(1).wire(), [0, 3, 2, 1, 3, 0xac, 0x6a, 0]);
    assert_eq!(Owned::Nak(0x0102, 9).wire()[..6], [0, 7, 3, 2, 1, 9]);
    assert_eq!(Owned::Busy(1, 500).wire()[..8], [0, 3, 4, 1, 3, 0xf4, 1, 1]);
    assert_eq!(Owned::Plain(Frame::HungUp).wire()[..3], [0, 4, 6]);
    assert_eq!(Owned::Plain(Frame::Carrier { is_up: true }).wire()[..4], [0, 5, 7, 1]);
    assert_eq!(Owned::Plain(Frame::Over).wire()[..3], [0, 4, 12]);
}

#[test]
fn longest_request_fits_and_longer_is_refused() {
    let payload = [0xff; MAX_PAYLOAD + 1];
    assert!(Request::new(u32::MAX, u16::MAX, &payload).is_none());
    let frame = Owned::Request(u32::MAX, u16::MAX, payload[1..].to_vec());
    assert_eq!(frame.wire().len(), MAX_WIRE);
    assert_eq!(parse(&frame.wire()), [Ok(frame)]);
}

#[test]
fn each_damage_is_named() {
    let ack = Owned::Ack(0x0102).wire();
    let cases: [(&str, Vec<u8>, Garbled); 5] = [
        ("cut off", [&ack[..4], &[0]].concat(), Garbled::Encoding),
        ("too short for a CRC", vec![2, 9, 0], Garbled::Encoding),
        (
            "a bit flipped",
            ack.iter().enumerate().map(|(i, b)| if i == 3 { b ^ 8 } else { *b }).collect(),
            Garbled::Checksum,
        ),
        ("no end", [vec![7; 10 * MAX_WIRE], vec![0]].concat(), Garbled::TooLong),
        ("a CRC over nothing", vec![1, 1, 1, 0], Garbled::Encoding),
    ];
    for (name, bytes, garbled) in cases {
        assert_eq!(parse(&bytes), [Err(garbled)], "{name}");
    }
}

#[test]
fn undamaged_frame_of_unknown_kind_is_said_to_be_unknown() {
    let crc = crc::Crc::<u16>::new(&crc::CRC_16_IBM_SDLC);
    for body in [&[13, 1, 2][..], &[9, 1, 2], &[2, 1], &[1, 1, 2, 3, 4, 5], &[3, 1, 1], &[6, 0], &[7, 2], &[8; 9]] {
        let mut bytes = body.to_vec();
        bytes.extend(crc.checksum(body).to_le_bytes());
        let mut wire = vec![0; 32];
        let len = cobs::encode_including_sentinels(&bytes, &mut wire);
        assert_eq!(parse(&wire[..len]), [Err(Garbled::Unknown)], "{body:?}");
    }
}

#[test]
fn reset_forgets_a_frame_begun() {
    let mut parser = Parser::default();
    parser.push(5);
    parser.reset();
    assert_eq!(parser.push(0), None);
}

// A CRC of 16 bits lets one damaged frame in 65,536 pass: with a fixed seed the suite does not fail by such luck.
fn config() -> ProptestConfig {
    ProptestConfig { cases: 2000, rng_seed: RngSeed::Fixed(0x7EED), failure_persistence: None, ..<_>::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn arrives_as_sent(frames in vec(any_frame(), 0..8)) {
        let bytes: Vec<u8> = frames.iter().flat_map(Owned::wire).collect();
        prop_assert_eq!(parse(&bytes), frames.into_iter().map(Ok).collect::<Vec<_>>());
    }

    #[test]
    fn in_step_again_right_after_garbage(noise in vec(any::<u8>(), 0..200), frame in any_frame()) {
        let bytes = [noise, frame.wire()].concat();
        prop_assert_eq!(parse(&bytes).pop(), Some(Ok(frame)));
    }

    #[test]
    fn garbage_is_no_frame(noise in vec(any::<u8>(), 0..600)) {
        prop_assert!(parse(&noise).iter().all(Result::is_err));
    }

    #[test]
    fn one_flipped_bit_never_makes_another_frame(frame in any_frame(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let mut bytes = frame.wire();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        // A hit delimiter may leave the frame whole, or leave its end open.
        prop_assert!(parse(&bytes).iter().flatten().all(|got| *got == frame));
    }

    #[test]
    fn cut_anywhere_it_is_no_frame_and_the_next_one_is(frame in any_frame(), next in any_frame(), at in any::<prop::sample::Index>()) {
        let whole = frame.wire();
        // Without its last byte alone the frame is complete: the next delimiter ends it.
        let cut = &whole[..at.index(whole.len() - 1)];
        let got = parse(&[cut, &next.wire()].concat());
        prop_assert_eq!(got.iter().flatten().collect::<Vec<_>>(), [&next]);
    }
}
