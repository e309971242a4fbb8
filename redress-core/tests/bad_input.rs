//! Configuration and input that makes no sense gets an answer which names the field and its bounds: an error from the
//! `try_` constructor, the same words in the panic of the other.
#![expect(clippy::items_after_statements, reason = "an item stands where its test uses it")]

use std::{panic::catch_unwind, time::Duration};

use redress_core::{
    Attempts, Backoff, BreakerConfig, Budget, BudgetConfig, Checkpoint, CheckpointError, CircuitBreaker, ClassSet,
    Classification, ConfigError, ErrorClass, Instant, Millis, Policy, Retry, StopReason,
    breaker::{RateBreaker, RateConfig},
    classify::{
        http,
        retry_after::{UnixSeconds, parse},
    },
    testing::TestEnv,
};

const ZERO: Duration = Duration::ZERO;
const SECOND: Duration = Duration::from_secs(1);
const TOO_LONG: Duration = Duration::from_secs(12 * 3_600 + 1);

/// Both ways to the same configuration: the error says these words, and so does the panic.
macro_rules! refused {
    ($($tried:expr, $new:expr => $error:ident, $words:expr;)*) => {$({
        let error = $tried.err().expect(concat!("accepted: ", stringify!($tried)));
        assert_eq!(error, ConfigError::$error, "{}", stringify!($tried));
        let words: &[&str] = &$words;
        for word in words {
            assert!(error.message().contains(word), "{:?} does not say {word:?}", error.message());
        }
        assert_eq!(error.to_string(), error.message());
        let (field, bounds) = error.message().split_once(": ").expect("field: bounds");
        assert_eq!(error.field(), field);
        assert!(!bounds.is_empty());
        let panic = catch_unwind(|| _ = $new).expect_err(concat!("no panic: ", stringify!($new)));
        let panic = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        assert_eq!(panic, Some(error.message()));
    })*};
}

fn retry() -> Retry<'static> {
    Retry::new(Backoff::none())
}

#[test]
fn a_policy_that_contradicts_itself() {
    let own = |class| Retry::per_class().backoff_for(class, Backoff::none());
    refused! {
        Policy::try_new(retry().max_attempts(0)), Policy::new(retry().max_attempts(0))
            => ZeroAttempts, ["max_attempts", "at least 1"];
        Policy::try_new(retry().deadline(ZERO)), Policy::new(retry().deadline(ZERO))
            => ZeroDeadline, ["deadline", "at least 1 ms"];
        Policy::try_new(retry().attempt_timeout(ZERO)), Policy::new(retry().attempt_timeout(ZERO))
            => ZeroAttemptTimeout, ["attempt_timeout", "at least 1 ms"];
        Policy::try_new(retry().retry_after_cap(ZERO)), Policy::new(retry().retry_after_cap(ZERO))
            => ZeroRetryAfterCap, ["retry_after_cap", "at least 1 ms"];
        Policy::try_new(Retry::per_class()), Policy::new(Retry::per_class())
            => NoBackoff, ["backoff", "at least one class"];
        // A backoff of a class without a backoff of its own is no backoff.
        Policy::try_new(own(ErrorClass::Permanent)), Policy::new(own(ErrorClass::Auth))
            => NoBackoff, ["backoff"];
    }
    assert!(Policy::try_new(own(ErrorClass::RateLimit)).is_ok());
    assert!(Policy::try_new(retry().max_attempts(1).deadline(Duration::from_nanos(1))).is_ok());
}

/// A class without backoff, where others have one, is no contradiction: its failures are not retried.
#[test]
fn a_class_without_a_backoff_anywhere() {
    let policy = Policy::new(Retry::per_class().backoff_for(ErrorClass::Transient, Backoff::none()));
    let outcome = policy.context(TestEnv::new()).execute(|| Err::<(), _>(ErrorClass::ServerError));
    assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::NoStrategy), 1));
}

#[test]
fn a_backoff_that_contradicts_itself() {
    let short = Duration::from_millis(999);
    refused! {
        Backoff::try_exponential(SECOND, short), Backoff::exponential(SECOND, short) => BaseAboveMax, ["base", "at most max"];
        Backoff::try_full_jitter(SECOND, short), Backoff::full_jitter(SECOND, short) => BaseAboveMax, ["base", "max"];
        Backoff::try_equal_jitter(SECOND, short), Backoff::equal_jitter(SECOND, short) => BaseAboveMax, ["base", "max"];
        Backoff::try_decorrelated_jitter(SECOND, short), Backoff::decorrelated_jitter(SECOND, short)
            => BaseAboveMax, ["base", "max"];
        Backoff::try_token_backoff(SECOND, short), Backoff::token_backoff(SECOND, short) => BaseAboveMax, ["base", "max"];
        Backoff::try_exponential(ZERO, SECOND), Backoff::exponential(ZERO, SECOND) => ZeroBase, ["base", "at least 1 ms"];
        Backoff::try_full_jitter(ZERO, ZERO), Backoff::full_jitter(ZERO, ZERO) => ZeroBase, ["base", "at least 1 ms"];
        Backoff::try_fixed(&[]), Backoff::fixed(&[]) => NoDelays, ["delays", "at least one"];
    }
    let above = Duration::from_millis(3_600_001);
    refused! {
        Backoff::none().try_or_retry_after_jittered(above), Backoff::none().or_retry_after_jittered(above)
            => JitterTooLong, ["retry_after_jitter", "at most 1 hour"];
        Backoff::none().try_or_retry_after_jittered(Duration::MAX), Backoff::none().or_retry_after_jittered(Duration::MAX)
            => JitterTooLong, ["retry_after_jitter"];
        Backoff::none().try_or_retry_after_as_is(above), Backoff::none().or_retry_after_as_is(above)
            => JitterTooLong, ["retry_after_jitter"];
    }
    assert!(Backoff::none().try_or_retry_after_jittered(Duration::from_secs(3_600)).is_ok());
    assert!(Backoff::try_exponential(SECOND, SECOND).is_ok());
    // What is no whole millisecond is rounded up, on both sides.
    assert!(Backoff::try_exponential(Duration::from_nanos(1), Duration::from_nanos(1)).is_ok());
    assert!(Backoff::try_exponential(SECOND, Duration::MAX).is_ok());
}

/// A rate breaker of 4 buckets with this configuration.
macro_rules! rates_refused {
    ($($config:expr => $error:ident, $words:expr;)*) => {$({
        static TRIED: RateConfig = $config;
        refused! { RateBreaker::<4>::try_new(&TRIED), RateBreaker::<4>::new(&TRIED) => $error, $words; }
    })*};
}

#[test]
fn a_rate_breaker_that_contradicts_itself() {
    const CONFIG: RateConfig = RateConfig::new(50);
    const MINUTE: Duration = Duration::from_secs(60);
    static SOUND: RateConfig = CONFIG;
    refused! {
        RateBreaker::<0>::try_new(&SOUND), RateBreaker::<0>::new(&SOUND) => BucketsOutOfRange, ["buckets", "1 to 255"];
        RateBreaker::<256>::try_new(&SOUND), RateBreaker::<256>::new(&SOUND) => BucketsOutOfRange, ["buckets"];
    }
    assert!(RateBreaker::<255>::try_new(&SOUND).is_ok());
    rates_refused! {
        RateConfig::new(0) => RateOutOfRange, ["failure_rate", "1 to 100"];
        RateConfig::new(101) => RateOutOfRange, ["failure_rate"];
        CONFIG.slow_calls(SECOND, 0) => RateOutOfRange, ["slow_calls", "1 to 100"];
        CONFIG.slow_calls(ZERO, 50) => RateOutOfRange, ["slow_calls", "at least 1 ms"];
        CONFIG.minimum_calls(0) => ZeroMinimumCalls, ["minimum_calls", "failure_count"];
        CONFIG.failure_count(0) => ZeroFailureCount, ["failure_count", "from 1"];
        CONFIG.window(ZERO) => WindowOutOfRange, ["window"];
        CONFIG.window_of_calls(3).minimum_calls(1) => WindowOfCallsTooShort, ["window_of_calls", "number of buckets"];
        CONFIG.window_of_calls(24) => WindowOfCallsTooShort, ["window_of_calls", "minimum_calls smaller"];
        CONFIG.recovery_timeout(ZERO) => RecoveryTimeoutOutOfRange, ["recovery_timeout"];
        CONFIG.growing_timeout(SECOND, SECOND) => GrowingTimeoutOutOfRange, ["growing_timeout", "from recovery_timeout"];
        CONFIG.growing_timeout(MINUTE, ZERO) => GrowingTimeoutOutOfRange, ["healthy_after", "from 1 ms"];
        CONFIG.growing_timeout(ZERO, MINUTE) => GrowingTimeoutOutOfRange, ["growing_timeout"];
        CONFIG.jitter(101) => JitterAboveAll, ["jitter", "100 percent"];
        CONFIG.probes(16) => ProbesOutOfRange, ["probes"];
        CONFIG.probe_rate(0) => ProbeRateOutOfRange, ["probe_rate", "1 to 100"];
        CONFIG.progressive(ZERO) => ProgressiveOutOfRange, ["progressive", "1 ms to 1 hour"];
        CONFIG.progressive(MINUTE.saturating_mul(61)) => ProgressiveOutOfRange, ["progressive"];
        CONFIG.abandoned_calls(ZERO, ErrorClass::Transient) => AbandonedOutOfRange, ["abandoned_calls", "1 ms"];
        CONFIG.abandoned_calls(SECOND, ErrorClass::Auth) => AbandonedOutOfRange, ["abandoned_calls", "trip_on"];
        CONFIG.neutral(SERVER_ERROR) => NeutralTrips, ["neutral"];
        CONFIG.buckets(0) => BucketsOutOfRange, ["buckets", "1 to 255"];
        CONFIG.buckets(5) => BucketsOutOfRange, ["buckets", "at most those of the breaker"];
        CONFIG.window_of_calls(3).minimum_calls(1).buckets(4) => WindowOfCallsTooShort, ["window_of_calls"];
    }
    static FEW: RateConfig = CONFIG.window_of_calls(3).minimum_calls(3).buckets(3);
    assert!(RateBreaker::<4>::try_new(&FEW).is_ok());
    static LONG: RateConfig = CONFIG.window_of_calls(28);
    assert!(RateBreaker::<4>::try_new(&LONG).is_ok());
}

/// A policy in a file is refused with this error, which only the reader of files returns: see `file_rate_breaker.rs` of
/// redress-std. Its words are those of the others.
#[test]
fn a_policy_with_a_breaker_of_both_kinds() {
    let error = ConfigError::TwoBreakers;
    assert_eq!((error.field(), error.to_string().as_str()), ("breaker, rate_breaker", error.message()));
    assert!(error.message().contains("leave one of them out"));
}

const SERVER_ERROR: ClassSet = ClassSet::of(&[ErrorClass::ServerError]);

#[test]
fn a_breaker_that_contradicts_itself() {
    let config = BreakerConfig::new(4);
    let own = |threshold| config.threshold_for(ErrorClass::RateLimit, threshold);
    refused! {
        CircuitBreaker::<4>::try_new(BreakerConfig::new(0)), CircuitBreaker::<4>::new(BreakerConfig::new(0))
            => ZeroThreshold, ["failure_threshold", "at least 1"];
        CircuitBreaker::<8>::try_new(own(0)), CircuitBreaker::<8>::new(own(0)) => ZeroThreshold, ["threshold_for", "at least 1"];
        CircuitBreaker::<3>::try_new(config), CircuitBreaker::<3>::new(config)
            => ThresholdAboveCapacity, ["failure_threshold", "at most the window's capacity"];
        CircuitBreaker::<4>::try_new(own(2)), CircuitBreaker::<4>::new(own(2)) => ThresholdAboveCapacity, ["capacity"];
        CircuitBreaker::<4>::try_new(config.window(ZERO)), CircuitBreaker::<4>::new(config.window(ZERO))
            => WindowOutOfRange, ["window", "1 ms to 12 hours"];
        CircuitBreaker::<4>::try_new(config.window(TOO_LONG)), CircuitBreaker::<4>::new(config.window(TOO_LONG))
            => WindowOutOfRange, ["window"];
        CircuitBreaker::<4>::try_new(config.recovery_timeout(ZERO)), CircuitBreaker::<4>::new(config.recovery_timeout(ZERO))
            => RecoveryTimeoutOutOfRange, ["recovery_timeout", "from 1 ms to 24 days"];
        CircuitBreaker::<4>::try_new(config.neutral(SERVER_ERROR)), CircuitBreaker::<4>::new(config.neutral(SERVER_ERROR))
            => NeutralTrips, ["neutral", "trip_on and threshold_for"];
        CircuitBreaker::<4>::try_new(config.probes(0)), CircuitBreaker::<4>::new(config.probes(0))
            => ProbesOutOfRange, ["probes", "1 to 15"];
        CircuitBreaker::<4>::try_new(config.probes(16)), CircuitBreaker::<4>::new(config.probes(16))
            => ProbesOutOfRange, ["probes"];
        CircuitBreaker::<4>::try_new(config.probe_lease(ZERO)), CircuitBreaker::<4>::new(config.probe_lease(ZERO))
            => ProbeLeaseOutOfRange, ["probe_lease", "from 1 ms to 24 days"];
    }
    assert!(CircuitBreaker::<4>::try_new(config.probes(15).window(Duration::from_secs(12 * 3_600))).is_ok());
    assert!(CircuitBreaker::<5>::try_new(own(2)).is_ok());
    // The largest thresholds there are overflow nothing.
    let mut huge = BreakerConfig::new(u8::MAX);
    for class in ErrorClass::ALL {
        huge = huge.threshold_for(class, u8::MAX);
    }
    assert_eq!(CircuitBreaker::<8>::try_new(huge).err(), Some(ConfigError::ThresholdAboveCapacity));
    assert!(CircuitBreaker::<2_287>::try_new(huge).is_ok());
}

#[test]
fn a_budget_that_contradicts_itself() {
    let rolling = BudgetConfig::rolling(5, SECOND);
    let bucket = BudgetConfig::token_bucket(10);
    let none = BudgetConfig::rolling(5, ZERO);
    let long = BudgetConfig::rolling(5, TOO_LONG);
    refused! {
        Budget::<4>::try_new(rolling), Budget::<4>::new(rolling) => RetriesAboveCapacity, ["max_retries", "capacity"];
        Budget::<8>::try_new(none), Budget::<8>::new(none) => WindowOutOfRange, ["window", "1 ms to 12 hours"];
        Budget::<8>::try_new(long), Budget::<8>::new(long) => WindowOutOfRange, ["window"];
        Budget::<0>::try_new(BudgetConfig::token_bucket(0)), Budget::<0>::new(BudgetConfig::token_bucket(0))
            => BucketOutOfRange, ["capacity", "1 to 4000"];
        Budget::<0>::try_new(BudgetConfig::token_bucket(4_001)), Budget::<0>::new(BudgetConfig::token_bucket(4_001))
            => BucketOutOfRange, ["capacity"];
        Budget::<0>::try_new(bucket.initial(11)), Budget::<0>::new(bucket.initial(11))
            => InitialAboveCapacity, ["initial", "at most the capacity"];
        Budget::<0>::try_new(bucket.refill_per_success(10_001)), Budget::<0>::new(bucket.refill_per_success(10_001))
            => RefillAboveCapacity, ["refill_per_success", "at most the capacity"];
        Budget::<0>::try_new(bucket.refill_per_second(u32::MAX)), Budget::<0>::new(bucket.refill_per_second(u32::MAX))
            => RefillAboveCapacity, ["refill_per_second"];
    }
    let ratio = BudgetConfig::ratio(20, SECOND);
    let (over, never, always) =
        (BudgetConfig::ratio(101, SECOND), BudgetConfig::ratio(20, ZERO), BudgetConfig::ratio(20, TOO_LONG));
    let most = BudgetConfig::ratio(20, Duration::from_secs(40)).min_per_second(50_000);
    let more = BudgetConfig::ratio(20, Duration::from_secs(40)).min_per_second(50_001);
    refused! {
        Budget::<0>::try_new(ratio), Budget::<0>::new(ratio) => NoSlots, ["slots", "Budget<10>"];
        Budget::<1>::try_new(over), Budget::<1>::new(over) => PercentOutOfRange, ["percent", "0 to 100"];
        Budget::<1>::try_new(never), Budget::<1>::new(never) => WindowOutOfRange, ["window"];
        Budget::<1>::try_new(always), Budget::<1>::new(always) => WindowOutOfRange, ["window"];
        Budget::<1>::try_new(more), Budget::<1>::new(more) => MinPerSecondOutOfRange, ["min_per_second", "2000000"];
    }
    for config in [ratio, most, BudgetConfig::ratio(0, SECOND), BudgetConfig::ratio(100, SECOND)] {
        assert!(Budget::<1>::try_new(config).is_ok());
    }
    assert!(Budget::<5>::try_new(rolling).is_ok());
    assert!(Budget::<0>::try_new(BudgetConfig::rolling(0, SECOND)).is_ok());
    assert!(Budget::<0>::try_new(BudgetConfig::token_bucket(4_000).refill_per_second(4_000_000)).is_ok());
}

/// A policy decides the same for ever as it did when it was made: bad spans do not wait for the first failure.
#[test]
fn spans_that_are_too_long_saturate() {
    let policy = Policy::new(Retry::new(Backoff::constant(Duration::MAX)).deadline(Duration::MAX));
    let mut attempts = Attempts::<1_000_000_000>::start(&policy, Instant::from_ticks(u64::MAX)).unwrap();
    let now = Instant::from_ticks(u64::MAX);
    assert!(matches!(
        attempts.on_failure(now, ErrorClass::Transient, || u32::MAX),
        redress_core::Decision::Stop(StopReason::DeadlineExceeded)
    ));
}

// ---- Checkpoints --------------------------------------------------------------------------------------------------

fn checkpoint(policy: &Policy<'_>) -> Checkpoint {
    let mut attempts = Attempts::<1_000>::start(policy, Instant::ZERO).unwrap();
    let _ = attempts.on_failure(Instant::from_ticks(5), ErrorClass::Transient, || 1);
    attempts.suspend(Instant::from_ticks(6))
}

#[test]
fn a_checkpoint_of_another_version_or_of_another_length() {
    let bytes = checkpoint(&Policy::new(retry())).to_bytes();
    for version in (0..=u8::MAX >> 2).filter(|version| *version != bytes[0] >> 2) {
        let mut other = bytes;
        other[0] = version << 2 | bytes[0] & 3;
        let error = Checkpoint::from_bytes(&other).unwrap_err();
        assert_eq!(error, CheckpointError::Version);
        assert!(error.to_string().contains("version"));
    }
    for length in (0..100).filter(|length| *length != bytes.len()) {
        let error = Checkpoint::from_bytes(&vec![bytes[0]; length]).unwrap_err();
        assert_eq!(error, CheckpointError::Length);
        assert!(error.to_string().contains("32 bytes"));
    }
    assert_eq!(Checkpoint::from_bytes(&[0xFF; 32]), Err(CheckpointError::Version));
    assert_eq!(Checkpoint::from_bytes(&[0; 32]), Err(CheckpointError::Version));
}

#[test]
fn a_checkpoint_of_another_policy() {
    const MS: Duration = Duration::from_millis(1);
    static FIXED: [Millis; 2] = [Millis::new(1), Millis::new(2)];
    static OTHER: [Millis; 2] = [Millis::new(1), Millis::new(3)];

    let base = Retry::new(Backoff::exponential(MS, SECOND));
    let all = [
        base,
        base.max_attempts(5),
        base.deadline(SECOND),
        base.no_deadline(),
        base.max_unknown(2),
        base.limit_for(ErrorClass::Transient, 2),
        base.limit_for(ErrorClass::Permanent, 0),
        base.backoff_for(ErrorClass::RateLimit, Backoff::none()),
        base.backoff_for(ErrorClass::Transient, Backoff::none()),
        Retry::new(Backoff::exponential(MS, SECOND).or_retry_after()),
        Retry::new(Backoff::exponential(MS, SECOND).or_retry_after_jittered(MS)),
        Retry::new(Backoff::exponential(MS, SECOND).or_retry_after_as_is(MS)),
        Retry::new(Backoff::exponential(MS * 2, SECOND)),
        Retry::new(Backoff::exponential(MS, SECOND * 2)),
        Retry::new(Backoff::full_jitter(MS, SECOND)),
        Retry::new(Backoff::equal_jitter(MS, SECOND)),
        Retry::new(Backoff::decorrelated_jitter(MS, SECOND)),
        Retry::new(Backoff::token_backoff(MS, SECOND)),
        Retry::new(Backoff::constant(MS)),
        Retry::new(Backoff::none()),
        Retry::new(Backoff::fixed(&FIXED)),
        Retry::new(Backoff::fixed(&OTHER)),
    ]
    .map(Policy::new);
    for (written, policy) in all.iter().enumerate() {
        let checkpoint = Checkpoint::from_bytes(&checkpoint(policy).to_bytes()).unwrap();
        for (read, other) in all.iter().enumerate() {
            let resumed = Attempts::<1_000>::resume(other, &checkpoint, Millis::ZERO, Instant::ZERO);
            if read == written {
                assert!(resumed.is_ok());
            } else {
                assert_eq!(resumed.err(), Some(CheckpointError::OtherPolicy), "{written} resumed as {read}");
                let refused = other.context(TestEnv::new()).resume(&checkpoint, Millis::ZERO).err();
                assert_eq!(refused, Some(CheckpointError::OtherPolicy));
            }
        }
    }
    assert!(CheckpointError::OtherPolicy.to_string().contains("another policy"));
}

// ---- Retry-After --------------------------------------------------------------------------------------------------

#[test]
fn a_retry_after_header_of_junk_or_negative_or_huge_or_of_a_date_in_the_past() {
    let now = Some(UnixSeconds::new(1_772_600_767)); // 2026-03-04T05:06:07Z
    for junk in [
        &b""[..],
        b" ",
        b"soon",
        b"-1",
        b"+1",
        b"1.",
        b".5",
        b"1.5.0",
        b"1e3",
        b"0x10",
        b"12 s",
        b"\xFF\xFE",
        b"\0",
        b"NaN",
        b"inf",
        b"Wed, 04 Mar 2026 05:06:37",
        b"Wed, 31 Feb 2026 05:06:37 GMT",
        b"Wed, 04 Mar 2026 25:06:37 GMT",
        b"Wed, 04 Mar -026 05:06:37 GMT",
        b"2026-03-04T05:06:37Z",
    ] {
        assert_eq!(parse(junk, now), None, "{:?}", String::from_utf8_lossy(junk));
        // The failure stays a failure, and its class what it was.
        let busy = http::status_with_retry_after(503, Some(junk), now).unwrap();
        assert_eq!(busy, http::status(503).unwrap());
    }
    assert_eq!(parse(&[b'9'; 1_000], now), Some(Millis::MAX));
    assert_eq!(parse(b"4294967296", now), Some(Millis::MAX));
    assert_eq!(parse(b"18446744073709551616", now), Some(Millis::MAX));
    assert_eq!(parse(b"18446744073709551616.1", now), Some(Millis::MAX));
    assert_eq!(parse(b"Fri, 31 Dec 9999 23:59:59 GMT", now), Some(Millis::MAX));
    for past in
        [&b"Wed, 04 Mar 2026 05:06:06 GMT"[..], b"Thu, 01 Jan 1970 00:00:00 GMT", b"Sat, 01 Jan 0000 00:00:00 GMT"]
    {
        assert_eq!(parse(past, now), Some(Millis::ZERO), "{:?}", String::from_utf8_lossy(past));
    }
    assert_eq!(parse(b"Wed, 04 Mar 2026 05:06:37 GMT", None), None, "a date without a clock");
}

/// The longest hint there is neither overflows nor wraps to a short wait.
#[test]
fn a_huge_hint_ends_the_call_and_is_reported() {
    let huge = Classification::new(ErrorClass::RateLimit).retry_after(Millis::MAX);
    for backoff in
        [Backoff::none().or_retry_after(), Backoff::none().or_retry_after_jittered(Duration::from_secs(3_600))]
    {
        let policy = Policy::new(Retry::new(backoff));
        let outcome = policy.context(TestEnv::new()).execute(|| Err::<(), _>(huge));
        assert_eq!(outcome.stop_reason, Some(StopReason::RetryAfterTooLong));
        assert_eq!((outcome.attempts, outcome.next_delay), (1, Some(Millis::MAX)));
        // Without a cap it is the deadline that stops the call.
        let policy = Policy::new(Retry::new(backoff).retry_after_cap(Duration::MAX));
        let outcome = policy.context(TestEnv::new()).execute(|| Err::<(), _>(huge));
        assert_eq!(outcome.stop_reason, Some(StopReason::DeadlineExceeded));
        assert_eq!((outcome.attempts, outcome.next_delay), (1, Some(Millis::MAX)));
    }
}
