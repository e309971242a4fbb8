//! A breaker across deep sleep: one that counts failures; that of rates is in `rate/checkpoint.rs`.
//!
//! Little endian, `10 + 4 N` bytes:
//!
//! | bytes | |
//! |---|---|
//! | 0 | version in bits 2-7, state in bits 0-1 |
//! | 1 | probes that succeeded, half-open |
//! | 2-3 | fingerprint of the configuration |
//! | 4-7 | milliseconds until a probe is let through, open |
//! | 8 to 4 N + 7 | per failure, from the oldest on: age in milliseconds times 16, plus class plus 1; 0 for none |
//! | last two | CRC-16 of all before, high byte first |

use super::{BreakerState, CircuitBreaker};
use crate::{
    CheckpointError, Clock, Millis,
    checkpoint::crc16,
    reading::Reading,
    rng::Fnv,
    time::{Slept, Timestamp},
};

/// Apart from the versions of a call's checkpoint, so that neither is taken for the other.
const VERSION: u8 = 33;

/// Version and state, probes, fingerprint: what the checkpoints of all breakers begin with.
pub(super) const HEADER: usize = 4;
pub(super) const CHECKSUM: usize = 2;
const LEFT: usize = 4;
const SLOT: usize = 4;

/// Writes a checkpoint of this length. `save` writes all but header and checksum, over zeros, and returns state and probes.
///
/// # Errors
///
/// [`CheckpointError::Length`].
pub(super) fn write(
    buffer: &mut [u8],
    length: usize,
    version: u8,
    fingerprint: u16,
    save: impl FnOnce(&mut [u8]) -> (BreakerState, u8),
) -> Result<&[u8], CheckpointError> {
    let (bytes, _) = buffer.split_at_mut_checked(length).ok_or(CheckpointError::Length)?;
    let (sealed, checksum) = bytes.split_last_chunk_mut::<CHECKSUM>().ok_or(CheckpointError::Length)?;
    let (header, content) = sealed.split_first_chunk_mut::<HEADER>().ok_or(CheckpointError::Length)?;
    content.fill(0);
    let (state, probes) = save(content);
    let [f0, f1] = fingerprint.to_le_bytes();
    *header = [version << 2 | state as u8, probes, f0, f1];
    *checksum = crc16(sealed).to_be_bytes();
    Ok(bytes)
}

/// Reads state, probes and all but header and checksum out of a checkpoint.
///
/// # Errors
///
/// The bytes are no checkpoint of this length, version and fingerprint.
pub(super) fn read(
    bytes: &[u8],
    length: usize,
    version: u8,
    fingerprint: u16,
) -> Result<(BreakerState, u8, &[u8]), CheckpointError> {
    if bytes.len() != length {
        return Err(CheckpointError::Length);
    }
    let (sealed, _) = bytes.split_last_chunk::<CHECKSUM>().ok_or(CheckpointError::Length)?;
    let (header, content) = sealed.split_first_chunk::<HEADER>().ok_or(CheckpointError::Length)?;
    let [first, probes, f0, f1] = *header;
    if first >> 2 != version {
        return Err(CheckpointError::Version);
    }
    // The checksum of the content followed by the checksum itself is zero.
    if crc16(bytes) != 0 {
        return Err(CheckpointError::Corrupt);
    }
    if u16::from_le_bytes([f0, f1]) != fingerprint {
        return Err(CheckpointError::OtherPolicy);
    }
    let state = BreakerState::ALL.get(usize::from(first & 3)).ok_or(CheckpointError::Corrupt)?;
    Ok((*state, probes, content))
}

impl<const N: usize> CircuitBreaker<N> {
    /// Length of this breaker's checkpoint in bytes: 10, and 4 for each slot.
    pub const CHECKPOINT_LEN: usize = HEADER + LEFT + SLOT * N + CHECKSUM;

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
        let reading = Reading::of(clock, Timestamp::NEVER);
        // The fingerprint is computed before the lock is taken, which is held for a short time only.
        write(buffer, Self::CHECKPOINT_LEN, VERSION, self.fingerprint(), |content| {
            self.head.lock.with(|| self.save(&reading, content))
        })
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
        let (state, succeeded, content) = read(bytes, Self::CHECKPOINT_LEN, VERSION, self.fingerprint())?;
        let (left, ages) = content.split_first_chunk().ok_or(CheckpointError::Length)?;
        let (ages, _) = ages.as_chunks::<SLOT>();
        let is_sound = ages.iter().all(|age| u32::from_le_bytes(*age) & TAG <= MAX_TAG)
            && (state != BreakerState::HalfOpen || succeeded < self.head.config.probes);
        if !is_sound {
            return Err(CheckpointError::Corrupt);
        }
        let left = Millis::new(u32::from_le_bytes(*left));
        let reading = Reading::of(clock, Timestamp::NEVER);
        // Rounded down: a call is admitted up to a millisecond too late, but never too early.
        let slept = slept.into().down;
        self.head.lock.with(|| self.load_saved(state, succeeded, left, ages, slept, &reading));
        Ok(())
    }

    /// Writes what is left and the ages; returns the state and the probes that have succeeded.
    fn save(&self, reading: &Reading<'_>, content: &mut [u8]) -> (BreakerState, u8) {
        let snapshot = self.head.load();
        let mut left = Millis::ZERO;
        let (mut none, no_ages): (_, &mut [u8]) = ([0; LEFT], &mut []);
        let (to_left, ages) = content.split_first_chunk_mut().unwrap_or((&mut none, no_ages));
        match snapshot.state() {
            BreakerState::Open => {
                let span = reading.at_least(self.head.config.span(BreakerState::Open));
                left = span.saturating_sub(self.head.latest.passed(reading, span));
            }
            BreakerState::HalfOpen => {}
            BreakerState::Closed => {
                let span = self.head.config.span(BreakerState::Closed);
                let passed = self.head.latest.passed(reading, span);
                let (ages, _) = ages.as_chunks_mut::<SLOT>();
                if let Some(stamps) = self.stamps() {
                    stamps.slide(reading.now(), passed, span);
                    for (to, (age, tag)) in ages.iter_mut().zip(stamps.ages()) {
                        *to = (age.get() << TAG_BITS | tag).to_le_bytes();
                    }
                }
            }
        }
        *to_left = left.get().to_le_bytes();
        #[expect(clippy::cast_possible_truncation, reason = "four bits")]
        let succeeded = snapshot.succeeded() as u8;
        (snapshot.state(), succeeded)
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
        let Some(stamps) = self.stamps() else { return };
        stamps.clear();
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
                for age in ages.iter().take(stamps.slots.len()) {
                    let kept = u32::from_le_bytes(*age);
                    let age = Millis::new(kept >> TAG_BITS).saturating_add(slept);
                    if age < self.head.config.span(BreakerState::Closed) && kept & TAG != 0 {
                        stamps.add(age, kept & TAG);
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
mod tests;
