use core::time::Duration;

use super::*;
use crate::{Backoff, Budget, BudgetConfig, CircuitBreaker, ClassSet, Millis, backoff::by_args};

const MS: fn(u64) -> Duration = Duration::from_millis;
const SECS: fn(u64) -> Duration = Duration::from_secs;

/// No lint has anything to say about this.
const SOUND: Retry = Retry::new(Backoff::equal_jitter(Duration::from_millis(100), Duration::from_secs(5)))
    .backoff_for(
        ErrorClass::RateLimit,
        Backoff::equal_jitter(Duration::from_secs(1), Duration::from_secs(5)).or_retry_after(),
    )
    .attempt_timeout(Duration::from_secs(2))
    .no_deadline();
const BREAKER: BreakerConfig = BreakerConfig::new(4);

static SHARED_BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BREAKER);
static SHARED_BUDGET: Budget<20> = Budget::new(BudgetConfig::rolling(20, Duration::from_secs(10)));

// Both of a `static` which borrows what changes at run time and of a `const` without.
static WITH_BREAKER: Policy = Policy::new(SOUND.unlimited_attempts().deadline(Duration::from_secs(20)))
    .circuit_breaker(&SHARED_BREAKER)
    .budget(&SHARED_BUDGET);
const ONE_ATTEMPT: Policy = Policy::new(SOUND.max_attempts(1));
const _: () = assert!(WITH_BREAKER.lints().at_least(Severity::Warning).is_empty());
const _: () = assert!(BREAKER.lints(WITH_BREAKER.retry()).is_empty());
const _: () = assert!(ONE_ATTEMPT.lints().is_empty());
const _: () = assert!(Retry::new(Backoff::none()).lints().contains(Lint::NoDelay));

#[track_caller]
fn expect(lints: Lints, names: &[Lint]) {
    let expected = names.iter().fold(Lints::EMPTY, |set, lint| set.with(*lint));
    assert_eq!(lints, expected);
}

fn all(backoff: Backoff<'_>) -> Retry<'_> {
    // Without the note about hints.
    Retry::new(backoff).limit_for(ErrorClass::RateLimit, 0).attempt_timeout(MS(1)).no_deadline()
}

#[test]
fn names_are_unique_and_in_snake_case() {
    for (n, lint) in Lint::ALL.iter().enumerate() {
        assert_eq!(*lint as usize, n);
        assert!(lint.name().chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", lint.name());
        assert!(Lint::ALL.iter().skip(n + 1).all(|other| other.name() != lint.name()), "{}", lint.name());
        assert!(Lints::EMPTY.with(*lint).iter().eq([*lint]));
    }
    assert!(Lint::ALL.len() <= 32);
}

#[test]
fn sets_are_sets() {
    let set = Lints::EMPTY.with(Lint::NoJitter).with(Lint::RetryAfterCapped).with(Lint::DeadlineBeforeRetry);
    expect(set.at_least(Severity::Note), &[Lint::NoJitter, Lint::RetryAfterCapped, Lint::DeadlineBeforeRetry]);
    expect(set.at_least(Severity::Warning), &[Lint::NoJitter, Lint::DeadlineBeforeRetry]);
    expect(set.at_least(Severity::Error), &[Lint::DeadlineBeforeRetry]);
    expect(set.without(Lints::EMPTY.with(Lint::NoJitter)).at_least(Severity::Warning), &[Lint::DeadlineBeforeRetry]);
}

#[test]
fn jitter() {
    let list = [10, 20].map(Millis::new);
    for backoff in [
        Backoff::constant(MS(10)),
        Backoff::exponential(MS(10), MS(100)),
        Backoff::fixed(&list),
        Backoff::decorrelated_jitter(MS(10), MS(10)),
    ] {
        expect(all(backoff).lints(), &[Lint::NoJitter]);
        expect(all(backoff).max_attempts(1).lints(), &[]);
        expect(
            all(Backoff::equal_jitter(MS(10), MS(100))).backoff_for(ErrorClass::Unknown, backoff).lints(),
            &[Lint::NoJitter],
        );
    }
    for backoff in [
        Backoff::full_jitter(MS(10), MS(100)),
        Backoff::full_jitter(MS(1), MS(100)),
        Backoff::equal_jitter(MS(10), MS(100)),
        Backoff::decorrelated_jitter(MS(10), MS(100)),
        Backoff::token_backoff(MS(10), MS(100)),
        Backoff::custom(&by_args(|_, _, _| Millis::new(1))),
    ] {
        expect(all(backoff).lints(), &[]);
    }
}

#[test]
fn delays_of_nothing() {
    let (zeros, once) = ([0, 0].map(Millis::new), [0, 10].map(Millis::new));
    expect(all(Backoff::none()).lints(), &[Lint::NoDelay]);
    expect(all(Backoff::fixed(&zeros)).lints(), &[Lint::NoDelay]);
    expect(all(Backoff::fixed(&once)).lints(), &[Lint::NoJitter]);
    let conflicts =
        Retry::per_class().backoff_for(ErrorClass::Concurrency, Backoff::none()).attempt_timeout(MS(1)).no_deadline();
    expect(conflicts.lints(), &[Lint::NoDelay]);
    expect(conflicts.limit_for(ErrorClass::Concurrency, 0).lints(), &[]);
}

#[test]
fn deadlines() {
    let retry = all(Backoff::equal_jitter(MS(100), MS(800))).max_attempts(3);
    // The first delay is from 100 to 200 ms, the second from 200 to 400 ms.
    expect(retry.deadline(MS(100)).lints(), &[Lint::DeadlineBeforeRetry]);
    expect(retry.deadline(MS(101)).lints(), &[Lint::DeadlineWithinFirstDelay, Lint::AttemptsBeyondDeadline]);
    expect(retry.deadline(MS(200)).lints(), &[Lint::DeadlineWithinFirstDelay, Lint::AttemptsBeyondDeadline]);
    expect(retry.deadline(MS(201)).lints(), &[Lint::AttemptsBeyondDeadline, Lint::MaxBeyondDeadline]);
    expect(retry.deadline(MS(300)).lints(), &[Lint::AttemptsBeyondDeadline, Lint::MaxBeyondDeadline]);
    expect(retry.deadline(MS(301)).lints(), &[Lint::MaxBeyondDeadline]);
    expect(retry.deadline(MS(801)).lints(), &[]);
    expect(
        retry.deadline(MS(199)).limit_for(ErrorClass::Transient, 1).max_attempts(2).lints(),
        &[Lint::DeadlineWithinFirstDelay],
    );
    expect(retry.deadline(MS(100)).max_attempts(1).lints(), &[]);
    expect(all(Backoff::equal_jitter(MS(100), MS(800))).unlimited_attempts().deadline(MS(900)).lints(), &[]);
}

#[test]
fn hints() {
    let retry = SOUND.backoff_for(ErrorClass::RateLimit, Backoff::equal_jitter(SECS(1), SECS(5)));
    expect(retry.lints(), &[Lint::RateLimitIgnoresRetryAfter]);
    expect(SOUND.deadline(SECS(30)).lints(), &[Lint::RetryAfterCapped]);
    let exact = Backoff::equal_jitter(SECS(1), SECS(5)).or_retry_after_jittered(Duration::ZERO);
    expect(SOUND.backoff_for(ErrorClass::RateLimit, exact).lints(), &[Lint::RetryAfterWithoutJitter]);
    let spread = Backoff::equal_jitter(SECS(1), SECS(5)).or_retry_after_jittered(MS(1));
    expect(SOUND.backoff_for(ErrorClass::RateLimit, spread).lints(), &[]);
    let as_is = Backoff::equal_jitter(SECS(1), SECS(5)).or_retry_after_as_is(MS(1));
    expect(SOUND.backoff_for(ErrorClass::RateLimit, as_is).lints(), &[Lint::RetryAfterAsIs]);
    let at_once = Backoff::equal_jitter(SECS(1), SECS(5)).or_retry_after_as_is(Duration::ZERO);
    expect(
        SOUND.unlimited_attempts().backoff_for(ErrorClass::RateLimit, at_once).lints(),
        &[Lint::RetryAfterWithoutJitter, Lint::NoWaitOnZeroHint],
    );
    expect(SOUND.retry_after_cap(Duration::MAX).lints(), &[Lint::RetryAfterWithoutCap]);
    expect(SOUND.retry_after_cap(SECS(86_400)).lints(), &[]);
    expect(SOUND.deadline(SECS(30)).retry_after_cap(Duration::MAX).lints(), &[]);
    let deaf = SOUND.retry_after_cap(Duration::MAX).backoff_for(ErrorClass::RateLimit, Backoff::none());
    assert!(!deaf.lints().contains(Lint::RetryAfterWithoutCap));
    let own = Backoff::custom(&|context: &crate::BackoffContext| context.previous);
    expect(SOUND.backoff_for(ErrorClass::RateLimit, own).lints(), &[]);
}

#[test]
fn limits() {
    expect(SOUND.limit_for(ErrorClass::Transient, 5).lints(), &[]);
    expect(SOUND.limit_for(ErrorClass::Transient, 6).lints(), &[Lint::LimitBeyondAttempts]);
    expect(SOUND.limit_for(ErrorClass::Auth, 1).lints(), &[]);
    expect(SOUND.limit_for(ErrorClass::Auth, 6).lints(), &[Lint::LimitBeyondAttempts]);
    expect(SOUND.limit_for(ErrorClass::Transient, 254).unlimited_attempts().lints(), &[]);
    expect(SOUND.no_unknown_cap().lints(), &[Lint::UnknownWithoutCap]);
    expect(SOUND.no_unknown_cap().limit_for(ErrorClass::Unknown, 3).lints(), &[]);
    expect(SOUND.no_unknown_cap().max_attempts(1).lints(), &[]);
    expect(
        SOUND.deadline(SECS(20)).attempt_timeout(SECS(20)).lints(),
        &[Lint::RetryAfterCapped, Lint::TimeoutReachesDeadline],
    );
    expect(SOUND.deadline(SECS(20)).attempt_timeout(SECS(19)).lints(), &[Lint::RetryAfterCapped]);
    expect(SOUND.attempt_timeout(SECS(20)).lints(), &[]);
}

#[test]
fn attempts_that_hang() {
    let retry = Retry::new(Backoff::equal_jitter(MS(100), SECS(5))).limit_for(ErrorClass::RateLimit, 0);
    expect(retry.lints(), &[Lint::HangUsesDeadline]);
    expect(retry.max_attempts(1).lints(), &[]);
    expect(retry.attempt_timeout(SECS(5)).lints(), &[]);
    expect(retry.no_deadline().lints(), &[Lint::AttemptNeverEnds]);
    expect(retry.no_deadline().max_attempts(1).lints(), &[Lint::AttemptNeverEnds]);
    expect(retry.no_deadline().attempt_timeout(SECS(5)).lints(), &[]);
}

#[test]
fn lints_of_one_class_are_its_own() {
    let retry = SOUND.backoff_for(ErrorClass::Concurrency, Backoff::none()).limit_for(ErrorClass::Transient, 9);
    expect(retry.lints_for(ErrorClass::Concurrency), &[Lint::NoDelay]);
    expect(retry.lints_for(ErrorClass::Transient), &[Lint::LimitBeyondAttempts]);
    expect(retry.lints_for(ErrorClass::Auth), &[]);
    expect(retry.lints(), &[Lint::NoDelay, Lint::LimitBeyondAttempts]);
}

#[test]
fn breakers_and_budgets_there_or_not() {
    let breaker = CircuitBreaker::<4>::new(BREAKER);
    let budget = Budget::<0>::new(BudgetConfig::token_bucket(10));
    let policy = Policy::new(SOUND.max_attempts(2));
    expect(policy.lints(), &[Lint::NoBudget]);
    expect(policy.circuit_breaker(&breaker).lints(), &[Lint::NoBudget]);
    expect(policy.budget(&budget).lints(), &[]);
    expect(ONE_ATTEMPT.lints(), &[]);

    let policy = Policy::new(SOUND.unlimited_attempts());
    expect(policy.lints(), &[Lint::UnlimitedWithoutBreaker, Lint::NoBudget]);
    expect(policy.budget(&budget).lints(), &[Lint::UnlimitedWithoutBreaker]);
    expect(policy.circuit_breaker(&breaker).lints(), &[Lint::BreakerNeverTold, Lint::NoBudget]);
    expect(policy.circuit_breaker(&breaker).budget(&budget).lints(), &[]);
    let limited =
        ErrorClass::ALL.into_iter().fold(SOUND.unlimited_attempts(), |retry, class| retry.limit_for(class, 9));
    expect(Policy::new(limited).circuit_breaker(&breaker).lints(), &[Lint::NoBudget]);
}

#[test]
fn breakers() {
    let retry = Retry::new(Backoff::none()).deadline(SECS(30));
    expect(BREAKER.lints(&retry), &[]);
    expect(BREAKER.trip_on(ClassSet::EMPTY).lints(&retry), &[Lint::BreakerNeverTrips]);
    expect(BREAKER.trip_on(ClassSet::EMPTY).threshold_for(ErrorClass::Unknown, 2).lints(&retry), &[]);
    for class in [ErrorClass::Auth, ErrorClass::Permission, ErrorClass::Permanent] {
        expect(BREAKER.trip_on(ClassSet::of(&[class])).lints(&retry), &[Lint::BreakerTripsOnAnswers]);
        expect(BREAKER.threshold_for(class, 2).lints(&retry), &[Lint::BreakerTripsOnAnswers]);
    }
    expect(BREAKER.probe_lease(MS(29_999)).lints(&retry), &[Lint::LeaseBelowDeadline]);
    expect(BREAKER.probe_lease(SECS(30)).lints(&retry), &[]);
    expect(BREAKER.window(MS(29_999)).lints(&retry), &[Lint::WindowBelowDeadline]);
    expect(BREAKER.window(SECS(30)).lints(&retry), &[]);
    expect(BreakerConfig::new(1).window(SECS(1)).lints(&retry), &[]);
    expect(BREAKER.window(SECS(1)).probe_lease(SECS(1)).lints(&retry.no_deadline()), &[]);
}

#[test]
fn budgets() {
    let retry = Retry::new(Backoff::none()).max_attempts(4);
    expect(BudgetConfig::DEFAULT.lints(&Retry::new(Backoff::none())), &[]);
    expect(BudgetConfig::rolling(3, SECS(1)).lints(&retry), &[]);
    expect(BudgetConfig::rolling(2, SECS(1)).lints(&retry), &[Lint::BudgetBelowOneCall]);
    expect(BudgetConfig::rolling(2, SECS(1)).lints(&retry.unlimited_attempts()), &[]);
    expect(BudgetConfig::rolling(0, SECS(1)).lints(&retry), &[Lint::BudgetRunsDry]);
    expect(BudgetConfig::token_bucket(3).lints(&retry), &[]);
    let ratio = BudgetConfig::ratio(20, SECS(1));
    expect(ratio.min_per_second(3).lints(&retry), &[]);
    expect(ratio.min_per_second(2).lints(&retry), &[Lint::BudgetBelowOneCall]);
    expect(BudgetConfig::ratio(0, SECS(1)).lints(&retry), &[Lint::BudgetRunsDry]);
    expect(BudgetConfig::ratio(0, SECS(10)).min_per_second(1).lints(&retry), &[]);
    expect(BudgetConfig::token_bucket(2).lints(&retry), &[Lint::BudgetBelowOneCall]);
    expect(BudgetConfig::token_bucket(3).refill_per_success(0).lints(&retry), &[Lint::BudgetRunsDry]);
    expect(BudgetConfig::token_bucket(3).refill_per_success(0).refill_per_second(1).lints(&retry), &[]);
}
