//! The keeper of an environment: what is the same in blocking and async ones.

use core::marker::PhantomData;

use super::{Keep, held::Held, kept::Kept};
use crate::{
    AttemptInfo, Cause, Checkpoint, CheckpointError, Classification, Classifier, Context, ErrorClass, ErrorObserver,
    Failure, Millis, RetryError,
    call::{Failed, Stop},
    context::{ResultClassifier, Site},
    env::Environment,
    hooks::{HookSet, SleepHandler},
    outcome::Report,
    sync::atomic::AtomicBool,
    time::{ClockRate, Slept},
};

/// Keeps a connection up: decides when the next attempt may begin, for years. Made by [`Context::keep`].
///
/// `run` makes the attempts; see the [module](crate::keeper). The other methods are the loop form, for connections that no
/// closure can hold:
///
/// 1. [`begin`](Self::begin) waits for the turn of the next attempt.
/// 2. The caller connects, says [`established`](Self::established), and uses the connection.
/// 3. When the attempt or the session has failed: [`lost`](Self::lost). On an error the keeper has given up, else go to 1.
///
/// All state is in the keeper. A future of it can be dropped at any point, also to [`suspend`](Self::suspend): the next
/// `run` or `begin` goes on with the wait that was left, and an attempt or a session that was dropped counts as made, but not as
/// failed. Once it has given up, the next `run` or `begin` starts anew, with the counts of the day.
///
/// ```
/// use core::time::Duration;
/// use redress_core::{Backoff, ErrorClass, Policy, Retry, keeper::{Keep, KeepConfig}, testing::TestEnv};
///
/// static LINK: Keep = Keep::new(
///     Policy::new(Retry::new(Backoff::exponential(Duration::from_secs(1), Duration::from_secs(300)))),
///     KeepConfig::new(Duration::from_secs(30)),
/// );
///
/// # let env = TestEnv::new();
/// # let mut answers = [Err(ErrorClass::Transient), Ok(()), Err(ErrorClass::Auth)].into_iter();
/// # let mut connect = || answers.next().unwrap();
/// # let serve = || { env.clock().advance(Duration::from_secs(60)); ErrorClass::Transient };
/// let mut context = LINK.context(&env);
/// let mut link = context.keep();
/// let gave_up = loop {
///     link.begin()?;
///     let error = match connect() {
///         Ok(()) => {
///             link.established();
///             serve()
///         }
///         Err(error) => error,
///     };
///     if let Err(gave_up) = link.lost(error) {
///         break gave_up;
///     }
/// };
/// assert_eq!(gave_up.error, Some(ErrorClass::Auth));
/// assert!(env.sleeps().eq([0, 1_000, 1_000].map(redress_core::Millis::new))); // the second 1 s follows a stable session
/// # Ok::<(), redress_core::Rejected>(())
/// ```
#[must_use = "a keeper does nothing until it is run, or begins"]
pub struct Keeper<'c, E: Environment, H, W = (), M = <E as Environment>::Mode> {
    pub(super) held: Held<'c>,
    pub(super) site: &'c mut Site<E, H>,
    /// Raised by the operation of an async session once it is established.
    pub(super) is_established: AtomicBool,
    pub(super) wakes: W,
    mode: PhantomData<fn() -> M>,
}

impl<'k, E: Environment, H: HookSet, M> Context<'k, E, H, &'k Keep<'k>, M> {
    /// Creates a keeper of a connection.
    pub fn keep(&mut self) -> Keeper<'_, E, H, (), M> {
        let held = Held::new(self.policy, E::RATE.slack());
        Keeper { held, site: &mut self.site, is_established: AtomicBool::new(false), wakes: (), mode: PhantomData }
    }
}

impl<'c, E: Environment, H: HookSet, M> Keeper<'c, E, H, (), M> {
    pub(super) fn wake_by<W>(self, wakes: W) -> Keeper<'c, E, H, W, M> {
        let Self { held, site, is_established, mode, .. } = self;
        Keeper { held, site, is_established, wakes, mode }
    }
}

impl<E: Environment, H: HookSet, W, M> Keeper<'_, E, H, W, M> {
    /// Goes on from a checkpoint, `slept` after it was made, with what was left to wait, the counts and the budget of the day.
    ///
    /// A wake that cut a wait short before counts as if its interval had been the longest that it can be.
    ///
    /// # Errors
    ///
    /// The checkpoint was made under another policy, or by a call. The keeper is as it was.
    pub fn resume(&mut self, checkpoint: &Checkpoint, slept: impl Into<Slept>) -> Result<(), CheckpointError> {
        let resumed = Kept::resume(self.held.keep, self.site, checkpoint, slept.into())?;
        self.held.kept.release(self.held.keep);
        self.held.kept = resumed;
        Ok(())
    }

    /// Suspends the connection and returns a checkpoint to resume it from later. A session that is up ends with it.
    pub fn suspend(mut self) -> Checkpoint {
        self.held.kept.suspend(self.held.keep, self.site)
    }

    /// The attempt has established a session. Before the first attempt, between two and a second time it changes nothing.
    pub fn established(&mut self) {
        self.held.kept.established(self.site);
    }

    /// Takes the time in a session, which is stable once it has been established for long enough: then the breaker and the budget
    /// learn of it. Without ticks they do when the session is lost. Returns whether the session is stable.
    pub fn tick(&mut self) -> bool {
        self.held.kept.tick(self.held.keep, self.site);
        self.held.kept.is_stable()
    }

    /// Takes the error of an attempt or of a session, and decides on the wait before the next attempt.
    ///
    /// # Errors
    ///
    /// There is no other attempt: the error by value, with the reason to stop.
    pub fn lost<X>(&mut self, error: X) -> Result<(), RetryError<X>>
    where
        H::Classifier: Classifier<X>,
        H::Observer: ErrorObserver<X>,
    {
        let classification = self.site.hooks.parts().classifier.classify(&error);
        self.lost_as(classification, error)
    }

    /// Like [`lost`](Self::lost), with a classification in place of the classifier's.
    ///
    /// # Errors
    ///
    /// As for [`lost`](Self::lost).
    pub fn lost_as<X>(&mut self, classification: impl Into<Classification>, error: X) -> Result<(), RetryError<X>>
    where
        H::Observer: ErrorObserver<X>,
    {
        let (failure, cause) = (Failure::Error(error), Cause::Error);
        self.take::<(), X>(Failed { failure, classification: classification.into(), cause })
    }

    /// Takes a session that ended without an error, as where the server closed it: a `Transient` failure.
    ///
    /// # Errors
    ///
    /// There is no other attempt: the reason to stop.
    pub fn closed<X>(&mut self) -> Result<(), RetryError<X>>
    where
        H::Observer: ErrorObserver<X>,
    {
        self.take::<(), X>(closed(()))
    }

    /// The link is up again: cuts the wait short that [`lost`](Self::lost) decided on. Changes nothing in an attempt or a session.
    /// From an interrupt handler, raise a [`LinkUp`](super::LinkUp) flag.
    pub fn link_up(&mut self) {
        self.held.kept.link_up(self.held.keep, self.site);
    }

    /// Returns what is left to wait before the next attempt, at the latest reading of the clock.
    pub const fn wait(&self) -> Millis {
        self.held.kept.wait()
    }

    /// Returns the number of the current attempt and what is left for it.
    pub fn attempt(&self) -> AttemptInfo {
        self.held.kept.attempt(self.held.keep)
    }

    /// Takes a failure, in the loop form.
    fn take<T, X>(&mut self, failed: Failed<T, X>) -> Result<(), RetryError<X>>
    where
        H::Observer: ErrorObserver<X>,
    {
        let Held { keep, kept } = &mut self.held;
        kept.catch_up(keep, self.site);
        match kept.take(keep, self.site, &failed) {
            Ok(()) => Ok(()),
            Err(stop) => Err(kept.give_up(keep, self.site, stop, Some(failed.failure))),
        }
    }
}

impl Kept {
    /// Takes a failure.
    pub(super) fn take<E: Environment, H: HookSet, T, X>(
        &mut self,
        keep: &Keep<'_>,
        site: &mut Site<E, H>,
        failed: &Failed<T, X>,
    ) -> Result<(), Stop>
    where
        H::Observer: ErrorObserver<X>,
    {
        let error = if H::Observer::SEES_ERRORS { failed.failure.error() } else { None };
        self.lost(keep, site, &failed.classification, failed.cause, error)
    }

    /// Gives up and makes the error, of the reason and the latest failure.
    pub(super) fn give_up<E: Environment, H: HookSet, T, X>(
        &mut self,
        keep: &Keep<'_>,
        site: &mut Site<E, H>,
        stop: Stop,
        last: Option<Failure<T, X>>,
    ) -> RetryError<X>
    where
        H::Observer: ErrorObserver<X>,
    {
        let error = if H::Observer::SEES_ERRORS { last.as_ref().and_then(Failure::error) } else { None };
        self.finish(keep, site, stop, |site, event| site.emit_with(error, event));
        // Known while compiling, so that an image in which nothing is deferred contains no checkpoints.
        let policy = if H::Sleep::ACTIVE { Some(&keep.policy) } else { None };
        let error =
            Report { result: Err(last), stop, operation: site.operation, call: &self.call, policy }.into_error();
        RetryError { checkpoint: error.checkpoint.map(|checkpoint| self.add_to(checkpoint)), ..error }
    }
}

/// Classifies how a session ended: a value that is no failure of its own is a session that was closed.
pub(super) fn ended<T, X, E: Environment, H: HookSet>(site: &mut Site<E, H>, result: Result<T, X>) -> Failed<T, X>
where
    H::Classifier: Classifier<X>,
    H::Results: ResultClassifier<T>,
{
    match site.classify(result) {
        Ok(value) => closed(value),
        Err(failed) => failed,
    }
}

fn closed<T, X>(value: T) -> Failed<T, X> {
    let classification = Classification::new(ErrorClass::Transient);
    Failed { failure: Failure::Result(value), classification, cause: Cause::Result }
}

impl<E: Environment, H, W, M> core::fmt::Debug for Keeper<'_, E, H, W, M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Keeper")
            .field("operation", &self.site.operation)
            .field("kept", &self.held.kept)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<E: Environment, H, W, M> defmt::Format for Keeper<'_, E, H, W, M> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Keeper({=str}, attempt {=u32})", self.site.operation, self.held.kept.call.machine.attempt());
    }
}
