//! Environments whose waits have a name.

use redress_core::{AsyncEnvironment, Clock, Environment, Instant, Millis, env::mode::Spawned};

/// An environment for the calls of a service: it may move between threads, and so may its waits.
///
/// [`Tokio`](crate::Tokio) is one. Clones of it serve calls at the same time, so if it holds a generator of random
/// numbers, its clones MUST draw different ones.
///
/// # Design
///
/// It stands beside [`AsyncEnvironment`], whose waits have no name, so that nothing generic can promise to be `Send` with
/// one of them inside.
pub trait ServiceEnvironment: Environment<Mode = Spawned> + Clone + Send + 'static {
    /// A wait.
    type Sleep: Future<Output = ()> + Send;

    /// Waits. MUST be ready no sooner than so many ticks after it was made; dropping it MUST end the wait.
    fn sleep_named(&mut self, ticks: u64) -> Self::Sleep;
}

#[cfg(feature = "tokio")]
impl ServiceEnvironment for crate::Tokio {
    type Sleep = std::pin::Pin<Box<::tokio::time::Sleep>>;

    #[inline]
    fn sleep_named(&mut self, ticks: u64) -> Self::Sleep {
        Box::pin(::tokio::time::sleep(std::time::Duration::from_nanos(ticks)))
    }
}

/// A service environment as the async loop takes it.
#[derive(Clone, Debug)]
pub(super) struct Named<E>(pub(super) E);

impl<E: Clock> Clock for Named<E> {
    const TICK_HZ: u32 = E::TICK_HZ;

    #[inline]
    fn now(&self) -> Instant {
        self.0.now()
    }
}

impl<E: ServiceEnvironment> Environment for Named<E> {
    type Mode = Spawned;
    type Classifier = E::Classifier;

    const CLASSIFIER: E::Classifier = E::CLASSIFIER;
    const ABORT_POLL: Option<Millis> = E::ABORT_POLL;

    #[inline]
    fn random(&mut self) -> u32 {
        self.0.random()
    }

    #[inline]
    fn tell(notify: impl FnOnce()) {
        E::tell(notify);
    }
}

impl<E: ServiceEnvironment> AsyncEnvironment for Named<E> {
    #[inline]
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        self.0.sleep_named(ticks)
    }
}
