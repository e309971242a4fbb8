//! The environments of calls in tokio.

use std::time::Duration;

use ::tokio::time;
use redress_core::{AsyncEnvironment, Clock, Environment, Instant, Millis, RandomSource, env::mode};

use crate::{DefaultClassifier, StdClock, ThreadRandom, clock, observe, threads::ABORT_POLL};

/// The clock of the tokio runtime: [`tokio::time::Instant`](time::Instant) in nanoseconds, from the same start as
/// [`StdClock`]. Feature `tokio`.
///
/// It stands still where tokio's time is paused; outside of a runtime it is [`StdClock`]. For what takes a clock, as
/// [`CircuitBreakerView::try_acquire`](crate::CircuitBreakerView::try_acquire) does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub struct TokioClock;

impl Clock for TokioClock {
    const TICK_HZ: u32 = StdClock::TICK_HZ;

    #[inline]
    fn now(&self) -> Instant {
        clock::in_ticks(time::Instant::now().into_std())
    }
}

macro_rules! tokio_environment {
    ($(#[$doc:meta])* $name:ident, $mode:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
        pub struct $name;

        impl Clock for $name {
            const TICK_HZ: u32 = TokioClock::TICK_HZ;

            #[inline]
            fn now(&self) -> Instant {
                TokioClock.now()
            }
        }

        impl Environment for $name {
            type Mode = mode::$mode;
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

        impl AsyncEnvironment for $name {
            /// Boxed, because tokio's timer is larger than all else in the future of a call together.
            #[inline]
            fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
                Box::pin(time::sleep(Duration::from_nanos(ticks)))
            }
        }
    };
}

tokio_environment! {
    /// Calls in tokio, with futures that are `Send` where those of the operation are. Feature `tokio`.
    ///
    /// - clock: [`TokioClock`]; waits take no time where tokio's time is paused
    /// - waits: tokio's timer; with an abort condition they end at most 10 ms after it holds, with
    ///   [`cancel_on`](crate::Context::cancel_on) at once
    /// - random numbers: [`ThreadRandom`]
    /// - classifier: [`DefaultClassifier`]
    /// - operations: `FnMut() -> Future`. For closures that lend what they captured there is [`TokioLocal`], and
    ///   the loop form, whose futures are `Send` and which needs no closure.
    ///
    /// ```
    /// use std::{io, time::Duration};
    /// use redress_std::{Backoff, Policy, Retry, Tokio};
    ///
    /// static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(5))));
    ///
    /// async fn fetch() -> io::Result<&'static str> {
    ///     # use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///     # static CALLS: AtomicU32 = AtomicU32::new(0);
    ///     # if CALLS.fetch_add(1, Relaxed) < 2 { return Err(io::ErrorKind::TimedOut.into()) }
    ///     # Ok("profile")
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let task = tokio::spawn(async {
    ///     POLICY.context(Tokio).operation("fetch_profile").execute(|| fetch()).await
    /// });
    /// let outcome = task.await.unwrap();
    /// assert_eq!((outcome.value(), outcome.attempts), (Some(&"profile"), 3));
    /// # }
    /// ```
    ///
    /// A token or a shutdown ends attempts and waits at once:
    ///
    /// ```
    /// # use std::{io, time::Duration};
    /// # use redress_std::{Backoff, Policy, Retry, StopReason, Tokio};
    /// use tokio::sync::watch;
    /// use tokio_util::sync::CancellationToken;
    /// # static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(5))));
    /// # async fn fetch() -> io::Result<()> { Err(io::ErrorKind::TimedOut.into()) }
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    ///
    /// let token = CancellationToken::new();
    /// let mut profiles = POLICY.context(Tokio).cancel_on(|| token.cancelled());
    /// # token.cancel();
    /// # assert_eq!(profiles.call(|| fetch()).await.unwrap_err().reason, StopReason::Aborted);
    ///
    /// // Kept in a struct or moved to a task, the context owns its token.
    /// let owned = token.clone();
    /// let profiles = POLICY.context(Tokio).cancel_on(move || owned.clone().cancelled_owned());
    ///
    /// // A watch ends calls when its value is `true`, or when its sender is gone.
    /// let (shutdown, stopped) = watch::channel(false);
    /// let mut profiles = POLICY.context(Tokio).cancel_on(move || {
    ///     let mut stopped = stopped.clone();
    ///     async move { drop(stopped.wait_for(|is_stopped| *is_stopped).await) }
    /// });
    /// # shutdown.send_replace(true);
    /// # assert_eq!(profiles.call(|| fetch()).await.unwrap_err().reason, StopReason::Aborted);
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// The first wait panics outside of a runtime and in one whose time is not enabled, as tokio's timer does.
    Tokio, Spawned
}

tokio_environment! {
    /// Calls in tokio, on one thread: the operation is an `AsyncFnMut`, which may lend what it captured to its futures.
    /// Feature `tokio`.
    ///
    /// Otherwise as [`Tokio`].
    ///
    /// ```
    /// use std::{io, time::Duration};
    /// use redress_std::{Backoff, Policy, Retry, TokioLocal};
    ///
    /// static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));
    ///
    /// # struct Sink(Vec<u8>);
    /// # impl Sink { async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> { self.0.extend(bytes); Ok(bytes.len()) } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let mut connection = Sink(Vec::new());
    /// let written = POLICY.context(TokioLocal).call(async || connection.write(b"hello").await).await;
    /// # assert_eq!(written.unwrap(), 5);
    /// # }
    /// ```
    TokioLocal, Local
}
