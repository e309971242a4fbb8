//! Futures that are dropped, aborts, attempts that hang.

use std::{
    cell::Cell,
    future::{pending, poll_fn, ready},
    task::Poll,
    time::Duration,
};

use redress_core::{
    AbortRetryError, AsyncEnvironment, Clock, Environment, ErrorClass, Instant, Millis, Policy, Retry, SelfClassifier,
    StopReason,
    env::mode,
    keeper::{Keep, KeepConfig},
    testing::{ManualClock, TestAsyncEnv, TestEnv, block_on},
};

use crate::{BACKOFF, LINK, STABLE, secs};

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
