//! The environment of blocking calls.

use redress_core::{BlockingEnvironment, Clock, Environment, Instant, Millis, RandomSource, Sleeper, env::mode};

use crate::{DefaultClassifier, StdClock, ThreadRandom, ThreadSleeper, observe};

/// How long an abort may go unnoticed during a wait.
pub(crate) const ABORT_POLL: Millis = Millis::new(10);

/// Calls that block the current thread.
///
/// - clock: [`StdClock`]
/// - waits: [`ThreadSleeper`]; with an abort condition they end at most 10 ms after it holds
/// - random numbers: [`ThreadRandom`]
/// - classifier: [`DefaultClassifier`]
///
/// ```
/// use std::{cell::Cell, io, time::Duration};
/// use redress_std::{Backoff, Policy, Retry, Threads};
///
/// static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_millis(1))));
///
/// let failures = Cell::new(2);
/// let mut orders = POLICY.context(Threads).operation("fetch_orders");
/// let outcome = orders.execute(|| match failures.replace(failures.get() - 1) {
///     1.. => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
///     _ => Ok("orders"),
/// });
/// assert_eq!((outcome.value(), outcome.attempts), (Some(&"orders"), 3));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Threads;

impl Clock for Threads {
    const TICK_HZ: u32 = StdClock::TICK_HZ;

    #[inline]
    fn now(&self) -> Instant {
        StdClock.now()
    }
}

impl Environment for Threads {
    type Mode = mode::Blocking;
    type Classifier = DefaultClassifier;

    const CLASSIFIER: DefaultClassifier = DefaultClassifier;
    const ABORT_POLL: Option<Millis> = Some(ABORT_POLL);

    #[inline]
    fn random(&mut self) -> u32 {
        ThreadRandom.next_u32()
    }

    #[inline]
    fn tell(notify: impl FnOnce()) {
        observe::quietly(notify);
    }
}

impl BlockingEnvironment for Threads {
    #[inline]
    fn sleep(&mut self, ticks: u64) {
        ThreadSleeper.sleep(ticks);
    }
}
