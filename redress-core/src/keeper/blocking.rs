//! The keeper in blocking environments.

use super::{
    Keep, WakeFlag,
    drive::{Keeper, ended},
    kept::{Held, Kept},
};
use crate::{
    AttemptInfo, Classifier, ErrorObserver, Failure, Rejected, RetryError,
    call::Stop,
    context::{ResultClassifier, Site},
    drive::Wait,
    env::{BlockingEnvironment, Environment, mode::Blocking},
    hooks::HookSet,
};

/// The session of an attempt, in a blocking environment. The operation says when it is established.
pub struct BlockingSession<'s> {
    info: AttemptInfo,
    live: &'s mut dyn Live,
}

/// A session that takes the time when it is told something, of any environment.
trait Live {
    fn established(&mut self);
    fn tick(&mut self) -> bool;
}

struct OfSite<'s, E, H> {
    keep: &'s Keep<'s>,
    kept: &'s mut Kept,
    site: &'s mut Site<E, H>,
}

impl<E: Environment, H: HookSet> Live for OfSite<'_, E, H> {
    fn established(&mut self) {
        self.kept.established(self.site);
    }

    fn tick(&mut self) -> bool {
        self.kept.tick(self.keep, self.site);
        self.kept.is_stable()
    }
}

impl BlockingSession<'_> {
    /// The session is established. A second time it changes nothing. Without it, the attempt has failed however long it took.
    pub fn established(&mut self) {
        self.live.established();
    }

    /// Takes the time: once the session has been established for long enough it is stable, and the breaker and the budget learn
    /// of it. Without ticks they do at the end of the session. Returns whether the session is stable.
    pub fn tick(&mut self) -> bool {
        self.live.tick()
    }

    /// Returns the number of the attempt and how long it may take to establish the session.
    pub const fn attempt(&self) -> AttemptInfo {
        self.info
    }
}

impl core::fmt::Debug for BlockingSession<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("BlockingSession").field("info", &self.info).finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for BlockingSession<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "BlockingSession({})", self.info);
    }
}

impl<'c, E: BlockingEnvironment, H: HookSet> Keeper<'c, E, H, (), Blocking> {
    /// Sets a function that tells of wakes: `|| LINK_UP.take()`. It is called before each slice of a wait; a wake cuts the wait
    /// short, at most once per [interval](super::KeepConfig::wake_interval). Waits are cut into slices where the environment polls,
    /// and by [`slice`](crate::Context::slice).
    pub fn wake_if<W: FnMut() -> bool>(self, wakes: W) -> Keeper<'c, E, H, W, Blocking> {
        self.wake_by(wakes)
    }
}

impl<E: BlockingEnvironment, H: HookSet, W: WakeFlag> Keeper<'_, E, H, W, Blocking> {
    /// Keeps the connection up: makes attempts, each of which connects, says so, and uses the connection until it fails. Returns
    /// when the keeper gives up.
    ///
    /// A session that returns a value which the result classifier calls no failure was closed: a `Transient` failure.
    pub fn run<T, X>(&mut self, mut operation: impl FnMut(&mut BlockingSession<'_>) -> Result<T, X>) -> RetryError<X>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
        H::Observer: ErrorObserver<X>,
    {
        let mut last: Option<Failure<T, X>> = None;
        let stop = loop {
            if let Err(stop) = self.wait_and_begin() {
                break stop;
            }
            let info = self.held.attempt();
            let Held { keep, kept } = &mut self.held;
            let result = operation(&mut BlockingSession { info, live: &mut OfSite { keep, kept, site: self.site } });
            let failed = ended(self.site, result);
            let decided = self.held.lost(self.site, &failed);
            last = Some(failed.failure);
            if let Err(stop) = decided {
                break stop;
            }
        };
        self.held.give_up(self.site, stop, last)
    }

    /// Waits for the turn of the next attempt and begins it: the loop form.
    ///
    /// # Errors
    ///
    /// The deadline has passed, the attempts are used up or the abort condition holds; the keeper has given up.
    pub fn begin(&mut self) -> Result<AttemptInfo, Rejected> {
        match self.wait_and_begin() {
            Ok(()) => Ok(self.held.attempt()),
            Err(stop) => {
                self.held.kept.finish(self.held.keep, self.site, stop, Site::emit);
                Err(stop.into())
            }
        }
    }

    fn wait_and_begin(&mut self) -> Result<(), Stop> {
        let keep = self.held.keep;
        self.held.kept.ready(keep, self.site);
        loop {
            self.pause();
            if self.held.kept.begin(keep, self.site)? {
                return Ok(());
            }
        }
    }

    /// Waits, slice by slice, until the wait is over or was cut short.
    fn pause(&mut self) {
        let Self { held: Held { keep, kept }, site, wakes, .. } = self;
        let mut wait = Wait::cut(&kept.call, &keep.policy, site, W::ACTIVE);
        let mut is_woken = false;
        loop {
            if W::ACTIVE && !is_woken && wakes.take() {
                is_woken = true;
                kept.link_up(keep, site);
                wait = Wait::cut(&kept.call, &keep.policy, site, W::ACTIVE);
            }
            site.env.sleep(wait.ticks::<E>());
            if !wait.go_on(site, W::ACTIVE) {
                break;
            }
        }
    }
}
