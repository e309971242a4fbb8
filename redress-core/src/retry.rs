//! Limits, deadline and backoff per class: the plain data a policy decides by.

mod lints;

use core::{num::NonZero, time::Duration};

use crate::{
    Backoff, ClassSet, ConfigError, ErrorClass, Millis, StopReason,
    backoff::{DelayCode, Needs},
};

/// Classes that are ever retried: `Concurrency` to `Unknown`.
const FIRST_RETRYABLE: u8 = ErrorClass::Concurrency as u8;
const RETRYABLE: usize = ErrorClass::ALL.len() - FIRST_RETRYABLE as usize;

/// The limit of a class that has none.
pub(crate) const NO_LIMIT: u8 = u8::MAX;
const UNLIMITED: u32 = u32::MAX;

/// When to retry, and when to stop.
///
/// Defaults:
/// - 6 attempts
/// - deadline 60 s from the start of the call
/// - at most 2 retries of `Unknown` failures
/// - no limits of single classes, no attempt timeout
///
/// ```
/// use core::time::Duration;
/// use redress_core::{Backoff, ErrorClass, Retry};
///
/// static RETRY: Retry = Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(50), Duration::from_secs(5)))
///     .max_attempts(6)
///     .deadline(Duration::from_secs(30))
///     .backoff_for(
///         ErrorClass::RateLimit,
///         Backoff::equal_jitter(Duration::from_millis(500), Duration::from_secs(60)).or_retry_after(),
///     )
///     .limit_for(ErrorClass::RateLimit, 3);
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Retry<'a> {
    backoff: Backoff<'a>,
    backoffs: [Backoff<'a>; RETRYABLE],
    /// The code of these, unless all are plain.
    #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
    code: Option<DelayCode>,
    max_attempts: u32,
    deadline: Span,
    attempt_timeout: Span,
    /// Failures a class may have and still be retried: what follows from limit, unknown cap and class. One look-up
    /// clears the common case; only who fails it asks for the reason.
    caps: [u8; 8],
    /// Classes whose cap is their limit. Of the others it is the class, or the cap on `Unknown`.
    limited: ClassSet,
    /// The two of which the cap on `Unknown` is made.
    unknown_limit: u8,
    max_unknown: u8,
    /// Classes with a backoff of their own.
    own_backoff: ClassSet,
    /// A deadline or timeout of nothing was given: an error, as soon as it is validated.
    zero_deadline: bool,
    zero_timeout: bool,
}

/// Milliseconds or none in one word.
type Span = Option<NonZero<u32>>;

#[inline]
const fn span(span: Span) -> Option<Millis> {
    match span {
        Some(millis) => Some(Millis::new(millis.get())),
        None => None,
    }
}

impl<'a> Retry<'a> {
    /// Retries with this backoff unless a class has its own.
    pub const fn new(backoff: Backoff<'a>) -> Self {
        Self {
            backoff,
            backoffs: [Backoff::MISSING; RETRYABLE],
            code: backoff.needs().code(),
            max_attempts: 6,
            deadline: NonZero::new(60_000),
            attempt_timeout: None,
            caps: [0, 0, 0, NO_LIMIT, NO_LIMIT, NO_LIMIT, NO_LIMIT, 2],
            limited: ClassSet::EMPTY,
            unknown_limit: NO_LIMIT,
            max_unknown: 2,
            own_backoff: ClassSet::EMPTY,
            zero_deadline: false,
            zero_timeout: false,
        }
    }

    /// Retries only the classes which are given a backoff with [`backoff_for`](Self::backoff_for).
    pub const fn per_class() -> Self {
        Self::new(Backoff::MISSING)
    }

    /// Limits the attempts, the first included; at least 1.
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Retries for ever: for what must come back after a night without its access point. Cap the delay.
    pub const fn unlimited_attempts(self) -> Self {
        self.max_attempts(UNLIMITED)
    }

    /// Ends the call before a wait that would reach this span after its start; at least 1 ms. On a clock whose ticks are
    /// no whole milliseconds, up to two milliseconds sooner.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = NonZero::new(Millis::from_duration(deadline).get());
        self.zero_deadline = self.deadline.is_none();
        self
    }

    /// No deadline. Then a call reads the clock only for a breaker, a budget or an observer that wants times.
    pub const fn no_deadline(mut self) -> Self {
        self.deadline = None;
        self.zero_deadline = false;
        self
    }

    /// Limits the retries of `Unknown` failures, 0 to 254.
    pub const fn max_unknown(mut self, retries: u8) -> Self {
        self.max_unknown = retries;
        self.cap_unknown()
    }

    /// `Unknown` failures are retried like others.
    pub const fn no_unknown_cap(self) -> Self {
        self.max_unknown(NO_LIMIT)
    }

    /// Limits the retries of one class, 0 to 254: 0 stops at its first failure, 1 allows one retry, and so on.
    pub const fn limit_for(mut self, class: ErrorClass, retries: u8) -> Self {
        match class {
            ErrorClass::Unknown => {
                self.unknown_limit = retries;
                self.cap_unknown()
            }
            // A limit of none is the reason before the class is.
            ErrorClass::Auth | ErrorClass::Permission | ErrorClass::Permanent => {
                self.limited = self.limited.set(class, retries == 0);
                self
            }
            _ => self.capped(class, retries),
        }
    }

    const fn cap_unknown(self) -> Self {
        let (limit, most) = (self.unknown_limit, self.max_unknown);
        let mut retry = self.capped(ErrorClass::Unknown, if most < limit { most } else { limit });
        retry.limited = retry.limited.set(ErrorClass::Unknown, limit <= most);
        retry
    }

    #[expect(clippy::indexing_slicing, reason = "a class is below 8")]
    const fn capped(mut self, class: ErrorClass, retries: u8) -> Self {
        self.caps[class as usize] = retries;
        self.limited = self.limited.with(class);
        self
    }

    /// Gives one class a backoff of its own. `Auth`, `Permission` and `Permanent` are never retried, whatever theirs.
    pub const fn backoff_for(mut self, class: ErrorClass, backoff: Backoff<'a>) -> Self {
        if class.is_retryable() {
            #[expect(
                clippy::indexing_slicing,
                clippy::arithmetic_side_effects,
                reason = "a retryable class is from 3 to 7"
            )]
            {
                self.backoffs[(class as u8 - FIRST_RETRYABLE) as usize] = backoff;
            }
            self.own_backoff = self.own_backoff.with(class);
            self.code = self.needs().code();
        }
        self
    }

    /// Ends each attempt after this span, at least 1 ms, or when the deadline comes first. Async drivers drop the
    /// attempt; blocking attempts are told, see [`Attempt::remaining`](crate::Attempt::remaining). A timed-out attempt
    /// is a `Transient` failure.
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = NonZero::new(Millis::from_duration(timeout).get());
        self.zero_timeout = self.attempt_timeout.is_none();
        self
    }

    const fn needs(&self) -> Needs {
        let (mut needs, mut rest) = (self.backoff.needs(), self.backoffs.as_slice());
        while let [backoff, others @ ..] = rest {
            needs = needs.and(backoff.needs());
            rest = others;
        }
        needs
    }

    pub(crate) const fn validate(&self) -> Result<(), ConfigError> {
        if self.max_attempts == 0 {
            return Err(ConfigError::ZeroAttempts);
        }
        if self.zero_deadline {
            return Err(ConfigError::ZeroDeadline);
        }
        if self.zero_timeout {
            return Err(ConfigError::ZeroAttemptTimeout);
        }
        if self.backoff.is_missing() && self.own_backoff.is_empty() {
            return Err(ConfigError::NoBackoff);
        }
        Ok(())
    }

    /// The attempts allowed; more than a call ever counts if they are unlimited.
    #[inline]
    pub(crate) const fn attempts(&self) -> u32 {
        self.max_attempts
    }

    /// The configured deadline.
    #[inline]
    pub const fn deadline_after(&self) -> Option<Millis> {
        span(self.deadline)
    }

    #[inline]
    pub(crate) const fn timeout(&self) -> Option<Millis> {
        span(self.attempt_timeout)
    }

    /// See [`DelayCode`].
    #[inline]
    pub(crate) const fn code(&self) -> Option<DelayCode> {
        self.code
    }

    /// How often a class may have failed and still be retried; `u8::MAX` for any number.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "a class is below 8")]
    pub(crate) const fn cap(&self, class: ErrorClass) -> u8 {
        self.caps[class as usize]
    }

    /// The configured limit of a class that is retried; `u8::MAX` for none.
    const fn limit(&self, class: ErrorClass) -> u8 {
        if matches!(class, ErrorClass::Unknown) { self.unknown_limit } else { self.cap(class) }
    }

    /// Why a class is not retried that has used up its cap.
    #[cold]
    #[inline]
    pub(crate) const fn over_cap(&self, class: ErrorClass) -> StopReason {
        if self.limited.contains(class) {
            StopReason::MaxAttemptsPerClass
        } else if class.is_retryable() {
            StopReason::MaxUnknownAttempts
        } else {
            StopReason::NonRetryableClass
        }
    }

    /// The backoff of a class, if there is one.
    #[inline]
    pub(crate) fn backoff(&self, class: ErrorClass) -> Option<&Backoff<'a>> {
        let index = usize::from((class as u8).wrapping_sub(FIRST_RETRYABLE));
        let own = if self.own_backoff.contains(class) { self.backoffs.get(index) } else { None };
        let backoff = own.unwrap_or(&self.backoff);
        if backoff.is_missing() { None } else { Some(backoff) }
    }

    #[inline]
    pub(crate) const fn default_backoff(&self) -> &Backoff<'a> {
        &self.backoff
    }

    /// See [`Known`](crate::policy::Known).
    pub(crate) const fn is_plain(&self) -> bool {
        self.deadline.is_none()
            && self.attempt_timeout.is_none()
            && self.own_backoff.is_empty()
            && self.backoff.is_plain_exponential()
    }
}

impl Retry<'_> {
    /// A number that differs, with all but one in 65,536, between retries with other limits or backoffs: FNV-1a, the
    /// halves folded together.
    #[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "an index below 8")]
    pub(crate) const fn fingerprint(&self) -> u16 {
        let mut hash = crate::rng::Fnv::new();
        hash.add(self.max_attempts);
        hash.add(match self.deadline_after() {
            Some(deadline) => deadline.get(),
            None => 0,
        });
        let mut class = 0;
        while class < self.caps.len() {
            hash.add((self.caps[class] as u32) << 1 | self.limited.contains(ErrorClass::ALL[class]) as u32);
            class += 1;
        }
        self.backoff.fingerprint(&mut hash);
        let mut rest = self.backoffs.as_slice();
        while let [backoff, others @ ..] = rest {
            backoff.fingerprint(&mut hash);
            rest = others;
        }
        hash.folded()
    }
}
