//! A call that does not end by itself, because its future is dropped or something in it panics, leaves breaker and
//! budget as if it had not been made, but for the tokens of retries that were decided.

mod dropped;
mod panics;

use std::{
    cell::Cell,
    future::poll_fn,
    marker::PhantomData,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use redress_core::{
    AsyncEnvironment, Attempts, Backoff, BreakerConfig, BreakerState, Budget, BudgetConfig, Checkpoint, CircuitBreaker,
    Clock, Decision, Environment, ErrorClass, Event, EventKind, Instant, Policy, Retry, SelfClassifier, env::mode,
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

impl<M: mode::Mode> Environment for Env<'_, M> {
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
