//! Connections that last: call sites of all forms, one script through each, cancellation, bad input.

use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn, ready},
    rc::Rc,
    task::Poll,
    time::Duration,
};

use proptest::prelude::*;
use redress_core::{
    AbortRetryError, AsyncEnvironment, Backoff, BreakerConfig, BreakerState, Budget, BudgetConfig, CheckpointError,
    CircuitBreaker, Classification, Clock, ConfigError, Decision, Environment, ErrorClass, Event, EventKind, Instant,
    Millis, Policy, RandomSource, Retry, SeededRandom, SelfClassifier, SleepDecision, StopReason,
    env::mode,
    keeper::{Keep, KeepConfig, LinkUp, Sessions},
    testing::{DeterministicStrategy, ManualClock, TestAsyncEnv, TestEnv, block_on},
};

const SECOND: Duration = Duration::from_secs(1);
const STABLE: Duration = Duration::from_secs(30);
const BACKOFF: Backoff = Backoff::exponential(SECOND, Duration::from_secs(60));

static LINK: Keep = Keep::new(Policy::new(Retry::new(BACKOFF)), KeepConfig::new(STABLE));

fn secs(secs: impl IntoIterator<Item = u32>) -> Vec<Millis> {
    secs.into_iter().map(Millis::from_secs).collect()
}

/// What an attempt does: whether it establishes a session, how long it takes, and what it returns.
type Step = (bool, u64, Result<(), ErrorClass>);

const DOWN: Step = (false, 0, Err(ErrorClass::Transient));
const SHORT: Step = (true, 5, Err(ErrorClass::Transient));
const LONG: Step = (true, 30, Err(ErrorClass::Transient));
const CLOSED: Step = (true, 3_600, Ok(()));
const REFUSED: Step = (false, 0, Err(ErrorClass::Auth));

/// What observers are told: kind, attempt, elapsed seconds.
type Told = (EventKind, u32, u32);

struct Story {
    waits: Vec<Millis>,
    told: Vec<Told>,
    reason: StopReason,
    attempts: u32,
}

fn sessions_of(told: &Rc<RefCell<Vec<Told>>>) -> impl FnMut(&Event) + use<> {
    let told = Rc::clone(told);
    move |event: &Event| {
        if matches!(event.kind, EventKind::SessionEstablished | EventKind::SessionLost) {
            told.borrow_mut().push((event.kind, event.attempt, event.elapsed.get() / 1_000));
        }
    }
}

/// Waits once, as every session does.
async fn yield_now() {
    let mut is_polled = false;
    poll_fn(|_| if std::mem::replace(&mut is_polled, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

fn blocking(keep: &Keep<'_>, script: &[Step]) -> Story {
    let (env, told, mut steps) = (TestEnv::new(), Rc::<RefCell<Vec<_>>>::default(), script.iter());
    let mut context = keep.context(&env).observe(sessions_of(&told));
    let gave_up = context.keep().run(|session| {
        let (is_established, lasts, result) = *steps.next().expect("gives up within the script");
        if is_established {
            session.established();
        }
        env.clock().advance(Duration::from_secs(lasts));
        result
    });
    Story { waits: env.sleeps().collect(), told: told.take(), reason: gave_up.reason, attempts: gave_up.attempts }
}

fn local(keep: &Keep<'_>, script: &[Step]) -> Story {
    let (env, told, mut steps) = (TestAsyncEnv::new(), Rc::<RefCell<Vec<_>>>::default(), script.iter());
    let mut context = keep.context(&env).observe(sessions_of(&told));
    let gave_up = block_on(context.keep().run(async |session| {
        let (is_established, lasts, result) = *steps.next().expect("gives up within the script");
        if is_established {
            session.established();
            yield_now().await;
        }
        env.clock().advance(Duration::from_secs(lasts));
        result
    }));
    Story { waits: env.sleeps().collect(), told: told.take(), reason: gave_up.reason, attempts: gave_up.attempts }
}

fn loop_form(keep: &Keep<'_>, script: &[Step]) -> Story {
    let (env, told) = (TestEnv::new(), Rc::<RefCell<Vec<_>>>::default());
    let mut context = keep.context(&env).observe(sessions_of(&told));
    let mut link = context.keep();
    let mut steps = script.iter();
    let gave_up = loop {
        link.begin().unwrap();
        let (is_established, lasts, result) = *steps.next().expect("gives up within the script");
        if is_established {
            link.established();
        }
        env.clock().advance(Duration::from_secs(lasts));
        match result {
            Ok(()) => link.closed::<ErrorClass>().unwrap(),
            Err(error) => {
                if let Err(gave_up) = link.lost(error) {
                    break gave_up;
                }
            }
        }
    };
    Story { waits: env.sleeps().collect(), told: told.take(), reason: gave_up.reason, attempts: gave_up.attempts }
}

/// The bare machine tells nothing.
fn bare(keep: &Keep<'_>, script: &[Step]) -> (Vec<Millis>, StopReason) {
    let mut now = Instant::ZERO;
    let mut link = Sessions::<1_000>::new(keep, now, || 0);
    let mut waits = vec![];
    for &(is_established, lasts, result) in script {
        let at = link.poll_at().unwrap();
        waits.push(Millis::new(u32::try_from(at.ticks_since(now)).unwrap()));
        now = at;
        assert_eq!(link.on_wake(now), Ok(true));
        if is_established {
            link.on_established(now);
        }
        now = now.saturating_add(1_000 * lasts);
        let class = result.err().unwrap_or(ErrorClass::Transient);
        if let Decision::Stop(reason) = link.on_lost(now, class, || 0) {
            return (waits, reason);
        }
    }
    panic!("gives up within the script");
}

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
fn a_wake_cuts_the_wait_short_and_not_that_of_a_hint() {
    let mut context = LINK.context(TestEnv::new());
    let mut link = context.keep();
    for wait in [1, 2, 4] {
        link.begin().unwrap();
        link.link_up(); // in an attempt
        link.lost(ErrorClass::Transient).unwrap();
        assert_eq!(link.wait(), Millis::from_secs(wait));
    }
    link.link_up();
    assert_eq!(link.wait(), Millis::ZERO);
    link.begin().unwrap();
    let hint = Backoff::exponential(SECOND, Duration::from_secs(60)).or_retry_after();
    let keep = Keep::new(Policy::new(Retry::new(hint)), KeepConfig::new(STABLE));
    let mut context = keep.context(TestEnv::new());
    let mut link = context.keep();
    link.begin().unwrap();
    link.lost_as(Classification::new(ErrorClass::RateLimit).retry_after(Millis::from_secs(90)), "busy").unwrap();
    let wait = link.wait();
    link.link_up();
    assert_eq!(link.wait(), wait);
    assert!(wait >= Millis::from_secs(90));
}

#[test]
fn a_flag_wakes_a_blocking_wait_and_a_future_an_async_one() {
    static LINK_UP: LinkUp = LinkUp::new();
    let keep = Keep::new(Policy::new(Retry::new(Backoff::constant(Duration::from_secs(60)))), KeepConfig::new(STABLE));
    let env = TestEnv::new();
    let slices = Cell::new(0);
    let mut context = keep.context(&env).slice(SECOND, || {
        slices.set(slices.get() + 1);
        if slices.get() == 7 {
            LINK_UP.raise();
        }
    });
    let mut attempts = 0;
    let gave_up = context.keep().wake_if(|| LINK_UP.take()).run(|_| {
        attempts += 1;
        Err::<(), _>(if attempts < 2 { ErrorClass::Transient } else { ErrorClass::Auth })
    });
    assert_eq!(gave_up.reason, StopReason::NonRetryableClass);
    // One slice before the first attempt, six seconds, and one slice that is empty.
    assert_eq!((slices.get(), env.now()), (8, Instant::from_ticks(6_000)));

    let env = TestAsyncEnv::new();
    let mut context = keep.context(&env);
    let (mut attempts, mut waits) = (0, 0);
    let woken = || {
        waits += 1;
        let is_woken = waits >= 3;
        async move {
            if !is_woken {
                pending::<()>().await;
            }
        }
    };
    let gave_up = block_on(context.keep().wake_on(woken).run(async |_| {
        attempts += 1;
        Err::<(), _>(if attempts < 3 { ErrorClass::Transient } else { ErrorClass::Auth })
    }));
    assert_eq!(gave_up.reason, StopReason::NonRetryableClass);
    assert!(env.sleeps().eq(secs([0, 60, 0])));
}

/// A wake that is always ready, as a signal that nobody lowers, must not keep the wait from ending.
#[test]
fn a_wake_that_never_ends_is_one_wake() {
    let config = KeepConfig::new(STABLE).wake_interval(Duration::from_secs(10));
    let keep = Keep::new(Policy::new(Retry::new(Backoff::constant(Duration::from_secs(60)))), config);
    let mut attempts = vec![];
    let env = TestAsyncEnv::new();
    let mut context = keep.context(&env);
    let gave_up = block_on(context.keep().wake_on(|| ready(())).run(async |_| {
        attempts.push(env.now().ticks());
        Err::<(), _>(if attempts.len() < 5 { ErrorClass::Transient } else { ErrorClass::Auth })
    }));
    assert_eq!(gave_up.reason, StopReason::NonRetryableClass);
    assert_eq!(attempts[..2], [0, 0]); // the first wake is heeded at once
    for gap in attempts[1..].windows(2).map(|pair| pair[1] - pair[0]) {
        assert!((10_000..=15_000).contains(&gap), "{gap}");
    }
}

#[test]
fn the_first_attempt_after_boot_and_after_a_wake_is_spread() {
    let config = KeepConfig::new(STABLE).spread(Duration::from_secs(60));
    let keep = Keep::new(Policy::new(Retry::new(Backoff::constant(Duration::from_secs(3_600)))), config);
    let half = || 1 << 31;
    let mut link = Sessions::<1_000>::new(&keep, Instant::ZERO, half);
    assert_eq!(link.poll_at(), Some(Instant::from_ticks(30_000)));
    assert_eq!(link.on_wake(Instant::from_ticks(30_000)), Ok(true));
    let _ = link.on_lost(Instant::from_ticks(30_000), ErrorClass::Transient, half);
    assert_eq!(link.poll_at(), Some(Instant::from_ticks(3_630_000)));
    link.on_link_up(Instant::from_ticks(40_000), half);
    assert_eq!(link.poll_at(), Some(Instant::from_ticks(70_000)));
    // A wake in the spread does not draw again.
    link.on_link_up(Instant::from_ticks(40_000), || 0);
    assert_eq!(link.poll_at(), Some(Instant::from_ticks(70_000)));
}

#[test]
fn an_open_circuit_and_a_spent_budget_delay_an_attempt_and_do_not_end_the_keeper() {
    let breaker = CircuitBreaker::<2>::new(BreakerConfig::new(2).recovery_timeout(Duration::from_secs(100)));
    let keep = Keep::new(Policy::new(Retry::new(BACKOFF)).circuit_breaker(&breaker), KeepConfig::new(STABLE));
    let states = RefCell::new(vec![]);
    let env = TestEnv::new();
    let mut context = keep.context(&env).observe(|event: &Event| states.borrow_mut().extend(event.state));
    let mut link = context.keep();
    for _ in 0..2 {
        link.begin().unwrap();
        link.lost(ErrorClass::Transient).unwrap();
    }
    link.begin().unwrap();
    link.established();
    env.clock().advance(STABLE);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    assert!(link.tick());
    assert_eq!(breaker.state(), BreakerState::Closed); // while the session is up
    link.lost(ErrorClass::Transient).unwrap();
    link.begin().unwrap();
    assert_eq!(link.lost(ErrorClass::Auth).unwrap_err().reason, StopReason::NonRetryableClass);
    assert!(env.sleeps().eq(secs([0, 1, 2, 98, 1])));
    // Opened, then rejected after the two seconds of the backoff.
    assert_eq!(
        *states.borrow(),
        [BreakerState::Open, BreakerState::Open, BreakerState::HalfOpen, BreakerState::Closed]
    );
    assert_eq!(breaker.state(), BreakerState::Closed); // the loss of a session that lasted is no failure to it

    let budget = Budget::<2>::new(BudgetConfig::rolling(2, Duration::from_secs(50)));
    let backoff = Backoff::constant(SECOND);
    let keep = Keep::new(Policy::new(Retry::new(backoff)).budget(&budget), KeepConfig::new(STABLE));
    let script = [DOWN, DOWN, DOWN, REFUSED];
    let story = blocking(&keep, &script);
    assert_eq!(story.reason, StopReason::NonRetryableClass);
    // Two retries in the first two seconds; the third when the first of them has left the window.
    assert_eq!(story.waits.iter().map(|wait| wait.get()).sum::<u32>(), 51_000);
}

#[test]
fn deferred_suspended_and_resumed_with_what_was_left() {
    let mut context = LINK.context(TestEnv::new()).sleep_handler(|_: &_, delay| {
        if delay > Millis::from_secs(3) { SleepDecision::Defer } else { SleepDecision::Sleep }
    });
    let gave_up = context.keep().run(|_| Err::<(), _>(ErrorClass::Transient));
    assert_eq!((gave_up.reason, gave_up.next_delay), (StopReason::Scheduled, Some(Millis::from_secs(4))));
    let checkpoint = gave_up.checkpoint.unwrap();

    let mut context = LINK.context(TestEnv::new());
    let mut link = context.keep();
    link.resume(&checkpoint, Millis::from_secs(3)).unwrap();
    assert_eq!(link.wait(), Millis::from_secs(1));
    link.begin().unwrap();
    assert_eq!(link.attempt().number, 4);
    link.lost(ErrorClass::Transient).unwrap();
    assert_eq!(link.wait(), Millis::from_secs(8));
    let checkpoint = link.suspend();
    assert_eq!(checkpoint.remaining(), Millis::from_secs(8));

    let mut link = Sessions::<1_000>::resume(&LINK, &checkpoint, Millis::from_secs(100), Instant::ZERO).unwrap();
    assert_eq!((link.poll_at(), link.on_wake(Instant::ZERO)), (Some(Instant::ZERO), Ok(true)));
    link.on_established(Instant::ZERO);
    // A stable session that is suspended is over, and nothing of before counts.
    let checkpoint = link.suspend(Instant::from_ticks(30_000));
    assert_eq!((checkpoint.attempts(), checkpoint.remaining()), (0, Millis::ZERO));
}

#[test]
fn a_checkpoint_of_another_policy_is_refused() {
    let policy = Policy::new(Retry::new(BACKOFF).unlimited_attempts().no_deadline().no_unknown_cap());
    let keep = Keep::new(policy, KeepConfig::new(STABLE));
    let of_keeper = keep.context(TestEnv::new()).keep().suspend();
    let of_call = policy.context(TestEnv::new()).start().unwrap().suspend();
    assert_eq!(
        policy.context(TestEnv::new()).resume(&of_keeper, Millis::ZERO).err(),
        Some(CheckpointError::OtherPolicy)
    );
    let mut context = keep.context(TestEnv::new());
    assert_eq!(context.keep().resume(&of_call, Millis::ZERO).err(), Some(CheckpointError::OtherPolicy));
    let other = Keep::new(policy, KeepConfig::new(SECOND));
    let of_other = other.context(TestEnv::new()).keep().suspend();
    let refused = Sessions::<1_000>::resume(&keep, &of_other, Millis::ZERO, Instant::ZERO);
    assert_eq!(refused.err(), Some(CheckpointError::OtherPolicy));
    assert!(context.keep().resume(&of_keeper, Millis::ZERO).is_ok());
}

#[test]
fn values_out_of_bounds_name_their_field() {
    let policy = Policy::new(Retry::new(BACKOFF));
    let of = |config| Keep::try_new(policy, config).err();
    let day = Duration::from_secs(86_400);
    let too_long = day + Duration::from_millis(1);
    for (config, error) in [
        (KeepConfig::new(Duration::ZERO), ConfigError::StableAfterOutOfRange),
        (KeepConfig::new(too_long), ConfigError::StableAfterOutOfRange),
        (KeepConfig::new(STABLE).spread(too_long), ConfigError::SpreadTooLong),
        (KeepConfig::new(STABLE).wake_interval(Duration::ZERO), ConfigError::WakeIntervalOutOfRange),
        (KeepConfig::new(STABLE).wake_interval(too_long), ConfigError::WakeIntervalOutOfRange),
        (KeepConfig::new(STABLE).attempts_per_session(0), ConfigError::ZeroAttemptsPerSession),
        (KeepConfig::new(STABLE).attempts_per_day(0), ConfigError::AttemptsPerDayOutOfRange),
        (KeepConfig::new(STABLE).attempts_per_day(86_401), ConfigError::AttemptsPerDayOutOfRange),
        (KeepConfig::new(STABLE).deadline(Duration::ZERO), ConfigError::ZeroDeadline),
    ] {
        assert_eq!(of(config), Some(error));
        assert!(error.message().starts_with(error.field()) && error.field().len() < 30, "{error}");
    }
    let limits = KeepConfig::new(day).spread(day).wake_interval(day).attempts_per_session(1).attempts_per_day(86_400);
    assert_eq!(of(limits), None);
    let with = |backoff| Keep::try_new(Policy::new(Retry::new(backoff)), KeepConfig::new(STABLE)).err();
    let custom = DeterministicStrategy::new(&[]);
    for backoff in [Backoff::none(), Backoff::exponential(SECOND, Duration::MAX), Backoff::custom(&custom)] {
        assert_eq!(with(backoff), Some(ConfigError::DelayWithoutCap));
    }
    assert_eq!(with(Backoff::constant(day)), None);
    let hints = Retry::new(BACKOFF.or_retry_after()).retry_after_cap(Duration::MAX);
    assert_eq!(Keep::try_new(Policy::new(hints), KeepConfig::new(STABLE)).err(), Some(ConfigError::DelayWithoutCap));
}

#[test]
fn no_state_is_lost_when_a_future_is_dropped() {
    let env = TestAsyncEnv::new();
    let mut context = LINK.context(&env);
    let mut link = context.keep();
    let mut attempts = vec![];
    for round in 0..200 {
        let run = link.run(async |session| {
            attempts.push((session.attempt().number, env.now().ticks()));
            Err::<(), _>(ErrorClass::Transient)
        });
        // Polled once, which comes as far as the next wait, and dropped there.
        let mut run = std::pin::pin!(run);
        let mut waker = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(run.as_mut().poll(&mut waker).is_pending());
        if round % 2 == 0 {
            assert!(run.as_mut().poll(&mut waker).is_pending());
        }
        env.clock().advance(Duration::from_millis(100));
    }
    // No attempt came before its turn, though the future was made anew ten times a second.
    assert!(attempts.len() > 4);
    for (pair, delay) in attempts.windows(2).zip([1_000, 2_000, 4_000, 8_000, 16_000]) {
        assert_eq!(pair[1].0, pair[0].0 + 1);
        assert!(pair[1].1 - pair[0].1 >= delay, "{attempts:?}");
    }
}

#[test]
fn an_abort_from_inside_and_from_outside_ends_the_keeper() {
    let gave_up = LINK.context(TestEnv::new()).keep().run(|_| Err::<(), _>(AbortRetryError));
    assert_eq!(gave_up.reason, StopReason::Aborted);
    let attempts = Cell::new(0);
    let mut context = LINK.context(TestEnv::new()).abort_if(|| attempts.get() == 3);
    let gave_up = context.keep().run(|_| {
        attempts.set(attempts.get() + 1);
        Err::<(), _>(ErrorClass::Transient)
    });
    assert_eq!((gave_up.reason, gave_up.attempts), (StopReason::Aborted, 3));
}

#[test]
fn an_attempt_that_hangs_is_dropped_and_a_session_has_no_limit() {
    let retry = Retry::new(BACKOFF).attempt_timeout(Duration::from_secs(5));
    let keep = Keep::new(Policy::new(retry), KeepConfig::new(STABLE));
    let env = TestAsyncEnv::new();
    let mut context = keep.context(&env);
    let mut attempts = 0;
    let gave_up = block_on(context.keep().run(async |session| {
        attempts += 1;
        match attempts {
            1 => pending().await,
            2 => {
                session.established();
                // Up for ten minutes, in which the environment's timer ends the time to become stable first.
                let mut sleeper = &env;
                sleeper.sleep(600_000).await;
                Err::<(), _>(ErrorClass::Transient)
            }
            _ => Err(ErrorClass::Auth),
        }
    }));
    assert_eq!((gave_up.reason, gave_up.attempts), (StopReason::NonRetryableClass, 2));
    let waits: Vec<_> = env.sleeps().collect();
    assert_eq!(waits[..3], secs([0, 5, 1])[..]);
    assert_eq!(waits.last(), Some(&Millis::from_secs(1)));
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

/// An environment whose futures can be sent.
struct Sent(ManualClock);

impl Clock for Sent {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        self.0.now()
    }
}

impl Environment for Sent {
    type Mode = mode::Spawned;
    type Classifier = SelfClassifier;

    const CLASSIFIER: SelfClassifier = SelfClassifier;

    fn random(&mut self) -> u32 {
        0
    }
}

impl AsyncEnvironment for Sent {
    #[expect(refining_impl_trait, reason = "so that calls can be sent")]
    fn sleep(&mut self, _: u64) -> impl Future<Output = ()> + Send {
        ready(())
    }
}

#[test]
fn a_keeper_that_is_spawned() {
    fn spawn<F: Future + Send + 'static>(future: F) -> F::Output {
        block_on(future)
    }
    let gave_up = spawn(async {
        let mut context = LINK.context(Sent(ManualClock::new()));
        let mut attempts = 0;
        context
            .keep()
            .wake_on(|| ready(()))
            .run(move |session| {
                attempts += 1;
                async move {
                    session.established();
                    Err::<(), _>(if attempts < 3 { ErrorClass::Transient } else { ErrorClass::Auth })
                }
            })
            .await
    });
    assert_eq!((gave_up.reason, gave_up.attempts), (StopReason::NonRetryableClass, 3));
}

/// A keeper as it would be described: what is written down is every attempt ever made, and all follows from that.
struct Model {
    delays: Vec<u64>,
    stable_after: u64,
    per_day: usize,
    failures: usize,
    established: Option<u64>,
    begun: Vec<u64>,
}

impl Model {
    /// Takes a failure and returns the moment of the next attempt, if nothing wakes it.
    fn lost(&mut self, now: u64) -> u64 {
        let lasted = self.established.take().is_some_and(|since| now - since >= self.stable_after);
        self.failures = if lasted { 1 } else { self.failures + 1 };
        now + self.delays[(self.failures - 1).min(self.delays.len() - 1)]
    }

    fn begin(&mut self, now: u64) {
        self.begun.push(now);
    }

    /// Any 24 hours have no more attempts than the limit.
    fn keeps_its_day(&self) -> bool {
        let day = 86_400_000;
        self.begun.iter().enumerate().all(|(first, start)| {
            self.begun[first..].iter().take_while(|begun| **begun - start < day).count() <= self.per_day
        })
    }
}

/// What happens next, and after how long.
#[derive(Clone, Copy, Debug)]
enum Fact {
    /// The attempt fails.
    Fails(u64),
    /// It is established after this long and lost after that.
    Lives(u64, u64),
    /// The link comes up this often, this far apart, while the connection is down.
    Wakes(u8, u64),
    /// The device sleeps for this long.
    Sleeps(u64),
}

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let short = prop_oneof![Just(0_u64), 1_u64..2_000, 1_u64..100_000];
    let fact = prop_oneof![
        3 => short.clone().prop_map(Fact::Fails),
        3 => (short.clone(), prop_oneof![0_u64..60_000, Just(29_999), Just(30_000), Just(100_000_000)])
            .prop_map(|(after, lasts)| Fact::Lives(after, lasts)),
        2 => (1_u8..20, prop_oneof![Just(10_u64), 1_u64..5_000]).prop_map(|(times, apart)| Fact::Wakes(times, apart)),
        1 => short.prop_map(Fact::Sleeps),
    ];
    prop::collection::vec(fact, 1..120)
}

fn moment(at: u64) -> Instant {
    Instant::from_ticks(at)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Without wakes and without a limit of the day, every attempt comes at the moment that the model names, whatever the device
    /// sleeps through; with them no wait is cut short within the interval of another, and no day has more than its limit.
    #[test]
    fn the_machine_does_as_the_model(facts in facts(), per_day in prop_oneof![Just(None), (1_u32..60).prop_map(Some)], seed: u32) {
        let delays = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000];
        let config = KeepConfig::new(STABLE).wake_interval(Duration::from_secs(10));
        let config = per_day.map_or(config, |limit| config.attempts_per_day(limit));
        let keep = Keep::new(Policy::new(Retry::new(BACKOFF)), config);
        let mut model = Model {
            delays: delays.to_vec(), stable_after: 30_000, per_day: per_day.map_or(usize::MAX, |limit| limit as usize),
            failures: 0, established: None, begun: vec![],
        };
        let mut random = SeededRandom::new(u64::from(seed));
        let mut now = 5_000;
        let mut link = Sessions::<1_000>::new(&keep, moment(now), || random.next_u32());
        let (mut planned, mut is_woken, mut latest_cut) = (now, false, None);
        for fact in facts {
            match fact {
                Fact::Wakes(times, apart) => {
                    for _ in 0..times {
                        let before = link.poll_at().unwrap();
                        link.on_link_up(moment(now), || random.next_u32());
                        let after = link.poll_at().unwrap();
                        prop_assert!(after <= before, "a wake makes no wait longer");
                        if after < before {
                            // Where a wake ends the wait, no other has within the interval before.
                            prop_assert!(latest_cut.is_none_or(|cut| after.ticks_since(cut) >= 10_000));
                            (is_woken, latest_cut) = (true, Some(after));
                        }
                        if after > moment(now + apart) {
                            now += apart;
                        }
                    }
                    continue;
                }
                Fact::Sleeps(slept) => {
                    let checkpoint = link.suspend(moment(now));
                    // Whole seconds of sleep, on a clock that begins anew, which the model does not know.
                    let left = planned.saturating_sub(now);
                    prop_assert!(is_woken || per_day.is_some() || u64::from(checkpoint.remaining().get()) == left);
                    now += slept;
                    let span = Millis::new(u32::try_from(slept).unwrap());
                    link = Sessions::resume(&keep, &checkpoint, span, moment(now)).unwrap();
                    planned = planned.max(now);
                    continue;
                }
                Fact::Fails(_) | Fact::Lives(..) => {}
            }
            loop {
                now = now.max(link.poll_at().unwrap().ticks());
                if link.on_wake(moment(now)).unwrap() {
                    break;
                }
                prop_assert!(per_day.is_some(), "only the limit of the day holds an attempt back");
            }
            if !is_woken && per_day.is_none() {
                prop_assert_eq!(now, planned);
            }
            is_woken = false;
            model.begin(now);
            if let Fact::Lives(after, lasts) = fact {
                now += after;
                link.on_established(moment(now));
                model.established = Some(now);
                now += lasts;
            } else if let Fact::Fails(after) = fact {
                now += after;
            }
            planned = model.lost(now);
            let decided = link.on_lost(moment(now), ErrorClass::Transient, || random.next_u32());
            match decided {
                Decision::RetryAt(at) if per_day.is_none() => prop_assert_eq!(at, moment(planned)),
                Decision::RetryAt(at) => prop_assert!(at >= moment(planned)),
                Decision::Stop(reason) => prop_assert!(false, "{}", reason),
            }
        }
        prop_assert!(model.keeps_its_day());
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// A link that flaps a hundred times a second for an hour, with attempts that fail at once and sessions that die at once: no
    /// more attempts than those of the backoff, and one an interval.
    #[test]
    fn a_link_that_flaps_at_100_hz_is_no_hot_loop(interval in 5_u64..120, seed: u32, dies_after_handshake: bool) {
        let backoff = Backoff::full_jitter(SECOND, Duration::from_secs(300));
        let config = KeepConfig::new(STABLE).wake_interval(Duration::from_secs(interval));
        let keep = Keep::new(Policy::new(Retry::new(backoff)), config);
        let mut random = SeededRandom::new(u64::from(seed));
        let mut link = Sessions::<1_000>::new(&keep, moment(0), || random.next_u32());
        let (mut brought_forward, mut attempts, mut own) = (0, 0, 0_u64);
        let mut planned = moment(0);
        for now in (0..3_600_000).step_by(10).map(moment) {
            if link.poll_at().is_some_and(|at| at <= now) && link.on_wake(now).unwrap() {
                attempts += 1;
                if now < planned { brought_forward += 1 } else { own += 1 }
                if dies_after_handshake {
                    link.on_established(now);
                }
                let Decision::RetryAt(at) = link.on_lost(now, ErrorClass::Transient, || random.next_u32()) else { panic!() };
                planned = at;
            }
            link.on_link_up(now, || random.next_u32());
        }
        prop_assert!(brought_forward <= 3_600 / interval + 1, "{brought_forward} of {attempts}");
        // With delays of up to 300 s, hardly one of the others is shorter than the interval once the backoff has grown.
        prop_assert!(own <= 3_600 / interval + 12, "{own} of {attempts}");
        // And the link is not forgotten: without wakes there were 24 attempts and less, with them one in each interval and a half.
        prop_assert!(attempts + 2 >= 3_600 / (interval + interval.div_ceil(2)), "{attempts}");
    }
}

#[test]
fn a_future_cancels_an_attempt_a_session_and_a_wait() {
    for stopped_at in [1, 2, 3] {
        let step = Cell::new(0);
        let stopped = || poll_fn(|_| if step.get() == stopped_at { Poll::Ready(()) } else { Poll::Pending });
        let env = TestAsyncEnv::new();
        let mut context = LINK.context(&env).cancel_on(stopped);
        let mut attempts = 0;
        let gave_up = block_on(context.keep().run(async |session| {
            attempts += 1;
            match (stopped_at, attempts) {
                (1, 1) => step.set(1),
                (2, 1) => {
                    session.established();
                    step.set(2);
                }
                _ => {
                    step.set(3);
                    return Err::<(), _>(ErrorClass::Transient);
                }
            }
            pending().await
        }));
        assert_eq!((gave_up.reason, attempts), (StopReason::Aborted, 1));
    }
}
