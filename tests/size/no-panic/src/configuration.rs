//! Policies made of arbitrary values: every `try_` constructor, and the configuration as plain data.

use redress_core::{
    Backoff, BackoffConfig, BreakerConfig, Budget, BudgetConfig, ByClass, CircuitBreaker, ClassSet, ConfigError,
    DelayConfig, DelayList, MAX_DELAYS, Millis, Policy, Retry, RetryConfig,
    breaker::{RateBreaker, RateConfig, Transition},
    lint::{Lint, Lints, Severity},
};

use crate::{opaque, sink::Sink};

pub fn run() {
    Policy::from_config(&retry()).map(drop).sink();
    Policy::from_config(&RetryConfig::default()).map(drop).sink();
    Retry::from_config(&retry()).map(drop).sink();
    backoff().backoff().map(drop).sink();
    let delays: [Millis; 3] = core::array::from_fn(|_| opaque::millis());
    let policy = policy(delays.get(..usize::from(opaque::byte())).unwrap_or_default());
    if let Ok(policy) = &policy {
        // At compile time in firmware; in a tool on a device at run time.
        let lints = policy.lints().union(breaker().lints(policy.retry())).union(budget().lints(policy.retry()));
        lints.at_least(Severity::Warning).without(policy.lints()).iter().for_each(Sink::sink);
        policy.retry().lints_for(opaque::class()).is_empty().sink();
        for lint in Lint::ALL {
            Lints::EMPTY.with(*lint).union(lints).contains(*lint).sink();
        }
    }
    policy.map(drop).sink();
    CircuitBreaker::<4>::try_new(breaker()).map(drop).sink();
    Budget::<4>::try_new(budget()).map(drop).sink();
    Budget::<0>::try_new(budget()).map(drop).sink();
    RateBreaker::<1, RateConfig>::try_owning(rate()).map(drop).sink();
}

/// Returns a configuration of arbitrary values, as a file or a command may contain.
pub fn retry() -> RetryConfig {
    RetryConfig {
        max_attempts: opaque::some(opaque::word()),
        deadline_ms: opaque::some(opaque::millis()),
        attempt_timeout_ms: opaque::some(opaque::millis()),
        retry_after_cap_ms: opaque::some(opaque::millis()),
        max_unknown: opaque::some(opaque::byte()),
        limits: by_class(opaque::byte),
        backoff: opaque::some(backoff()),
        backoffs: by_class(backoff),
    }
}

fn by_class<T>(value: impl Fn() -> T) -> ByClass<Option<T>> {
    let mut table = ByClass::default();
    while opaque::flag() {
        *table.get_mut(opaque::class()) = opaque::some(value());
    }
    table
}

fn backoff() -> BackoffConfig {
    let (base_ms, max_ms) = (opaque::millis(), opaque::millis());
    let delay = match opaque::byte() {
        0 => DelayConfig::None,
        1 => DelayConfig::Constant { delay_ms: base_ms },
        2 => DelayConfig::Fixed { delays_ms: delay_list() },
        3 => DelayConfig::Exponential { base_ms, max_ms },
        4 => DelayConfig::FullJitter { base_ms, max_ms },
        5 => DelayConfig::EqualJitter { base_ms, max_ms },
        6 => DelayConfig::DecorrelatedJitter { base_ms, max_ms },
        _ => DelayConfig::TokenBackoff { base_ms, max_ms },
    };
    BackoffConfig {
        delay,
        retry_after: opaque::flag(),
        retry_after_as_is: opaque::flag(),
        retry_after_jitter_ms: opaque::some(opaque::millis()),
    }
}

/// Returns a list of delays, made of up to one more than there is room for.
fn delay_list() -> DelayList {
    let delays: [Millis; MAX_DELAYS + 1] = core::array::from_fn(|_| opaque::millis());
    let list = DelayList::new(delays.get(..usize::from(opaque::byte())).unwrap_or(&delays));
    list.as_ref().map(|list| list.len() > 1).map_err(|error| *error).sink();
    list.unwrap_or_default()
}

/// Builds a policy with the setters.
fn policy(delays: &[Millis]) -> Result<Policy<'_>, ConfigError> {
    let (base, max) = (opaque::span(), opaque::span());
    let backoff = match opaque::byte() {
        0 => Backoff::none(),
        1 => Backoff::constant(base),
        2 => Backoff::try_fixed(delays)?,
        3 => Backoff::try_exponential(base, max)?,
        4 => Backoff::try_full_jitter(base, max)?,
        5 => Backoff::try_equal_jitter(base, max)?,
        6 => Backoff::try_decorrelated_jitter(base, max)?,
        _ => Backoff::try_token_backoff(base, max)?,
    };
    let jittered = backoff.or_retry_after().try_or_retry_after_jittered(opaque::span())?;
    let as_is = backoff.try_or_retry_after_as_is(opaque::span())?;
    let retry = if opaque::flag() { Retry::new(backoff) } else { Retry::per_class() };
    let retry = retry
        .max_attempts(opaque::word())
        .deadline(opaque::span())
        .attempt_timeout(opaque::span())
        .max_unknown(opaque::byte())
        .limit_for(opaque::class(), opaque::byte())
        .retry_after_cap(opaque::span())
        .backoff_for(opaque::class(), jittered)
        .backoff_for(opaque::class(), as_is);
    let retry = if opaque::flag() { retry.no_deadline().unlimited_attempts().no_unknown_cap() } else { retry };
    retry.deadline_after().sink();
    jittered.delay(opaque::word(), &opaque::classification(), opaque::millis(), opaque::word).sink();
    Policy::try_new(retry)
}

pub fn breaker() -> BreakerConfig {
    BreakerConfig::new(opaque::byte())
        .window(opaque::span())
        .recovery_timeout(opaque::span())
        .trip_on(ClassSet::EMPTY.with(opaque::class()).with(opaque::class()))
        .neutral(ClassSet::EMPTY.with(opaque::class()))
        .threshold_for(opaque::class(), opaque::byte())
        .probes(opaque::byte())
        .probe_lease(opaque::span())
}

/// Returns the configuration of a breaker by rate, each mode of which is on or off.
pub fn rate() -> RateConfig {
    let classes = || ClassSet::EMPTY.with(opaque::class());
    let mut rate = RateConfig::new(opaque::byte()).minimum_calls(opaque::short()).failure_count(opaque::short());
    rate = if opaque::flag() { rate.window(opaque::span()) } else { rate.window_of_calls(opaque::short()) };
    rate = rate.recovery_timeout(opaque::span()).trip_on(classes()).neutral(classes()).jitter(opaque::byte());
    rate = rate.probes(opaque::byte()).probe_rate(opaque::byte()).probe_lease(opaque::span());
    if opaque::flag() {
        rate = rate.slow_calls(opaque::span(), opaque::byte()).growing_timeout(opaque::span(), opaque::span());
    }
    if opaque::flag() {
        rate = rate.progressive(opaque::span()).abandoned_calls(opaque::span(), opaque::class());
    }
    if opaque::flag() { rate.per_attempt().listener(&changed) } else { rate }
}

fn changed(transition: &Transition) {
    transition.from.sink();
    transition.to.sink();
    transition.class.sink();
    transition.open_for.sink();
}

pub fn budget() -> BudgetConfig {
    match opaque::byte() {
        0 => BudgetConfig::rolling(opaque::short(), opaque::span()),
        1 => BudgetConfig::ratio(opaque::byte(), opaque::span()).min_per_second(opaque::short()),
        _ => BudgetConfig::token_bucket(opaque::short())
            .refill_per_success(opaque::word())
            .refill_per_second(opaque::word())
            .initial(opaque::short()),
    }
}
