//! Checkpoints of breakers that count failures.

use core::time::Duration;

use super::*;
use crate::{BreakerConfig, ClassSet, ErrorClass, Instant, testing::ManualClock};

type Breaker = CircuitBreaker<4>;
type Bytes = [u8; Breaker::CHECKPOINT_LEN];

const CONFIG: BreakerConfig = BreakerConfig::new(3)
    .window(Duration::from_secs(60))
    .recovery_timeout(Duration::from_secs(30))
    .threshold_for(ErrorClass::Auth, 2)
    .probes(3);

fn clock_at(millis: u64) -> ManualClock {
    let clock = ManualClock::new();
    clock.advance_ticks(millis);
    clock
}

fn saved(breaker: &Breaker, clock: &ManualClock) -> Bytes {
    let mut bytes = Bytes::default();
    assert_eq!(breaker.checkpoint(clock, &mut bytes).map(<[u8]>::len), Ok(Breaker::CHECKPOINT_LEN));
    bytes
}

fn restored(bytes: &[u8], slept: u32, clock: &ManualClock) -> Breaker {
    let breaker = Breaker::new(CONFIG);
    breaker.restore(bytes, Millis::new(slept), clock).unwrap();
    breaker
}

fn open(clock: &ManualClock) -> Breaker {
    let breaker = Breaker::new(CONFIG);
    while breaker.record_failure(ErrorClass::Transient, clock).is_none() {}
    breaker
}

#[test]
fn an_open_circuit_stays_open_for_what_is_left() {
    let clock = clock_at(1_000_000);
    let breaker = open(&clock);
    clock.advance_ticks(4_000);
    let bytes = saved(&breaker, &clock);
    for (slept, start, left) in
        [(0, 0, 26_000), (6_000, 0, 20_000), (25_999, 5, 1), (6_000, u64::from(u32::MAX), 20_000)]
    {
        let clock = clock_at(start);
        let breaker = restored(&bytes, slept, &clock);
        assert_eq!(breaker.try_acquire(&clock).unwrap_err().retry_after(), Millis::new(left));
        clock.advance_ticks(left.into());
        assert!(breaker.try_acquire(&clock).is_ok());
    }
    for slept in [26_000, u32::MAX] {
        let clock = clock_at(0);
        let breaker = restored(&bytes, slept, &clock);
        assert_eq!(breaker.state(), BreakerState::Open);
        breaker.try_acquire(&clock).unwrap().release();
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
    }
}

/// A clock whose ticks are no whole milliseconds.
struct Micros(u64);

impl Clock for Micros {
    const TICK_HZ: u32 = 1_000_000;

    fn now(&self) -> Instant {
        Instant::from_ticks(self.0)
    }
}

#[test]
fn with_nothing_left_to_wait_the_next_call_is_admitted_at_once_on_any_clock() {
    let clock = clock_at(1_000_000);
    let bytes = saved(&open(&clock), &clock);
    for start in [0, 999, 1_000, 123_456_789] {
        let restored = |slept| {
            let breaker = Breaker::new(CONFIG);
            breaker.restore(&bytes, Millis::new(slept), &Micros(start)).unwrap();
            breaker
        };
        assert!(restored(30_000).try_acquire(&Micros(start)).is_ok(), "{start} us");
        assert!(restored(29_999).try_acquire(&Micros(start)).is_err(), "{start} us");
        assert!(restored(29_999).try_acquire(&Micros(start + 2_000)).is_ok(), "{start} us");
    }
}

#[test]
fn failures_keep_their_age_and_class() {
    let clock = clock_at(1_000_000);
    let breaker = Breaker::new(CONFIG);
    assert_eq!(breaker.record_failure(ErrorClass::Transient, &clock), None);
    clock.advance_ticks(10_000);
    assert_eq!(breaker.record_failure(ErrorClass::Auth, &clock), None);
    clock.advance_ticks(10_000);
    assert_eq!(breaker.record_failure(ErrorClass::ServerError, &clock), None);
    let bytes = saved(&breaker, &clock);

    let next = |slept, class| {
        let clock = clock_at(3);
        restored(&bytes, slept, &clock).record_failure(class, &clock)
    };
    let opened = Some(BreakerState::Open);
    // The third of those without a threshold of their own, while the first is not yet 60 s old.
    assert_eq!(next(0, ErrorClass::Transient), opened);
    assert_eq!(next(39_999, ErrorClass::Transient), opened);
    assert_eq!(next(40_000, ErrorClass::Transient), None);
    // The second of its class, while the first is not yet 60 s old.
    assert_eq!(next(49_999, ErrorClass::Auth), opened);
    assert_eq!(next(50_000, ErrorClass::Auth), None);
    assert_eq!(next(u32::MAX, ErrorClass::Auth), None);
}

#[test]
fn failures_expire_after_a_restore_as_they_would_have() {
    let clock = clock_at(500);
    let breaker = Breaker::new(CONFIG);
    breaker.record_failure(ErrorClass::Transient, &clock);
    breaker.record_failure(ErrorClass::Transient, &clock);
    clock.advance_ticks(20_000);
    let bytes = saved(&breaker, &clock);
    for (passed, opened) in [(29_999, true), (30_000, false)] {
        let clock = clock_at(0);
        let breaker = restored(&bytes, 10_000, &clock);
        clock.advance_ticks(passed);
        assert_eq!(breaker.record_failure(ErrorClass::Transient, &clock).is_some(), opened, "{passed}");
    }
}

#[test]
fn half_open_keeps_what_succeeded_and_frees_what_was_under_way() {
    let clock = clock_at(7);
    let breaker = open(&clock);
    clock.advance_ticks(30_000);
    let (first, second) = (breaker.try_acquire(&clock).unwrap(), breaker.try_acquire(&clock).unwrap());
    first.success(&clock);
    let bytes = saved(&breaker, &clock);
    second.release();

    let clock = clock_at(0);
    let breaker = restored(&bytes, 5, &clock);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    let (second, third) = (breaker.try_acquire(&clock).unwrap(), breaker.try_acquire(&clock).unwrap());
    assert!(breaker.try_acquire(&clock).is_err(), "three probes, one of them before");
    assert_eq!(second.success(&clock), None);
    assert_eq!(third.success(&clock), Some(BreakerState::Closed));
}

#[test]
fn calls_of_before_have_no_say_after_a_restore() {
    let clock = clock_at(0);
    let bytes = saved(&Breaker::new(CONFIG), &clock);
    let breaker = open(&clock);
    clock.advance_ticks(30_000);
    let probe = breaker.try_acquire(&clock).unwrap();
    breaker.restore(&bytes, Millis::ZERO, &clock).unwrap();
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert_eq!(probe.failure(ErrorClass::Transient, &clock), None);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn every_flipped_bit_is_refused_and_changes_nothing() {
    let clock = clock_at(0);
    let half_open = open(&clock);
    clock.advance_ticks(30_000);
    half_open.try_acquire(&clock).unwrap().success(&clock);
    let closed = Breaker::new(CONFIG);
    closed.record_failure(ErrorClass::Auth, &clock);
    for breaker in [closed, open(&clock), half_open] {
        let bytes = saved(&breaker, &clock);
        let fresh = Breaker::new(CONFIG);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            let error = fresh.restore(&damaged, Millis::ZERO, &clock).unwrap_err();
            let expected = if (2..8).contains(&bit) { CheckpointError::Version } else { CheckpointError::Corrupt };
            assert_eq!(error, expected, "bit {bit}");
            assert_eq!(saved(&fresh, &clock), saved(&Breaker::new(CONFIG), &clock));
        }
    }
}

/// With a checksum that fits.
fn sealed(mut bytes: Bytes) -> Bytes {
    let (content, checksum) = bytes.split_last_chunk_mut::<CHECKSUM>().unwrap();
    *checksum = crc16(content).to_be_bytes();
    bytes
}

#[test]
fn other_bytes_are_refused() {
    let clock = clock_at(0);
    let bytes = saved(&open(&clock), &clock);
    let fresh = Breaker::new(CONFIG);
    for length in 0..bytes.len() {
        assert_eq!(fresh.restore(&bytes[..length], Millis::ZERO, &clock), Err(CheckpointError::Length));
        let mut short = [0; Breaker::CHECKPOINT_LEN];
        assert_eq!(fresh.checkpoint(&clock, &mut short[..length]), Err(CheckpointError::Length));
    }
    for (index, value) in [(0, VERSION << 2 | 3), (8, 9), (12, 15)] {
        let mut nonsense = bytes;
        nonsense[index] = value;
        assert_eq!(fresh.restore(&sealed(nonsense), Millis::ZERO, &clock), Err(CheckpointError::Corrupt));
    }
    let mut probes = bytes;
    (probes[0], probes[1]) = (VERSION << 2 | 2, 3);
    assert_eq!(fresh.restore(&sealed(probes), Millis::ZERO, &clock), Err(CheckpointError::Corrupt));
    for zero in [0, 0xFF] {
        assert!(fresh.restore(&[zero; Breaker::CHECKPOINT_LEN], Millis::ZERO, &clock).is_err());
    }
    let mut random = 1_u32;
    for _ in 0..20_000 {
        let mut noise = Bytes::default();
        noise.fill_with(|| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            random.to_be_bytes()[0]
        });
        noise[0] = VERSION << 2 | noise[0] & 3;
        // No noise panics, with a sound checksum either; what it says is clamped to the configuration.
        let _ = fresh.restore(&noise, Millis::ZERO, &clock);
        (noise[2], noise[3]) = (bytes[2], bytes[3]);
        if fresh.restore(&sealed(noise), Millis::new(random), &clock).is_ok() {
            if let Err(rejected) = fresh.try_acquire(&clock) {
                assert!(rejected.retry_after() <= Millis::from_secs(60));
            }
            fresh.record_failure(ErrorClass::Transient, &clock);
        }
    }
}

#[test]
fn a_checkpoint_belongs_to_its_configuration_and_capacity() {
    let clock = clock_at(0);
    let bytes = saved(&open(&clock), &clock);
    for other in [
        BreakerConfig::new(2).threshold_for(ErrorClass::Auth, 2).probes(3),
        CONFIG.window(Duration::from_secs(59)),
        CONFIG.recovery_timeout(Duration::from_secs(31)),
        CONFIG.trip_on(ClassSet::of(&[ErrorClass::Transient])),
        CONFIG.threshold_for(ErrorClass::Auth, 1),
        CONFIG.probes(2),
        CONFIG.neutral(ClassSet::EMPTY),
        CONFIG.probe_lease(Duration::from_secs(61)),
    ] {
        let error = Breaker::new(other).restore(&bytes, Millis::ZERO, &clock);
        assert_eq!(error, Err(CheckpointError::OtherPolicy));
    }
    let larger = CircuitBreaker::<5>::new(CONFIG);
    assert_eq!(larger.restore(&bytes, Millis::ZERO, &clock), Err(CheckpointError::Length));
    assert_eq!((Breaker::CHECKPOINT_LEN, CircuitBreaker::<5>::CHECKPOINT_LEN), (26, 30));
}
