//! Waits that end early, and the spread of first attempts.

use std::{
    cell::{Cell, RefCell},
    future::{pending, ready},
    time::Duration,
};

use redress_core::{
    Backoff, BreakerConfig, BreakerState, Budget, BudgetConfig, CircuitBreaker, Classification, Clock as _, Decision,
    ErrorClass, Event, Instant, Millis, Policy, Retry, StopReason,
    keeper::{Keep, KeepConfig, LinkUp, Sessions},
    testing::{ManualClock, TestAsyncEnv, TestEnv, block_on},
};

use crate::{BACKOFF, DOWN, LINK, REFUSED, SECOND, STABLE, blocking, secs};

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
fn a_wake_does_not_pass_an_open_circuit_unless_it_is_closed_by_hand() {
    let breaker = CircuitBreaker::<1>::new(BreakerConfig::new(1).recovery_timeout(Duration::from_secs(900)));
    let keep = Keep::new(Policy::new(Retry::new(BACKOFF)).circuit_breaker(&breaker), KeepConfig::new(STABLE));
    let at = |secs: u64| Instant::from_ticks(1_000 * secs);
    let mut link = Sessions::<1_000>::new(&keep, at(0), || 0);
    assert_eq!(link.on_wake(at(0)), Ok(true));
    assert_eq!(link.on_lost(at(0), ErrorClass::Transient, || 0), Decision::RetryAt(at(1)));
    link.on_link_up(at(0), || 0);
    assert_eq!((link.poll_at(), link.on_wake(at(0))), (Some(at(0)), Ok(false)));
    assert_eq!((link.poll_at(), breaker.state()), (Some(at(900)), BreakerState::Open));

    let clock = ManualClock::new();
    clock.set(at(400));
    breaker.close(&clock);
    link.on_link_up(at(400), || 0);
    assert_eq!((link.poll_at(), link.on_wake(at(400))), (Some(at(400)), Ok(true)));
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
