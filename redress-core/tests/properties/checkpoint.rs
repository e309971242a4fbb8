//! Checkpoints.

use std::{cell::Cell, time::Duration};

use proptest::prelude::*;
use redress_core::{
    Attempts, Backoff, Blocking, Checkpoint, CheckpointError, Classification, Decision, ErrorClass, Instant, Millis,
    Policy, Retry, SleepDecision,
};

use crate::{Limits, Ticks, any_size, classifications, limits};

/// The checksum of a checkpoint, from its definition: CRC-16/CCITT-FALSE, bit by bit.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc: u16, _| (crc << 1) ^ ((crc >> 15) * 0x1021))
    })
}

/// A checkpoint of a call which was deferred after some failures.
fn deferred(policy: &Policy<'_>, failures: &[Classification], random: u32) -> Option<Checkpoint> {
    let clock = Cell::new(77);
    let env = Blocking::new(Ticks::<1_000>(&clock), |ticks| clock.set(clock.get() + ticks), || random);
    let mut made = 0;
    let mut sleeps = 0;
    let last = failures.len();
    let handler = |_: &_, _| {
        sleeps += 1;
        if sleeps == last { SleepDecision::Defer } else { SleepDecision::Sleep }
    };
    let outcome = policy.context(env).sleep_handler(handler).execute(|| {
        made += 1;
        Err::<(), _>(failures[made - 1])
    });
    outcome.checkpoint
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_checkpoint_survives_its_bytes_and_goes_on_where_it_was(
        limits in limits(1_000),
        failures in prop::collection::vec(classifications(), 1..6),
        random in any::<u32>(),
    ) {
        let limits = Limits { max_attempts: 8, deadline: None, ..limits };
        let policy = Policy::new(limits.retry());
        let Some(checkpoint) = deferred(&policy, &failures, random) else { return Ok(()) };
        let bytes = checkpoint.to_bytes();
        prop_assert_eq!(Checkpoint::from_bytes(&bytes), Ok(checkpoint));
        prop_assert_eq!(checkpoint.attempts() as usize, failures.len());

        // The same call in one piece and in two ends alike.
        let attempts = |mut attempts: Attempts<'_, 1_000>| {
            let mut now = Instant::from_ticks(10_000_000);
            let mut trace = Vec::new();
            while attempts.on_wake(now).is_ok() {
                let decision = attempts.on_failure(now, ErrorClass::Transient, || random);
                trace.push((attempts.attempt().number, decision));
                let Decision::RetryAt(at) = decision else { break };
                now = at;
            }
            trace
        };
        let now = Instant::from_ticks(5_000_000);
        let whole = Attempts::<1_000>::resume(&policy, &checkpoint, Millis::ZERO, now).unwrap();
        let again = Checkpoint::from_bytes(&whole.suspend(now).to_bytes()).unwrap();
        prop_assert_eq!(again, checkpoint);
        let whole = Attempts::<1_000>::resume(&policy, &checkpoint, Millis::ZERO, now).unwrap();
        let parts = Attempts::resume(&policy, &again, Millis::ZERO, now).unwrap();
        prop_assert_eq!(attempts(whole), attempts(parts));
    }

    #[test]
    fn any_bytes_are_refused_or_a_checkpoint_and_nothing_panics(
        mut bytes in prop::array::uniform32(any::<u8>()),
        sealed in any::<bool>(),
        ours in any::<bool>(),
        length in 0..80_usize,
        slept in any_size(),
        limits in limits(1_000),
        reading in any::<u64>(),
    ) {
        let policy = Policy::new(limits.retry());
        let genuine = Attempts::<1_000>::start(&policy, Instant::ZERO).unwrap().suspend(Instant::ZERO).to_bytes();
        if ours {
            // Everything is arbitrary but what says that this policy wrote it.
            bytes[0] = genuine[0] & !3 | bytes[0] & 3;
            bytes[2..4].copy_from_slice(&genuine[2..4]);
        }
        if sealed {
            let checksum = crc16(&bytes[..30]).to_be_bytes();
            bytes[30..].copy_from_slice(&checksum);
        }
        let long: Vec<u8> = bytes.iter().copied().cycle().take(length).collect();
        if length != 32 {
            prop_assert_eq!(Checkpoint::from_bytes(&long), Err(CheckpointError::Length));
        }
        let Ok(checkpoint) = Checkpoint::from_bytes(&bytes) else { return Ok(()) };
        let now = Instant::from_ticks(reading);
        let resumed = Attempts::<1_000>::resume(&policy, &checkpoint, Millis::new(slept), now);
        let Ok(mut attempts) = resumed else { return Ok(()) };
        let _ = (attempts.poll_at(), attempts.attempt().remaining);
        for _ in 0..20 {
            if attempts.on_wake(now).is_err() {
                break;
            }
            if let Decision::Stop(_) = attempts.on_failure(now, ErrorClass::Transient, || 7) {
                break;
            }
        }
        let _ = attempts.suspend(Instant::ZERO).to_bytes();
    }
}

#[test]
fn a_checkpoint_with_any_single_bit_flipped_is_refused() {
    let policy = Policy::new(Retry::new(Backoff::constant(Duration::from_millis(1_234))).max_attempts(9));
    let classes = [ErrorClass::Transient, ErrorClass::RateLimit, ErrorClass::Unknown].map(Classification::new);
    for made in 1..=classes.len() {
        let bytes = deferred(&policy, &classes[..made], 0x1234_5678).unwrap().to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            let refused = Checkpoint::from_bytes(&flipped);
            assert!(
                matches!(refused, Err(CheckpointError::Corrupt | CheckpointError::Version)),
                "bit {bit} flipped: {refused:?}"
            );
        }
    }
}
