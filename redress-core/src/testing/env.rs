//! Environments in which waiting takes no time.

use core::{
    future::ready,
    pin::pin,
    task::{Context, Poll, Waker},
};

use heapless::HistoryBuf;

use super::ManualClock;
use crate::{
    Clock, Millis, RandomSource, SeededRandom, SelfClassifier,
    env::{AsyncEnvironment, BlockingEnvironment, Environment, mode},
    time::Instant,
};

/// How many sleeps an environment remembers.
const SLEEPS: usize = 64;

macro_rules! test_env {
    ($(#[$doc:meta])* $name:ident, $mode:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            clock: ManualClock,
            random: SeededRandom,
            sleeps: HistoryBuf<Millis, SLEEPS>,
        }

        impl $name {
            /// An environment at time zero, with the same random numbers each time.
            pub const fn new() -> Self {
                Self::seeded(1)
            }

            /// An environment at time zero, with the random numbers of this seed.
            pub const fn seeded(seed: u64) -> Self {
                Self { clock: ManualClock::new(), random: SeededRandom::new(seed), sleeps: HistoryBuf::new() }
            }

            /// Its clock, to let time pass inside an operation or between calls.
            pub const fn clock(&self) -> &ManualClock {
                &self.clock
            }

            /// The last 64 sleeps asked for, oldest first.
            pub fn sleeps(&self) -> impl Iterator<Item = Millis> {
                self.sleeps.oldest_ordered().copied()
            }

            fn pass(&mut self, ticks: u64) {
                self.clock.advance_ticks(ticks);
                self.sleeps.write(<ManualClock as crate::time::Convert>::millis(ticks));
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl Environment for $name {
            type Rate = ManualClock;
            type Mode = mode::$mode;
            type Classifier = SelfClassifier;

            const CLASSIFIER: SelfClassifier = SelfClassifier;

            fn now(&self) -> Instant {
                self.clock.now()
            }

            fn random(&mut self) -> u32 {
                self.random.next_u32()
            }
        }
    };
}

test_env! {
    /// A blocking environment: a sleep is recorded and moves the clock.
    TestEnv, Blocking
}

test_env! {
    /// An async environment: a sleep is recorded, moves the clock and is over at once.
    TestAsyncEnv, Local
}

impl BlockingEnvironment for TestEnv {
    fn sleep(&mut self, ticks: u64) {
        self.pass(ticks);
    }
}

impl AsyncEnvironment for TestAsyncEnv {
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        self.pass(ticks);
        ready(())
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
