//! Policies that are sound but unwise: risks which can be seen in the numbers alone.
//!
//! A policy that contradicts itself is a [`ConfigError`](crate::ConfigError). The policies that remain may do as configured and still
//! harm: no jitter, a deadline before the first retry, attempts without end. [`Policy::lints`]
//! and its kin name them. They are `const`, so that a build fails over them and the image does not contain them:
//!
//! ```
//! use core::time::Duration;
//! use redress_core::{Backoff, BreakerConfig, Budget, BudgetConfig, CircuitBreaker, Policy, Retry, lint::Severity};
//!
//! const CONFIG: BreakerConfig = BreakerConfig::new(4);
//! static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(CONFIG);
//! static BUDGET: Budget = Budget::new(BudgetConfig::DEFAULT);
//! static UPLINK: Policy = Policy::new(
//!     Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(50), Duration::from_secs(5))).max_attempts(5),
//! )
//! .circuit_breaker(&BREAKER)
//! .budget(&BUDGET);
//!
//! const _: () = assert!(UPLINK.lints().at_least(Severity::Warning).is_empty());
//! const _: () = assert!(CONFIG.lints(UPLINK.retry()).at_least(Severity::Warning).is_empty());
//! ```
//!
//! Without jitter that would not compile:
//!
//! ```compile_fail,E0080
//! # use core::time::Duration;
//! # use redress_core::{Backoff, Policy, Retry, lint::Severity};
//! static UPLINK: Policy = Policy::new(Retry::new(Backoff::exponential(Duration::from_millis(50), Duration::from_secs(5))));
//! const _: () = assert!(UPLINK.lints().at_least(Severity::Warning).is_empty());
//! ```
//!
//! A risk that is taken on purpose is left out by name:
//!
//! ```
//! # use core::time::Duration;
//! # use redress_core::{Backoff, Policy, Retry};
//! use redress_core::lint::{Lint, Lints, Severity};
//!
//! /// The access point is switched off at night.
//! static JOIN: Policy = Policy::new(
//!     Retry::new(Backoff::equal_jitter(Duration::from_secs(1), Duration::from_secs(300)))
//!         .attempt_timeout(Duration::from_secs(20))
//!         .unlimited_attempts()
//!         .no_deadline(),
//! );
//!
//! const KNOWN: Lints = Lints::EMPTY.with(Lint::UnlimitedWithoutBreaker).with(Lint::NoBudget);
//! const _: () = assert!(JOIN.lints().without(KNOWN).at_least(Severity::Warning).is_empty());
//! ```
//!
//! The program `redress doctor` of `redress-std` reports the same for policies in files.
//!
//! # Design
//!
//! A set of bits, because a `const fn` cannot allocate a list; which class a lint is about tells
//! [`Retry::lints_for`]. A breaker's and a budget's configuration have lints of their own: a `static` breaker changes
//! while it runs, so the compiler refuses to read it.

use crate::{BreakerConfig, BreakerState, ErrorClass, Policy, Retry, breaker::RateConfig, named::named};

named! {
    /// How bad a risk is.
    #[derive(PartialOrd, Ord)]
    Severity {
        /// Worth knowing; often intended.
        Note = "note",
        /// Causes harm under load or in an outage.
        Warning = "warning",
        /// Cannot be intended.
        Error = "error",
    }
}

macro_rules! lints {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $severity:ident, $field:literal, $message:literal;)*) => {
        /// A risk in a policy.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        pub enum Lint {
            $($(#[$doc])* #[doc = concat!("\n\nName `", $name, "`.")] $variant,)*
        }

        impl Lint {
            /// All lints, those of backoffs first.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name, which does not change between versions: snake case, for example `no_jitter`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How bad it is.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// The field to change: `backoff` and `limit` are those of the class it is about.
            pub const fn field(self) -> &'static str {
                match self { $(Self::$variant => $field,)* }
            }

            /// Returns a sentence that names the problem and its remedy.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }
        }
    };
}

lints! {
    /// Delays are the same for everybody.
    NoJitter, "no_jitter", Warning, "backoff",
        "no jitter: clients that failed together come back together; use full, equal or decorrelated jitter";
    /// Retries come at once.
    NoDelay, "no_delay", Warning, "backoff",
        "no delay: all attempts are over before anything can recover; give base at least 1 ms";
    /// The shortest first delay reaches the deadline.
    DeadlineBeforeRetry, "deadline_before_retry", Error, "deadline",
        "even the shortest first delay reaches the deadline, so nothing is retried; must be above the first delay";
    /// The longest first delay reaches the deadline.
    DeadlineWithinFirstDelay, "deadline_within_first_delay", Warning, "deadline",
        "the first delay may reach the deadline, so that chance decides whether there is a retry";
    /// The shortest delays add up to the deadline before the attempts are used up.
    AttemptsBeyondDeadline, "attempts_beyond_deadline", Warning, "max_attempts",
        "the last attempts never come: even the shortest delays before them add up to the deadline";
    /// A backoff's `max` is never waited.
    MaxBeyondDeadline, "max_beyond_deadline", Note, "backoff",
        "max is never waited, because the deadline comes first";
    /// Clients that got the same hint come back together.
    RetryAfterWithoutJitter, "retry_after_without_jitter", Warning, "backoff",
        "no jitter after Retry-After: clients that got the same hint come back together; leave the jitter to its default";
    /// Long hints end the call. With a cap of its own, that is intended.
    RetryAfterCapped, "retry_after_capped", Note, "deadline",
        "a Retry-After that reaches the deadline is not waited out but ends the call";
    /// A hint of zero replaces the backoff.
    RetryAfterAsIs, "retry_after_as_is", Warning, "backoff",
        "any Retry-After is taken as it is: a server that says 0 gets no wait but the jitter; use or_retry_after, in files retry_after = true";
    /// A server that says 0 is called again at once.
    NoWaitOnZeroHint, "no_wait_on_zero_hint", Warning, "backoff",
        "no wait at all when the server says 0: any Retry-After is taken as it is, and without jitter; use or_retry_after, in files retry_after = true";
    /// A server can make the call sleep for weeks.
    RetryAfterWithoutCap, "retry_after_without_cap", Warning, "retry_after_cap",
        "a Retry-After may last up to 49 days, which the call sleeps; give it a cap or a deadline";
    /// A rate-limited client does not listen.
    RateLimitIgnoresRetryAfter, "rate_limit_ignores_retry_after", Note, "backoff",
        "the server's Retry-After is ignored for rate_limit; follow it with or_retry_after, in files retry_after = true";
    /// A class limit above what `max_attempts` allows.
    LimitBeyondAttempts, "limit_beyond_attempts", Note, "limit",
        "the limit has no effect: max_attempts ends the call before";
    /// `Unknown` failures are retried like others.
    UnknownWithoutCap, "unknown_without_cap", Note, "max_unknown",
        "unknown failures are retried like others, bugs among them";
    /// No timeout and no deadline ends an attempt that hangs.
    AttemptNeverEnds, "attempt_never_ends", Warning, "attempt_timeout",
        "neither an attempt timeout nor a deadline ends an attempt that hangs, so the call never ends; give an attempt timeout";
    /// An attempt that hangs uses up the deadline.
    HangUsesDeadline, "hang_uses_deadline", Note, "attempt_timeout",
        "without an attempt timeout, an attempt that hangs lasts until the deadline and is never retried, and one that blocks lasts even longer; give a timeout, which blocking operations set on their socket";
    /// One attempt may use up the whole deadline.
    TimeoutReachesDeadline, "timeout_reaches_deadline", Warning, "attempt_timeout",
        "one attempt that hangs uses up the deadline, so it is never retried; must be below the deadline";
    /// Attempts without end, and nothing that stops them while the dependency is down.
    UnlimitedWithoutBreaker, "unlimited_without_breaker", Warning, "max_attempts",
        "attempts are unlimited and no circuit breaker keeps new calls from a dependency that is down";
    /// Calls without end, of which a breaker never learns that they failed.
    BreakerNeverTold, "breaker_never_told", Warning, "deadline",
        "the breaker counts calls, and without attempt limit, deadline and budget none ever ends in a failure; give each call a deadline or max_attempts, and repeat the call in a loop for as long as needed";
    /// No budget limits the retries of all calls together.
    NoBudget, "no_budget", Warning, "budget",
        "no budget: when the dependency is slow or down, retries multiply its load and may keep it down; share one among its calls";
    /// No class trips the breaker.
    BreakerNeverTrips, "breaker_never_trips", Warning, "trip_on",
        "no class trips the breaker, so it never opens";
    /// Failures of the caller trip the breaker.
    BreakerTripsOnAnswers, "breaker_trips_on_answers", Warning, "trip_on",
        "auth, permission and permanent are answers of a dependency that lives; one bad caller would shut out all others";
    /// A probe loses its place while it still runs.
    LeaseBelowDeadline, "lease_below_deadline", Warning, "probe_lease",
        "a call may outlive its probe's lease, and more probes than configured run; must be at least the deadline";
    /// Slow failures leave the breaker's window before they add up.
    WindowBelowDeadline, "window_below_deadline", Note, "window",
        "calls may last longer than the window, so that failures one after another never add up to the threshold";
    /// The budget allows no retry at all, or none after the first ones.
    BudgetRunsDry, "budget_runs_dry", Warning, "budget",
        "no retry is allowed once it is used up, because nothing ever comes back";
    /// A single call can use up the budget.
    BudgetBelowOneCall, "budget_below_one_call", Note, "budget",
        "one call may use up the whole budget; hold at least as many retries as one call makes";
}

impl core::fmt::Display for Lint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.message())
    }
}

/// A set of lints, four bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lints(u32);

impl Lints {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// This set and one lint more.
    pub const fn with(self, lint: Lint) -> Self {
        Self(self.0 | 1 << lint as u32)
    }

    pub(crate) const fn with_if(self, lint: Lint, found: bool) -> Self {
        if found { self.with(lint) } else { self }
    }

    /// The lints of both sets.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without those of the other.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the lints of at least this severity.
    pub const fn at_least(self, severity: Severity) -> Self {
        let mut kept = Self::EMPTY;
        let mut all = Lint::ALL;
        while let [lint, rest @ ..] = all {
            kept = kept.with_if(*lint, self.contains(*lint) && lint.severity() as u8 >= severity as u8);
            all = rest;
        }
        kept
    }

    /// Whether the lint is in the set.
    pub const fn contains(self, lint: Lint) -> bool {
        self.0 >> lint as u32 & 1 != 0
    }

    /// Whether there is nothing to say.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The lints, in the order of [`Lint::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Lint> {
        Lint::ALL.iter().copied().filter(move |lint| self.contains(*lint))
    }
}

impl core::fmt::Debug for Lints {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_set().entries(self.iter().map(Lint::name)).finish()
    }
}

impl Policy<'_> {
    /// The risks in this policy: those of its [`Retry`], and those that come from having a breaker and a budget or not.
    pub const fn lints(&self) -> Lints {
        let (breaker, budget) = (self.breaker.is_some(), self.budget.is_some());
        let unlimited = self.retry.is_unlimited();
        let never_ends = unlimited && self.retry.deadline_after().is_none() && self.retry.has_class_without_limit();
        self.retry
            .lints()
            .with_if(Lint::UnlimitedWithoutBreaker, unlimited && !breaker)
            .with_if(Lint::BreakerNeverTold, never_ends && breaker && !budget)
            .with_if(Lint::NoBudget, self.retry.attempts() > 1 && !budget)
    }
}

impl BreakerConfig {
    /// The risks in this breaker, for calls with these limits.
    pub const fn lints(&self, retry: &Retry<'_>) -> Lints {
        let (mut trips, mut answers) = (false, false);
        let mut all: &[ErrorClass] = &ErrorClass::ALL;
        while let [class, rest @ ..] = all {
            trips |= self.trips(*class);
            answers |= self.trips(*class) && !class.is_retryable();
            all = rest;
        }
        let call = match retry.deadline_millis() {
            Some(deadline) => deadline.get(),
            None => 0,
        };
        Lints::EMPTY
            .with_if(Lint::BreakerNeverTrips, !trips)
            .with_if(Lint::BreakerTripsOnAnswers, answers)
            .with_if(Lint::LeaseBelowDeadline, self.span(BreakerState::HalfOpen).get() < call)
            .with_if(Lint::WindowBelowDeadline, self.counts_up() && self.span(BreakerState::Closed).get() < call)
    }
}

impl RateConfig {
    /// The risks in this breaker, for calls with these limits.
    pub const fn lints(&self, retry: &Retry<'_>) -> Lints {
        let call = match retry.deadline_millis() {
            Some(deadline) => deadline.get(),
            None => 0,
        };
        let is_short = self.window_calls == 0 && self.base.span(BreakerState::Closed).get() < call;
        self.base.lints(retry).with_if(Lint::WindowBelowDeadline, is_short && self.minimum_calls > 1)
    }
}

#[cfg(test)]
mod tests;
