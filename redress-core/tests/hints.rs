//! What a server's hint can do to a call, and what it cannot.

use std::{cell::RefCell, time::Duration};

use redress_core::{
    Attempts, Backoff, BreakerConfig, BreakerState, CircuitBreaker, Classification, Classify, Decision, ErrorClass,
    Event, EventKind, Instant, Millis, Policy, Retry, StopReason, testing::TestEnv,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn asks(millis: u32) -> Classification {
    Classification::new(ErrorClass::RateLimit).retry_after(Millis::new(millis))
}

/// The sleeps of a call whose attempts all fail with these hints, the last again and again.
fn sleeps(retry: Retry<'_>, seed: u32, hints: &[Classification]) -> Vec<u32> {
    let policy = Policy::new(retry);
    let mut context = policy.context(TestEnv::seeded(seed.into()));
    let mut attempt = 0;
    let _ = context.call(|| {
        attempt += 1;
        Err::<(), _>(hints[(attempt - 1).min(hints.len() - 1)])
    });
    context.env().sleeps().map(Millis::get).collect()
}

fn retry(backoff: Backoff<'_>) -> Retry<'_> {
    Retry::new(backoff).max_attempts(9).no_deadline()
}

fn formulas() -> [Backoff<'static>; 6] {
    static DELAYS: [Millis; 3] = [Millis::new(1_000), Millis::new(2_000), Millis::new(5_000)];
    [
        Backoff::constant(SECOND),
        Backoff::fixed(&DELAYS),
        Backoff::exponential(SECOND, MINUTE),
        Backoff::equal_jitter(SECOND, MINUTE),
        Backoff::decorrelated_jitter(SECOND, MINUTE),
        Backoff::token_backoff(SECOND * 2, MINUTE),
    ]
}

/// Zero, a millisecond, and just less than the first delay: the backoff waits and grows as without a hint.
#[test]
fn a_hint_below_the_backoff_changes_nothing() {
    for backoff in formulas() {
        for hint in [0, 1, 999] {
            for seed in 0..20 {
                let plain = sleeps(retry(backoff), seed, &[ErrorClass::RateLimit.into()]);
                for following in [backoff.or_retry_after(), backoff.or_retry_after_jittered(MINUTE)] {
                    assert_eq!(sleeps(retry(following), seed, &[asks(hint)]), plain, "{following:?}, {hint} ms");
                }
            }
        }
    }
}

/// No hint, and no sequence of hints, leads to a wait below that of the backoff or below the hint.
#[test]
fn no_server_can_configure_a_hot_loop() {
    let hints = [0, 1, 999, 1_000, 1_001, 30_000, 0, 0].map(asks);
    for backoff in formulas() {
        for seed in 0..50 {
            let sleeps = sleeps(retry(backoff.or_retry_after()), seed, &hints);
            assert_eq!(sleeps.len(), 8);
            for (sleep, hint) in sleeps.iter().zip(hints) {
                assert!(*sleep >= hint.hint().unwrap().get().max(1_000), "{backoff:?}: {sleeps:?}");
            }
        }
    }
}

/// A server that says 0 on every 429 gets at most 3 attempts in 2 s.
#[test]
fn zero_on_every_answer_is_no_storm() {
    let policy = Policy::new(Retry::new(Backoff::equal_jitter(SECOND, MINUTE).or_retry_after()).unlimited_attempts());
    for seed in 0..200 {
        let mut context = policy.context(TestEnv::seeded(seed));
        let _ = context.call(|| Err::<(), _>(asks(0)));
        // The first attempt, and those before which no more than 2 s were waited.
        let starts = context.env().sleeps().scan(0, |sum, sleep| {
            *sum += sleep.get();
            Some(*sum)
        });
        let early = 1 + starts.filter(|start| *start <= 2_000).count();
        assert!(early <= 3, "{early} attempts within 2 s");
    }
}

/// Decorrelated jitter goes on from a delay that a hint made longer, and does not begin anew after a short hint.
#[test]
fn decorrelated_jitter_grows_through_short_hints() {
    let backoff = Backoff::decorrelated_jitter(Duration::from_millis(100), MINUTE).or_retry_after();
    let longest = |hints: &[Classification]| (0..100).map(|seed| sleeps(retry(backoff), seed, hints)[7]).max().unwrap();
    assert!(longest(&[asks(0)]) > 30_000);
    let after_long = (0..100).map(|seed| sleeps(retry(backoff), seed, &[asks(20_000), asks(0)])[1]).max().unwrap();
    assert!(after_long > 30_000, "grows from the wait that was made: {after_long}");
}

/// The jitter is as long as the hint, at least 250 ms, and spreads over all of it.
#[test]
fn jitter_on_a_hint_is_as_long_as_the_hint() {
    for (hint, jitter) in [(60_000, 60_000), (1_000, 1_000), (100, 250), (1, 250)] {
        let backoff = Backoff::none().or_retry_after();
        let drawn: Vec<u32> = (0..400).map(|seed| sleeps(retry(backoff), seed, &[asks(hint)])[0]).collect();
        let (least, most) = (*drawn.iter().min().unwrap(), *drawn.iter().max().unwrap());
        assert!(least >= hint && most <= hint + jitter, "{hint}: {least} to {most}");
        assert!(least < hint + jitter / 20 && most > hint + jitter / 20 * 19, "{hint}: {least} to {most}");
    }
}

/// Jitter ends before the deadline, so that chance does not decide whether a hint is followed.
#[test]
fn jitter_ends_before_the_deadline() {
    for backoff in [Backoff::none().or_retry_after(), Backoff::none().or_retry_after_jittered(MINUTE)] {
        for seed in 0..100 {
            let retry = Retry::new(backoff).max_attempts(2).deadline(MINUTE);
            let [slept] = sleeps(retry, seed, &[asks(40_000)])[..] else { panic!("not followed") };
            assert!((40_000..60_000).contains(&slept), "{slept}");
        }
        // To the last millisecond.
        assert_eq!(sleeps(Retry::new(backoff).max_attempts(2).deadline(MINUTE), 1, &[asks(59_999)]), [59_999]);
    }
}

fn stopped(retry: Retry<'_>, hint: u32) -> (Option<StopReason>, Option<u32>) {
    let policy = Policy::new(retry.max_attempts(2));
    let outcome = policy.context(TestEnv::new()).execute(|| Err::<(), _>(asks(hint)));
    (outcome.stop_reason, outcome.next_delay.map(Millis::get))
}

/// An hour without a deadline, the deadline where there is one, the cap where it is configured.
#[test]
fn a_hint_beyond_the_cap_ends_the_call_and_is_named() {
    const HOUR: u32 = 3_600_000;
    let exact = Backoff::none().or_retry_after_jittered(Duration::ZERO);
    let too_long = |hint| (Some(StopReason::RetryAfterTooLong), Some(hint));
    let waited = (Some(StopReason::MaxAttemptsGlobal), None);

    let endless = Retry::new(exact).no_deadline();
    assert_eq!(stopped(endless, HOUR), waited);
    assert_eq!(stopped(endless, HOUR + 1), too_long(HOUR + 1));
    assert_eq!(stopped(endless, u32::MAX), too_long(u32::MAX));

    let minute = Retry::new(exact).deadline(MINUTE);
    assert_eq!(stopped(minute, 59_999), waited);
    assert_eq!(stopped(minute, 60_000), (Some(StopReason::DeadlineExceeded), Some(60_000)));
    assert_eq!(stopped(minute, 60_001), too_long(60_001));

    let capped = minute.retry_after_cap(SECOND);
    assert_eq!(stopped(capped, 1_000), waited);
    assert_eq!(stopped(capped, 1_001), too_long(1_001));
    let above = minute.retry_after_cap(MINUTE * 2);
    assert_eq!(stopped(above, 120_000), (Some(StopReason::DeadlineExceeded), Some(120_000)));
    assert_eq!(stopped(endless.retry_after_cap(Duration::MAX), u32::MAX), waited);

    // The explicit form has the same cap; a backoff that follows no hints has none.
    assert_eq!(
        stopped(Retry::new(Backoff::none().or_retry_after_as_is(SECOND)).no_deadline(), u32::MAX).1,
        Some(u32::MAX)
    );
    assert_eq!(stopped(Retry::new(Backoff::none()).no_deadline(), u32::MAX), waited);
}

/// In every form of a call, before a draw and without a token, an event says so; the class limit and the attempts come first.
#[test]
fn a_call_that_a_hint_ends() {
    static BREAKER: CircuitBreaker<2> =
        CircuitBreaker::new(BreakerConfig::new(1).threshold_for(ErrorClass::RateLimit, 1));
    let policy = Policy::new(Retry::new(Backoff::equal_jitter(SECOND, MINUTE).or_retry_after()).no_deadline())
        .circuit_breaker(&BREAKER);
    let seen = RefCell::new(Vec::new());
    let mut context = policy.context(TestEnv::new()).observe(|event: &Event| seen.borrow_mut().push(*event));
    let error = context.call(|| Err::<(), _>(asks(86_400_000))).unwrap_err();
    assert_eq!(error.to_string(), "the call gave up after 1 attempt: the server asked to wait 24 h (rate limit)");
    // Calls around this one hear the hint too.
    assert_eq!(error.classify(), asks(86_400_000));
    let seen = seen.into_inner();
    assert_eq!(seen[0].kind, EventKind::RetryAfterTooLong);
    assert_eq!(seen[0].stop_reason, Some(StopReason::RetryAfterTooLong));
    assert_eq!(seen[0].retry_after, Some(Millis::new(86_400_000)));
    assert_eq!(BREAKER.state(), BreakerState::Open, "a failed call");

    let mut attempts = Attempts::<1_000>::start(&POLICY, Instant::ZERO).unwrap();
    let drawn = || unreachable!("no delay is needed");
    assert_eq!(
        attempts.on_failure(Instant::ZERO, asks(3_600_001), drawn),
        Decision::Stop(StopReason::RetryAfterTooLong)
    );
    assert_eq!(
        stopped(Retry::new(Backoff::none().or_retry_after()).limit_for(ErrorClass::RateLimit, 0), u32::MAX).0,
        Some(StopReason::MaxAttemptsPerClass)
    );
}

static POLICY: Policy = Policy::new(Retry::new(Backoff::equal_jitter(SECOND, MINUTE).or_retry_after()).no_deadline());

/// The explicit form takes what the server says, also zero.
#[test]
fn as_it_is_a_hint_may_undercut_the_backoff() {
    let as_is = Backoff::exponential(SECOND, MINUTE).or_retry_after_as_is(Duration::ZERO);
    assert_eq!(sleeps(retry(as_is), 1, &[asks(0), asks(5), asks(90_000)])[..3], [0, 5, 90_000]);
    assert_eq!(sleeps(retry(as_is), 1, &[ErrorClass::RateLimit.into()])[..3], [1_000, 2_000, 4_000]);
    assert_eq!(format!("{as_is:?}"), "Exponential(1000..60000 ms) or Retry-After as it is, jitter 0 ms");
}
