//! What a call runs in: a clock, a way to wait, random numbers.
//!
//! Adapters implement [`Environment`] and one of [`BlockingEnvironment`] and [`AsyncEnvironment`]. Out of parts,
//! [`Blocking`] and [`Local`] make an environment without an adapter.

use crate::{
    Clock, Millis, RandomSource, SelfClassifier,
    time::{Instant, TickRate},
};

/// How calls are made in an environment; decides which `call` and `execute` a context has.
pub mod mode {
    /// `FnMut() -> Result`, waiting on the spot.
    #[derive(Clone, Copy, Debug)]
    #[cfg_attr(feature = "defmt", derive(defmt::Format))]
    pub struct Blocking;

    /// `AsyncFnMut() -> Result`: the closure may lend what it captures to its future, as `radio.send()` does. For
    /// executors that stay on one thread.
    #[derive(Clone, Copy, Debug)]
    #[cfg_attr(feature = "defmt", derive(defmt::Format))]
    pub struct Local;

    /// `FnMut() -> Future`: the call is `Send` if the closure and its future are. For executors with many threads.
    #[derive(Clone, Copy, Debug)]
    #[cfg_attr(feature = "defmt", derive(defmt::Format))]
    pub struct Spawned;
}

/// The facts a decision needs, and who classifies by default.
pub trait Environment {
    /// Tick rate of [`now`](Self::now); the clock itself serves.
    type Rate: TickRate;
    /// One of the types in [`mode`].
    type Mode;
    /// The classifier of contexts that are given none.
    type Classifier;

    /// The value of the default classifier.
    const CLASSIFIER: Self::Classifier;
    /// How often the abort condition, if there is one, is asked during a wait; `None` for only before and after.
    const ABORT_POLL: Option<Millis> = None;

    /// The current moment; see [`Clock`] for what it MUST hold.
    fn now(&self) -> Instant;

    /// A random number, uniform over all of `u32`.
    fn random(&mut self) -> u32;

    /// Tells observers something. MUST call `told` once. Where panics unwind, an environment may keep those of observers
    /// from the call, as the environments of std do.
    #[inline(always)]
    fn tell(told: impl FnOnce()) {
        told();
    }
}

/// An environment that waits on the spot.
pub trait BlockingEnvironment: Environment {
    /// Waits. MUST wait at least so many ticks; zero MAY return at once.
    fn sleep(&mut self, ticks: u64);
}

/// An environment that waits without blocking.
pub trait AsyncEnvironment: Environment {
    /// Waits. MUST be ready no sooner than so many ticks after it was made; dropping it MUST end the wait.
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()>;
}

/// Waits by blocking.
///
/// An implementation MUST wait at least so many ticks of the clock it is paired with, MUST NOT panic, and SHOULD wait
/// no longer than that plus what scheduling costs.
pub trait Sleeper {
    /// Waits so many ticks.
    fn sleep(&mut self, ticks: u64);
}

impl<F: FnMut(u64)> Sleeper for F {
    #[inline]
    fn sleep(&mut self, ticks: u64) {
        self(ticks);
    }
}

/// Waits without blocking; the same MUSTs as [`Sleeper`], and dropping the future MUST end the wait.
pub trait AsyncSleeper {
    /// Waits so many ticks.
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()>;
}

macro_rules! from_parts {
    ($(#[$doc:meta])* $name:ident, $mode:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        pub struct $name<C, S, R> {
            clock: C,
            sleeper: S,
            random: R,
        }

        impl<C, S, R> $name<C, S, R> {
            /// An environment of these parts.
            pub const fn new(clock: C, sleeper: S, random: R) -> Self {
                Self { clock, sleeper, random }
            }
        }

        impl<C: Clock, S, R: RandomSource> Environment for $name<C, S, R> {
            type Rate = C;
            type Mode = mode::$mode;
            type Classifier = SelfClassifier;

            const CLASSIFIER: SelfClassifier = SelfClassifier;

            #[inline]
            fn now(&self) -> Instant {
                self.clock.now()
            }

            #[inline]
            fn random(&mut self) -> u32 {
                self.random.next_u32()
            }
        }
    };
}

from_parts! {
    /// A blocking environment out of a clock, a sleeper and a source of random numbers.
    Blocking, Blocking
}

from_parts! {
    /// An environment for executors on one thread, out of a clock, a sleeper and a source of random numbers.
    Local, Local
}

impl<C: Clock, S: Sleeper, R: RandomSource> BlockingEnvironment for Blocking<C, S, R> {
    #[inline]
    fn sleep(&mut self, ticks: u64) {
        self.sleeper.sleep(ticks);
    }
}

impl<C: Clock, S: AsyncSleeper, R: RandomSource> AsyncEnvironment for Local<C, S, R> {
    #[inline]
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        self.sleeper.sleep(ticks)
    }
}
