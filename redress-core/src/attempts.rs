//! The machine: facts in, verdict out.
//!
//! It knows nothing of the operation's types and closures, so its code is in an image once. Time is an argument,
//! randomness a number. After a failure it checks, in this order: the failure is recorded; abort; per-class limit;
//! non-retryable class; unknown cap; deadline already passed; attempt limit; backoff present; delay drawn; deadline
//! reached by the delay; budget token. What comes after the check that stops is not done.

use core::marker::PhantomData;

use crate::{
    Cause, Checkpoint, CheckpointError, Classification, ErrorClass, Millis, Policy, RandomSource, StopReason,
    backoff::Asked,
    env::Environment,
    kept::Time,
    policy::{BARE, Known},
    retry::NO_LIMIT,
    time::{Convert, Instant, Moment, Slept, TickRate},
};

/// How far a call has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Time used up, as deadlines count it: too much by the slack of the start, never too little. Added up rather than taken
    /// from a start, so that a clock which jumps back takes nothing away.
    elapsed: Millis,
    /// When `elapsed` was last brought up to date.
    seen: Seen,
    attempt: u32,
    /// The latest delay, and the class it was for.
    delay: Millis,
    /// What is left to wait, from `seen`.
    wait: Millis,
    failures: Counts,
    delay_class: Option<ErrorClass>,
    /// The latest failure.
    last: Option<(ErrorClass, Cause)>,
    phase: Phase,
}

/// A moment in milliseconds, aligned like a word, which saves one in all that it is part of.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
struct Seen(Time);

/// One saturating count per class. A word where the machine has words that long, so that it can stay in a register.
#[derive(Clone, Copy, Debug)]
struct Counts(#[cfg(target_pointer_width = "64")] u64, #[cfg(not(target_pointer_width = "64"))] [u32; 2]);

#[cfg(target_pointer_width = "64")]
impl Counts {
    const ZERO: Self = Self(0);

    const fn from_words([low, high]: [u32; 2]) -> Self {
        Self((high as u64) << 32 | low as u64)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves are taken on purpose")]
    const fn to_words(self) -> [u32; 2] {
        [self.0 as u32, (self.0 >> 32) as u32]
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "one byte is taken")]
    const fn of(self, class: ErrorClass) -> u8 {
        (self.0 >> (class as u32).wrapping_mul(8)) as u8
    }

    /// Counts one more; the count before is below 255.
    #[inline]
    const fn add(&mut self, class: ErrorClass) {
        self.0 = self.0.wrapping_add(1 << (class as u32).wrapping_mul(8));
    }
}

#[cfg(not(target_pointer_width = "64"))]
impl Counts {
    const ZERO: Self = Self([0; 2]);

    const fn from_words(words: [u32; 2]) -> Self {
        Self(words)
    }

    const fn to_words(self) -> [u32; 2] {
        self.0
    }

    /// All bits if the class is counted in the second word, and where in its word.
    #[inline]
    const fn place(class: ErrorClass) -> (u32, u32) {
        let class = class as u32;
        ((class << 29).cast_signed().wrapping_shr(31).cast_unsigned(), (class & 3) << 3)
    }

    // By bits: an index would keep the whole state in memory.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "one byte is taken")]
    const fn of(self, class: ErrorClass) -> u8 {
        let (second, shift) = Self::place(class);
        let [low, high] = self.0;
        ((low ^ (low ^ high) & second) >> shift) as u8
    }

    /// Counts one more; the count before is below 255.
    #[inline]
    const fn add(&mut self, class: ErrorClass) {
        let (second, shift) = Self::place(class);
        let [low, high] = self.0;
        let one = 1 << shift;
        self.0 = [low.wrapping_add(one & !second), high.wrapping_add(one & second)];
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before the first attempt, or in one.
    Attempt,
    /// The current attempt has failed.
    Failed,
    /// It has failed, and `wait` counts from `seen`.
    Waiting,
    /// It has failed, and `wait` was decided but is not taken.
    Untaken,
}

impl Progress {
    #[inline]
    pub(crate) const fn new(now: Moment) -> Self {
        Self {
            elapsed: Millis::new(now.slack),
            seen: Seen(now.millis),
            attempt: 0,
            delay: Millis::ZERO,
            wait: Millis::ZERO,
            failures: Counts::ZERO,
            delay_class: None,
            last: None,
            phase: Phase::Attempt,
        }
    }

    /// Attempts started.
    #[inline]
    pub(crate) const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Class and cause of the latest failure.
    #[inline]
    pub(crate) const fn last(&self) -> Option<(ErrorClass, Cause)> {
        self.last
    }

    /// The attempt of the latest failure.
    pub(crate) const fn last_failure(&self) -> Option<u32> {
        match self.last {
            None => None,
            Some(_) if matches!(self.phase, Phase::Attempt) => Some(self.attempt.wrapping_sub(1)),
            Some(_) => Some(self.attempt),
        }
    }

    /// Time used up, to the millisecond; the slack is that of the clock in use.
    #[inline]
    pub(crate) const fn elapsed(&self, slack: u8) -> Millis {
        self.elapsed.saturating_sub(Millis::new(slack as u32))
    }

    /// Brings the time used up to date.
    #[inline]
    pub(crate) const fn observe(&mut self, now: Moment) {
        self.elapsed = self.elapsed.saturating_add(now.passed_since(self.seen.0));
        self.seen = Seen(now.millis);
    }

    /// What is left until the deadline.
    #[inline]
    pub(crate) fn until_deadline<const PLAIN: bool>(&self, policy: Known<'_, PLAIN>) -> Option<Millis> {
        policy.deadline().map(|deadline| deadline.saturating_sub(self.elapsed))
    }

    /// The first attempt begins. No deadline is over at its start.
    #[inline]
    pub(crate) const fn on_first(&mut self) {
        self.attempt = 1;
    }

    /// The wait is over: the next attempt begins, or why not.
    #[inline(always)]
    pub(crate) fn on_wake<const PLAIN: bool>(
        &mut self,
        policy: Known<'_, PLAIN>,
        aborted: bool,
    ) -> Result<(), StopReason> {
        if self.until_deadline(policy) == Some(Millis::ZERO) {
            return Err(StopReason::DeadlineExceeded);
        }
        if aborted {
            return Err(StopReason::Aborted);
        }
        self.attempt = self.attempt.wrapping_add(1);
        // Stays below what unlimited attempts compare with. Where bytes count, the policy may be known, and so may this.
        if !BARE || policy.0.retry.is_unlimited() {
            self.attempt = self.attempt.min(u32::MAX - 1);
        }
        self.phase = Phase::Attempt;
        Ok(())
    }

    /// The attempt failed: the delay before the next, or why there is none.
    #[inline(always)]
    pub(crate) fn on_failure<E: Environment, const PLAIN: bool>(
        &mut self,
        policy: Known<'_, PLAIN>,
        env: &mut E,
        classification: &Classification,
        cause: Cause,
        aborted: bool,
    ) -> Result<(), StopReason> {
        if classification.is_abort() {
            return Err(StopReason::Aborted);
        }
        let retry = &policy.0.retry;
        if policy.deadline().is_some() {
            self.observe(E::Rate::moment(env.now()));
        }
        let class = classification.class();
        self.last = Some((class, cause));
        self.phase = Phase::Failed;
        if aborted {
            return Err(StopReason::Aborted);
        }
        // Below the cap, so below 255; counting stops there, which only a class without limit can reach.
        let failures = self.failures.of(class);
        if failures < retry.cap(class) {
            self.failures.add(class);
        } else if retry.cap(class) != NO_LIMIT {
            return Err(retry.over_cap(class));
        }
        let deadline = policy.deadline();
        if deadline.is_some_and(|deadline| self.elapsed >= deadline) {
            return Err(StopReason::DeadlineExceeded);
        }
        if self.attempt >= retry.attempts() {
            return Err(StopReason::MaxAttemptsGlobal);
        }
        let Some(backoff) = policy.backoff(class) else { return Err(StopReason::NoStrategy) };
        let draw = || env.random();
        let delay = match retry.code() {
            Some(code) if !PLAIN => {
                let asked = Asked { attempt: self.attempt, classification, previous: self.previous(class) };
                backoff.delay_by(code, &asked, draw)
            }
            _ => backoff.plain_delay(self.attempt, draw),
        };
        if deadline.is_some_and(|deadline| delay >= deadline.wrapping_sub(self.elapsed)) {
            self.wait = delay;
            self.phase = Phase::Untaken;
            return Err(StopReason::DeadlineExceeded);
        }
        if policy.budget().is_some_and(|budget| !budget.consume::<E::Rate>(1, env.now())) {
            return Err(StopReason::BudgetExhausted);
        }
        self.delay = delay;
        self.delay_class = Some(class);
        self.wait = delay;
        self.phase = Phase::Waiting;
        Ok(())
    }

    /// What is left to wait.
    #[inline]
    pub(crate) const fn wait(&self) -> Millis {
        self.wait
    }

    /// Somebody else takes the wait, or nobody.
    pub(crate) const fn hand_over(&mut self) {
        self.phase = Phase::Untaken;
    }

    /// The delay that was decided but is not taken.
    pub(crate) const fn next_delay(&self) -> Option<Millis> {
        if matches!(self.phase, Phase::Untaken) { Some(self.wait) } else { None }
    }

    /// How long an attempt may take under an attempt timeout: that, or what is left to the deadline.
    #[inline]
    pub(crate) fn attempt_limit<const PLAIN: bool>(&self, policy: Known<'_, PLAIN>) -> Option<Millis> {
        let timeout = policy.timeout()?;
        Some(self.until_deadline(policy).map_or(timeout, |left| timeout.min(left)))
    }

    /// The latest delay, if it was for this class.
    #[inline]
    pub(crate) fn previous(&self, class: ErrorClass) -> Millis {
        if self.delay_class == Some(class) { self.delay } else { Millis::ZERO }
    }

    /// What is left for an attempt: its timeout or the time to the deadline, whichever is shorter.
    pub(crate) fn remaining<const PLAIN: bool>(&self, policy: Known<'_, PLAIN>) -> Option<Millis> {
        self.attempt_limit(policy).or_else(|| self.until_deadline(policy))
    }

    /// Brings time used and wait up to date. Backwards, no time has passed: the whole wait is left.
    pub(crate) fn pause(&mut self, now: Moment) {
        let passed = now.passed_since(self.seen.0).saturating_sub(Millis::new(now.slack));
        self.wait = self.wait.saturating_sub(passed);
        self.observe(now);
    }

    /// Where to go on later.
    pub(crate) fn checkpoint(&self, policy: &Policy<'_>) -> Checkpoint {
        Checkpoint {
            attempt: self.attempt,
            delay: self.delay,
            remaining: if matches!(self.phase, Phase::Waiting | Phase::Untaken) { self.wait } else { Millis::ZERO },
            // As deadlines count it, so that none is overrun by suspending often.
            elapsed: self.elapsed,
            failures: self.failures.to_words(),
            head: Checkpoint::pack(policy.fingerprint, self.last, self.delay_class),
        }
    }

    /// The state of a [checked](Checkpoint::check) checkpoint `slept` after it was made, waiting out what is left.
    #[cfg_attr(target_os = "none", inline(always))]
    pub(crate) fn resume(policy: &Policy<'_>, checkpoint: &Checkpoint, slept: Slept, now: Moment) -> Self {
        let elapsed = checkpoint.elapsed.saturating_add(slept.up).saturating_add(Millis::new(now.slack));
        let wait = checkpoint.remaining.saturating_sub(slept.down);
        // The time used was rounded up, which may be all that was left after the wait: then there is no use in waiting.
        let over = policy.retry.deadline_after().filter(|deadline| elapsed.saturating_add(wait) >= *deadline);
        let (elapsed, wait) = over.map_or((elapsed, wait), |deadline| (elapsed.max(deadline), Millis::ZERO));
        Self {
            elapsed,
            seen: Seen(now.millis),
            attempt: checkpoint.attempt,
            delay: checkpoint.delay,
            wait,
            failures: Counts::from_words(checkpoint.failures),
            delay_class: checkpoint.delay_class(),
            last: checkpoint.last(),
            phase: Phase::Waiting,
        }
    }
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "the decision says whether and when there is another attempt"]
pub enum Decision {
    /// Try again at this moment.
    RetryAt(Instant),
    /// Do not try again.
    Stop(StopReason),
}

/// The bare machine, for superloops, RTIC and whatever else owns its own time.
///
/// 1. [`new`](Self::new), at the start of the call; the first attempt may begin.
/// 2. Make the attempt. It succeeded: done.
/// 3. It failed: [`on_failure`](Self::on_failure). On [`Decision::Stop`], done.
/// 4. At the moment of [`Decision::RetryAt`], also told by [`poll_at`](Self::poll_at): [`on_wake`](Self::on_wake) with
///    the current time, not the planned one. On an error, done; otherwise go to 2.
///
/// The breaker of the policy is not asked: take a [`Permit`](crate::breaker::Permit) before 1 and say through it what
/// became of the call. The budget is.
///
/// ```
/// use core::time::Duration;
/// use redress_core::{Attempts, Backoff, Decision, ErrorClass, Hz, Instant, Policy, Retry, StopReason};
///
/// static SENSOR: Policy = Policy::new(Retry::new(Backoff::exponential(
///     Duration::from_millis(10),
///     Duration::from_secs(1),
/// )).max_attempts(3));
///
/// let now = Instant::from_ticks(500);
/// let mut attempts = Attempts::<Hz<1000>>::new(&SENSOR, now);
/// let random = 0x5EED;
/// match attempts.on_failure(now, ErrorClass::Transient, random) {
///     Decision::RetryAt(at) => assert_eq!(at, Instant::from_ticks(510)),
///     Decision::Stop(reason) => panic!("{reason}"),
/// }
/// assert_eq!(attempts.on_wake(Instant::from_ticks(511)), Ok(()));
/// assert_eq!(attempts.attempt(), 2);
/// assert_eq!(attempts.on_failure(now, ErrorClass::Auth, random), Decision::Stop(StopReason::NonRetryableClass));
/// ```
#[derive(Debug)]
pub struct Attempts<'p, R> {
    policy: &'p Policy<'p>,
    progress: Progress,
    /// The end of the wait, while there is one.
    at: Instant,
    rate: PhantomData<fn() -> R>,
}

impl<'p, R: TickRate> Attempts<'p, R> {
    /// Starts a call now; the first attempt may begin.
    pub fn new(policy: &'p Policy<'p>, now: Instant) -> Self {
        let mut progress = Progress::new(R::moment(now));
        progress.on_first();
        Self { policy, progress, at: now, rate: PhantomData }
    }

    /// The attempt failed with an error. `random` is asked at most once: a number, a closure or a generator.
    pub fn on_failure(
        &mut self,
        now: Instant,
        classification: impl Into<Classification>,
        random: impl RandomSource,
    ) -> Decision {
        self.progress.observe(R::moment(now));
        let mut facts = Facts { now, random, rate: PhantomData::<R> };
        match self.progress.on_failure(
            Known::<false>(self.policy),
            &mut facts,
            &classification.into(),
            Cause::Error,
            false,
        ) {
            Ok(()) => {
                self.at = now.saturating_add(R::ticks(self.progress.wait));
                Decision::RetryAt(self.at)
            }
            Err(reason) => Decision::Stop(reason),
        }
    }

    /// The wait is over: the next attempt may begin, or the deadline has passed meanwhile.
    pub fn on_wake(&mut self, now: Instant) -> Result<(), StopReason> {
        self.progress.observe(R::moment(now));
        if self.progress.attempt >= self.policy.retry.attempts() {
            return Err(StopReason::MaxAttemptsGlobal);
        }
        self.progress.on_wake::<false>(Known(self.policy), false)
    }

    /// When to call [`on_wake`](Self::on_wake), while waiting.
    pub fn poll_at(&self) -> Option<Instant> {
        (self.progress.phase == Phase::Waiting).then_some(self.at)
    }

    /// The number of the current attempt; the first is 1.
    pub const fn attempt(&self) -> u32 {
        self.progress.attempt
    }

    /// The latest delay.
    pub const fn delay(&self) -> Millis {
        self.progress.delay
    }

    /// The class of the latest failure.
    pub fn last_class(&self) -> Option<ErrorClass> {
        self.progress.last.map(|(class, _)| class)
    }

    /// What is left for the current attempt: until its timeout or the deadline.
    pub fn remaining(&self) -> Option<Millis> {
        self.progress.remaining::<false>(Known(self.policy))
    }

    /// Suspends the call: what is left to wait is kept in the checkpoint. Suspended in the middle of an attempt, it
    /// goes on with the next one.
    pub fn suspend(mut self, now: Instant) -> Checkpoint {
        self.progress.pause(R::moment(now));
        self.progress.checkpoint(self.policy)
    }

    /// Goes on where a checkpoint left off, `slept` after it was made. The next step is [`on_wake`](Self::on_wake) at
    /// [`poll_at`](Self::poll_at).
    pub fn resume(
        policy: &'p Policy<'p>,
        checkpoint: &Checkpoint,
        slept: impl Into<Slept>,
        now: Instant,
    ) -> Result<Self, CheckpointError> {
        checkpoint.check(policy)?;
        let progress = Progress::resume(policy, checkpoint, slept.into(), R::moment(now));
        let at = now.saturating_add(R::ticks(progress.wait));
        Ok(Self { policy, progress, at, rate: PhantomData })
    }
}

/// The facts of one moment, as an environment.
struct Facts<N, R> {
    now: Instant,
    random: N,
    rate: PhantomData<R>,
}

impl<N: RandomSource, R: TickRate> Environment for Facts<N, R> {
    type Rate = R;
    type Mode = ();
    type Classifier = ();

    const CLASSIFIER: () = ();

    fn now(&self) -> Instant {
        self.now
    }

    fn random(&mut self) -> u32 {
        self.random.next_u32()
    }
}
