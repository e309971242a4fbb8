//! A breaker across deep sleep.
//!
//! Little endian, `10 + 4 N` bytes:
//!
//! | bytes | |
//! |---|---|
//! | 0 | version in bits 2-7, state in bits 0-1 |
//! | 1 | probes that succeeded, half-open |
//! | 2-3 | fingerprint of the configuration |
//! | 4-7 | milliseconds until a probe is let through, open |
//! | 8 to 4 N + 7 | per slot: age of the failure in milliseconds times 16, plus class plus 1; 0 for none |
//! | last two | CRC-16 of all before, high byte first |

use super::{BreakerState, CircuitBreaker};
use crate::{
    CheckpointError, Clock, Millis,
    checkpoint::crc16,
    reading::Reading,
    rng::Fnv,
    time::{Slept, Timestamp},
    window::NONE,
};

/// Apart from the versions of a call's checkpoint, so that neither is taken for the other.
const VERSION: u8 = 33;

const HEADER: usize = 8;
const SLOT: usize = 4;
const CHECKSUM: usize = 2;

impl<const N: usize> CircuitBreaker<N> {
    /// Length of this breaker's checkpoint in bytes: 10, and 4 for each slot.
    pub const CHECKPOINT_LEN: usize = HEADER + SLOT * N + CHECKSUM;

    /// Writes the state of the breaker to the beginning of `buffer`, for retained memory or flash, and returns the bytes
    /// written. Times are spans, because clocks restart: the time left until a probe, or the age of each failure.
    ///
    /// Probes that are under way are not kept: their places are free after [`restore`](Self::restore).
    ///
    /// ```
    /// use core::time::Duration;
    /// use redress_core::{BreakerConfig, BreakerState, CircuitBreaker, ErrorClass, Millis, testing::ManualClock};
    ///
    /// type Breaker = CircuitBreaker<4>;
    /// const CONFIG: BreakerConfig = BreakerConfig::new(2).recovery_timeout(Duration::from_secs(30));
    /// static BREAKER: Breaker = Breaker::new(CONFIG);
    ///
    /// let clock = ManualClock::new();
    /// BREAKER.record_failure(ErrorClass::Transient, &clock);
    /// BREAKER.record_failure(ErrorClass::Transient, &clock);
    /// let mut retained = [0; Breaker::CHECKPOINT_LEN];
    /// BREAKER.checkpoint(&clock, &mut retained)?;
    ///
    /// // Deep sleep of ten seconds; the breaker is new and the clock starts anew.
    /// static AWAKE: Breaker = Breaker::new(CONFIG);
    /// let clock = ManualClock::new();
    /// AWAKE.restore(&retained, Millis::from_secs(10), &clock)?;
    /// assert_eq!(AWAKE.try_acquire(&clock).unwrap_err().retry_after(), Millis::from_secs(20));
    /// # Ok::<(), redress_core::CheckpointError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Length`] if the buffer is shorter than [`CHECKPOINT_LEN`](CircuitBreaker::CHECKPOINT_LEN).
    pub fn checkpoint<'b, C: Clock>(&self, clock: &C, buffer: &'b mut [u8]) -> Result<&'b [u8], CheckpointError> {
        let (bytes, _) = buffer.split_at_mut_checked(Self::CHECKPOINT_LEN).ok_or(CheckpointError::Length)?;
        let (content, checksum) = bytes.split_last_chunk_mut::<CHECKSUM>().ok_or(CheckpointError::Length)?;
        let (header, ages) = content.split_first_chunk_mut::<HEADER>().ok_or(CheckpointError::Length)?;
        let reading = Reading::of(clock, Timestamp::NEVER);
        // Computed before the lock is taken, which is held for a short time only.
        let fingerprint = self.fingerprint();
        self.head.lock.with(|| self.save(&reading, fingerprint, header, ages));
        *checksum = crc16(content).to_be_bytes();
        Ok(bytes)
    }

    /// Restores a checkpoint, `slept` after it was made. Failures that have left the window meanwhile are dropped, and an open
    /// circuit stays open for what is left, at most the recovery timeout; with nothing left, the next call is admitted at once.
    /// The results of calls admitted before are ignored.
    ///
    /// Meant for the start of a program, before its first call.
    ///
    /// # Errors
    ///
    /// The bytes are no checkpoint of a breaker with this configuration and capacity; the breaker is unchanged.
    pub fn restore<C: Clock>(&self, bytes: &[u8], slept: impl Into<Slept>, clock: &C) -> Result<(), CheckpointError> {
        if bytes.len() != Self::CHECKPOINT_LEN {
            return Err(CheckpointError::Length);
        }
        let (header, rest) = bytes.split_first_chunk::<HEADER>().ok_or(CheckpointError::Length)?;
        let [version, succeeded, f0, f1, left @ ..] = *header;
        if version >> 2 != VERSION {
            return Err(CheckpointError::Version);
        }
        // The checksum of the content followed by the checksum itself is zero.
        if crc16(bytes) != 0 {
            return Err(CheckpointError::Corrupt);
        }
        if u16::from_le_bytes([f0, f1]) != self.fingerprint() {
            return Err(CheckpointError::OtherPolicy);
        }
        let (ages, _) = rest.as_chunks::<SLOT>();
        let sound = ages.iter().all(|age| u32::from_le_bytes(*age) & TAG <= MAX_TAG);
        let state = match version & 3 {
            0 => BreakerState::Closed,
            1 => BreakerState::Open,
            2 if succeeded < self.head.config.probes => BreakerState::HalfOpen,
            _ => return Err(CheckpointError::Corrupt),
        };
        if !sound {
            return Err(CheckpointError::Corrupt);
        }
        let left = Millis::new(u32::from_le_bytes(left));
        let reading = Reading::of(clock, Timestamp::NEVER);
        // Rounded down: a call is admitted up to a millisecond too late, but never too early.
        let slept = slept.into().down;
        self.head.lock.with(|| self.load_saved(state, succeeded, left, ages, slept, &reading));
        Ok(())
    }

    fn save(&self, reading: &Reading<'_>, fingerprint: u16, header: &mut [u8; HEADER], ages: &mut [u8]) {
        let snapshot = self.head.load();
        ages.fill(0);
        let mut left = Millis::ZERO;
        match snapshot.state() {
            BreakerState::Open => {
                let span = reading.at_least(self.head.config.span(BreakerState::Open));
                left = span.saturating_sub(self.head.latest.passed(reading, span));
            }
            BreakerState::HalfOpen => {}
            BreakerState::Closed => {
                let span = self.head.config.span(BreakerState::Closed);
                let passed = self.head.latest.passed(reading, span);
                self.stamps().update(self.stamps().slide(reading.now(), passed, span), NONE, 0);
                let (ages, _) = ages.as_chunks_mut::<SLOT>();
                for (to, (age, tag)) in ages.iter_mut().zip(self.stamps().ages()) {
                    *to = (age.get() << TAG_BITS | tag).to_le_bytes();
                }
            }
        }
        let [f0, f1] = fingerprint.to_le_bytes();
        let [l0, l1, l2, l3] = left.get().to_le_bytes();
        #[expect(clippy::cast_possible_truncation, reason = "four bits")]
        let succeeded = snapshot.succeeded() as u8;
        *header = [VERSION << 2 | snapshot.state() as u8, succeeded, f0, f1, l0, l1, l2, l3];
    }

    fn load_saved(
        &self,
        state: BreakerState,
        succeeded: u8,
        left: Millis,
        ages: &[[u8; SLOT]],
        slept: Millis,
        reading: &Reading<'_>,
    ) {
        let (now, next) = (reading.read(), self.head.load().next(state));
        self.stamps().clear();
        match state {
            BreakerState::Open => {
                let span = self.head.config.span(BreakerState::Open);
                let left = left.min(span).saturating_sub(slept);
                // With nothing left, what a clock may add to the span has passed too.
                let passed = if left.get() == 0 { reading.at_least(span) } else { span.saturating_sub(left) };
                self.head.enter(next, now.before(passed));
            }
            // Probes that have succeeded keep their places; those under way lose them.
            BreakerState::HalfOpen => self.head.enter(next.with_succeeded(succeeded.into()), now),
            BreakerState::Closed => {
                self.head.enter(next, now);
                for age in ages {
                    let kept = u32::from_le_bytes(*age);
                    let age = Millis::new(kept >> TAG_BITS).saturating_add(slept);
                    if age < self.head.config.span(BreakerState::Closed) && kept & TAG != 0 {
                        self.stamps().update(Millis::MAX, self.stamps().stamp_of_age(age, kept & TAG), 0);
                    }
                }
            }
        }
    }

    fn fingerprint(&self) -> u16 {
        let config = &self.head.config;
        let mut hash = Fnv::new();
        for span in config.spans {
            hash.add(span.get());
        }
        for threshold in config.thresholds {
            hash.add(threshold.into());
        }
        hash.add(config.probes.into());
        for class in crate::ErrorClass::ALL {
            hash.add(u32::from(config.trip_on.contains(class)) << 1 | u32::from(config.own_threshold.contains(class)));
        }
        hash.add(config.neutral.bits().into());
        hash.folded()
    }
}

const TAG_BITS: u32 = 4;
const TAG: u32 = 15;
/// One more than the number of the last class; 0 for an empty slot.
const MAX_TAG: u32 = 8;

#[cfg(test)]
mod tests {
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
}
