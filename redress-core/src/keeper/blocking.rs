//! The keeper in blocking environments.

use super::{
    Keep, WakeFlag,
    drive::{Keeper, ended},
    held::{Held, Running},
    kept::Kept,
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

/// A session of any environment.
trait Live {
    fn established(&mut self);
    fn tick(&mut self) -> bool;
}

struct OfSite<'s, E: Environment, H> {
    keep: &'s Keep<'s>,
    kept: &'s mut Kept,
    site: &'s mut Site<E, H>,
}

impl<E: Environment, H: HookSet> Live for OfSite<'_, E, H> {
    #[inline(always)]
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

    /// Takes the time in a session, which is stable once it has been established for long enough: then the breaker and the budget
    /// learn of it. Without ticks they do at its end. Returns whether the session is stable.
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
    /// The breaker and the budget learn of a session that lasted at its end; [`BlockingSession::tick`] tells them sooner.
    /// A session that returns a value which the result classifier calls no failure was closed: a `Transient` failure.
    pub fn run<T, X>(&mut self, mut operation: impl FnMut(&mut BlockingSession<'_>) -> Result<T, X>) -> RetryError<X>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
        H::Observer: ErrorObserver<X>,
    {
        let now = self.held.kept.begins_at(self.site);
        // Beside the keeper, so that the optimiser can propagate a policy that it knows.
        let mut kept = self.held.take();
        let running = Running { keep: self.held.keep, kept: &mut kept };
        let (keep, site, wakes) = (running.keep, &mut *self.site, &mut self.wakes);
        running.kept.ready_at(keep, site, now);
        let mut last: Option<Failure<T, X>> = None;
        let stop = loop {
            let kept = &mut *running.kept;
            if let Err(stop) = wait_and_begin(keep, kept, site, wakes) {
                break stop;
            }
            let info = kept.attempt(keep);
            let result = operation(&mut BlockingSession { info, live: &mut OfSite { keep, kept, site } });
            let failed = ended(site, result);
            let decided = kept.take(keep, site, &failed);
            last = Some(failed.failure);
            if let Err(stop) = decided {
                break stop;
            }
        };
        let gave_up = running.kept.give_up(keep, site, stop, last);
        core::mem::forget(running);
        self.held.put(kept);
        gave_up
    }

    /// Waits for the turn of the next attempt and begins it: the loop form.
    ///
    /// # Errors
    ///
    /// The deadline has passed, the attempts are used up or the abort condition holds; the keeper has given up.
    pub fn begin(&mut self) -> Result<AttemptInfo, Rejected> {
        let Held { keep, kept } = &mut self.held;
        kept.ready(keep, self.site);
        match wait_and_begin(keep, kept, self.site, &mut self.wakes) {
            Ok(()) => Ok(kept.attempt(keep)),
            Err(stop) => {
                kept.finish(keep, self.site, stop, Site::emit);
                Err(stop.into())
            }
        }
    }
}

#[inline]
fn wait_and_begin<E: BlockingEnvironment, H: HookSet, W: WakeFlag>(
    keep: &Keep<'_>,
    kept: &mut Kept,
    site: &mut Site<E, H>,
    wakes: &mut W,
) -> Result<(), Stop> {
    loop {
        pause(keep, kept, site, wakes);
        if kept.begin(keep, site)? {
            return Ok(());
        }
    }
}

/// Waits, slice by slice, until the wait is over or was cut short.
#[inline]
fn pause<E: BlockingEnvironment, H: HookSet, W: WakeFlag>(
    keep: &Keep<'_>,
    kept: &mut Kept,
    site: &mut Site<E, H>,
    wakes: &mut W,
) {
    let mut wait = Wait::cut(&kept.call, &keep.policy, site, W::ACTIVE);
    let mut is_woken = false;
    loop {
        if W::ACTIVE && !is_woken && wakes.take() {
            is_woken = true;
            kept.link_up(keep, site);
            wait = Wait::cut(&kept.call, &keep.policy, site, W::ACTIVE);
        }
        site.env.sleep(wait.ticks(site, W::ACTIVE));
        if !wait.go_on(site, W::ACTIVE) {
            break;
        }
    }
}
