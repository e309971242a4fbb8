//! The keeper in async environments, for two shapes of closures: see the [async loop](crate::drive).

use core::{
    future::{pending, poll_fn},
    pin::pin,
    task::Poll,
};

use embassy_futures::select::{Either, select};

use super::{
    Keep, WakeFuture,
    drive::{Keeper, ended},
    held::Held,
    kept::Kept,
};
use crate::{
    AttemptInfo, Classifier, ErrorObserver, Millis, Rejected, RetryError,
    call::{Failed, Stop},
    context::{ResultClassifier, Site},
    drive::Wait,
    env::{
        AsyncEnvironment,
        mode::{self, Local, Spawned},
    },
    hooks::{AbortCondition, HookSet},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::ClockRate,
};

/// The session of an attempt, in an async environment. The operation says when it is established.
#[derive(Clone, Copy, Debug)]
pub struct Session<'s> {
    info: AttemptInfo,
    is_established: &'s AtomicBool,
}

#[cfg(feature = "defmt")]
impl defmt::Format for Session<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Session({})", self.info);
    }
}

impl Session<'_> {
    /// The session is established. A second time it changes nothing. Without it, the attempt has failed however long it took.
    ///
    /// It counts from the moment at which the operation next waits or returns.
    pub fn established(&self) {
        self.is_established.store(true, Relaxed);
    }

    /// Returns the number of the attempt and how long it may take to establish the session. After that the attempt is dropped;
    /// a session that is established has no limit.
    pub const fn attempt(&self) -> AttemptInfo {
        self.info
    }
}

impl<'c, E: AsyncEnvironment, H: HookSet, M: mode::Async> Keeper<'c, E, H, (), M> {
    /// Sets a function that returns a future of the next wake: `|| LINK_UP.wait()` of an embassy `Signal`, `|| notify.notified()`
    /// of a tokio `Notify`. A wake cuts a wait short, at most once per [interval](super::KeepConfig::wake_interval). The future is
    /// made anew for each wait, and for each slice of it, so it must be ready at once if there was a wake in between.
    pub fn wake_on<F: FnMut() -> U, U: Future>(self, woken: F) -> Keeper<'c, E, H, F, M> {
        self.wake_by(woken)
    }
}

impl<E: AsyncEnvironment, H: HookSet, W: WakeFuture, M: mode::Async> Keeper<'_, E, H, W, M> {
    /// Waits for the turn of the next attempt and begins it: the loop form.
    ///
    /// # Errors
    ///
    /// The deadline has passed, the attempts are used up or the abort condition holds; the keeper has given up.
    pub async fn begin(&mut self) -> Result<AttemptInfo, Rejected> {
        let Self { held: Held { keep, kept }, site, wakes, .. } = self;
        kept.ready(keep, site);
        match wait_and_begin(keep, kept, site, wakes).await {
            Ok(()) => Ok(kept.attempt(keep)),
            Err(stop) => {
                kept.finish(keep, site, stop, Site::emit);
                Err(stop.into())
            }
        }
    }
}

async fn wait_and_begin<E: AsyncEnvironment, H: HookSet, W: WakeFuture>(
    keep: &Keep<'_>,
    kept: &mut Kept,
    site: &mut Site<E, H>,
    wakes: &mut W,
) -> Result<(), Stop> {
    loop {
        let mut wait = Wait::begin(&kept.call, &keep.policy, site);
        let mut is_woken = false;
        loop {
            let woken = async {
                // A second wake could not cut the wait any shorter.
                if is_woken {
                    pending::<()>().await;
                }
                wakes.woken().await;
            };
            let cancelled = site.hooks.parts().abort.cancelled();
            match select(cancelled, select(site.env.sleep(wait.ticks(site, false)), woken)).await {
                Either::First(_) => {
                    site.hooks.parts().abort.cancel();
                    break;
                }
                Either::Second(Either::First(())) if wait.next(site) => {}
                Either::Second(Either::First(())) => break,
                Either::Second(Either::Second(())) => {
                    is_woken = true;
                    kept.link_up(keep, site);
                    wait = Wait::begin(&kept.call, &keep.policy, site);
                }
            }
        }
        if kept.begin(keep, site)? {
            return Ok(());
        }
    }
}

/// Polls an attempt and the session it establishes to their end; `None` if the attempt took too long.
///
/// # Errors
///
/// The keeper was cancelled.
async fn attend<E: AsyncEnvironment, H: HookSet, R>(
    Held { keep, kept }: &mut Held<'_>,
    site: &mut Site<E, H>,
    is_established: &AtomicBool,
    attempt: impl Future<Output = R>,
    mut limit: Option<Millis>,
) -> Result<Option<R>, Stop> {
    let mut attempt = pin!(attempt);
    loop {
        // Ready without a result once the operation has said that it is established.
        let step = poll_fn(|context| {
            let result = attempt.as_mut().poll(context);
            let has_news = result.is_pending() && is_established.load(Relaxed);
            if has_news { Poll::Ready(None) } else { result.map(Some) }
        });
        let cancelled = site.hooks.parts().abort.cancelled();
        let env = &mut site.env;
        let timer = async move {
            match limit {
                Some(limit) => env.sleep(E::RATE.ticks(limit)).await,
                None => pending().await,
            }
        };
        let ended = match select(step, select(timer, cancelled)).await {
            Either::First(step) => Either::First(step),
            Either::Second(Either::First(())) => Either::Second(()),
            Either::Second(Either::Second(_)) => return Err(kept.call.cancel(&keep.policy, site)),
        };
        if is_established.load(Relaxed) {
            is_established.store(false, Relaxed);
            kept.established(site);
        } else if let Either::Second(()) = ended {
            if kept.is_up() {
                kept.tick(keep, site);
            } else {
                return Ok(None);
            }
        }
        if let Either::First(Some(result)) = ended {
            return Ok(Some(result));
        }
        limit = kept.unstable_for::<E>(keep);
    }
}

macro_rules! run {
    ($mode:ident, $lifetime:lifetime, $operation:ty $(, $future:ident)?) => {
        impl<'c, E: AsyncEnvironment, H: HookSet, W: WakeFuture> Keeper<'c, E, H, W, $mode> {
            /// Keeps the connection up: makes attempts, each of which connects, says so with
            /// [`established`](Session::established), and uses the connection until it fails. Gives the reason when the keeper
            /// gives up.
            ///
            /// An attempt that is not established within its timeout, or at the deadline, is dropped. A session that returns a
            /// value which the result classifier calls no failure was closed: a `Transient` failure.
            pub fn run<$lifetime, T, X $(, $future: Future<Output = Result<T, X>>)?>(
                &$lifetime mut self,
                mut operation: $operation,
            ) -> impl Future<Output = RetryError<X>>
            where
                H::Classifier: Classifier<X>,
                H::Results: ResultClassifier<T>,
                H::Observer: ErrorObserver<X>,
            {
                let Self { held, site, is_established, wakes, .. } = self;
                let is_established: &$lifetime AtomicBool = is_established;
                async move {
                    held.kept.ready(held.keep, site);
                    let mut last = None;
                    let stop = loop {
                        if let Err(stop) = wait_and_begin(held.keep, &mut held.kept, site, wakes).await {
                            break stop;
                        }
                        is_established.store(false, Relaxed);
                        let info = held.kept.attempt(held.keep);
                        let attempt = operation(Session { info, is_established });
                        let failed = match attend(held, site, is_established, attempt, info.remaining).await {
                            Ok(Some(result)) => ended(site, result),
                            Ok(None) => Failed::timed_out(),
                            Err(stop) => break stop,
                        };
                        let decided = held.kept.take(held.keep, site, &failed);
                        last = Some(failed.failure);
                        if let Err(stop) = decided {
                            break stop;
                        }
                    };
                    held.kept.give_up(held.keep, site, stop, last)
                }
            }
        }
    };
}

run!(Local, 'k, impl AsyncFnMut(Session<'_>) -> Result<T, X>);
run!(Spawned, 'k, impl FnMut(Session<'k>) -> U, U);
