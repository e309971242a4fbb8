//! What mutants showed that no other test notices: fields of events, places that are given back, bytes of checkpoints, conversions.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use redress_core::{
    Attempts, Backoff, BreakerConfig, BreakerState, Budget, BudgetConfig, Checkpoint, CircuitBreaker, Classification,
    Clock, Decision, ErrorClass, Event, EventKind, Instant, Millis, Policy, Retry, SleepDecision, StopReason,
    breaker::{RateBreaker, RateConfig},
    classify::rate_limit::Quota,
    keeper::{Keep, KeepConfig, Sessions},
    testing::{ManualClock, TestAsyncEnv, TestEnv, block_on},
};

const SECOND: Duration = Duration::from_secs(1);

fn at(millis: u64) -> Instant {
    Instant::from_ticks(millis)
}

/// A circuit that is open and admits one probe at the second.
fn open_until_a_second<C: Clock>(clock: &C) -> CircuitBreaker<1> {
    let breaker = CircuitBreaker::new(BreakerConfig::new(1).recovery_timeout(SECOND).probe_lease(SECOND * 3_600));
    breaker.record_failure(ErrorClass::Transient, clock);
    breaker
}

#[test]
fn a_bare_machine_that_is_dropped_gives_its_place_back() {
    let clock = ManualClock::new();
    let breaker = open_until_a_second(&clock);
    let policy = Policy::new(Retry::new(Backoff::constant(SECOND))).circuit_breaker(&breaker);
    let probe = Attempts::<1_000>::start(&policy, at(1_000)).unwrap();
    assert!(Attempts::<1_000>::start(&policy, at(1_000)).is_err());
    drop(probe);
    assert!(Attempts::<1_000>::start(&policy, at(1_000)).is_ok());
}

#[test]
fn a_keeper_that_is_dropped_gives_its_place_back() {
    let env = TestEnv::new();
    let breaker = open_until_a_second(&env);
    env.clock().advance(SECOND);
    let policy = Policy::new(Retry::new(Backoff::exponential(SECOND, SECOND * 60))).circuit_breaker(&breaker);
    let keep = Keep::new(policy, KeepConfig::new(SECOND * 30));
    {
        let mut context = keep.context(&env);
        let mut link = context.keep();
        link.begin().unwrap();
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert!(breaker.try_acquire(&env).is_err());
    }
    breaker.try_acquire(&env).unwrap().release();
    // A session that panics, in the closure form.
    let panicking = std::panic::AssertUnwindSafe(|| {
        let mut context = keep.context(&env);
        let mut link = context.keep();
        link.run(|_| -> Result<(), ErrorClass> { std::panic::resume_unwind(Box::new("on purpose")) })
    });
    assert!(std::panic::catch_unwind(panicking).is_err());
    assert!(breaker.try_acquire(&env).is_ok());
    // The bare machine of a kept connection.
    let mut link = Sessions::<1_000>::new(&keep, at(5_000), || 0);
    assert_eq!(link.on_wake(at(5_000)), Ok(true));
    assert!(breaker.try_acquire(&env).is_err());
    drop(link);
    assert!(breaker.try_acquire(&env).is_ok());
}

/// The events of a call under this policy, whose failures are all like this one.
fn events(policy: &Policy<'_>, failure: Classification, sleep: SleepDecision) -> Vec<Event> {
    let seen = RefCell::new(Vec::new());
    let failed = policy
        .context(TestEnv::new())
        .classifier(|(): &()| failure)
        .sleep_handler(|_: &_, _| sleep)
        .observe(|event: &Event| seen.borrow_mut().push(*event))
        .call(|| Err::<(), _>(()));
    assert!(failed.is_err());
    seen.into_inner()
}

#[test]
fn events_tell_delay_hint_and_code() {
    let policy = Policy::new(Retry::new(Backoff::constant(SECOND).or_retry_after()).max_attempts(2));
    let failure = Classification::new(ErrorClass::RateLimit).code(429).retry_after(Millis::from_secs(2));
    let seen = events(&policy, failure, SleepDecision::Sleep);
    let retry = seen.iter().find(|event| event.kind == EventKind::Retry).unwrap();
    assert_eq!(
        (retry.delay >= Millis::from_secs(2), retry.retry_after, retry.code),
        (true, Some(Millis::from_secs(2)), Some(429))
    );
    let last = seen.last().unwrap();
    assert_eq!(
        (last.stop_reason, last.delay, last.code),
        (Some(StopReason::MaxAttemptsGlobal), Millis::ZERO, Some(429))
    );

    let seen = events(&policy, ErrorClass::Transient.into(), SleepDecision::Defer);
    let last = seen.last().unwrap();
    assert_eq!((last.stop_reason, last.delay), (Some(StopReason::Scheduled), Millis::from_secs(1)));

    let policy = Policy::new(Retry::new(Backoff::constant(SECOND).or_retry_after()).retry_after_cap(SECOND));
    let seen = events(&policy, failure, SleepDecision::Sleep);
    let last = seen.last().unwrap();
    assert_eq!((last.stop_reason, last.retry_after), (Some(StopReason::RetryAfterTooLong), Some(Millis::from_secs(2))));
}

/// A call asks for admission once, also where an observer would ask before each attempt.
#[test]
fn a_watched_call_is_one_probe() {
    let env = TestEnv::new();
    let breaker = open_until_a_second(&env);
    env.clock().advance(SECOND);
    let policy = Policy::new(Retry::new(Backoff::constant(SECOND)).max_attempts(3).deadline(SECOND * 60));
    let policy = policy.circuit_breaker(&breaker);
    let attempts = Cell::new(0);
    let result = policy.context(&env).watched().call(|| {
        attempts.set(attempts.get() + 1);
        if attempts.get() < 3 { Err(ErrorClass::Transient) } else { Ok(()) }
    });
    assert!(result.is_ok(), "{result:?}");
    assert_eq!((attempts.get(), breaker.state()), (3, BreakerState::Closed));
}

/// The remainder of a division of polynomials, a bit at a time.
fn remainder(bytes: &[u8]) -> u16 {
    let mut rest = 0xFFFF_u32;
    for bit in bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| u32::from(byte >> bit & 1))) {
        let is_out = (rest >> 15 & 1) != bit;
        rest = (rest << 1 & 0xFFFF) ^ if is_out { 0x1021 } else { 0 };
    }
    u16::try_from(rest).unwrap()
}

/// The bytes are the same on every machine and in every build, so that firmware reads what an older one has left.
#[test]
fn a_checkpoint_has_these_bytes() {
    assert_eq!(remainder(b"123456789"), 0x29B1, "CRC-16/CCITT-FALSE");
    let policy = Policy::new(Retry::new(Backoff::constant(SECOND)).max_attempts(5));
    let mut attempts = Attempts::<1_000>::start(&policy, at(7)).unwrap();
    assert!(matches!(attempts.on_failure(at(9), ErrorClass::RateLimit, || 0), Decision::RetryAt(_)));
    let bytes = attempts.suspend(at(10)).to_bytes();
    // Version and cause, class of the failure and of the delay; then the policy's fingerprint.
    assert_eq!(bytes[..2], [0x04, 0x44]);
    // Attempt, delay, what is left of it, time used.
    assert_eq!(bytes[4..20], [1, 0, 0, 0, 0xE8, 3, 0, 0, 0xE7, 3, 0, 0, 3, 0, 0, 0]);
    assert_eq!(bytes[30..], remainder(&bytes[..30]).to_be_bytes());
    let mut broken = bytes;
    for bit in 0..bytes.len() * 8 {
        broken[bit / 8] ^= 1 << (bit % 8);
        assert!(Checkpoint::from_bytes(&broken).is_err(), "bit {bit}");
        broken[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn an_attempt_without_its_turn_is_counted_once() {
    let keep =
        Keep::new(Policy::new(Retry::new(Backoff::exponential(SECOND, SECOND * 60))), KeepConfig::new(SECOND * 30));
    let mut link = Sessions::<1_000>::new(&keep, at(0), || 0);
    assert_eq!(link.on_wake(at(0)), Ok(true));
    assert!(matches!(link.on_lost(at(0), ErrorClass::Transient, || 0), Decision::RetryAt(_)));
    assert_eq!(link.attempt().number, 1);
    assert!(matches!(link.on_lost(at(1), ErrorClass::Transient, || 0), Decision::RetryAt(_)));
    assert_eq!(link.attempt().number, 2);

    let policy = Policy::new(Retry::new(Backoff::constant(SECOND)).max_attempts(2));
    let mut attempts = Attempts::<1_000>::start(&policy, at(0)).unwrap();
    assert!(matches!(attempts.on_failure(at(0), ErrorClass::Transient, || 0), Decision::RetryAt(_)));
    let stopped = attempts.on_failure(at(1), ErrorClass::Transient, || 0);
    assert_eq!((stopped, attempts.attempt().number), (Decision::Stop(StopReason::MaxAttemptsGlobal), 2));
}

#[test]
fn spans_and_durations_become_each_other() {
    assert_eq!(Millis::from(Duration::from_micros(1_500)), Millis::new(2));
    assert_eq!(Duration::from(Millis::new(1_500)), Duration::from_millis(1_500));
    // A wait is shortened by whole milliseconds only, so that none ends early; a deadline comes closer by each that has begun.
    let policy = Policy::new(Retry::new(Backoff::constant(SECOND)).deadline(SECOND * 10));
    let suspended = || {
        let mut attempts = Attempts::<1_000>::start(&policy, at(0)).unwrap();
        assert!(matches!(attempts.on_failure(at(0), ErrorClass::Transient, || 0), Decision::RetryAt(_)));
        attempts.suspend(at(0))
    };
    let resumed = |slept: Duration| Attempts::<1_000>::resume(&policy, &suspended(), slept, at(0)).unwrap();
    assert_eq!(resumed(Duration::from_micros(2_500)).poll_at(), Some(at(998)));
    let mut late = resumed(Duration::from_micros(1_000_500));
    assert_eq!(late.poll_at(), Some(at(0)));
    assert!(late.on_wake(at(0)).is_ok());
    assert_eq!(late.attempt().remaining, Some(Millis::new(8_999)));
    assert_eq!(resumed(Duration::from_secs(4_294_967)).poll_at(), Some(at(0)));
}

#[test]
fn a_quota_of_zero_is_exhausted() {
    assert!(Quota::new(Some(0), None).is_exhausted());
    assert!(!Quota::new(Some(1), None).is_exhausted() && !Quota::new(None, None).is_exhausted());
}

#[test]
fn a_budget_has_so_many_slots() {
    let config = BudgetConfig::rolling(2, SECOND);
    assert_eq!((Budget::<3>::new(config).slots(), Budget::<0>::new(BudgetConfig::DEFAULT).slots()), (3, 0));
}

/// At most so many attempts in any day, whichever number it is.
#[test]
fn a_day_has_no_more_attempts_than_allowed() {
    const DAY: u64 = 86_400_000;
    for per_day in [1, 2, 3, 10, 1_000] {
        let config = KeepConfig::new(SECOND * 30).attempts_per_day(per_day);
        let retry = Retry::new(Backoff::constant(Duration::from_millis(1)));
        let keep = Keep::new(Policy::new(retry), config);
        let mut now = at(0);
        let mut link = Sessions::<1_000>::new(&keep, now, || 0);
        let mut begun = Vec::new();
        while begun.len() <= 2 * per_day as usize + 2 {
            now = link.poll_at().unwrap();
            if link.on_wake(now) == Ok(true) {
                begun.push(now.ticks());
                assert!(matches!(link.on_lost(now, ErrorClass::Transient, || 0), Decision::RetryAt(_)));
            }
        }
        let window = per_day as usize;
        assert!(begun.windows(window + 1).all(|of| of[window] - of[0] >= DAY), "{per_day} a day: {begun:?}");
        // Half of them come at once, and two days have room for twice as many but the rest of one.
        assert!(begun[window / 2] < DAY && begun[2 * window] < 3 * DAY, "{per_day} a day: {begun:?}");
    }
}

/// Keepers of different configuration do not read each other's checkpoints.
#[test]
fn keepers_are_told_apart_by_their_configuration() {
    let policy = || Policy::new(Retry::new(Backoff::exponential(SECOND, SECOND * 60)));
    let configs = [
        KeepConfig::new(SECOND * 30),
        KeepConfig::new(SECOND * 31),
        KeepConfig::new(SECOND * 30).wake_interval(SECOND * 7),
        KeepConfig::new(SECOND * 30).attempts_per_day(77),
    ];
    let keeps = configs.map(|config| Keep::new(policy(), config));
    for (one, from) in keeps.iter().enumerate() {
        let checkpoint = Sessions::<1_000>::new(from, at(0), || 0).suspend(at(0));
        for (other, to) in keeps.iter().enumerate() {
            let resumed = Sessions::<1_000>::resume(to, &checkpoint, Millis::ZERO, at(0));
            assert_eq!(resumed.is_ok(), one == other, "{one} and {other}");
        }
        let call = policy();
        assert!(Attempts::<1_000>::resume(&call, &checkpoint, Millis::ZERO, at(0)).is_err());
    }
}

/// What a keeper waits for is told, and an attempt that does not begin keeps no place.
#[test]
fn a_keeper_tells_for_how_long_it_was_put_off() {
    let env = TestEnv::new();
    let breaker = open_until_a_second(&env);
    let budget = Budget::<1>::new(BudgetConfig::rolling(1, SECOND * 3_600));
    let policy = Policy::new(Retry::new(Backoff::constant(SECOND))).circuit_breaker(&breaker).budget(&budget);
    let keep = Keep::new(policy, KeepConfig::new(SECOND * 30));
    let seen = RefCell::new(Vec::new());
    let mut context = keep.context(&env).observe(|event: &Event| seen.borrow_mut().push((event.kind, event.delay)));
    let mut link = context.keep();
    link.begin().unwrap();
    assert!(seen.borrow().contains(&(EventKind::CircuitRejected, Millis::from_secs(1))), "{seen:?}");
    // The probe has failed; the next finds no retry left, and its place is free meanwhile.
    link.lost(ErrorClass::Transient).unwrap();
    assert!(budget.try_consume(1, &env));
    let mut link = Sessions::<1_000>::new(&keep, at(0), || 0);
    let mut now = at(0);
    for _ in 0..2 {
        now = link.poll_at().unwrap().saturating_add(10_000);
        if link.on_wake(now) == Ok(true) {
            assert!(matches!(link.on_lost(now, ErrorClass::Transient, || 0), Decision::RetryAt(_)));
        }
    }
    now = now.saturating_add(10_000);
    assert_eq!(link.on_wake(now), Ok(false), "no retry is left");
    let clock = ManualClock::new();
    clock.advance(Duration::from_millis(now.ticks()));
    assert!(breaker.try_acquire(&clock).is_ok(), "{breaker:?}");
}

/// Polled once more by an executor that polls without end.
async fn yield_now() {
    let mut is_polled = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut is_polled, true) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

#[test]
fn a_session_becomes_stable_while_it_lasts() {
    let env = TestAsyncEnv::new();
    let breaker = open_until_a_second(&env);
    let policy = Policy::new(Retry::new(Backoff::constant(SECOND))).circuit_breaker(&breaker);
    let keep = Keep::new(policy, KeepConfig::new(SECOND * 30).attempts_per_session(1));
    let states = RefCell::new(Vec::new());
    let mut context = keep.context(&env);
    let gave_up = block_on(context.keep().run(async |session| {
        session.established();
        for _ in 0..4 {
            states.borrow_mut().push((breaker.state(), env.now().ticks() / 1_000));
            yield_now().await;
        }
        Err::<(), _>(ErrorClass::Transient)
    }));
    let first = states.borrow()[..4].to_vec();
    assert_eq!((first[0], first[3]), ((BreakerState::HalfOpen, 1), (BreakerState::Closed, 31)), "{gave_up:?}");
}

#[test]
fn bounds_of_a_breaker_by_rate_are_exact() {
    let longest = SECOND * 24 * 86_400;
    let is_valid = |config: RateConfig| RateBreaker::<10, RateConfig>::try_owning(config).is_ok();
    let config = || RateConfig::new(50).recovery_timeout(SECOND);
    let growing = |longest, healthy| is_valid(config().growing_timeout(longest, healthy));
    assert!(growing(SECOND, Duration::from_millis(1)) && !growing(SECOND, Duration::ZERO));
    assert!(!growing(Duration::from_millis(999), SECOND));
    assert!(growing(longest, longest) && !growing(longest + SECOND, SECOND) && !growing(SECOND, longest + SECOND));
    assert!(is_valid(config().jitter(100)) && !is_valid(config().jitter(101)));
    assert!(is_valid(config().probe_rate(100)) && !is_valid(config().probe_rate(101)));
    assert!(is_valid(config().probe_rate(1)) && !is_valid(config().probe_rate(0)));
    assert!(is_valid(config().progressive(SECOND * 3_600)) && !is_valid(config().progressive(SECOND * 3_601)));
}
