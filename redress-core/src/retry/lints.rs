//! Lints of limits and backoffs. See [`lint`](crate::lint).

use super::{DEFAULT_CAP, NO_LIMIT, Retry, UNLIMITED};
use crate::{
    Backoff, ErrorClass,
    lint::{Lint, Lints},
};

/// After so many attempts no formula grows any further.
const SETTLED: u32 = 64;

impl Retry<'_> {
    /// The risks in these limits and backoffs. [`Policy::lints`](crate::Policy::lints) knows of breaker and budget too.
    pub const fn lints(&self) -> Lints {
        let reaches = match (self.timeout(), self.deadline_millis()) {
            (Some(timeout), Some(deadline)) => self.max_attempts > 1 && timeout.get() >= deadline.get(),
            _ => false,
        };
        let uncapped = self.caps.of(ErrorClass::Unknown) == NO_LIMIT && self.max_attempts > 1;
        let (has_deadline, hangs) = (self.deadline_millis().is_some(), self.timeout().is_none());
        let mut lints = Lints::EMPTY
            .with_if(Lint::AttemptNeverEnds, hangs && !has_deadline)
            .with_if(Lint::HangUsesDeadline, hangs && has_deadline && self.max_attempts > 1)
            .with_if(Lint::TimeoutReachesDeadline, reaches)
            .with_if(Lint::UnknownWithoutCap, uncapped && self.backoff(ErrorClass::Unknown).is_some());
        let mut all: &[ErrorClass] = &ErrorClass::ALL;
        while let [class, rest @ ..] = all {
            lints = lints.union(self.lints_for(*class));
            all = rest;
        }
        lints
    }

    /// The risks in what is configured for one class. Of a strategy of one's own nothing is known.
    pub const fn lints_for(&self, class: ErrorClass) -> Lints {
        let attempts = self.max_attempts.saturating_sub(1);
        let limit = self.limit(class);
        let lints = Lints::EMPTY.with_if(Lint::LimitBeyondAttempts, limit != NO_LIMIT && limit as u32 > attempts);
        let cap = self.caps.of(class);
        let retries = if cap != NO_LIMIT && (cap as u32) < attempts { cap as u32 } else { attempts };
        match self.backoff(class) {
            Some(backoff) if retries > 0 => lints.union(self.of_backoff(backoff, class, retries)),
            _ => lints,
        }
    }

    const fn of_backoff(&self, backoff: &Backoff<'_>, class: ErrorClass, retries: u32) -> Lints {
        let (together, as_is) = (backoff.hint_has_no_jitter(), backoff.takes_hints_as_they_are());
        let lints = Lints::EMPTY
            .with_if(Lint::RetryAfterWithoutJitter, together)
            .with_if(Lint::RetryAfterAsIs, as_is && !together)
            .with_if(Lint::NoWaitOnZeroHint, as_is && together)
            .with_if(Lint::RetryAfterWithoutCap, backoff.follows_hints() && self.sleeps_for_weeks())
            .with_if(
                Lint::RetryAfterCapped,
                backoff.follows_hints() && self.deadline_millis().is_some() && !self.has_own_cap(),
            );
        let (Some((shortest, longest)), Some((_, ever))) = (backoff.bounds(1), backoff.bounds(SETTLED)) else {
            return lints;
        };
        let waits = longest > 0 || ever > 0 || backoff.longest() > 0;
        let deaf = matches!(class, ErrorClass::RateLimit) && !backoff.follows_hints();
        let lints = lints
            .with_if(Lint::RateLimitIgnoresRetryAfter, deaf)
            .with_if(Lint::NoDelay, !waits)
            .with_if(Lint::NoJitter, waits && !backoff.has_jitter());
        let Some(deadline) = self.deadline_millis() else { return lints };
        let deadline = deadline.get();
        if shortest >= deadline {
            return lints.with(Lint::DeadlineBeforeRetry);
        }
        lints
            .with_if(Lint::DeadlineWithinFirstDelay, longest >= deadline)
            .with_if(Lint::MaxBeyondDeadline, longest < deadline && backoff.longest() >= deadline)
            .with_if(
                Lint::AttemptsBeyondDeadline,
                retries < UNLIMITED - 1 && backoff.shortest_sum(retries, SETTLED) >= deadline as u64,
            )
    }

    /// Whether neither a cap nor a deadline bounds a hint.
    const fn sleeps_for_weeks(&self) -> bool {
        self.longest_hint().get() == u32::MAX && self.deadline_millis().is_none()
    }

    const fn has_own_cap(&self) -> bool {
        self.hint_cap.get() != DEFAULT_CAP.get()
    }

    pub(crate) const fn is_unlimited(&self) -> bool {
        self.max_attempts == UNLIMITED
    }

    /// Whether some class may be retried any number of times.
    pub(crate) const fn has_class_without_limit(&self) -> bool {
        let mut all: &[ErrorClass] = &ErrorClass::ALL;
        while let [class, rest @ ..] = all {
            if self.caps.of(*class) == NO_LIMIT && self.backoff(*class).is_some() {
                return true;
            }
            all = rest;
        }
        false
    }
}
