//! Environments in which waiting takes no time.

use core::{
    cell::{Cell, RefCell},
    future::poll_fn,
    marker::PhantomData,
    pin::pin,
    task::{Context, Poll, Waker},
};

use super::ManualClock;
use crate::{
    Blocking, Clock, Local, Millis, RandomSource, SeededRandom,
    env::{AsyncEnvironment, BlockingEnvironment, Environment, mode},
    time::{ClockRate, Instant},
};

/// How many sleeps an environment remembers.
const SLEEPS: usize = 64;

/// The latest sleeps, in a ring.
#[derive(Clone, Debug)]
struct Sleeps {
    latest: [Cell<Millis>; SLEEPS],
    count: Cell<usize>,
}

impl Sleeps {
    const fn new() -> Self {
        Self { latest: [const { Cell::new(Millis::ZERO) }; SLEEPS], count: Cell::new(0) }
    }

    fn push(&self, span: Millis) {
        let count = self.count.get();
        if let Some(place) = self.latest.get(count % SLEEPS) {
            place.set(span);
        }
        self.count.set(count.saturating_add(1));
    }

    fn iter(&self) -> impl Iterator<Item = Millis> {
        let count = self.count.get();
        (count.saturating_sub(SLEEPS)..count).filter_map(|place| self.latest.get(place % SLEEPS)).map(Cell::get)
    }
}

macro_rules! test_env {
    ($(#[$doc:meta])* $name:ident, $parts:ident, $mode:ident) => {
        $(#[$doc])*
        ///
        /// `E` is the environment that it is [like](Self::like). Use it by value, or by reference to reach it while a context
        /// has it.
        #[derive(Debug)]
        pub struct $name<E = $parts<ManualClock, fn(u64), SeededRandom>> {
            clock: ManualClock,
            random: RefCell<SeededRandom>,
            sleeps: Sleeps,
            real: PhantomData<fn() -> E>,
        }

        impl $name {
            /// Creates an environment at time zero, with the same random numbers each time.
            pub const fn new() -> Self {
                Self::seeded(1)
            }

            /// Creates an environment at time zero, with the random numbers of this seed.
            pub const fn seeded(seed: u64) -> Self {
                let random = RefCell::new(SeededRandom::new(seed));
                Self { clock: ManualClock::new(), random, sleeps: Sleeps::new(), real: PhantomData }
            }
        }

        impl<E> $name<E> {
            /// Returns it with the default classifier of a real environment, so that a context classifies the same errors
            /// in the same way.
            pub fn like<Real: Environment>(self) -> $name<Real> {
                let Self { clock, random, sleeps, .. } = self;
                $name { clock, random, sleeps, real: PhantomData }
            }

            /// Borrows the clock, to let time pass inside an operation or between calls.
            pub const fn clock(&self) -> &ManualClock {
                &self.clock
            }

            /// Returns the latest 64 sleeps asked for, oldest first.
            pub fn sleeps(&self) -> impl Iterator<Item = Millis> {
                self.sleeps.iter()
            }

            fn pass(&self, ticks: u64) {
                self.clock.advance_ticks(ticks);
                self.sleeps.push(ManualClock::RATE.millis(ticks));
            }
        }

        impl<E> Clone for $name<E> {
            fn clone(&self) -> Self {
                let Self { clock, random, sleeps, .. } = self;
                Self { clock: clock.clone(), random: random.clone(), sleeps: sleeps.clone(), real: PhantomData }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl<E> Clock for $name<E> {
            const TICK_HZ: u32 = ManualClock::TICK_HZ;

            fn now(&self) -> Instant {
                self.clock.now()
            }
        }

        test_env!(@environment $name, $name<E>, $mode);
        test_env!(@environment $name, &$name<E>, $mode);
    };
    (@environment $name:ident, $type:ty, $mode:ident) => {
        impl<E: Environment> Environment for $type {
            type Mode = mode::$mode;
            type Classifier = E::Classifier;

            const CLASSIFIER: E::Classifier = E::CLASSIFIER;

            fn random(&mut self) -> u32 {
                self.random.borrow_mut().next_u32()
            }
        }
    };
}

test_env! {
    /// A blocking environment: a sleep is recorded and moves the clock.
    TestEnv, Blocking, Blocking
}

test_env! {
    /// An async environment: a sleep is recorded, moves the clock and is over when it is polled for the second time.
    ///
    /// So an attempt that is raced against its timeout or the deadline has two polls to be ready; then it counts as one that
    /// hangs. For operations that need more of them, use policies without both.
    TestAsyncEnv, Local, Local
}

impl<E: Environment> BlockingEnvironment for TestEnv<E> {
    fn sleep(&mut self, ticks: u64) {
        self.pass(ticks);
    }
}

impl<E: Environment> BlockingEnvironment for &TestEnv<E> {
    fn sleep(&mut self, ticks: u64) {
        self.pass(ticks);
    }
}

impl<E: Environment> AsyncEnvironment for TestAsyncEnv<E> {
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        self.pass_later(ticks)
    }
}

impl<E: Environment> AsyncEnvironment for &TestAsyncEnv<E> {
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        self.pass_later(ticks)
    }
}

impl<E> TestAsyncEnv<E> {
    fn pass_later(&self, ticks: u64) -> impl Future<Output = ()> {
        let mut is_polled = false;
        poll_fn(move |context| {
            if !is_polled {
                is_polled = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.pass(ticks);
            Poll::Ready(())
        })
    }
}

/// Polls a future until it is ready: for futures that wait for nothing, as all do in a [`TestAsyncEnv`].
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::{Backoff, Cause, Classification, Classifier, ErrorClass, Policy, Retry};

    #[test]
    fn an_environment_is_reached_while_a_context_has_it() {
        static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(1))).max_attempts(3));
        let env = TestEnv::new();
        let mut context = POLICY.context(&env);
        let outcome = context.execute(|| {
            env.clock().advance(Duration::from_millis(250));
            Err::<(), _>(ErrorClass::Transient)
        });
        assert_eq!((outcome.attempts, outcome.elapsed), (3, Millis::new(2_750)));
        assert!(env.sleeps().eq([Millis::from_secs(1); 2]));
        assert!(env.clone().sleeps().eq(env.sleeps()));
    }

    #[test]
    fn an_attempt_that_hangs_times_out_and_one_that_yields_does_not() {
        static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(1));
        let mut context = POLICY.context(TestAsyncEnv::new());
        let yielded = block_on(context.call(async || {
            let mut is_polled = false;
            poll_fn(|_| if core::mem::replace(&mut is_polled, true) { Poll::Ready(()) } else { Poll::Pending }).await;
            Ok::<_, ErrorClass>(7)
        }));
        assert_eq!((yielded, context.env().sleeps().count()), (Ok(7), 0));
        let hangs = block_on(context.call(async || core::future::pending::<Result<(), ErrorClass>>().await));
        assert_eq!(hangs.unwrap_err().cause, Some(Cause::Timeout));
        assert!(context.env().sleeps().eq([Millis::from_secs(60)]));
    }

    #[test]
    fn the_latest_sleeps_are_kept() {
        let env = TestEnv::new();
        (0..70).for_each(|ticks| env.pass(ticks));
        assert!(env.sleeps().map(Millis::get).eq(6..70));
    }

    /// Takes every error for one that asks to wait.
    struct Busy;

    impl<E> Classifier<E> for Busy {
        fn classify(&self, _: &E) -> Classification {
            ErrorClass::RateLimit.into()
        }
    }

    struct Real;

    impl Clock for Real {
        const TICK_HZ: u32 = 1;

        fn now(&self) -> Instant {
            Instant::ZERO
        }
    }

    impl Environment for Real {
        type Mode = mode::Spawned;
        type Classifier = Busy;

        const CLASSIFIER: Busy = Busy;

        fn random(&mut self) -> u32 {
            0
        }
    }

    #[test]
    fn an_environment_classifies_like_the_real_one() {
        static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).limit_for(ErrorClass::RateLimit, 1));
        let mut context = POLICY.context(TestAsyncEnv::new().like::<Real>());
        let outcome = block_on(context.execute(async || Err::<(), _>("busy")));
        assert_eq!((outcome.attempts, outcome.last_class), (2, Some(ErrorClass::RateLimit)));
    }
}
