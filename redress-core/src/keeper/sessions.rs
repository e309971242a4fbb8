//! The bare machine of a kept connection, whose time, waits and random numbers the caller owns.

use super::{Keep, held::Held};
use crate::{
    AttemptInfo, Cause, Checkpoint, CheckpointError, Classification, Decision, Instant, Rejected,
    attempts::{Facts, no_random, site},
    context::Site,
    hooks::Hooks,
    time::{Rate, Slept},
};

/// The bare machine of a kept connection, for superloops, RTIC and all else that owns its own time. `HZ` is the tick rate of the
/// moments passed in.
///
/// 1. [`new`](Self::new), or [`resume`](Self::resume).
/// 2. At [`poll_at`](Self::poll_at): [`on_wake`](Self::on_wake) with the current time. With `true`, an attempt has begun; with
///    `false`, there is another wait, of an open circuit or a budget: 2.
/// 3. Connect. If that succeeds: [`on_established`](Self::on_established). In the session, `poll_at` is the moment at which it
///    becomes stable: [`on_tick`](Self::on_tick) then or later.
/// 4. When the attempt or the session has failed: [`on_lost`](Self::on_lost). On [`Decision::Stop`] the keeper has given up; else 2.
///
/// Meanwhile, [`on_link_up`](Self::on_link_up) cuts the wait short. Breaker and budget are those of the other forms. Dropped in
/// an attempt, to the breaker it was not made.
///
/// ```
/// use core::time::Duration;
/// use redress_core::{Backoff, Decision, ErrorClass, Instant, Policy, Retry, keeper::{Keep, KeepConfig, Sessions}};
///
/// static LINK: Keep = Keep::new(
///     Policy::new(Retry::new(Backoff::exponential(Duration::from_secs(1), Duration::from_secs(300)))),
///     KeepConfig::new(Duration::from_secs(30)),
/// );
///
/// let random = || 0x5EED;
/// let at = |secs: u64| Instant::from_ticks(1_000 * secs);
/// let mut link = Sessions::<1_000>::new(&LINK, at(5), random);
/// assert_eq!((link.poll_at(), link.on_wake(at(5))), (Some(at(5)), Ok(true)));
/// link.on_established(at(6));
/// assert_eq!(link.poll_at(), Some(at(36)));
/// // It was stable, so the backoff begins anew.
/// assert_eq!(link.on_lost(at(100), ErrorClass::Transient, random), Decision::RetryAt(at(101)));
/// link.on_link_up(at(100), random);
/// assert_eq!((link.poll_at(), link.on_wake(at(100))), (Some(at(100)), Ok(true)));
/// assert_eq!(link.on_lost(at(100), ErrorClass::Auth, random), Decision::Stop(redress_core::StopReason::NonRetryableClass));
/// ```
#[derive(Debug)]
#[must_use = "the machine does nothing by itself"]
pub struct Sessions<'p, const HZ: u32> {
    /// The end of the wait, or of the time that a session needs to become stable.
    at: Option<Instant>,
    held: Held<'p>,
}

impl<'p, const HZ: u32> Sessions<'p, HZ> {
    const RATE: Rate = Rate::of(HZ);

    /// Creates the machine of a connection that has not been up. `random` is called only if the first attempt is spread.
    pub fn new(keep: &'p Keep<'p>, now: Instant, random: impl FnMut() -> u32) -> Self {
        let mut held = Held::new(keep, Self::RATE.slack());
        held.kept.ready(keep, &mut site::<HZ, _>(now, random));
        Self { at: None, held }.planned(now)
    }

    fn planned(mut self, now: Instant) -> Self {
        self.plan(now);
        self
    }

    /// Notes when there is something to do next.
    fn plan(&mut self, now: Instant) {
        let span = if self.held.kept.is_waiting() {
            Some(self.held.kept.wait())
        } else {
            self.held.kept.unstable_for::<Facts<fn() -> u32, HZ>>(self.held.keep)
        };
        self.at = span.map(|span| now.saturating_add(Self::RATE.ticks(span)));
    }

    /// Begins the next attempt. `false` if something is against it that passes: the next moment is at [`poll_at`](Self::poll_at).
    ///
    /// # Errors
    ///
    /// The deadline has passed or the attempts are used up. The keeper has given up; the next attempt is the first again.
    pub fn on_wake(&mut self, now: Instant) -> Result<bool, Rejected> {
        let (keep, mut site) = (self.held.keep, site::<HZ, _>(now, no_random));
        if !self.held.kept.is_waiting() {
            self.held.kept.ready(keep, &mut site);
        }
        let begun = self.held.kept.begin(keep, &mut site).map_err(|stop| {
            self.held.kept.finish(keep, &mut site, stop, Site::emit);
            stop.into()
        });
        self.plan(now);
        begun
    }

    /// Takes an attempt that has established a session. Ignored unless an attempt is under way.
    pub fn on_established(&mut self, now: Instant) {
        self.held.kept.established(&mut site::<HZ, _>(now, no_random));
        self.plan(now);
    }

    /// Takes the time in a session. Returns whether the session is stable.
    pub fn on_tick(&mut self, now: Instant) -> bool {
        self.step(now, no_random, |held, site| held.kept.tick(held.keep, site));
        self.held.kept.is_stable()
    }

    /// Takes the end of an attempt or of a session. `random` is called only if a random number is needed: at most once for the
    /// backoff, and at most once for the jitter on a hint.
    pub fn on_lost(
        &mut self,
        now: Instant,
        classification: impl Into<Classification>,
        random: impl FnMut() -> u32,
    ) -> Decision {
        let (keep, mut site) = (self.held.keep, site::<HZ, _>(now, random));
        self.held.kept.catch_up(keep, &mut site);
        let lost = self.held.kept.lost(keep, &mut site, &classification.into(), Cause::Error, None::<&()>);
        if let Err(stop) = lost {
            self.held.kept.finish(keep, &mut site, stop, Site::emit);
            self.at = None;
            return Decision::Stop(stop.reason);
        }
        self.plan(now);
        Decision::RetryAt(self.at.unwrap_or(now))
    }

    /// The link is up again: cuts the wait short. Call it after what the interrupt handler noted, or from the handler itself.
    /// `random` is called at most twice.
    pub fn on_link_up(&mut self, now: Instant, random: impl FnMut() -> u32) {
        if self.held.kept.is_waiting() {
            self.step(now, random, |held, site| held.kept.link_up(held.keep, site));
        }
    }

    fn step<D: FnMut() -> u32>(
        &mut self,
        now: Instant,
        random: D,
        step: impl FnOnce(&mut Held<'p>, &mut Site<Facts<D, HZ>, Hooks<()>>),
    ) {
        step(&mut self.held, &mut site::<HZ, _>(now, random));
        self.plan(now);
    }

    /// Returns the moment for [`on_wake`](Self::on_wake) while the connection is down, and for [`on_tick`](Self::on_tick) in a
    /// session that is not yet stable; `None` in an attempt, in a stable session, and after the keeper gave up.
    pub const fn poll_at(&self) -> Option<Instant> {
        self.at
    }

    /// Returns the number of the current attempt, and how long it may take to establish the session.
    pub fn attempt(&self) -> AttemptInfo {
        self.held.kept.attempt(self.held.keep)
    }

    /// Suspends the connection and returns a checkpoint to resume it from later. A session that is up ends with it.
    pub fn suspend(mut self, now: Instant) -> Checkpoint {
        self.held.kept.suspend(self.held.keep, &mut site::<HZ, _>(now, no_random))
    }

    /// Resumes from a checkpoint, `slept` after it was made. The next step is [`on_wake`](Self::on_wake) at
    /// [`poll_at`](Self::poll_at).
    ///
    /// # Errors
    ///
    /// The checkpoint was made under another policy, or by a call.
    pub fn resume(
        keep: &'p Keep<'p>,
        checkpoint: &Checkpoint,
        slept: impl Into<Slept>,
        now: Instant,
    ) -> Result<Self, CheckpointError> {
        let kept = super::kept::Kept::resume(keep, &mut site::<HZ, _>(now, no_random), checkpoint, slept.into())?;
        Ok(Self { at: None, held: Held { keep, kept } }.planned(now))
    }
}
