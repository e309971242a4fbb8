//! The state machine of one call: limits, deadline, counts per class, phases.
//!
//! It performs no I/O and reads no clock: time and random numbers are arguments. It knows nothing of operations, errors and
//! targets, so its code is in an image once. After a failure, three steps decide; each does nothing of what comes after the
//! check that stops the call:
//!
//! 1. [`check`](Machine::check) records the failure, then checks in this order: abort, limit of the class, class that is
//!    not retried, cap on unknown failures, deadline passed, limit of attempts, backoff present, and last
//!    [`check_hint`](Machine::check_hint): cap on hints.
//! 2. [`fits`](Machine::fits) checks the delay against the deadline. In between, the delay is computed, which draws a random
//!    number if its formula needs one.
//! 3. [`commit`](Machine::commit) begins the wait. In between, the retry budget is consumed.

use crate::{
    Backoff, Cause, Checkpoint, ErrorClass, Millis, Policy, Retry, StopReason,
    counts::Counts,
    retry::{NO_LIMIT, UNLIMITED},
    time::{Slept, Timestamp},
};

/// The number of an attempt, and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct AttemptInfo {
    /// The number of the attempt; the first is 1.
    pub number: u32,
    /// How long the attempt may take: until its timeout or the deadline, whichever is sooner; `None` for any time. Async
    /// drivers end it then; blocking attempts set it on their socket.
    pub remaining: Option<Millis>,
}

/// The state of one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    /// The latest reading of the clock.
    seen: Seen,
    /// Time used, rounded up: what has passed since the start, and `slack`. Added up from reading to reading, so that a clock
    /// that is set back takes nothing away.
    used: Millis,
    attempt: u32,
    /// The latest delay, and the class it was for.
    delay: Millis,
    delay_class: Option<ErrorClass>,
    /// The rest of the wait, from `seen`.
    wait: Millis,
    /// How often each class may still fail and be retried; [`NO_LIMIT`] for any number.
    left: Counts,
    /// The latest failure.
    last: Option<(ErrorClass, Cause)>,
    phase: Phase,
    /// Whether the call was resumed and no attempt has begun since.
    is_resumed: bool,
    /// Whether an observer wants the time of each step.
    pub(crate) is_observed: bool,
    /// Whether each step of the call is timed: for the deadline, an observer or the breaker.
    is_timed: bool,
    /// Milliseconds by which a span between two readings may be too short: see [`Rate::slack`](crate::time::Rate::slack).
    slack: u8,
}

/// A timestamp that is aligned like a word, which saves one in each call on 32-bit targets.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
pub(crate) struct Seen(pub(crate) Timestamp);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// In an attempt, or before the first.
    Attempt,
    /// The attempt has failed; there may be another at once.
    Failed,
    /// It has failed, and `wait` counts from `seen`.
    Waiting,
    /// It has failed, and `wait` was decided but will not be waited here.
    Untaken,
}

impl Machine {
    /// Creates the machine of a new call.
    #[inline]
    pub(crate) const fn new(retry: &Retry<'_>, slack: Millis) -> Self {
        Self {
            seen: Seen(Timestamp::ZERO),
            used: slack,
            attempt: 0,
            delay: Millis::ZERO,
            delay_class: None,
            wait: Millis::ZERO,
            left: retry.caps(),
            last: None,
            phase: Phase::Attempt,
            is_resumed: false,
            is_observed: false,
            is_timed: false,
            #[expect(clippy::cast_possible_truncation, reason = "zero or one")]
            slack: slack.get() as u8,
        }
    }

    /// Starts the time of the call.
    pub(crate) const fn start(&mut self, now: Timestamp) {
        self.seen = Seen(now);
    }

    /// Returns whether each step of the call is timed.
    pub(crate) const fn is_timed(&self) -> bool {
        self.is_timed
    }

    /// Makes each step of the call be timed.
    pub(crate) const fn set_timed(&mut self) {
        self.is_timed = true;
    }

    /// Returns the attempts begun.
    pub(crate) const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Returns class and cause of the latest failure.
    pub(crate) const fn last(&self) -> Option<(ErrorClass, Cause)> {
        self.last
    }

    /// Returns the attempt of the latest failure.
    pub(crate) const fn last_failure(&self) -> Option<u32> {
        match self.last {
            None => None,
            Some(_) if matches!(self.phase, Phase::Attempt) => Some(self.attempt.wrapping_sub(1)),
            Some(_) => Some(self.attempt),
        }
    }

    /// Returns the latest reading.
    pub(crate) const fn seen(&self) -> Timestamp {
        self.seen.0
    }

    /// Returns the time since the start.
    #[inline]
    pub(crate) const fn elapsed(&self) -> Millis {
        self.used.saturating_sub(self.slack())
    }

    #[inline]
    const fn slack(&self) -> Millis {
        Millis::new(self.slack as u32)
    }

    /// Returns whether an attempt has begun since the call was started or resumed.
    pub(crate) const fn has_begun(&self) -> bool {
        self.attempt != 0 && !self.is_resumed
    }

    /// Returns whether the latest attempt has failed and no other has begun.
    pub(crate) const fn is_between_attempts(&self) -> bool {
        self.attempt != 0 && !matches!(self.phase, Phase::Attempt)
    }

    /// Returns whether the next attempt comes after a wait.
    pub(crate) const fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting)
    }

    /// Returns what is left to wait.
    pub(crate) const fn wait(&self) -> Millis {
        self.wait
    }

    /// Returns the latest delay.
    pub(crate) const fn delay(&self) -> Millis {
        self.delay
    }

    /// Returns the delay that was decided but is not waited here.
    pub(crate) const fn next_delay(&self) -> Option<Millis> {
        if matches!(self.phase, Phase::Untaken) { Some(self.wait) } else { None }
    }

    /// Returns the latest delay and the class it was for.
    #[inline]
    pub(crate) fn delayed(&self) -> Option<(ErrorClass, Millis)> {
        self.delay_class.map(|class| (class, self.delay))
    }

    /// Takes a reading of the clock. Backwards, no time has passed.
    #[inline]
    pub(crate) fn observe(&mut self, now: Timestamp) {
        self.used = self.used.saturating_add(now.since(self.seen.0).unwrap_or_default());
        self.seen = Seen(now);
    }

    /// Returns the time left until the deadline, at the latest reading.
    pub(crate) fn left(&self, retry: &Retry<'_>) -> Option<Millis> {
        retry.deadline_millis().map(|deadline| deadline.saturating_sub(self.used))
    }

    /// Returns whether the deadline has passed after this span, which begins at the latest reading.
    #[inline]
    fn is_late(&self, retry: &Retry<'_>, span: Millis) -> bool {
        retry.deadline_millis().is_some_and(|deadline| self.used.saturating_add(span) >= deadline)
    }

    /// Returns number and time limit of the current attempt.
    pub(crate) fn info(&self, retry: &Retry<'_>) -> AttemptInfo {
        let remaining = match (retry.timeout(), self.left(retry)) {
            (Some(timeout), Some(left)) => Some(timeout.min(left)),
            (timeout, left) => timeout.or(left),
        };
        AttemptInfo { number: self.attempt, remaining }
    }

    /// Begins the next attempt.
    ///
    /// # Errors
    ///
    /// The deadline has passed or the call is aborted. No deadline has passed at the start of a call.
    #[inline(always)]
    pub(crate) fn begin(&mut self, retry: &Retry<'_>, is_first: bool, is_aborted: bool) -> Result<(), StopReason> {
        let is_over = if is_first { retry.is_over() } else { self.is_late(retry, Millis::ZERO) };
        if is_over {
            return Err(StopReason::DeadlineExceeded);
        }
        if is_aborted {
            return Err(StopReason::Aborted);
        }
        self.begin_unchecked();
        Ok(())
    }

    /// Begins an attempt that the caller makes without asking.
    #[inline]
    pub(crate) fn begin_unchecked(&mut self) {
        // Never as many as stands for no limit.
        self.attempt = self.attempt.wrapping_add((self.attempt < UNLIMITED.wrapping_sub(1)).into());
        self.phase = Phase::Attempt;
        self.is_resumed = false;
    }

    /// Returns whether the attempts are used up, which a call can be resumed with.
    #[inline]
    pub(crate) fn is_exhausted(&self, retry: &Retry<'_>) -> bool {
        self.attempt >= retry.attempts()
    }

    /// Records a failure of the current attempt and checks the limits. Returns the backoff that says how long to wait.
    ///
    /// # Errors
    ///
    /// The reason against another attempt.
    #[inline(always)]
    pub(crate) fn check<'r>(
        &mut self,
        retry: &'r Retry<'_>,
        class: ErrorClass,
        cause: Cause,
        is_aborted: bool,
    ) -> Result<&'r Backoff<'r>, StopReason> {
        self.last = Some((class, cause));
        self.phase = Phase::Failed;
        if is_aborted {
            return Err(StopReason::Aborted);
        }
        match self.left.of(class) {
            0 => return Err(retry.over_cap(class)),
            NO_LIMIT => {}
            _ => self.left.take(class),
        }
        if self.is_late(retry, Millis::ZERO) {
            return Err(StopReason::DeadlineExceeded);
        }
        if self.is_exhausted(retry) {
            return Err(StopReason::MaxAttemptsGlobal);
        }
        retry.backoff(class).ok_or(StopReason::NoStrategy)
    }

    /// Checks that a hint which is followed is not beyond the cap.
    ///
    /// # Errors
    ///
    /// It is. The hint is kept, to be reported.
    #[inline]
    pub(crate) fn check_hint(&mut self, retry: &Retry<'_>, hint: Millis) -> Result<(), StopReason> {
        if hint <= retry.longest_hint() {
            return Ok(());
        }
        (self.wait, self.phase) = (hint, Phase::Untaken);
        Err(StopReason::RetryAfterTooLong)
    }

    /// Returns the longest wait that ends before the deadline.
    #[inline]
    pub(crate) const fn room(&self, retry: &Retry<'_>) -> Millis {
        retry.last_millisecond().saturating_sub(self.used)
    }

    /// Checks that a wait of this length ends before the deadline.
    ///
    /// # Errors
    ///
    /// It does not. The delay is kept, to be reported.
    #[inline(always)]
    pub(crate) fn fits(&mut self, retry: &Retry<'_>, delay: Millis) -> Result<(), StopReason> {
        if !self.is_late(retry, delay) {
            return Ok(());
        }
        (self.wait, self.phase) = (delay, Phase::Untaken);
        Err(StopReason::DeadlineExceeded)
    }

    /// Begins to wait.
    #[inline(always)]
    pub(crate) fn commit(&mut self, class: ErrorClass, delay: Millis) {
        self.delay = delay;
        self.delay_class = Some(class);
        self.wait = delay;
        self.phase = Phase::Waiting;
    }

    /// Replaces the wait before the next attempt. It is extended by the slack of the clock, for [`pass`](Self::pass).
    pub(crate) fn hold(&mut self, wait: Millis, slack: Millis) {
        self.wait = if wait == Millis::ZERO { wait } else { wait.saturating_add(slack) };
        self.phase = Phase::Waiting;
    }

    /// Hands the wait over: it will not be waited here.
    pub(crate) fn hand_over(&mut self) {
        self.phase = Phase::Untaken;
    }

    /// Returns the checkpoint of the call. A wait that has begun is left from the latest reading.
    pub(crate) fn checkpoint(&self, policy: &Policy<'_>) -> Checkpoint {
        Checkpoint {
            attempt: self.attempt,
            delay: self.delay,
            remaining: if self.is_waiting() || matches!(self.phase, Phase::Untaken) { self.wait } else { Millis::ZERO },
            // As the deadline counts it, so that suspending often does not overrun it.
            elapsed: self.used,
            failures: policy.retry.caps().less(self.left).0,
            head: Checkpoint::pack(policy.fingerprint, self.last, self.delay_class),
            extra: Checkpoint::NO_EXTRA,
        }
    }

    /// Takes a reading in a wait, which shortens what is left of it.
    pub(crate) fn observe_wait(&mut self, now: Timestamp) {
        let passed = now.since(self.seen.0).unwrap_or_default();
        self.wait = self.wait.saturating_sub(passed.saturating_sub(self.slack()));
        self.observe(now);
    }

    /// Takes one of many readings in a wait that was extended by the slack: together they shorten it by no more than has passed.
    /// Returns the time since the reading before.
    pub(crate) fn pass(&mut self, now: Timestamp) -> Millis {
        let passed = now.since(self.seen.0).unwrap_or_default();
        self.seen = Seen(now);
        self.wait = self.wait.saturating_sub(passed);
        self.used = self.used.saturating_add(passed);
        passed
    }

    /// Creates the machine of a [checked](Checkpoint::check) checkpoint, `slept` after it was made.
    pub(crate) fn resume(
        retry: &Retry<'_>,
        checkpoint: &Checkpoint,
        slept: Slept,
        now: Timestamp,
        slack: Millis,
    ) -> Self {
        let mut machine = Self {
            used: checkpoint.elapsed.saturating_add(slept.up).saturating_add(slack),
            attempt: checkpoint.attempt,
            delay: checkpoint.delay,
            delay_class: checkpoint.delay_class(),
            wait: checkpoint.remaining.saturating_sub(slept.down),
            // A call of the same policy has counted no more than its caps.
            left: retry.caps().less(Counts(checkpoint.failures)),
            last: checkpoint.last(),
            phase: Phase::Waiting,
            is_resumed: true,
            is_timed: retry.deadline_millis().is_some(),
            seen: Seen(now),
            ..Self::new(retry, slack)
        };
        if retry.is_over() {
            machine.used = Millis::MAX;
        }
        // The time used was rounded up, which may be all that was left after the wait: then waiting is of no use.
        if machine.left(retry).is_some_and(|left| machine.wait >= left) {
            machine.used = machine.used.max(retry.deadline_millis().unwrap_or_default().saturating_add(slack));
            machine.wait = Millis::ZERO;
        }
        machine
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    const RETRY: Retry<'_> = Retry::new(Backoff::none()).max_attempts(3).deadline(Duration::from_secs(10));

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn begun() -> Machine {
        let mut machine = Machine::new(&RETRY, Millis::ZERO);
        machine.start(at(1_000));
        assert_eq!(machine.begin(&RETRY, true, false), Ok(()));
        machine
    }

    #[test]
    fn each_step_after_a_failure_can_stop_the_call() {
        let mut machine = begun();
        let failed = machine.check(&RETRY, ErrorClass::Auth, Cause::Error, false);
        assert_eq!(failed.err(), Some(StopReason::NonRetryableClass));

        let mut machine = begun();
        assert!(machine.check(&RETRY, ErrorClass::Transient, Cause::Error, false).is_ok());
        assert_eq!(machine.fits(&RETRY, Millis::from_secs(10)), Err(StopReason::DeadlineExceeded));
        assert_eq!((machine.next_delay(), machine.delay()), (Some(Millis::from_secs(10)), Millis::ZERO));

        let mut machine = begun();
        assert!(machine.check(&RETRY, ErrorClass::Transient, Cause::Error, false).is_ok());
        assert_eq!(machine.fits(&RETRY, Millis::new(9_999)), Ok(()));
        machine.commit(ErrorClass::Transient, Millis::new(9_999));
        let waited = Millis::new(9_999);
        assert_eq!((machine.wait(), machine.delayed()), (waited, Some((ErrorClass::Transient, waited))));
        machine.observe(at(11_000));
        assert_eq!(machine.begin(&RETRY, false, false), Err(StopReason::DeadlineExceeded));
    }

    #[test]
    fn unlimited_attempts_go_on_at_the_end_of_counting() {
        let unlimited = Retry::new(Backoff::none()).unlimited_attempts().no_deadline();
        let mut machine = Machine { attempt: u32::MAX - 2, ..begun() };
        for _ in 0..3 {
            assert!(machine.check(&unlimited, ErrorClass::Transient, Cause::Error, false).is_ok());
            machine.begin_unchecked();
            assert_eq!(machine.attempt(), u32::MAX - 1);
        }
    }
}
