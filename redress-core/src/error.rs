//! Errors of calls and of configurations.

use crate::{Cause, Checkpoint, Classification, Classify, ErrorClass, Millis, StopReason, sentence::Sentence};

macro_rules! config_errors {
    ($($(#[$doc:meta])* $variant:ident => $message:literal;)*) => {
        /// A configuration that contradicts itself. It names the field and its bounds.
        ///
        /// In a `static` the same contradiction is a compile error with the same words.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        pub enum ConfigError {
            $($(#[$doc])* $variant,)*
        }

        impl ConfigError {
            /// Returns the field and its bounds in words.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }
        }
    };
}

config_errors! {
    /// `max_attempts` is 0.
    ZeroAttempts => "max_attempts: must be at least 1";
    /// `deadline` is 0.
    ZeroDeadline => "deadline: must be at least 1 ms; for none use no_deadline(), in files deadline = \"none\"";
    /// `attempt_timeout` is 0.
    ZeroAttemptTimeout => "attempt_timeout: must be at least 1 ms; leave it out for none";
    /// A backoff's `base` is 0.
    ZeroBase => "backoff base: must be at least 1 ms; use Backoff::none() to retry at once";
    /// A backoff's `base` is above its `max`.
    BaseAboveMax => "backoff base: must be at most max";
    /// A fixed backoff has no delays.
    NoDelays => "backoff delays: a fixed list must have at least one delay";
    /// A fixed backoff of a configuration has more than [`MAX_DELAYS`](crate::MAX_DELAYS) delays.
    TooManyDelays => "backoff delays: a list in a configuration must have at most 16";
    /// `retry_after_cap` is 0.
    ZeroRetryAfterCap => "retry_after_cap: must be at least 1 ms; to ignore every hint, do not follow Retry-After";
    /// A Retry-After jitter is above one hour.
    JitterTooLong => "retry_after_jitter: must be at most 1 hour";
    /// There is no backoff at all.
    NoBackoff => "backoff: give a default or at least one class a backoff";
    /// A breaker's `failure_threshold` or class threshold is 0.
    ZeroThreshold => "failure_threshold, threshold_for: must be at least 1";
    /// A breaker's thresholds need more stamps than its window has slots.
    ThresholdAboveCapacity => "failure_threshold: with one more per class threshold, sum of (threshold - 1) plus 1 must be at most the window's capacity";
    /// A breaker's or budget's `window` is 0 or above 12 hours.
    WindowOutOfRange => "window: must be from 1 ms to 12 hours";
    /// A breaker's `recovery_timeout` is 0 or above 24 days.
    RecoveryTimeoutOutOfRange => "recovery_timeout: must be from 1 ms to 24 days";
    /// A breaker's `probes` is 0 or above 15.
    ProbesOutOfRange => "probes: must be from 1 to 15";
    /// A breaker's `probe_lease` is 0 or above 24 days.
    ProbeLeaseOutOfRange => "probe_lease: must be from 1 ms to 24 days";
    /// A class that trips a breaker is `neutral`.
    NeutralTrips => "neutral: a class that trips the breaker cannot be neutral; take it out of neutral, or out of trip_on and threshold_for";
    /// A breaker has no bucket, more than 255, or fewer than its `buckets`.
    BucketsOutOfRange => "buckets: must be from 1 to 255, and at most those of the breaker, the 10 of RateBreaker<10>";
    /// A breaker's `failure_rate`, or the rate or threshold of its `slow_calls`, is out of bounds.
    RateOutOfRange => "failure_rate, slow_calls: must be from 1 to 100 percent, and the threshold of slow calls at least 1 ms";
    /// A breaker's `minimum_calls` is 0.
    ZeroMinimumCalls => "minimum_calls: must be at least 1; use failure_count to open at a number of failures";
    /// A breaker's `failure_count` is 0 or 65,535.
    ZeroFailureCount => "failure_count: must be from 1 to 65534; leave it out to open by rate only";
    /// A breaker's window of calls can never hold `minimum_calls`.
    WindowOfCallsTooShort => "window_of_calls: must be at least the number of buckets, and without one bucket still hold minimum_calls; make it longer or minimum_calls smaller";
    /// A breaker's `growing_timeout` is out of bounds.
    GrowingTimeoutOutOfRange => "growing_timeout: longest must be from recovery_timeout to 24 days, and healthy_after from 1 ms to 24 days";
    /// A breaker's `jitter` is above 100 percent.
    JitterAboveAll => "jitter: must be at most 100 percent";
    /// A breaker's `probe_rate` is out of bounds.
    ProbeRateOutOfRange => "probe_rate: must be from 1 to 100 percent";
    /// A breaker's `progressive` is out of bounds.
    ProgressiveOutOfRange => "progressive: must be from 1 ms to 1 hour; leave it out to admit all calls at once";
    /// A breaker's `abandoned_calls` has no effect, or counts every call that is dropped.
    AbandonedOutOfRange => "abandoned_calls: must be at least 1 ms, and the class one that trips the breaker; add it to trip_on";
    /// A policy of a configuration has a breaker of both kinds.
    TwoBreakers => "breaker, rate_breaker: a policy has one breaker; leave one of them out";
    /// A rolling budget's `max_retries` is above its number of slots.
    RetriesAboveCapacity => "max_retries: must be at most the window's capacity";
    /// A token bucket's `capacity` is 0 or above 4,000.
    BucketOutOfRange => "capacity: must be from 1 to 4000 tokens";
    /// A token bucket's refill per success or per second is above its capacity.
    RefillAboveCapacity => "refill_per_success, refill_per_second: must be at most the capacity";
    /// A token bucket's `initial` is above its capacity.
    InitialAboveCapacity => "initial: must be at most the capacity";
    /// A ratio has no slots.
    NoSlots => "slots: a ratio must have at least 1, such as the 10 of Budget<10>";
    /// A ratio's `percent` is above 100.
    PercentOutOfRange => "percent: must be from 0 to 100";
    /// A ratio's `min_per_second` allows more than two million retries in a window.
    MinPerSecondOutOfRange => "min_per_second: times the window must be at most 2000000 retries";
    /// A keeper's `stable_after` is 0 or above 24 hours.
    StableAfterOutOfRange => "stable_after: must be from 1 ms to 24 hours";
    /// A delay of a keeper has no cap.
    DelayWithoutCap => "backoff max, retry_after_cap: a keeper retries for ever, so each backoff needs a longest delay from 1 ms to 24 hours; a custom strategy has none";
    /// A keeper's `spread` is above 24 hours.
    SpreadTooLong => "spread: must be at most 24 hours";
    /// A keeper's `wake_interval` is 0 or above 24 hours.
    WakeIntervalOutOfRange => "wake_interval: must be from 1 ms to 24 hours";
    /// A keeper's `attempts_per_session` is 0.
    ZeroAttemptsPerSession => "attempts_per_session: must be at least 1";
    /// A keeper's `attempts_per_day` is 0 or above 86,400.
    AttemptsPerDayOutOfRange => "attempts_per_day: must be from 1 to 86400";
}

impl ConfigError {
    /// Returns the field that is wrong.
    pub fn field(self) -> &'static str {
        self.message().split(':').next().unwrap_or_default()
    }
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for ConfigError {}

/// Unwraps a configuration: a compile error in a `static`, a panic at run time.
macro_rules! valid_or_panic {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => panic!("{}", error.message()),
        }
    };
}
pub(crate) use valid_or_panic;

/// The error of a call that was not started: the circuit is open or the abort condition holds.
///
/// # Design
///
/// It does not carry the name of the operation: that would cost 164 bytes in an image of the bare machine, which has no names, and about
/// 10 bytes at each call in the loop form. [`named`](Self::named) adds it for messages that people read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rejected {
    pub(crate) reason: StopReason,
    pub(crate) retry_after: Millis,
}

impl Rejected {
    /// Returns why: [`StopReason::CircuitOpen`] or [`StopReason::Aborted`]; of a resumed call also
    /// [`StopReason::DeadlineExceeded`] or [`StopReason::MaxAttemptsGlobal`].
    pub const fn reason(&self) -> StopReason {
        self.reason
    }

    /// Returns the time until the circuit admits calls; zero unless it is open.
    pub const fn retry_after(&self) -> Millis {
        self.retry_after
    }

    /// Returns the error that `call` returns in its place, with the name of the operation.
    ///
    /// ```
    /// use redress_core::{Backoff, ErrorClass, Policy, Retry, RetryError, testing::TestEnv};
    ///
    /// static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));
    ///
    /// fn fetch(is_stopped: bool) -> Result<u32, RetryError<ErrorClass>> {
    ///     let mut context = POLICY.context(TestEnv::new()).abort_if(|| is_stopped);
    ///     let run = context.start().map_err(|rejected| rejected.named("fetch_profile"))?;
    ///     // …
    /// #   Ok(run.succeed(7))
    /// }
    ///
    /// assert_eq!(fetch(true).unwrap_err().to_string(), "fetch_profile was not attempted: aborted");
    /// # assert_eq!(fetch(false), Ok(7));
    /// ```
    pub fn named<E>(self, operation: &'static str) -> RetryError<E> {
        RetryError { operation, ..self.into() }
    }

    /// Returns the same as outcomes tell it.
    pub(crate) fn next_delay(self) -> Option<Millis> {
        (self.reason == StopReason::CircuitOpen).then_some(self.retry_after)
    }
}

impl core::fmt::Display for Rejected {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        Sentence::of_rejected(*self).fmt(f)
    }
}

impl core::error::Error for Rejected {}

/// For calls inside of calls: the reason's, with the time at which the circuit admits calls as hint.
impl Classify for Rejected {
    fn classify(&self) -> Classification {
        let classification = self.reason.classify();
        if self.reason == StopReason::CircuitOpen {
            classification.retry_after(self.retry_after)
        } else {
            classification
        }
    }
}

/// Why a call gave up, with the caller's last error by value.
///
/// It displays as a sentence. Its [source](core::error::Error::source) is the last error, so that reports which print the chain
/// show both, and an `anyhow::Error` made of it finds the error by
/// `failure.chain().find_map(|cause| cause.downcast_ref::<MyError>())`.
///
/// # Design
///
/// The code is that of the step that ended the call, and is not kept during waits, where it would take 12 bytes of each call and each
/// future. A call that ends between attempts, mostly by an abort, has class and cause of the latest failure; its code is in the event
/// of the retry, in [`error`](Self::error), or in the value that `execute` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct RetryError<E> {
    /// The name of the operation; empty if it has none.
    pub operation: &'static str,
    /// The last error of the operation; `None` if nothing ran, if the last failure was a returned value, or if
    /// the last attempt timed out.
    pub error: Option<E>,
    /// Why there is no further attempt.
    pub reason: StopReason,
    /// Attempts that were started.
    pub attempts: u32,
    /// The class of the latest failure.
    pub last_class: Option<ErrorClass>,
    /// The kind of the latest failure: an error, a returned value, a timeout.
    pub cause: Option<Cause>,
    /// The numeric code of the failure after which the call ended, such as the status of a rejected HTTP response; `None` if it
    /// has none and if the call ended before or between attempts.
    pub code: Option<u32>,
    pub(crate) is_http: bool,
    /// How long the call took; zero if it read no clock, for want of a deadline and of observers.
    pub elapsed: Millis,
    /// The delay that was decided but not taken: after a deadline, a deferral, or for an open circuit. Of
    /// [`StopReason::RetryAfterTooLong`], the hint of the server.
    pub next_delay: Option<Millis>,
    /// The checkpoint to resume from, after a deferral ([`StopReason::Scheduled`]).
    pub checkpoint: Option<Checkpoint>,
}

impl<E> From<Rejected> for RetryError<E> {
    fn from(rejected: Rejected) -> Self {
        Self {
            operation: "",
            error: None,
            reason: rejected.reason,
            attempts: 0,
            last_class: None,
            cause: None,
            code: None,
            is_http: false,
            elapsed: Millis::ZERO,
            next_delay: rejected.next_delay(),
            checkpoint: None,
        }
    }
}

impl<E> RetryError<E> {
    /// Returns the last error of the operation, if it was one.
    pub fn into_error(self) -> Option<E> {
        self.error
    }

    const fn rejected(&self) -> Rejected {
        let retry_after = match self.next_delay {
            Some(delay) => delay,
            None => Millis::ZERO,
        };
        Rejected { reason: self.reason, retry_after }
    }
}

/// Displays a sentence for people, as `fetch_profile gave up after 3 attempts in 1.2 s: not retryable (permanent, HTTP 404)`. It
/// says nothing of the error, which is the [source](core::error::Error::source).
impl<E> core::fmt::Display for RetryError<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let sentence = Sentence {
            operation: self.operation,
            reason: Some(self.reason),
            attempts: self.attempts,
            class: self.last_class,
            cause: self.cause,
            code: self.code,
            is_http: self.is_http,
            elapsed: self.elapsed,
            next_delay: self.next_delay,
        };
        sentence.fmt(f)
    }
}

/// The source is the error of the operation, or without one the [`StopReason`], so that an outer policy that looks at
/// sources can classify it.
impl<E: core::error::Error + 'static> core::error::Error for RetryError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.error {
            Some(error) => Some(error),
            None => Some(&self.reason),
        }
    }
}

/// For calls inside of calls: the class of the latest failure, with the server's hint where it was too long to wait for; an open
/// circuit and an abort as for [`Rejected`].
impl<E> Classify for RetryError<E> {
    fn classify(&self) -> Classification {
        match (self.reason, self.last_class) {
            (StopReason::CircuitOpen | StopReason::Aborted, _) | (_, None) => self.rejected().classify(),
            (StopReason::RetryAfterTooLong, Some(class)) => {
                Classification::new(class).retry_after(self.next_delay.unwrap_or_default())
            }
            (_, Some(class)) => class.into(),
        }
    }
}

/// An error that an operation returns to stop retrying from inside. It is no failure; it ends the call.
///
/// ```
/// use redress_core::{AbortRetryError, Classify};
///
/// assert!(AbortRetryError.classify().is_abort());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AbortRetryError;

impl Classify for AbortRetryError {
    fn classify(&self) -> Classification {
        Classification::abort()
    }
}

impl core::fmt::Display for AbortRetryError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the operation asks to stop retrying")
    }
}

impl core::error::Error for AbortRetryError {}
