//! Promises that hold for every input: any configuration, any clock, any random number, any order of events.

mod backoff;
mod breaker;
mod budget;
mod checkpoint;
mod clocks;
mod limits;

use std::{cell::Cell, time::Duration};

use proptest::prelude::*;
use redress_core::{Backoff, Classification, Clock, ErrorClass, Instant, Millis, Retry};

/// A clock which tests set; also backwards.
#[derive(Clone, Copy, Debug)]
struct Ticks<'a, const HZ: u32>(&'a Cell<u64>);

impl<const HZ: u32> Clock for Ticks<'_, HZ> {
    const TICK_HZ: u32 = HZ;

    fn now(&self) -> Instant {
        Instant::from_ticks(self.0.get())
    }
}

#[derive(Clone, Debug)]
enum Kind {
    None,
    Constant(u32),
    Fixed(Vec<Millis>),
    Exponential(u32, u32),
    FullJitter(u32, u32),
    EqualJitter(u32, u32),
    Decorrelated(u32, u32),
    Token(u32, u32),
}

#[derive(Clone, Debug)]
enum Hint {
    Ignored,
    Followed,
    Jittered(u32),
    AsIs(u32),
}

const HOUR: u32 = 3_600_000;

fn millis(millis: u32) -> Duration {
    Duration::from_millis(millis.into())
}

fn backoff<'a>(kind: &'a Kind, hint: &Hint) -> Backoff<'a> {
    let plain = match kind {
        Kind::None => Backoff::none(),
        Kind::Constant(delay) => Backoff::constant(millis(*delay)),
        Kind::Fixed(delays) => Backoff::fixed(delays),
        Kind::Exponential(base, max) => Backoff::exponential(millis(*base), millis(*max)),
        Kind::FullJitter(base, max) => Backoff::full_jitter(millis(*base), millis(*max)),
        Kind::EqualJitter(base, max) => Backoff::equal_jitter(millis(*base), millis(*max)),
        Kind::Decorrelated(base, max) => Backoff::decorrelated_jitter(millis(*base), millis(*max)),
        Kind::Token(base, max) => Backoff::token_backoff(millis(*base), millis(*max)),
    };
    match hint {
        Hint::Ignored => plain,
        Hint::Followed => plain.or_retry_after(),
        Hint::Jittered(jitter) => plain.or_retry_after_jittered(millis(*jitter)),
        Hint::AsIs(jitter) => plain.or_retry_after_as_is(millis(*jitter)),
    }
}

/// Numbers of all magnitudes, and the ends.
fn any_size() -> impl Strategy<Value = u32> {
    prop_oneof![2 => (0..32_u32, any::<u32>()).prop_map(|(shift, n)| n >> shift), 1 => Just(u32::MAX), 1 => 0..8_u32]
}

/// A base and a max which fit together, up to `most`. (Saturated spans are not configurable: one more `Duration` and
/// they would not be what was asked for.)
fn bounds(most: u32) -> impl Strategy<Value = (u32, u32)> {
    (any_size(), any_size()).prop_map(move |(a, b)| {
        let (a, b) = (a.clamp(1, most), b.clamp(1, most));
        (a.min(b), a.max(b))
    })
}

fn kinds(most: u32) -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::None),
        any_size().prop_map(move |delay| Kind::Constant(delay.min(most))),
        prop::collection::vec(any_size().prop_map(move |delay| Millis::new(delay.min(most))), 1..5)
            .prop_map(Kind::Fixed),
        bounds(most).prop_map(|(base, max)| Kind::Exponential(base, max)),
        bounds(most).prop_map(|(base, max)| Kind::FullJitter(base, max)),
        bounds(most).prop_map(|(base, max)| Kind::EqualJitter(base, max)),
        bounds(most).prop_map(|(base, max)| Kind::Decorrelated(base, max)),
        bounds(most).prop_map(|(base, max)| Kind::Token(base, max)),
    ]
}

fn hints() -> impl Strategy<Value = Hint> {
    prop_oneof![
        Just(Hint::Ignored),
        Just(Hint::Followed),
        (0..=HOUR).prop_map(Hint::Jittered),
        (0..=HOUR).prop_map(Hint::AsIs),
    ]
}

fn classes() -> impl Strategy<Value = ErrorClass> {
    prop::sample::select(&ErrorClass::ALL[..])
}

fn classifications() -> impl Strategy<Value = Classification> {
    (classes(), prop::option::of(any_size()), prop::option::of(any::<u32>()), prop::bool::weighted(0.02)).prop_map(
        |(class, hint, code, aborts)| {
            let plain = if aborts { Classification::abort() } else { Classification::new(class) };
            let hinted = hint.map_or(plain, |hint| plain.retry_after(Millis::new(hint)));
            code.map_or(hinted, |code| hinted.code(code))
        },
    )
}

#[derive(Clone, Debug)]
struct Limits {
    max_attempts: u32,
    deadline: Option<u32>,
    attempt_timeout: Option<u32>,
    max_unknown: Option<u8>,
    of_classes: Vec<(ErrorClass, u8)>,
    default: Option<(Kind, Hint)>,
    own: Vec<(ErrorClass, Kind, Hint)>,
}

impl Limits {
    fn retry(&self) -> Retry<'_> {
        let mut retry = match &self.default {
            Some((kind, hint)) => Retry::new(backoff(kind, hint)),
            None => Retry::per_class().backoff_for(ErrorClass::Transient, Backoff::none()),
        };
        retry = retry.max_attempts(self.max_attempts);
        retry = self.deadline.map_or(retry.no_deadline(), |deadline| retry.deadline(millis(deadline)));
        retry = self.max_unknown.map_or(retry.no_unknown_cap(), |cap| retry.max_unknown(cap));
        if let Some(timeout) = self.attempt_timeout {
            retry = retry.attempt_timeout(millis(timeout));
        }
        for (class, limit) in &self.of_classes {
            retry = retry.limit_for(*class, *limit);
        }
        for (class, kind, hint) in &self.own {
            retry = retry.backoff_for(*class, backoff(kind, hint));
        }
        retry
    }

    fn limit(&self, class: ErrorClass) -> Option<u8> {
        self.of_classes.iter().rev().find(|(of, _)| *of == class).map(|(_, limit)| *limit)
    }
}

fn limits(most: u32) -> impl Strategy<Value = Limits> {
    (
        1..12_u32,
        prop::option::of(1..=most),
        prop::option::of(1..=most),
        prop::option::of(0..5_u8),
        prop::collection::vec((classes(), 0..4_u8), 0..3),
        prop::option::weighted(0.9, (kinds(most), hints())),
        prop::collection::vec((classes(), kinds(most), hints()), 0..3),
    )
        .prop_map(|(max_attempts, deadline, attempt_timeout, max_unknown, of_classes, default, own)| Limits {
            max_attempts,
            deadline,
            attempt_timeout,
            max_unknown,
            of_classes,
            default,
            own,
        })
}

/// Whole ticks in so many microseconds.
fn in_ticks<const HZ: u32>(micros: u64) -> u64 {
    u64::try_from(u128::from(micros) * u128::from(HZ) / 1_000_000).unwrap()
}

/// Whether each tick is so many whole milliseconds. Then nothing is rounded.
const fn is_whole<const HZ: u32>() -> bool {
    1_000 % HZ == 0
}

/// By how many ticks a span of breakers and budgets, which count milliseconds, may be too long.
fn longer<const HZ: u32>() -> u64 {
    if is_whole::<HZ>() { 0 } else { u64::from(HZ.div_ceil(1_000)) }
}
