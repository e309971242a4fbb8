//! Limits, deadline and backoff per class: the plain data a policy decides by.

mod fingerprint;
mod lints;

use core::time::Duration;

use crate::{Backoff, ClassSet, ConfigError, ErrorClass, Millis, StopReason, backoff::Formulas, counts::Counts};

/// The first of the classes that are ever retried, `Concurrency` to `Unknown`.
const FIRST_RETRYABLE: usize = ErrorClass::Concurrency as usize;
const RETRYABLE: usize = ErrorClass::ALL.len() - FIRST_RETRYABLE;

/// The limit of a class that has none.
pub(crate) const NO_LIMIT: u8 = u8::MAX;
pub(crate) const UNLIMITED: u32 = u32::MAX;
/// The caps of the classes by default: none of `Auth`, `Permission` and `Permanent` is retried, `Unknown` is once.
const CAPS: Counts = Counts([
    u32::from_le_bytes([0, 0, 0, NO_LIMIT]),
    u32::from_le_bytes([NO_LIMIT, NO_LIMIT, NO_LIMIT, UNKNOWN_RETRIES]),
]);
/// How often `Unknown` failures are retried by default.
pub(crate) const UNKNOWN_RETRIES: u8 = 1;
/// Stands for the default cap on hints, which depends on the deadline.
const DEFAULT_CAP: Millis = Millis::new(u32::MAX - 1);
const CAP_WITHOUT_DEADLINE: Millis = Millis::from_secs(3_600);

/// The limits, deadline and backoffs of a policy.
///
/// Defaults:
/// - 6 attempts
/// - deadline 60 s from the start of the call
/// - at most 1 retry of an `Unknown` failure
/// - a server's hint is followed up to the length of the deadline, or up to an hour without one
/// - no limits of single classes, no attempt timeout
///
/// # Why one retry of what is unknown
///
/// An error without a class is a fault that no table describes yet, or an answer of the business: no such customer, not enough
/// money. One retry tells them apart, because a fault passes and an answer is repeated. Without any, a fault that is missing from a
/// table would end each call; a second would ask for the same answer once more, and repeat once more what may have been done. The
/// tables of [`classify`](crate::classify) leave few errors without a class: statuses such as 405, 410 and 413, and queries without
/// rows, are `Permanent`. For operations that must not be done twice, set `max_unknown(0)`.
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
    /// The backoffs of the classes that are retried by default, by their numbers.
    backoffs: [Backoff<'a>; RETRYABLE],
    /// The formulas of all backoffs.
    formulas: Formulas,
    pub(crate) max_attempts: u32,
    /// Zero for none.
    deadline: Millis,
    /// Zero for none.
    attempt_timeout: Millis,
    /// The longest hint that is followed; [`DEFAULT_CAP`] for the default, zero is an error when it is validated.
    hint_cap: Millis,
    /// Failures that a class may have and still be retried, as they follow from limit, unknown cap and class. One look-up
    /// clears the common case; the reason is found only when it fails.
    caps: Counts,
    /// Classes whose cap is their limit. The cap of the others follows from the class, or is that on `Unknown`.
    limited: ClassSet,
    /// Limit of the class `Unknown`; its cap is the lower of this and `max_unknown`.
    unknown_limit: u8,
    max_unknown: u8,
    /// Whether a class has a backoff of its own. If not, the compiler need not look one up where it knows the policy.
    has_own_backoff: bool,
    /// Whether a deadline or timeout of zero was given, which is an error when it is validated.
    zero_deadline: bool,
    zero_timeout: bool,
}

/// Returns a span where zero is none.
#[inline]
const fn unless_zero(span: Millis) -> Option<Millis> {
    if span.get() == 0 { None } else { Some(span) }
}

impl<'a> Retry<'a> {
    /// Creates limits and backoff with the defaults above. Every class has this backoff until it is given its own.
    pub const fn new(backoff: Backoff<'a>) -> Self {
        Self::of(backoff, backoff.formulas())
    }

    /// Like [`new`](Self::new), where backoffs are known only at run time.
    pub(crate) const fn configured(backoff: Backoff<'a>) -> Self {
        Self::of(backoff, Formulas::CONFIGURED)
    }

    const fn of(backoff: Backoff<'a>, formulas: Formulas) -> Self {
        Self {
            backoffs: [backoff, backoff, backoff, backoff, backoff],
            formulas,
            max_attempts: 6,
            deadline: Millis::from_secs(60),
            attempt_timeout: Millis::ZERO,
            hint_cap: DEFAULT_CAP,
            caps: CAPS,
            limited: ClassSet::EMPTY,
            unknown_limit: NO_LIMIT,
            max_unknown: UNKNOWN_RETRIES,
            has_own_backoff: false,
            zero_deadline: false,
            zero_timeout: false,
        }
    }

    /// Creates limits under which only the classes are retried that [`backoff_for`](Self::backoff_for) gives a backoff.
    pub const fn per_class() -> Self {
        Self::new(Backoff::MISSING)
    }

    /// Limits the attempts, the first included; at least 1.
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Removes the limit on attempts, for links that must recover after a night offline. Give the backoff a maximum.
    pub const fn unlimited_attempts(self) -> Self {
        self.max_attempts(UNLIMITED)
    }

    /// Limits the whole call, to at least 1 ms. No retry is started whose wait would end after the deadline, and async loops end
    /// an attempt that is still running then. On a clock whose ticks are no whole milliseconds, the call may end up to two
    /// milliseconds sooner.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.set_deadline(Some(Millis::from_duration(deadline)));
        self
    }

    /// Sets it in place, as configurations do: a copy of all of it for each setting would be most of their code.
    pub(crate) const fn set_deadline(&mut self, deadline: Option<Millis>) {
        (self.deadline, self.zero_deadline) = match deadline {
            None => (Millis::ZERO, false),
            Some(Millis::ZERO) => (Millis::new(1), true),
            Some(deadline) => (deadline, false),
        };
    }

    /// Removes the deadline. A call then reads the clock only for a breaker, a budget or an observer that wants times.
    pub const fn no_deadline(mut self) -> Self {
        self.set_deadline(None);
        self
    }

    /// Limits the retries of `Unknown` failures, 0 to 254. Default: 1, see [above](Self#why-one-retry-of-what-is-unknown).
    pub const fn max_unknown(mut self, retries: u8) -> Self {
        self.set_max_unknown(retries);
        self
    }

    pub(crate) const fn set_max_unknown(&mut self, retries: u8) {
        self.max_unknown = retries;
        self.cap_unknown();
    }

    /// Removes the limit on `Unknown` failures.
    pub const fn no_unknown_cap(self) -> Self {
        self.max_unknown(NO_LIMIT)
    }

    /// Limits the retries of one class, 0 to 254: 0 stops at its first failure, 1 allows one retry, and so on.
    ///
    /// `Auth`, `Permission` and `Permanent` are not retried by default; a limit opts in, for causes that something repairs in
    /// between. They wait as `Unknown` does. A log-in that expired is refreshed once by a [recovery hook](crate::recover):
    ///
    /// ```
    /// use redress_core::{Backoff, ErrorClass, Policy, Recoverable, Retry, testing::TestEnv};
    ///
    /// static API: Policy = Policy::new(Retry::new(Backoff::none()).limit_for(ErrorClass::Auth, 1));
    ///
    /// # struct Client { token: u32 }
    /// # impl Client {
    /// #     fn get(&self) -> Result<u32, ErrorClass> { if self.token == 2 { Ok(200) } else { Err(ErrorClass::Auth) } }
    /// #     fn refresh_token(&mut self) { self.token += 1; }
    /// # }
    /// let mut client = Recoverable::new(Client { token: 1 }, Client::refresh_token);
    /// assert_eq!(API.context(TestEnv::new()).call(client.run(|client: &mut Client| client.get())), Ok(200));
    /// # let mut stranger = Recoverable::new(Client { token: 7 }, Client::refresh_token);
    /// # let error = API.context(TestEnv::new()).call(stranger.run(|client: &mut Client| client.get())).unwrap_err();
    /// # assert_eq!((error.attempts, error.last_class), (2, Some(ErrorClass::Auth)));
    /// ```
    pub const fn limit_for(mut self, class: ErrorClass, retries: u8) -> Self {
        self.set_limit(class, retries);
        self
    }

    pub(crate) const fn set_limit(&mut self, class: ErrorClass, retries: u8) {
        if matches!(class, ErrorClass::Unknown) {
            self.unknown_limit = retries;
            self.cap_unknown();
        } else {
            self.caps.set(class, retries);
            self.limited = self.limited.with(class);
        }
    }

    const fn cap_unknown(&mut self) {
        let (limit, most) = (self.unknown_limit, self.max_unknown);
        self.caps.set(ErrorClass::Unknown, if most < limit { most } else { limit });
        self.limited = self.limited.set(ErrorClass::Unknown, limit <= most);
    }

    /// Sets the backoff of one class. It has no effect on `Auth`, `Permission` and `Permanent`: where
    /// [`limit_for`](Self::limit_for) lets them be retried, they wait as `Unknown` does.
    pub const fn backoff_for(mut self, class: ErrorClass, backoff: Backoff<'a>) -> Self {
        self.set_backoff(class, backoff);
        self.formulas = self.all_formulas();
        self
    }

    /// Sets the backoff of one class, whose formula must be among those of the policy.
    #[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a retryable class is from 3 to 7")]
    pub(crate) const fn set_backoff(&mut self, class: ErrorClass, backoff: Backoff<'a>) {
        if class.is_retryable() {
            self.backoffs[class as usize - FIRST_RETRYABLE] = backoff;
            self.has_own_backoff = true;
        }
    }

    /// Ends each attempt after this span, at least 1 ms, or at the deadline if that is sooner. Async loops drop the attempt. A
    /// blocking attempt has to end itself: see [`AttemptInfo::remaining`](crate::AttemptInfo::remaining). An attempt that timed
    /// out is a `Transient` failure.
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.set_attempt_timeout(Millis::from_duration(timeout));
        self
    }

    pub(crate) const fn set_attempt_timeout(&mut self, timeout: Millis) {
        self.attempt_timeout = timeout;
        self.zero_timeout = timeout.get() == 0;
    }

    /// Limits the hints that are followed, to at least 1 ms. Default: the deadline, or an hour without one.
    ///
    /// A longer hint ends the call with [`StopReason::RetryAfterTooLong`], before any delay is drawn. `next_delay` of the outcome
    /// and of the error is then the hint, so that the caller can come back in time. `Duration::MAX` is no cap.
    ///
    /// A hint up to the cap can still reach the deadline, because some of the time is used up. That ends the call with
    /// [`StopReason::DeadlineExceeded`].
    ///
    /// ```
    /// use core::time::Duration;
    /// use redress_core::{Backoff, Classification, ErrorClass, Millis, Policy, Retry, StopReason, testing::TestEnv};
    ///
    /// static POLICY: Policy = Policy::new(
    ///     Retry::new(Backoff::equal_jitter(Duration::from_secs(1), Duration::from_secs(60)).or_retry_after())
    ///         .no_deadline()
    ///         .retry_after_cap(Duration::from_secs(300)),
    /// );
    ///
    /// let busy = Classification::new(ErrorClass::RateLimit).retry_after(Millis::from_secs(86_400));
    /// let error = POLICY.context(TestEnv::new()).call(|| Err::<(), _>(busy)).unwrap_err();
    /// assert_eq!((error.reason, error.next_delay), (StopReason::RetryAfterTooLong, Some(Millis::from_secs(86_400))));
    /// ```
    pub const fn retry_after_cap(mut self, cap: Duration) -> Self {
        self.set_retry_after_cap(Millis::from_duration(cap));
        self
    }

    pub(crate) const fn set_retry_after_cap(&mut self, cap: Millis) {
        // The number that stands for the default is as good as the one after it.
        self.hint_cap = if cap.get() == DEFAULT_CAP.get() { Millis::MAX } else { cap };
    }

    const fn all_formulas(&self) -> Formulas {
        let (mut formulas, mut rest) = (Formulas::PLAIN, self.backoffs.as_slice());
        while let [backoff, others @ ..] = rest {
            formulas = formulas.with(backoff.formulas());
            rest = others;
        }
        formulas
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
        if self.hint_cap.get() == 0 {
            return Err(ConfigError::ZeroRetryAfterCap);
        }
        let [first, ..] = &self.backoffs;
        if first.is_missing() && !self.has_own_backoff {
            return Err(ConfigError::NoBackoff);
        }
        Ok(())
    }

    /// Returns whether no delay can be longer than this, and each backoff waits.
    pub(crate) const fn waits_up_to(&self, longest: Millis) -> bool {
        let (mut is_bounded, mut rest) = (true, self.backoffs.as_slice());
        while let [backoff, others @ ..] = rest {
            let most = backoff.longest();
            is_bounded = is_bounded && (backoff.is_missing() || most > 0 && most <= longest.get());
            is_bounded = is_bounded && (!backoff.follows_hints() || self.longest_hint().get() <= longest.get());
            rest = others;
        }
        is_bounded
    }

    /// Returns the attempts allowed; [`UNLIMITED`] if there is no limit.
    pub(crate) const fn attempts(&self) -> u32 {
        self.max_attempts
    }

    /// Returns the configured deadline of a call, from its start.
    pub const fn deadline_after(&self) -> Option<Duration> {
        match self.deadline_millis() {
            Some(deadline) => Some(deadline.to_duration()),
            None => None,
        }
    }

    #[inline]
    pub(crate) const fn deadline_millis(&self) -> Option<Millis> {
        unless_zero(self.deadline)
    }

    /// Returns the longest hint that is followed.
    pub(crate) const fn longest_hint(&self) -> Millis {
        match self.deadline_millis() {
            _ if self.hint_cap.get() != DEFAULT_CAP.get() => self.hint_cap,
            Some(deadline) => deadline,
            None => CAP_WITHOUT_DEADLINE,
        }
    }

    /// Returns the last millisecond before the deadline; without one, the last there is.
    #[inline]
    pub(crate) const fn last_millisecond(&self) -> Millis {
        Millis::new(self.deadline.get().wrapping_sub(1))
    }

    pub(crate) const fn timeout(&self) -> Option<Millis> {
        unless_zero(self.attempt_timeout)
    }

    /// Returns the formulas of all backoffs.
    pub(crate) const fn formulas(&self) -> &Formulas {
        &self.formulas
    }

    /// Returns whether there are only attempts, limits of classes and plain formulas.
    #[inline(always)]
    pub(crate) const fn is_plain(&self) -> bool {
        let (deadline, timeout) = (self.deadline.get(), self.attempt_timeout.get());
        deadline == 0 && timeout == 0 && !self.zero_deadline && self.formulas.are_plain()
    }

    /// Returns whether the deadline has passed before anything has begun, as an override with zero says.
    pub(crate) const fn is_over(&self) -> bool {
        self.zero_deadline
    }

    /// Returns how often each class may have failed and still be retried; [`NO_LIMIT`] for any number.
    pub(crate) const fn caps(&self) -> Counts {
        self.caps
    }

    /// Returns the configured limit of a class that is retried; [`NO_LIMIT`] for none.
    const fn limit(&self, class: ErrorClass) -> u8 {
        if matches!(class, ErrorClass::Unknown) { self.unknown_limit } else { self.caps.of(class) }
    }

    /// Returns the reason against a retry of a class that has used up its cap.
    #[cold]
    pub(crate) const fn over_cap(&self, class: ErrorClass) -> StopReason {
        if self.limited.contains(class) {
            StopReason::MaxAttemptsPerClass
        } else if class.is_retryable() {
            StopReason::MaxUnknownAttempts
        } else {
            StopReason::NonRetryableClass
        }
    }

    /// Returns the backoff of a class, if there is one. Classes without a place of their own have that of `Unknown`, the last.
    #[expect(clippy::indexing_slicing, reason = "compared first")]
    #[inline]
    pub(crate) const fn backoff(&self, class: ErrorClass) -> Option<&Backoff<'a>> {
        let index = if self.has_own_backoff { (class as usize).wrapping_sub(FIRST_RETRYABLE) } else { 0 };
        let backoff = &self.backoffs[if index < RETRYABLE { index } else { RETRYABLE - 1 }];
        if backoff.is_missing() { None } else { Some(backoff) }
    }
}
