//! Futures that are dropped.

use std::{cell::Cell, time::Duration};

use redress_core::{
    AttemptInfo, BreakerState, ErrorClass, Millis,
    env::mode::{Local, Spawned},
};

use crate::{Alive, Env, PROBES, World, poll_times};

/// Drops a call after each number of polls it can survive; `least` is how many there are at least.
fn dropped_everywhere(least: u32, call: &impl AsyncFn(&World)) {
    for state in [BreakerState::Closed, BreakerState::HalfOpen] {
        let mut times = 0;
        loop {
            let world = World::new(state);
            if poll_times(call(&world), times).is_some() {
                break;
            }
            world.assert_untouched(state, &format!("{state}, dropped after {times} polls"));
            times += 1;
            assert!(times < 1_000, "it never ends");
        }
        assert!(times > least, "only {times} polls: that tests less than it looks");
        // Left alone, the same call does count.
        let world = World::new(BreakerState::HalfOpen);
        for _ in 0..PROBES {
            assert!(poll_times(call(&world), 1_000).is_some());
        }
        assert_eq!(world.breaker.state(), BreakerState::Closed);
    }
    // An open circuit rejects as soon as it is asked, so there is not much to drop.
    let world = World::new(BreakerState::Open);
    assert!(poll_times(call(&world), 0).is_none());
    world.assert_untouched(BreakerState::Open, "never polled");
    assert!(poll_times(call(&world), 2).is_some());
    assert_eq!(world.started.get(), 0);
    world.assert_untouched(BreakerState::Open, "rejected");
}

macro_rules! both_modes {
    ($($(#[$doc:meta])* $name:ident: $least:literal, $world:ident, $mode:ident => $call:block)*) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            #[test]
            fn local() {
                type $mode = Local;
                dropped_everywhere($least, &async |$world: &World| $call);
            }

            #[test]
            fn spawned() {
                type $mode = Spawned;
                dropped_everywhere($least, &async |$world: &World| $call);
            }
        }
    )*};
}

both_modes! {
    a_call_dropped: 8, world, M => {
        let policy = world.policy(World::retry());
        let mut context = policy.context(Env::<M>::new(world)).observe(world.count());
        let _ = context.call(|| world.operation()).await;
    }

    an_execution_dropped: 8, world, M => {
        let policy = world.policy(World::retry());
        let mut context = policy.context(Env::<M>::new(world)).observe(world.count());
        context.execute(|| world.operation()).await;
    }

    a_call_without_deadline_and_observer_dropped: 8, world, M => {
        let policy = world.policy(World::retry().no_deadline());
        let mut context = policy.context(Env::<M>::new(world)).sleep_handler(|_, _| {
            world.decided.set(world.decided.get() + 1);
            redress_core::SleepDecision::Sleep
        });
        let _ = context.call(|| world.operation()).await;
    }

    /// The attempt is raced against its timeout.
    an_attempt_under_a_timeout_dropped: 8, world, M => {
        let policy = world.policy(World::retry().attempt_timeout(Duration::from_millis(500)));
        let mut context = policy.context(Env::<M>::new(world)).observe(world.count());
        let _ = context.call(|_: AttemptInfo| world.operation()).await;
    }

    a_sliced_wait_dropped: 14, world, M => {
        let policy = world.policy(World::retry());
        let mut context = policy.context(Env::<M>::new(world)).observe(world.count()).slice(Duration::from_millis(9), || ());
        let _ = context.execute(|_: AttemptInfo| world.operation()).await;
    }

    a_resumed_call_dropped: 6, world, M => {
        let policy = world.policy(World::retry());
        let mut context = policy.context(Env::<M>::new(world)).observe(world.count());
        let resumed = context.resume(&world.checkpoint(), Millis::ZERO).unwrap();
        let _ = resumed.call(|| world.operation()).await;
    }

    a_resumed_execution_dropped: 6, world, M => {
        let policy = world.policy(World::retry());
        let mut context = policy.context(Env::<M>::new(world)).observe(world.count());
        let resumed = context.resume(&world.checkpoint(), Millis::ZERO).unwrap();
        resumed.execute(|| world.operation()).await;
    }

    a_loop_dropped: 8, world, M => {
        let policy = world.policy(World::retry());
        let mut context = policy.context(Env::<M>::new(world)).observe(world.count());
        let Ok(mut run) = context.start() else { return };
        loop {
            match world.operation().await {
                Ok(number) => break run.succeed(number),
                Err(error) => if run.failed(error).await.is_err() { return },
            }
        };
    }

    a_resumed_loop_dropped: 6, world, M => {
        let policy = world.policy(World::retry());
        let mut context = policy.context(Env::<M>::new(world)).observe(world.count());
        let resumed = context.resume(&world.checkpoint(), Millis::ZERO).unwrap();
        let Ok(mut run) = resumed.start().await else { return };
        loop {
            match world.operation().await {
                Ok(number) => break run.succeed(number),
                Err(error) => if run.failed(error).await.is_err() { return },
            }
        };
    }
}

/// An attempt that is over its time is dropped before the wait begins, not at the end of the call.
#[test]
fn a_timed_out_attempt_is_gone_before_the_wait() {
    let world = World::new(BreakerState::Closed);
    let policy = world.policy(World::retry().attempt_timeout(Duration::from_millis(5)).max_attempts(2));
    let alive_in_wait = Cell::new(0);
    let mut context = policy.context(Env::<Local>::new(&world)).sleep_handler(|_, _| {
        alive_in_wait.set(world.alive.get());
        redress_core::SleepDecision::Sleep
    });
    let outcome = poll_times(
        context.execute(async || {
            let _alive = Alive::new(&world.alive);
            std::future::pending::<Result<(), ErrorClass>>().await
        }),
        100,
    );
    assert_eq!(outcome.unwrap().cause, Some(redress_core::Cause::Timeout));
    assert_eq!((alive_in_wait.get(), world.alive.get()), (0, 0));
}
