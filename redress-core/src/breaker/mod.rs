//! The circuit breaker: fail fast while a dependency is down.
//!
//! It observes whole calls, not attempts. Admission hands out a [`Permit`] (inside a call the run holds it) through
//! which the result goes exactly once; dropping it is a neutral release. The permit carries the generation of the state
//! that admitted it, so a result which comes after the state changed is ignored.
//!
//! ```text
//!            threshold reached                    recovery timeout passed, next call
//!   Closed ---------------------> Open -------------------------------------> HalfOpen
//!     ^                            ^                                          |     |
//!     |                            '--------- a probe fails (class trips) ----'     |
//!     '---------------------------- so many probes as configured succeed -----------'
//! ```
//!
//! # Design
//!
//! State, probe counts and generation are one word. Admission and success while closed load that word and nothing else;
//! a rejection while open reads the word, the time, and the word again. Everything that writes does so in a critical
//! section, bounded by one pass over the slots, so a breaker in a `static` serves tasks, executors of different priority
//! and interrupt handlers, also on cores without compare-and-swap. Transitions are returned, so that whoever notifies
//! does it outside of the critical section.

mod checkpoint;
mod config;

use core::sync::atomic::{
    AtomicU32, Ordering,
    Ordering::{Acquire, Relaxed, Release},
    fence,
};

pub use config::BreakerConfig;

use crate::{
    ClassSet, Clock, ConfigError, ErrorClass, Millis, Rejected, StopReason,
    error::valid_or_panic,
    kept::{Time, after, low},
    policy::BARE,
    time::{Convert, Instant, TickRate},
    window::{Slot, Window, stamp},
};

/// What a rejection reads without the lock is published by these; where it takes the lock, that does.
const ACQUIRE: Ordering = if BARE { Relaxed } else { Acquire };
const RELEASE: Ordering = if BARE { Relaxed } else { Release };

/// What a breaker does with calls at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// Calls are rejected.
    Open,
    /// As many calls pass as probes are configured.
    HalfOpen,
}

impl BreakerState {
    /// The name used by every sink: snake case, for example `half_open`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

impl core::fmt::Display for BreakerState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// State in bits 0-1, admitted probes in 2-5, succeeded probes in 6-9, generation in 10-31.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(u32);

impl Word {
    /// No state has these low bits: a run without a permit.
    pub(crate) const NONE: Self = Self(3);

    const STATE: u32 = 0b11;
    const ADMITTED: u32 = 1 << 2;
    const SUCCEEDED: u32 = 1 << 6;
    const COUNT: u32 = 0b1111;
    const GENERATION: u32 = 1 << 10;

    #[inline]
    pub(crate) const fn is_closed(self) -> bool {
        self.0 & Self::STATE == 0
    }

    #[inline]
    pub(crate) const fn is_none(self) -> bool {
        self.0 & Self::STATE == Self::STATE
    }

    /// The state; nothing if this is [none](Self::NONE).
    #[inline]
    const fn known(self) -> Option<BreakerState> {
        match self.0 & Self::STATE {
            0 => Some(BreakerState::Closed),
            1 => Some(BreakerState::Open),
            2 => Some(BreakerState::HalfOpen),
            _ => None,
        }
    }

    /// The state of a word that a breaker has.
    const fn state(self) -> BreakerState {
        match self.known() {
            Some(state) => state,
            None => BreakerState::HalfOpen,
        }
    }

    /// The next generation, in this state, without probes.
    const fn next(self, state: BreakerState) -> Self {
        Self((self.0 | (Self::GENERATION - 1)).wrapping_add(1).wrapping_add(state as u32))
    }

    const fn plus(self, count: u32) -> Self {
        Self(self.0.wrapping_add(count))
    }

    const fn admitted(self) -> u32 {
        self.0 >> 2 & Self::COUNT
    }

    const fn succeeded(self) -> u32 {
        self.0 >> 6 & Self::COUNT
    }

    /// Whether a call admitted with this word and this end means nothing to the breaker.
    #[inline]
    const fn ignores(self, verdict: Verdict) -> bool {
        self.is_closed() && !matches!(verdict, Verdict::Failure(_))
    }

    const fn same_generation(self, other: Self) -> bool {
        (self.0 ^ other.0) < Self::GENERATION
    }
}

/// What a breaker answers. Two words, which are returned in registers.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    /// To who asks to be let in, the permit; none if the call is rejected. To who tells how a call ended, the new state; none
    /// if it is the old one.
    pub(crate) word: Word,
    /// After a rejection: when to come back. With a permit: whether the circuit was open and is half-open now.
    more: u32,
}

impl Answer {
    const NOTHING: Self = Self::of(Word::NONE);

    #[inline]
    const fn of(word: Word) -> Self {
        Self { word, more: 0 }
    }

    const fn rejected(left: Millis) -> Self {
        Self { word: Word::NONE, more: left.get() }
    }

    /// Of a rejection: when to come back.
    #[inline]
    pub(crate) const fn retry_after(self) -> Millis {
        Millis::new(self.more)
    }

    /// Of an admission: whether the circuit was open and is half-open now.
    #[inline]
    pub(crate) const fn half_opened(self) -> bool {
        !self.word.is_none() && self.more != 0
    }

    /// The new state, if it changed.
    #[inline]
    const fn entered(self) -> Option<BreakerState> {
        self.word.known()
    }
}

/// How a call ended, as far as a breaker cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Success,
    Failure(ErrorClass),
    Neutral,
    /// It has not begun: it asks to.
    Asks,
}

impl Verdict {
    /// Of a call that stopped after a failure of this class, stopped without one, or did not stop.
    #[inline]
    pub(crate) const fn of(stopped: bool, failed: Option<ErrorClass>) -> Self {
        match failed {
            Some(class) => Self::Failure(class),
            None if stopped => Self::Neutral,
            None => Self::Success,
        }
    }
}

/// A breaker over a window of stamps; see [`CircuitBreaker`] and [`CircuitBreakerView`].
pub struct Breaker<S: ?Sized> {
    config: BreakerConfig,
    word: AtomicU32,
    /// Its moment is, closed, that of the window's last change; open, the end of the recovery timeout; half-open, the end
    /// of the probe lease.
    window: Window<S>,
}

/// A circuit breaker that remembers up to `N` failed calls: four bytes each.
///
/// ```
/// use core::time::Duration;
/// use redress_core::{BreakerConfig, BreakerState, CircuitBreaker, ErrorClass, testing::ManualClock};
///
/// static BREAKER: CircuitBreaker<2> =
///     CircuitBreaker::new(BreakerConfig::new(2).recovery_timeout(Duration::from_secs(10)));
///
/// let clock = ManualClock::new();
/// for _ in 0..2 {
///     BREAKER.try_acquire(&clock)?.failure(ErrorClass::Transient, &clock);
/// }
/// assert_eq!(BREAKER.state(), BreakerState::Open);
/// assert_eq!(BREAKER.try_acquire(&clock).unwrap_err().retry_after().get(), 10_000);
///
/// clock.advance(Duration::from_secs(10));
/// BREAKER.try_acquire(&clock)?.success(&clock); // the probe
/// assert_eq!(BREAKER.state(), BreakerState::Closed);
/// # Ok::<(), redress_core::Rejected>(())
/// ```
///
/// A threshold above the window's capacity does not compile in a `static`:
///
/// ```compile_fail,E0080
/// # use redress_core::{BreakerConfig, CircuitBreaker};
/// static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(5));
/// ```
pub type CircuitBreaker<const N: usize> = Breaker<[Slot; N]>;

/// Any [`CircuitBreaker`] behind a reference, its capacity forgotten: what a [`Policy`](crate::Policy) keeps.
pub type CircuitBreakerView = Breaker<[Slot]>;

impl<const N: usize> CircuitBreaker<N> {
    /// A closed breaker.
    ///
    /// # Panics
    ///
    /// If the configuration contradicts itself; in a `static` this is a compile error. [`try_new`](Self::try_new)
    /// returns an error instead.
    pub const fn new(config: BreakerConfig) -> Self {
        valid_or_panic!(Self::try_new(config))
    }

    /// A closed breaker, if the configuration is sound.
    pub const fn try_new(config: BreakerConfig) -> Result<Self, ConfigError> {
        if let Err(error) = config.validate(N) {
            return Err(error);
        }
        Ok(Self { config: config.normal(), word: AtomicU32::new(0), window: Window::new() })
    }
}

impl CircuitBreakerView {
    /// What the breaker does with calls at the moment. An open breaker whose recovery timeout has passed still says
    /// `Open`: it is the next call that makes it half-open.
    pub fn state(&self) -> BreakerState {
        self.load().state()
    }

    /// Admits a call, or says when to come back. The clock is read only if the circuit is not closed.
    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(always))]
    pub fn try_acquire<C: Clock>(&self, clock: &C) -> Result<Permit<'_>, Rejected> {
        let answer = Link::new(self).admit::<C>(|| clock.now());
        if answer.word.is_none() {
            return Err(Rejected { reason: StopReason::CircuitOpen, retry_after: answer.retry_after() });
        }
        Ok(Permit { breaker: self, word: answer.word })
    }

    /// Counts a failure that no admitted call reports, for example from an interrupt handler. Ignored unless the
    /// circuit is closed. One pass over the slots inside a critical section. Returns the new state if it changed.
    pub fn record_failure<C: Clock>(&self, class: ErrorClass, clock: &C) -> Option<BreakerState> {
        let word = self.load();
        if word.is_closed() { Link::new(self).settle::<C>(word, Verdict::Failure(class), || clock.now()) } else { None }
    }

    #[inline]
    fn load(&self) -> Word {
        Word(self.word.load(ACQUIRE))
    }

    /// All that takes a closer look: admission to a circuit that was not closed just before, and the result of a call that
    /// may change something.
    #[cfg_attr(target_os = "none", inline(never))]
    fn act(&self, permit: Word, verdict: Verdict, now: Time) -> Answer {
        // Where bytes count, a rejection takes the lock like all the rest.
        if !BARE && verdict == Verdict::Asks {
            let left = self.left_open(now);
            if left != Millis::ZERO {
                return Answer::rejected(left);
            }
        }
        critical_section::with(|_| match verdict {
            Verdict::Asks => self.admit_locked(now),
            _ => self.settle_locked(permit, verdict, now),
        })
    }

    /// How long an open circuit stays open, found without a lock: the moment belongs to the word if the word is the same
    /// before and after. Zero if that takes a closer look.
    fn left_open(&self, now: Time) -> Millis {
        let word = self.load();
        if word.state() != BreakerState::Open {
            return Millis::ZERO;
        }
        let left = self.left(now);
        fence(Acquire);
        let unchanged = Word(self.word.load(Relaxed)) == word;
        if unchanged && !left.is_beyond(self.config.recovery_timeout) { left } else { Millis::ZERO }
    }

    /// Until the moment that is kept. If the clock jumped back, that is longer than the span waited for.
    #[inline]
    fn left(&self, now: Time) -> Millis {
        let left = self.window.last.load().wrapping_sub(now);
        Millis::new(if left.cast_signed() < 0 { 0 } else { low(left) })
    }

    fn admit_locked(&self, now: Time) -> Answer {
        let word = self.load();
        if word.is_closed() {
            return Answer::of(word);
        }
        let lease = self.config.probe_lease;
        let opens = word.state() == BreakerState::Open;
        let admitted = if !opens && word.admitted() < u32::from(self.config.probes) {
            word.plus(Word::ADMITTED)
        } else {
            let left = self.remaining(now, if opens { self.config.recovery_timeout } else { lease });
            if left != Millis::ZERO {
                return Answer::rejected(left);
            }
            // An open circuit has no probes. Half-open, the lost ones' places are free again, and the new generation makes
            // their late results stale.
            let succeeded = word.succeeded().wrapping_mul(Word::ADMITTED.wrapping_add(Word::SUCCEEDED));
            word.next(BreakerState::HalfOpen).plus(succeeded).plus(Word::ADMITTED)
        };
        self.enter(admitted, after(now, lease));
        Answer { word: admitted, more: opens.into() }
    }

    /// Until the moment that is kept. If the clock jumped back, the wait starts anew, so that nothing stays shut for as
    /// long as the clock jumped.
    fn remaining(&self, now: Time, span: Millis) -> Millis {
        let left = self.left(now);
        if !left.is_beyond(span) {
            return left;
        }
        self.window.last.store(after(now, span));
        span
    }

    /// Publishes a state. The word goes first where a reader may trust the moment (see `left_open`): it is
    /// trusted only under an open word, and `open` writes the moment before that word.
    fn enter(&self, word: Word, moment: Time) {
        self.word.store(word.0, RELEASE);
        if !BARE {
            fence(Release);
        }
        self.window.last.store(moment);
    }

    /// Publishes an open state. A reader trusts its moment, which is therefore there before the word.
    fn open(&self, word: Word, until: Time) -> Answer {
        self.window.last.store(until);
        self.publish(word)
    }

    /// The answer which says so.
    fn publish(&self, word: Word) -> Answer {
        self.word.store(word.0, RELEASE);
        Answer::of(word)
    }

    fn settle_locked(&self, permit: Word, verdict: Verdict, now: Time) -> Answer {
        let word = self.load();
        if !word.same_generation(permit) {
            return Answer::NOTHING;
        }
        if let Verdict::Failure(class) = verdict
            && self.config.trip_on.contains(class)
        {
            let opens = !word.is_closed() || self.count_failure(class, now);
            let until = after(now, self.config.recovery_timeout);
            return if opens { self.open(word.next(BreakerState::Open), until) } else { Answer::NOTHING };
        }
        if word.is_closed() {
            return Answer::NOTHING;
        }
        let told = if verdict == Verdict::Neutral {
            Word(word.0.wrapping_sub(Word::ADMITTED))
        } else {
            let told = word.plus(Word::SUCCEEDED);
            if told.succeeded() >= u32::from(self.config.probes) {
                // With the stamps of before.
                self.window.forget(now);
                return self.publish(told.next(BreakerState::Closed));
            }
            told
        };
        self.word.store(told.0, RELEASE);
        Answer::NOTHING
    }

    /// Remembers a failure. Whether it is one too many.
    #[expect(clippy::indexing_slicing, reason = "a class is below 8")]
    fn count_failure(&self, class: ErrorClass, now: Time) -> bool {
        let own = self.config.own_threshold;
        let judged = if own.contains(class) { ClassSet::EMPTY.with(class) } else { own.complement() };
        // The tag of a class is its number and one.
        let (tags, tag) = (u32::from(judged.bits()) << 1, (class as u32).wrapping_add(1));
        self.window.slide(now, self.config.window);
        self.window.push(stamp(now, tag), tags) >= u32::from(self.config.thresholds[class as usize])
    }
}

/// What a policy knows of its breaker: where it is, and where its code is.
///
/// # Design
///
/// A driver is in every image and would ask a breaker if the policy had one. Through these references, made where a policy
/// is given a breaker, an image without breakers contains nothing of them but a comparison.
#[derive(Clone, Copy)]
pub(crate) struct Link<'a> {
    breaker: &'a CircuitBreakerView,
    act: fn(&CircuitBreakerView, Word, Verdict, Time) -> Answer,
}

impl<'a> Link<'a> {
    pub(crate) const fn new(breaker: &'a CircuitBreakerView) -> Self {
        Self { breaker, act: CircuitBreakerView::act }
    }

    #[inline]
    pub(crate) fn state(self) -> BreakerState {
        self.breaker.state()
    }

    /// Admission. The clock is read only if the circuit is not closed.
    #[inline]
    pub(crate) fn admit<R: TickRate>(self, now: impl FnOnce() -> Instant) -> Answer {
        let word = self.breaker.load();
        if word.is_closed() {
            Answer::of(word)
        } else {
            (self.act)(self.breaker, Word::NONE, Verdict::Asks, R::time(now()))
        }
    }

    /// The result of an admitted call. Returns the new state if it changed. The clock is not read for what changes nothing:
    /// whatever was admitted while closed and did not fail.
    #[inline]
    pub(crate) fn settle<R: TickRate>(
        self,
        permit: Word,
        verdict: Verdict,
        now: impl FnOnce() -> Instant,
    ) -> Option<BreakerState> {
        if permit.ignores(verdict) {
            return None;
        }
        (self.act)(self.breaker, permit, verdict, R::time_up(now())).entered()
    }

    /// Gives an admission back. Needs no clock, so it can be called from `drop`.
    #[inline]
    pub(crate) fn release(self, permit: Word) {
        if !permit.is_closed() && !permit.is_none() {
            (self.act)(self.breaker, permit, Verdict::Neutral, 0);
        }
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Link<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        self.breaker.format(f);
    }
}

impl core::fmt::Debug for Link<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.breaker.fmt(f)
    }
}

impl<const N: usize> CircuitBreaker<N> {
    /// This breaker with its capacity forgotten.
    #[inline]
    pub const fn view(&self) -> &CircuitBreakerView {
        self
    }
}

impl<const N: usize> core::ops::Deref for CircuitBreaker<N> {
    type Target = CircuitBreakerView;

    #[inline]
    fn deref(&self) -> &CircuitBreakerView {
        self
    }
}

impl<S: ?Sized> core::fmt::Debug for Breaker<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let state = Word(self.word.load(ACQUIRE)).state();
        f.debug_struct("CircuitBreaker").field("state", &state).field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<S: ?Sized> defmt::Format for Breaker<S> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "CircuitBreaker({})", Word(self.word.load(ACQUIRE)).state());
    }
}

/// The right to one call. What became of it is said through the permit; dropping it says nothing happened.
#[derive(Debug)]
#[must_use = "dropping the permit gives it back as if the call had not been made"]
pub struct Permit<'a> {
    breaker: &'a CircuitBreakerView,
    word: Word,
}

#[cfg(feature = "defmt")]
impl defmt::Format for Permit<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Permit({})", self.word.state());
    }
}

impl Permit<'_> {
    /// The call succeeded. Returns the new state if it changed.
    #[inline]
    pub fn success<C: Clock>(mut self, clock: &C) -> Option<BreakerState> {
        self.settle::<C>(Verdict::Success, clock)
    }

    /// The call failed for good. Returns the new state if it changed.
    #[inline]
    pub fn failure<C: Clock>(mut self, class: ErrorClass, clock: &C) -> Option<BreakerState> {
        self.settle::<C>(Verdict::Failure(class), clock)
    }

    /// The call did not take place. The same as dropping the permit.
    pub fn release(self) {}

    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(always))]
    fn settle<C: Clock>(&mut self, verdict: Verdict, clock: &C) -> Option<BreakerState> {
        let word = core::mem::replace(&mut self.word, Word::NONE);
        Link::new(self.breaker).settle::<C>(word, verdict, || clock.now())
    }
}

impl Drop for Permit<'_> {
    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(always))]
    fn drop(&mut self) {
        Link::new(self.breaker).release(self.word);
    }
}

impl CircuitBreakerView {
    /// Puts the breaker into a state, from which it goes on by itself; open, it counts the recovery timeout from the
    /// next call on.
    #[cfg(feature = "testing")]
    pub(crate) fn force(&self, state: BreakerState) {
        critical_section::with(|_| {
            self.window.clear();
            self.enter(self.load().next(state), Time::MAX >> 1);
        });
    }
}

impl core::fmt::Debug for Word {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?} in generation {}", self.state(), self.0 >> 10)
    }
}
