//! How short and how long the delays of a formula can be, at compile time.

use super::{Backoff, Formula};

impl Backoff<'_> {
    /// The shortest and the longest delay after this attempt; `None` for a strategy of one's own.
    pub(crate) const fn bounds(&self, attempt: u32) -> Option<(u32, u32)> {
        // Before the first delay there is none; the one before a later delay can have been the longest.
        let longest_before = if attempt <= 1 { 0 } else { self.longest() };
        match self.formula {
            Formula::Missing { .. } | Formula::Custom { .. } => None,
            formula => Some((
                formula.choice(attempt, 0).chosen_by(0),
                formula.choice(attempt, longest_before).chosen_by(u32::MAX),
            )),
        }
    }

    /// The longest delay there ever is; 0 for a strategy of one's own.
    pub(crate) const fn longest(&self) -> u32 {
        match self.formula {
            Formula::Missing { .. } | Formula::Custom { .. } => 0,
            Formula::Doubling { max, .. }
            | Formula::FullJitter { max, .. }
            | Formula::EqualJitter { max, .. }
            | Formula::Decorrelated { max, .. }
            | Formula::Token { max, .. } => max,
            Formula::Fixed { mut delays, .. } => {
                let mut longest = 0;
                while let [delay, rest @ ..] = delays {
                    longest = if delay.get() > longest { delay.get() } else { longest };
                    delays = rest;
                }
                longest
            }
        }
    }

    /// Whether two clients that failed together may wait differently.
    pub(crate) const fn has_jitter(&self) -> bool {
        match (self.bounds(1), self.bounds(u32::MAX)) {
            (Some((a, b)), Some((c, d))) => a < b || c < d,
            _ => true,
        }
    }

    /// The least that so many delays, one after another, take. `settled`: a number of attempts after which the formula
    /// does not grow.
    pub(crate) const fn shortest_sum(&self, retries: u32, settled: u32) -> u64 {
        let mut settled = settled;
        if let Formula::Fixed { mut delays, .. } = self.formula {
            let mut listed = 0_u32;
            while let [_, rest @ ..] = delays {
                listed = listed.saturating_add(1);
                delays = rest;
            }
            settled = if listed > settled { listed } else { settled };
        }
        let mut sum = 0_u64;
        let mut attempt = 1;
        while attempt <= retries && attempt < settled {
            sum = sum.saturating_add(self.shortest(attempt));
            attempt = attempt.saturating_add(1);
        }
        let rest = retries.saturating_sub(attempt.saturating_sub(1));
        sum.saturating_add(self.shortest(settled).saturating_mul(rest as u64))
    }

    const fn shortest(&self, attempt: u32) -> u64 {
        match self.bounds(attempt) {
            Some((shortest, _)) => shortest as u64,
            None => 0,
        }
    }

    pub(crate) const fn follows_hints(&self) -> bool {
        !self.retry_after().is_ignored()
    }

    pub(crate) const fn hint_has_no_jitter(&self) -> bool {
        matches!(self.retry_after().configured_jitter(), Some(0))
    }

    pub(crate) const fn takes_hints_as_they_are(&self) -> bool {
        self.retry_after().is_as_is()
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::{ErrorClass, Millis};

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// Bounds are what [`Backoff::delay`] gives for the smallest and the largest random numbers.
    #[test]
    fn bounds_are_those_of_the_delays_drawn() {
        let delays = [5, 3, 9].map(Millis::new);
        for backoff in [
            Backoff::none(),
            Backoff::constant(MS(7)),
            Backoff::fixed(&delays),
            Backoff::exponential(MS(100), MS(1_000)),
            Backoff::full_jitter(MS(100), MS(1_000)),
            Backoff::equal_jitter(MS(101), MS(999)),
            Backoff::decorrelated_jitter(MS(100), MS(1_000)),
            Backoff::token_backoff(MS(100), MS(1_000)),
        ] {
            let mut sum = 0;
            for attempt in 1..200 {
                let previous = if attempt == 1 { Millis::ZERO } else { Millis::new(backoff.longest()) };
                let delay =
                    |previous, random| backoff.delay(attempt, &ErrorClass::Transient.into(), previous, || random).get();
                let bounds = (delay(Millis::ZERO, 0), delay(previous, u32::MAX));
                assert_eq!(backoff.bounds(attempt), Some(bounds), "{backoff:?} after {attempt}");
                sum += u64::from(bounds.0);
                assert_eq!(backoff.shortest_sum(attempt, 64), sum, "{backoff:?} after {attempt}");
                assert!(bounds.1 <= backoff.longest());
            }
        }
    }

    #[test]
    fn sums_of_long_lists_and_many_retries() {
        let delays: [Millis; 100] = core::array::from_fn(|n| Millis::new(u32::from(n == 99)));
        assert_eq!(Backoff::fixed(&delays).shortest_sum(99, 64), 0);
        assert_eq!(Backoff::fixed(&delays).shortest_sum(101, 64), 2);
        assert_eq!(Backoff::constant(MS(2)).shortest_sum(u32::MAX, 64), 2 * u64::from(u32::MAX));
        assert_eq!(Backoff::constant(MS(2)).shortest_sum(0, 64), 0);
    }
}
