//! Delays.

use std::cell::Cell;

use proptest::prelude::*;
use redress_core::{Classification, ErrorClass, Millis};

use crate::{Hint, Kind, any_size, backoff, bounds, classifications, hints, kinds};

/// `min(max, base * factor^n)` by numbers wide enough, for factors 2 and 3/2.
fn grown(base: u32, max: u32, n: u32, (times, per): (u128, u128)) -> u32 {
    if n > 60 {
        return max; // even 1 ms has outgrown every max
    }
    u32::try_from(u128::from(base) * times.pow(n) / per.pow(n)).map_or(max, |value| value.min(max))
}

/// The least and the most which the documentation promises.
fn promised(kind: &Kind, attempt: u32, previous: u32) -> (u32, u32) {
    match *kind {
        Kind::None => (0, 0),
        Kind::Constant(delay) => (delay, delay),
        Kind::Fixed(ref delays) => {
            let index = usize::try_from(attempt.max(1) - 1).unwrap().min(delays.len() - 1);
            (delays[index].get(), delays[index].get())
        }
        Kind::Exponential(base, max) => {
            let delay = grown(base, max, attempt.max(1) - 1, (2, 1));
            (delay, delay)
        }
        Kind::FullJitter(base, max) => (0, grown(base, max, attempt, (2, 1))),
        Kind::EqualJitter(base, max) => {
            let ceiling = grown(base, max, attempt, (2, 1));
            (ceiling.div_ceil(2), ceiling)
        }
        Kind::Decorrelated(base, max) => {
            let previous = if previous == 0 { base } else { previous };
            (base, max.min(base.max(previous.saturating_mul(3))))
        }
        Kind::Token(base, max) => {
            // No whole number of milliseconds: the next one up or down.
            let ceiling = grown(base, max, attempt, (3, 2));
            (ceiling.div_ceil(2), ceiling.saturating_add(1).min(max))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_delay_is_within_its_bounds_whatever_the_attempt_the_class_the_delay_before_and_the_random_number(
        kind in kinds(u32::MAX),
        hint in hints(),
        attempt in any_size(),
        previous in any_size(),
        random in prop_oneof![Just(0), Just(u32::MAX), any::<u32>()],
        failure in classifications(),
    ) {
        let drawn = Cell::new(0);
        let delay = backoff(&kind, &hint).delay(attempt, &failure, Millis::new(previous), || {
            drawn.set(drawn.get() + 1);
            random
        });
        let (own_least, own_most) = promised(&kind, attempt.max(1), previous);
        let jitter = |asked: u32| match hint {
            Hint::Jittered(jitter) | Hint::AsIs(jitter) => jitter,
            _ => asked.max(250),
        };
        let (least, most) = match (failure.hint().map(Millis::get), &hint) {
            (None, _) | (_, Hint::Ignored) => (own_least, own_most),
            (Some(asked), Hint::AsIs(_)) => (asked, asked.saturating_add(jitter(asked))),
            // Never sooner than either asks; later than the backoff only by what the server asks for.
            (Some(asked), _) => (
                own_least.max(asked),
                if asked > own_least { own_most.max(asked.saturating_add(jitter(asked))) } else { own_most },
            ),
        };
        prop_assert!((least..=most).contains(&delay.get()), "{delay} is not from {least} to {most}");
        prop_assert!(drawn.get() <= 1 + u32::from(failure.hint().is_some()));
    }

    #[test]
    fn jitter_reaches_both_ends_of_its_range(bounds in bounds(u32::MAX), attempt in 1_u32..40) {
        let failure = Classification::new(ErrorClass::Transient);
        let (base, max) = bounds;
        for kind in [Kind::FullJitter(base, max), Kind::EqualJitter(base, max), Kind::Token(base, max)] {
            let backoff = backoff(&kind, &Hint::Ignored);
            let (least, most) = promised(&kind, attempt, 0);
            prop_assert!(backoff.delay(attempt, &failure, Millis::ZERO, || 0).get() - least <= 1);
            // The largest random number stands for just under 1, so the end itself is met but for rounding.
            prop_assert!(most - backoff.delay(attempt, &failure, Millis::ZERO, || u32::MAX).get() <= 1);
        }
    }
}
