//! A breaker that counts rates, across deep sleep.
//!
//! Little endian, `18 + 6 N` bytes:
//!
//! | bytes | |
//! |---|---|
//! | 0 | version in bits 2-7, state in bits 0-1 |
//! | 1 | half-open, probes that succeeded in bits 0-3, that failed in bits 4-7 |
//! | 2-3 | fingerprint of the configuration |
//! | 4-7 | milliseconds since the circuit opened; closed, since the bucket that counts began |
//! | 8-11 | milliseconds since the circuit closed last |
//! | 12 | openings since it was healthy |
//! | 13 | mode |
//! | 14 | number of the bucket that counts |
//! | 15 | what the calls have added up to, while a share of them is admitted; else 0 |
//! | 16 to 6 N + 15 | per bucket: calls, failed ones, slow ones |
//! | last two | CRC-16 of all before, high byte first |

use core::{borrow::Borrow, sync::atomic::Ordering::Relaxed};

use super::{BreakerMode, BreakerState, Bucket, RateBreaker, RateConfig, Snapshot, View};
use crate::{
    CheckpointError, Clock, Millis,
    breaker::checkpoint::{CHECKSUM, HEADER, read, write},
    reading::Reading,
    time::{Slept, Timestamp},
};

/// Apart from the versions of other checkpoints, so that none is taken for another.
const VERSION: u8 = 34;

const FIXED: usize = 12;
const BUCKET: usize = 6;

impl<const N: usize, R: Borrow<RateConfig>> RateBreaker<N, R> {
    /// Length of this breaker's checkpoint in bytes: 18, and 6 for each bucket.
    pub const CHECKPOINT_LEN: usize = HEADER + FIXED + BUCKET * N + CHECKSUM;

    /// Writes the state of the breaker to the beginning of `buffer`, for retained memory or flash, and returns the bytes
    /// written. Times are spans, because clocks restart. The seed is not kept.
    ///
    /// Probes that are under way are not kept: their places are free after [`restore`](Self::restore).
    ///
    /// ```
    /// use core::time::Duration;
    /// use redress_core::{Millis, breaker::{RateBreaker, RateConfig}, testing::ManualClock};
    ///
    /// type Breaker = RateBreaker<10>;
    /// static CONFIG: RateConfig = RateConfig::new(50).recovery_timeout(Duration::from_secs(30));
    /// static BREAKER: Breaker = Breaker::new(&CONFIG);
    ///
    /// let clock = ManualClock::new();
    /// BREAKER.open(&clock);
    /// let mut retained = [0; Breaker::CHECKPOINT_LEN];
    /// BREAKER.checkpoint(&clock, &mut retained)?;
    ///
    /// // Deep sleep of ten seconds; the breaker is new and the clock starts anew.
    /// static AWAKE: Breaker = Breaker::new(&CONFIG);
    /// let clock = ManualClock::new();
    /// AWAKE.restore(&retained, Millis::from_secs(10), &clock)?;
    /// assert_eq!(AWAKE.retry_after(&clock), Some(Millis::from_secs(20)));
    /// # Ok::<(), redress_core::CheckpointError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Length`] if the buffer is shorter than `CHECKPOINT_LEN`.
    pub fn checkpoint<'b, C: Clock>(&self, clock: &C, buffer: &'b mut [u8]) -> Result<&'b [u8], CheckpointError> {
        let (view, reading) = (self.counter.view(&self.head), Reading::of(clock, Timestamp::NEVER));
        write(buffer, Self::CHECKPOINT_LEN, VERSION, view.config.fingerprint(), |content| {
            self.head.lock.with(|| view.save(&reading, content))
        })
    }

    /// Restores a checkpoint, `slept` after it was made: calls that have left the window meanwhile are dropped, and the time
    /// that the circuit stays open, its growth and its progressive admission go on. The jitter of a time that it is open is
    /// drawn anew. The results of calls admitted before are ignored.
    ///
    /// Meant for the start of a program, before its first call. The listener hears nothing.
    ///
    /// # Errors
    ///
    /// The bytes are no checkpoint of a breaker with this configuration and so many buckets; the breaker is unchanged.
    pub fn restore<C: Clock>(&self, bytes: &[u8], slept: impl Into<Slept>, clock: &C) -> Result<(), CheckpointError> {
        let view = self.counter.view(&self.head);
        let (state, probes, content) = read(bytes, Self::CHECKPOINT_LEN, VERSION, view.config.fingerprint())?;
        let (fixed, buckets) = content.split_first_chunk::<FIXED>().ok_or(CheckpointError::Length)?;
        let (buckets, _) = buckets.as_chunks();
        let [.., mode, current, _] = *fixed;
        let answered = u32::from(probes >> 4).saturating_add(u32::from(probes & 15));
        let is_sound = BreakerMode::of(mode).is_some()
            && usize::from(current) < view.buckets.len()
            && buckets.iter().copied().all(Bucket::is_sound)
            && (state != BreakerState::HalfOpen || answered < u32::from(self.head.config.probes));
        if !is_sound {
            return Err(CheckpointError::Corrupt);
        }
        let reading = Reading::of(clock, Timestamp::NEVER);
        // Rounded down: a call is admitted up to a millisecond too late, but never too early.
        let slept = slept.into().down;
        self.head.lock.with(|| view.load_saved(state, probes, *fixed, buckets, slept, &reading));
        Ok(())
    }
}

impl View<'_> {
    /// Writes what follows the header; returns the state and the probes.
    fn save(self, reading: &Reading<'_>, content: &mut [u8]) -> (BreakerState, u8) {
        let (state, before) = (self.state, self.head.load());
        let span = match before.state() {
            BreakerState::Closed => {
                self.slide(reading);
                Millis::MAX
            }
            BreakerState::Open => self.open_time(),
            BreakerState::HalfOpen => self.head.config.span(BreakerState::HalfOpen),
        };
        let since = self.head.latest.passed(reading, span);
        let closed = reading.now().since(Timestamp::from_millis(state.closed.load())).unwrap_or_default();
        let [s0, s1, s2, s3] = since.get().to_le_bytes();
        let [c0, c1, c2, c3] = closed.get().to_le_bytes();
        let [openings, mode, current] = [&state.openings, &state.mode, &state.current].map(|byte| byte.load(Relaxed));
        let share = if before.admits_all() { 0 } else { state.share.load(Relaxed) };
        if let Some((fixed, buckets)) = content.split_first_chunk_mut() {
            *fixed = [s0, s1, s2, s3, c0, c1, c2, c3, openings, mode, current, share];
            let (buckets, _) = buckets.as_chunks_mut();
            for (to, bucket) in buckets.iter_mut().zip(self.buckets) {
                *to = bucket.to_bytes();
            }
        }
        let failed = if before.is_half_open() { self.failed_probes() } else { 0 };
        #[expect(clippy::cast_possible_truncation, reason = "four bits each")]
        let probes = (before.succeeded() | failed << 4) as u8;
        (before.state(), probes)
    }

    fn load_saved(
        self,
        state: BreakerState,
        probes: u8,
        fixed: [u8; FIXED],
        buckets: &[[u8; BUCKET]],
        slept: Millis,
        reading: &Reading<'_>,
    ) {
        let [s0, s1, s2, s3, c0, c1, c2, c3, openings, mode, current, share] = fixed;
        let now = reading.read();
        let before = |bytes| now.before(Millis::new(u32::from_le_bytes(bytes)).saturating_add(slept));
        self.state.closed.store(before([c0, c1, c2, c3]).millis());
        self.state.openings.store(openings, Relaxed);
        self.state.mode.store(mode, Relaxed);
        self.state.current.store(current, Relaxed);
        self.state.share.store(share, Relaxed);
        for (bucket, from) in self.buckets.iter().zip(buckets) {
            bucket.set(*from);
        }
        let shares = if state == BreakerState::Closed && share != 0 { Snapshot::SHARES } else { 0 };
        let (succeeded, failed) = (u32::from(probes & 15), u32::from(probes >> 4));
        let after = self.with_flags(self.head.load().next(state).with_flags(shares));
        // Probes that have answered keep their places; those under way lose them.
        let after = if after.is_half_open() { after.with_succeeded(succeeded).with_admitted(failed) } else { after };
        self.head.enter(after, before([s0, s1, s2, s3]));
    }
}
