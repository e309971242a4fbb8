//! Panics in operations, classifiers, hooks, sleepers and observers.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use redress_core::{
    Backoff, Blocking, BreakerConfig, BreakerState, CircuitBreaker, ErrorClass, Event, EventKind, Policy, Retry,
    env::mode::{Local, Spawned},
    testing::TestEnv,
};

use crate::{Env, World};

/// Catches what a blocking call throws at each of its attempts.
fn panics_everywhere(call: impl Fn(&World, u32)) {
    for state in [BreakerState::Closed, BreakerState::HalfOpen] {
        for at in 1..=3 {
            let world = World::new(state);
            assert!(catch_unwind(AssertUnwindSafe(|| call(&world, at))).is_err(), "it did not panic");
            assert_eq!(world.started.get(), at);
            world.assert_untouched(state, &format!("{state}, panic at attempt {at}"));
        }
    }
}

fn blocking(world: &World) -> Blocking<&World, impl FnMut(u64), impl FnMut() -> u32> {
    Blocking::new(world, |ticks| world.clock.set(world.clock.get() + ticks), || 1)
}

fn attempt(world: &World, panics: bool) -> Result<(), ErrorClass> {
    world.started.set(world.started.get() + 1);
    assert!(!panics, "the operation's own panic");
    Err(ErrorClass::Transient)
}

#[test]
fn a_panicking_operation() {
    panics_everywhere(|world, at| {
        let policy = world.policy(World::retry());
        let mut context = policy.context(blocking(world)).observe(world.count());
        let _ = context.call(|| attempt(world, world.started.get() + 1 == at));
    });
    panics_everywhere(|world, at| {
        let policy = world.policy(World::retry());
        let mut context = policy.context(blocking(world)).observe(world.count());
        context.execute(|| attempt(world, world.started.get() + 1 == at));
    });
    panics_everywhere(|world, at| {
        let policy = world.policy(World::retry());
        let mut context = policy.context(blocking(world)).observe(world.count());
        let mut run = context.start().unwrap();
        loop {
            let failed = attempt(world, world.started.get() + 1 == at).unwrap_err();
            run.failed(failed).unwrap();
        }
    });
}

#[test]
fn a_panicking_classifier() {
    panics_everywhere(|world, at| {
        let policy = world.policy(World::retry());
        let classifier = |class: &ErrorClass| {
            assert!(world.started.get() < at, "the classifier's own panic");
            *class
        };
        let mut context = policy.context(blocking(world)).observe(world.count()).classifier(classifier);
        let _ = context.call(|| attempt(world, false));
    });
    panics_everywhere(|world, at| {
        let policy = world.policy(World::retry());
        let results = |(): &()| -> Option<ErrorClass> {
            assert!(world.started.get() < at, "the classifier's own panic");
            Some(ErrorClass::Transient)
        };
        let mut context = policy.context(blocking(world)).observe(world.count()).retry_result(results);
        context.execute(|| attempt(world, false).or(Ok::<_, ErrorClass>(())));
    });
}

/// They must not, but the breaker does not depend on it.
#[test]
fn a_panicking_abort_condition_sleep_handler_or_sleeper() {
    panics_everywhere(|world, at| {
        let policy = world.policy(World::retry());
        let abort = || {
            assert!(world.started.get() < at, "the condition's own panic");
            false
        };
        let mut context = policy.context(blocking(world)).observe(world.count()).abort_if(abort);
        let _ = context.call(|| attempt(world, false));
    });
    panics_everywhere(|world, at| {
        let policy = world.policy(World::retry());
        let handler = |_: &_, _| {
            assert!(world.started.get() < at, "the handler's own panic");
            redress_core::SleepDecision::Sleep
        };
        let mut context = policy.context(blocking(world)).observe(world.count()).sleep_handler(handler);
        let _ = context.call(|| attempt(world, false));
    });
    panics_everywhere(|world, at| {
        let policy = world.policy(World::retry());
        let sleeper = |_| assert!(world.started.get() < at, "the sleeper's own panic");
        let mut context = policy.context(Blocking::new(world, sleeper, || 1)).observe(world.count());
        let _ = context.call(|| attempt(world, false));
    });
}

/// Polls until a panic comes out, then drops what is left, as an executor does.
fn panics_in_poll(call: &impl AsyncFn(&World, u32)) {
    for state in [BreakerState::Closed, BreakerState::HalfOpen] {
        for at in 1..=3 {
            let world = World { failing: 9, ..World::new(state) };
            {
                let mut future = pin!(call(&world, at));
                let mut context = Context::from_waker(Waker::noop());
                let polled = (0..100).find_map(|_| {
                    match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context))) {
                        Ok(Poll::Pending) => None,
                        Ok(Poll::Ready(())) => Some(false),
                        Err(_) => Some(true),
                    }
                });
                assert_eq!(polled, Some(true), "it did not panic");
            }
            assert_eq!(world.started.get(), at);
            world.assert_untouched(state, &format!("{state}, panic at attempt {at}"));
        }
    }
}

macro_rules! panics_in_both_modes {
    ($($name:ident: $world:ident, $at:ident, $mode:ident => $call:block)*) => {$(
        #[test]
        fn $name() {
            {
                type $mode = Local;
                panics_in_poll(&async |$world: &World, $at: u32| $call);
            }
            {
                type $mode = Spawned;
                panics_in_poll(&async |$world: &World, $at: u32| $call);
            }
        }
    )*};
}

panics_in_both_modes! {
    a_panicking_async_operation: world, at, M => {
        let policy = world.policy(World::retry());
        let mut context = policy.context(Env::<M>::new(world)).observe(world.count());
        let _ = context.call(|| async {
            let failed = world.operation().await;
            assert!(world.started.get() < at, "the operation's own panic");
            failed
        }).await;
    }

    a_panicking_classifier_in_an_async_call: world, at, M => {
        let policy = world.policy(World::retry().attempt_timeout(Duration::from_secs(1)));
        let classifier = |class: &ErrorClass| {
            assert!(world.started.get() < at, "the classifier's own panic");
            *class
        };
        let mut context = policy.context(Env::<M>::new(world)).observe(world.count()).classifier(classifier);
        context.execute(|| world.operation()).await;
    }

    a_panic_in_a_loop: world, at, M => {
        let policy = world.policy(World::retry());
        let mut context = policy.context(Env::<M>::new(world)).observe(world.count());
        let mut run = context.start().unwrap();
        loop {
            let failed = world.operation().await.unwrap_err();
            assert!(world.started.get() < at, "the loop's own panic");
            run.failed(failed).await.unwrap();
        }
    }
}

#[test]
fn an_observer_that_panics_loses_no_probe() {
    for result in [Ok(()), Err(ErrorClass::Permanent)] {
        let breaker = CircuitBreaker::<1>::new(BreakerConfig::new(1));
        let policy = Policy::new(Retry::new(Backoff::none())).circuit_breaker(&breaker);
        let mut context = policy.context(TestEnv::new());
        let _ = context.call(|| Err::<(), _>(ErrorClass::Transient));
        assert_eq!(breaker.state(), BreakerState::Open);
        context.env().clock().advance(Duration::from_secs(30));

        let mut context = context.observe(|event: &Event| {
            assert!(!matches!(event.kind, EventKind::Success | EventKind::PermanentFail), "an observer panics");
        });
        assert!(catch_unwind(AssertUnwindSafe(|| context.call(|| result))).is_err());
        assert_eq!(breaker.state(), BreakerState::Closed, "an answer closes the circuit, observed or not");
    }
}
