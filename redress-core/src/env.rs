//! Environments: a clock, a sleeper, random numbers and a default classifier.
//!
//! Adapters implement [`Environment`] and one of [`BlockingEnvironment`] and [`AsyncEnvironment`]. [`Blocking`] and [`Local`]
//! make an environment out of parts, without an adapter.

use crate::{Clock, Millis, RandomSource, SelfClassifier, time::Instant};

/// How calls are made in an environment. Decides which closures `call` takes, and whether it returns a future.
pub mod mode {
    use super::Environment;
    use crate::drive::steps::{Contained, OfAsync, Steps};

    /// `FnMut() -> Result`; waits block.
    #[derive(Clone, Copy, Debug)]
    #[cfg_attr(feature = "defmt", derive(defmt::Format))]
    pub struct Blocking;

    /// `AsyncFnMut() -> Result`: the future may borrow what the closure captured, also mutably. For executors that stay on
    /// one thread.
    #[derive(Clone, Copy, Debug)]
    #[cfg_attr(feature = "defmt", derive(defmt::Format))]
    pub struct Local;

    /// `FnMut() -> Future`: the call is `Send` if the closure and its future are. For executors with many threads.
    #[derive(Clone, Copy, Debug)]
    #[cfg_attr(feature = "defmt", derive(defmt::Format))]
    pub struct Spawned;

    /// The modes.
    pub trait Mode {
        /// How a context refers to the code that its call sites share.
        #[doc(hidden)]
        type Steps<E: Environment>: Steps<E>;
    }

    impl Mode for Blocking {
        type Steps<E: Environment> = Contained<E>;
    }

    impl Mode for Local {
        type Steps<E: Environment> = OfAsync<E>;
    }

    impl Mode for Spawned {
        type Steps<E: Environment> = OfAsync<E>;
    }

    /// The modes in which calls are futures.
    pub trait Async: Mode {}

    impl Async for Local {}
    impl Async for Spawned {}
}

/// The facts that decisions need, and the default classifier.
pub trait Environment: Clock {
    /// One of the types in [`mode`].
    type Mode: mode::Mode;
    /// The classifier of contexts that set none.
    type Classifier;

    /// The value of the default classifier.
    const CLASSIFIER: Self::Classifier;
    /// The interval at which an abort condition is checked during a wait; `None` checks it before and after only.
    const ABORT_POLL: Option<Millis> = None;

    /// Returns a random number, uniform over all of `u32`.
    fn random(&mut self) -> u32;

    /// Notifies observers. MUST call `notify` once. Where panics unwind, an environment may keep those of observers from the
    /// call, as the environments of std do.
    #[inline(always)]
    fn tell(notify: impl FnOnce()) {
        notify();
    }
}

/// An environment whose waits block.
pub trait BlockingEnvironment: Environment<Mode = mode::Blocking> {
    /// Waits at least so many ticks. With zero ticks it MAY return at once.
    fn sleep(&mut self, ticks: u64);
}

/// An environment whose waits are futures.
pub trait AsyncEnvironment: Environment<Mode: mode::Async> {
    /// Waits. The future MUST be ready no sooner than so many ticks after it was made; dropping it MUST end the wait.
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
    fn sleep(&mut self, ticks: u64) {
        self(ticks);
    }
}

/// Waits without blocking. The MUSTs of [`Sleeper`] hold, and dropping the future MUST end the wait.
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
            /// Creates an environment of these parts.
            pub const fn new(clock: C, sleeper: S, random: R) -> Self {
                Self { clock, sleeper, random }
            }
        }

        impl<C: Clock, S, R> Clock for $name<C, S, R> {
            const TICK_HZ: u32 = C::TICK_HZ;

            fn now(&self) -> Instant {
                self.clock.now()
            }
        }

        impl<C: Clock, S, R: RandomSource> Environment for $name<C, S, R> {
            type Mode = mode::$mode;
            type Classifier = SelfClassifier;

            const CLASSIFIER: SelfClassifier = SelfClassifier;

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
    fn sleep(&mut self, ticks: u64) {
        self.sleeper.sleep(ticks);
    }
}

impl<C: Clock, S: AsyncSleeper, R: RandomSource> AsyncEnvironment for Local<C, S, R> {
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        self.sleeper.sleep(ticks)
    }
}
