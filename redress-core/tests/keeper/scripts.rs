//! One script through each form.

use std::{cell::Cell, time::Duration};

use redress_core::{
    BreakerConfig, BreakerState, CircuitBreaker, Decision, ErrorClass, Event, EventKind, Instant, Millis, Policy,
    Retry, StopReason,
    keeper::{Keep, KeepConfig, Sessions},
    testing::TestEnv,
};

use crate::{
    BACKOFF, CLOSED, DOWN, LINK, LONG, REFUSED, SECOND, SHORT, STABLE, bare, blocking, local, loop_form, secs,
};

#[test]
fn a_session_that_lasted_resets_the_backoff_and_a_mere_handshake_does_not() {
    let script = [DOWN, DOWN, SHORT, SHORT, LONG, DOWN, DOWN, CLOSED, DOWN, REFUSED];
    let waits = secs([0, 1, 2, 4, 8, 1, 2, 4, 1, 2]);
    for story in [blocking(&LINK, &script), local(&LINK, &script), loop_form(&LINK, &script)] {
        assert_eq!((&story.waits, story.reason, story.attempts), (&waits, StopReason::NonRetryableClass, 3));
        let established = |attempts, offline| (EventKind::SessionEstablished, attempts, offline);
        let lost = |attempt, lasted| (EventKind::SessionLost, attempt, lasted);
        assert_eq!(
            story.told,
            [
                established(3, 3),
                lost(3, 5),
                established(4, 12),
                lost(4, 5),
                established(5, 25),
                lost(5, 30),
                established(3, 7),
                lost(4, 3_600)
            ]
        );
    }
    assert_eq!(bare(&LINK, &script), (waits, StopReason::NonRetryableClass));
}

#[test]
fn counts_of_a_class_and_the_deadline_begin_anew_after_a_session_that_lasted() {
    let retry = Retry::new(BACKOFF).limit_for(ErrorClass::Transient, 2);
    let keep = Keep::new(Policy::new(retry), KeepConfig::new(STABLE));
    for story in [blocking(&keep, &[DOWN, DOWN, LONG, DOWN, DOWN]), local(&keep, &[DOWN, DOWN, LONG, DOWN, DOWN])] {
        assert_eq!((story.reason, story.attempts), (StopReason::MaxAttemptsPerClass, 3));
    }
    assert_eq!(blocking(&keep, &[DOWN, SHORT, DOWN]).reason, StopReason::MaxAttemptsPerClass);

    let config = KeepConfig::new(STABLE).deadline(Duration::from_secs(40));
    let keep = Keep::new(Policy::new(Retry::new(BACKOFF)), config);
    // 1, 2, 4, 8 and 16 s are within the deadline, 32 s are not. The session of an hour is no time offline.
    let story = blocking(&keep, &[DOWN, CLOSED, DOWN, DOWN, DOWN, DOWN, DOWN]);
    assert_eq!((story.waits, story.reason), (secs([0, 1, 1, 2, 4, 8, 16]), StopReason::DeadlineExceeded));

    let config = KeepConfig::new(STABLE).attempts_per_session(3);
    let keep = Keep::new(Policy::new(Retry::new(BACKOFF)), config);
    let story = blocking(&keep, &[DOWN, DOWN, LONG, DOWN, DOWN]);
    assert_eq!((story.reason, story.attempts), (StopReason::MaxAttemptsGlobal, 3));
    assert_eq!(blocking(&keep, &[DOWN, SHORT, SHORT]).reason, StopReason::MaxAttemptsGlobal);
}

#[test]
fn established_twice_or_never() {
    let env = TestEnv::new();
    let lost = Cell::new(None);
    let mut context = LINK.context(&env).observe(|event: &Event| {
        if event.kind == EventKind::SessionLost {
            lost.set(Some(event.elapsed));
        }
    });
    let mut link = context.keep();
    link.established(); // before there is an attempt
    link.begin().unwrap();
    env.clock().advance(Duration::from_secs(600));
    link.lost(ErrorClass::Transient).unwrap();
    assert_eq!((link.wait(), lost.get()), (Millis::from_secs(1), None)); // never established: ten minutes are a failure
    link.established(); // between two attempts
    link.begin().unwrap();
    env.clock().advance(SECOND);
    link.established();
    env.clock().advance(Duration::from_secs(20));
    link.established();
    env.clock().advance(Duration::from_secs(10));
    assert!(link.tick());
    link.established();
    link.lost(ErrorClass::Transient).unwrap();
    // Counted from the first time.
    assert_eq!((link.wait(), lost.get()), (Millis::from_secs(1), Some(Millis::from_secs(30))));
}

#[test]
fn a_clock_that_jumps_in_a_session() {
    // Backwards no time passes, so the session has not lasted; forwards it has.
    for (jump, wait) in [(0, 4), (1_000_000_000, 1)] {
        let mut link = Sessions::<1_000>::new(&LINK, Instant::from_ticks(500_000_000), || 0);
        let at = Instant::from_ticks(500_000_000);
        for _ in 0..2 {
            assert_eq!(link.on_wake(at), Ok(true));
            let _ = link.on_lost(at, ErrorClass::Transient, || 0);
        }
        assert_eq!(link.on_wake(at), Ok(true));
        link.on_established(at);
        let after = Instant::from_ticks(jump);
        assert_eq!(link.on_tick(after), jump > 0);
        let lost = link.on_lost(after, ErrorClass::Transient, || 0);
        assert_eq!(lost, Decision::RetryAt(after.saturating_add(1_000 * wait)));
    }
}

#[test]
fn a_keeper_that_gave_up_starts_anew() {
    let mut context = LINK.context(TestEnv::new());
    let mut link = context.keep();
    let mut errors = [ErrorClass::Transient, ErrorClass::Transient, ErrorClass::Auth].into_iter().cycle();
    for _ in 0..2 {
        let gave_up = link.run(|_| Err::<(), _>(errors.next().unwrap()));
        assert_eq!(
            (gave_up.reason, gave_up.attempts, gave_up.error),
            (StopReason::NonRetryableClass, 3, Some(ErrorClass::Auth))
        );
    }
    drop(link);
    assert!(context.env().sleeps().eq(secs([0, 1, 2, 0, 1, 2])));
}

/// A blocking operation that serves for long tells the breaker of its session before the end.
#[test]
fn a_blocking_session_ticks() {
    let breaker = CircuitBreaker::<2>::new(BreakerConfig::new(2).recovery_timeout(Duration::from_secs(10)));
    let keep = Keep::new(Policy::new(Retry::new(BACKOFF)).circuit_breaker(&breaker), KeepConfig::new(STABLE));
    let env = TestEnv::new();
    let mut context = keep.context(&env);
    let mut attempts = 0;
    let gave_up = context.keep().run(|session| {
        attempts += 1;
        match attempts {
            1 | 2 => Err::<(), _>(ErrorClass::Transient),
            3 => {
                assert!(!session.tick(), "it is not established");
                session.established();
                assert!(!session.tick(), "it is not stable yet");
                assert_eq!(breaker.state(), BreakerState::HalfOpen);
                env.clock().advance(STABLE);
                assert!(session.tick());
                assert_eq!(breaker.state(), BreakerState::Closed);
                Err(ErrorClass::Transient)
            }
            _ => Err(ErrorClass::Auth),
        }
    });
    assert_eq!((gave_up.reason, attempts), (StopReason::NonRetryableClass, 4));
}
