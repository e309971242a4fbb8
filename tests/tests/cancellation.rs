//! A call that does not end by itself, because its future is dropped or something in it panics, leaves breaker and
//! budget as if it had not been made, but for the tokens of retries that were decided.

use std::{
    cell::Cell,
    future::poll_fn,
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use redress_core::{
    AsyncEnvironment, AttemptInfo, Attempts, Backoff, Blocking, BreakerConfig, BreakerState, Budget, BudgetConfig,
    Checkpoint, CircuitBreaker, Clock, Decision, Environment, ErrorClass, Event, EventKind, Instant, Millis, Policy,
    Retry, SelfClassifier,
    env::mode::{self, Local, Spawned},
    testing::TestEnv,
};

const PROBES: u32 = 2;
const THRESHOLD: u8 = 3;
const TOKENS: u16 = 10;

/// Where calls of a test run: one clock, one breaker, one budget, and counts of what happened.
struct World {
    clock: Cell<u64>,
    breaker: CircuitBreaker<4>,
    budget: Budget<16>,
    started: Cell<u32>,
    /// Futures of the operation that exist.
    alive: Cell<u32>,
    decided: Cell<u16>,
    /// How many attempts fail.
    failing: u32,
}

impl Clock for &World {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        Instant::from_ticks(self.clock.get())
    }
}

impl World {
    fn new(state: BreakerState) -> Self {
        let config = BreakerConfig::new(THRESHOLD).recovery_timeout(Duration::from_secs(1)).probes(2);
        let world = Self {
            clock: Cell::new(1_000),
            breaker: CircuitBreaker::new(config),
            budget: Budget::new(BudgetConfig::rolling(TOKENS, Duration::from_secs(3_600))),
            started: Cell::new(0),
            alive: Cell::new(0),
            decided: Cell::new(0),
            failing: 2,
        };
        // Closed, one more failure opens it.
        let before = if state == BreakerState::Closed { THRESHOLD - 1 } else { THRESHOLD };
        for _ in 0..before {
            world.breaker.record_failure(ErrorClass::Transient, &&world);
        }
        if state == BreakerState::HalfOpen {
            world.clock.set(world.clock.get() + 1_000);
            drop(world.breaker.try_acquire(&&world));
        }
        assert_eq!(world.breaker.state(), state);
        world
    }

    fn retry() -> Retry<'static> {
        Retry::new(Backoff::constant(Duration::from_millis(40)))
    }

    fn policy<'w>(&'w self, retry: Retry<'w>) -> Policy<'w> {
        Policy::new(retry).circuit_breaker(&self.breaker).budget(&self.budget)
    }

    /// Waits twice, then fails or succeeds.
    async fn operation(&self) -> Result<u32, ErrorClass> {
        let _alive = Alive::new(&self.alive);
        self.started.set(self.started.get() + 1);
        once().await;
        once().await;
        if self.started.get() <= self.failing { Err(ErrorClass::Transient) } else { Ok(self.started.get()) }
    }

    fn count(&self) -> impl FnMut(&Event) {
        |event| {
            if event.kind == EventKind::Retry {
                self.decided.set(self.decided.get() + 1);
            }
        }
    }

    /// A checkpoint of a call under this policy, 25 ms before its second attempt.
    fn checkpoint(&self) -> Checkpoint {
        let policy = Policy::new(Self::retry());
        let mut attempts = Attempts::<1_000>::start(&policy, self.now()).unwrap();
        assert!(matches!(attempts.on_failure(self.now(), ErrorClass::Transient, || 0), Decision::RetryAt(_)));
        attempts.suspend(Instant::from_ticks(self.clock.get() + 15))
    }

    /// Nothing of a call is left.
    fn assert_untouched(&self, state: BreakerState, place: &str) {
        assert_eq!(self.alive.get(), 0, "{place}: the operation's future lives on");
        assert_eq!(self.budget.remaining(&self), TOKENS - self.decided.get(), "{place}: tokens");
        assert_eq!(self.breaker.state(), state, "{place}: state");
        match state {
            BreakerState::Closed => {
                let opened = self.breaker.record_failure(ErrorClass::Transient, &self);
                assert_eq!(opened, Some(BreakerState::Open), "{place}: it counted {} failures before", THRESHOLD - 1);
            }
            BreakerState::Open => assert!(self.breaker.try_acquire(&self).is_err(), "{place}"),
            BreakerState::HalfOpen => {
                let probes: Vec<_> = (0..PROBES).map(|_| self.breaker.try_acquire(&self)).collect();
                assert!(probes.iter().all(Result::is_ok), "{place}: a probe's place is lost");
                assert!(self.breaker.try_acquire(&self).is_err(), "{place}: a place too many");
            }
            state => unreachable!("{place}: {state}"),
        }
    }
}

impl World {
    fn now(&self) -> Instant {
        Clock::now(&self)
    }
}

struct Alive<'a>(&'a Cell<u32>);

impl<'a> Alive<'a> {
    fn new(count: &'a Cell<u32>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Pending once.
fn once() -> impl Future<Output = ()> {
    let mut polled = false;
    poll_fn(move |_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending })
}

/// An environment of either mode.
struct Env<'w, M>(&'w World, PhantomData<M>);

impl<'w, M> Env<'w, M> {
    fn new(world: &'w World) -> Self {
        Self(world, PhantomData)
    }
}

impl<M> Clock for Env<'_, M> {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        self.0.now()
    }
}

impl<M> Environment for Env<'_, M> {
    type Mode = M;
    type Classifier = SelfClassifier;

    const CLASSIFIER: SelfClassifier = SelfClassifier;

    fn random(&mut self) -> u32 {
        0x8000_0000
    }
}

impl<M: mode::Async> AsyncEnvironment for Env<'_, M> {
    async fn sleep(&mut self, ticks: u64) {
        // Long ones take more polls, so that an attempt is sooner ready than its timeout.
        for _ in 0..=ticks / 100 {
            once().await;
        }
        self.0.clock.set(self.0.clock.get() + ticks);
    }
}

/// Polls a future so often, or until it is ready.
fn poll_times<F: Future>(future: F, times: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..times {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
    }
    None
}

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

// ---- Panics -------------------------------------------------------------------------------------------------------

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
