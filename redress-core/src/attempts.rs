//! The bare machine: a call whose time, waits and random numbers the caller owns.

use crate::{
    AttemptInfo, Cause, Checkpoint, CheckpointError, Classification, Clock, ErrorClass, Millis, Policy, Rejected,
    StopReason,
    breaker::Snapshot,
    call::{Call, Stop},
    context::Site,
    env::{Environment, mode},
    hooks::Hooks,
    machine::Machine,
    observer::{ErrorObserver, Watched},
    time::{Instant, Rate, Slept},
};

/// The decision after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "the decision says whether and when there is another attempt"]
pub enum Decision {
    /// Try again at this moment.
    RetryAt(Instant),
    /// Do not try again.
    Stop(StopReason),
}

/// The bare machine, for superloops, RTIC and all else that owns its own time. `HZ` is the tick rate of the moments passed in.
///
/// 1. [`start`](Self::start) the call; it is rejected if the circuit is open. The first attempt begins.
/// 2. Make the attempt. After success: [`on_success`](Self::on_success), done.
/// 3. After a failure: [`on_failure`](Self::on_failure). On [`Decision::Stop`], done.
/// 4. At the moment of [`Decision::RetryAt`], which [`poll_at`](Self::poll_at) also returns: [`on_wake`](Self::on_wake) with
///    the current time, not the planned one. On an error, done; otherwise go to 2.
///
/// Breaker and budget of the policy are those of the other forms of a call. Dropped before its end, to the breaker the call was
/// not made. [`watched`](Self::watched) makes it do all that a [`RateBreaker`](crate::breaker::RateBreaker) asks for.
///
/// ```
/// use core::time::Duration;
/// use redress_core::{Attempts, Backoff, Decision, ErrorClass, Instant, Policy, Retry, StopReason};
///
/// static SENSOR: Policy = Policy::new(Retry::new(Backoff::exponential(
///     Duration::from_millis(10),
///     Duration::from_secs(1),
/// )).max_attempts(3));
///
/// let now = Instant::from_ticks(500);
/// let mut attempts = Attempts::<1_000>::start(&SENSOR, now)?;
/// let random = || 0x5EED;
/// match attempts.on_failure(now, ErrorClass::Transient, random) {
///     Decision::RetryAt(at) => assert_eq!(at, Instant::from_ticks(510)),
///     Decision::Stop(reason) => panic!("{reason}"),
/// }
/// assert_eq!(attempts.on_wake(Instant::from_ticks(511)), Ok(()));
/// assert_eq!(attempts.attempt().number, 2);
/// assert_eq!(attempts.on_failure(now, ErrorClass::Auth, random), Decision::Stop(StopReason::NonRetryableClass));
/// # Ok::<(), redress_core::Rejected>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping the machine abandons the call"]
pub struct Attempts<'p, const HZ: u32, O = ()> {
    /// The end of the wait, while there is one.
    at: Instant,
    call: Call,
    policy: &'p Policy<'p>,
    observer: O,
}

impl<'p, const HZ: u32> Attempts<'p, HZ> {
    /// Starts a call. The first attempt begins now.
    ///
    /// # Errors
    ///
    /// The circuit is open; the error says when to come back.
    pub fn start(policy: &'p Policy<'p>, now: Instant) -> Result<Self, Rejected> {
        let call = Call::new(Machine::new(&policy.retry, Self::RATE.slack()));
        let mut attempts = Self { at: now, call, policy, observer: () };
        attempts.begin(now)?;
        Ok(attempts)
    }

    /// Makes the call do all that a [`RateBreaker`](crate::breaker::RateBreaker) asks for, as
    /// [`Context::watched`](crate::Context::watched) does: it is timed, each attempt asks for admission if the breaker is
    /// [`per_attempt`](crate::breaker::RateConfig::per_attempt), and there is [`abandon`](Attempts::abandon). Follows
    /// [`start`](Self::start) or [`resume`](Self::resume); a machine without it contains none of that.
    ///
    /// ```
    /// use core::time::Duration;
    /// use redress_core::{Attempts, Backoff, BreakerState, ErrorClass, Instant, Policy, Retry};
    /// use redress_core::breaker::{RateBreaker, RateConfig};
    ///
    /// static CONFIG: RateConfig = RateConfig::new(50)
    ///     .failure_count(1)
    ///     .abandoned_calls(Duration::from_secs(5), ErrorClass::Transient);
    /// static BREAKER: RateBreaker<10> = RateBreaker::new(&CONFIG);
    /// static MODEM: Policy = Policy::new(Retry::new(Backoff::none())).circuit_breaker(&BREAKER);
    ///
    /// let attempts = Attempts::<1_000>::start(&MODEM, Instant::ZERO)?.watched();
    /// // The modem does not answer, and another task needs it.
    /// attempts.abandon(Instant::from_ticks(5_000));
    /// assert_eq!(BREAKER.state(), BreakerState::Open);
    /// # Ok::<(), redress_core::Rejected>(())
    /// ```
    pub fn watched(mut self) -> Attempts<'p, HZ, Watched> {
        let (at, policy, mut call) = (self.at, self.policy, self.call);
        // What is dropped here has no permit to give back.
        self.call.permit = Snapshot::SPENT;
        call.machine.set_timed();
        Attempts { at, call, policy, observer: Watched }
    }

    /// Resumes a call from a checkpoint, `slept` after it was made. The next step is [`on_wake`](Self::on_wake) at
    /// [`poll_at`](Self::poll_at).
    ///
    /// # Errors
    ///
    /// The checkpoint was made under another policy.
    pub fn resume(
        policy: &'p Policy<'p>,
        checkpoint: &Checkpoint,
        slept: impl Into<Slept>,
        now: Instant,
    ) -> Result<Self, CheckpointError> {
        checkpoint.check(policy)?;
        let timestamp = Self::RATE.timestamp(now);
        let machine = Machine::resume(&policy.retry, checkpoint, slept.into(), timestamp, Self::RATE.slack());
        let at = now.saturating_add(Self::RATE.ticks(machine.wait()));
        Ok(Self { at, call: Call::new(machine), policy, observer: () })
    }
}

impl<const HZ: u32> Attempts<'_, HZ, Watched> {
    /// Gives the call up at this moment. In the middle of an attempt that began at least as long ago as the breaker's
    /// [`abandoned_calls`](crate::breaker::RateConfig::abandoned_calls) say, it counts as a failure; else, as when the machine is
    /// dropped, the call was not made.
    pub fn abandon(mut self, now: Instant) {
        self.call.abandon::<_, Steps<Watched>>(self.policy, &Facts::<_, HZ> { now, random: no_random });
        self.call.permit = Snapshot::SPENT;
    }
}

impl<const HZ: u32, O: ErrorObserver<()> + Copy> Attempts<'_, HZ, O> {
    const RATE: Rate = Rate::of(HZ);

    /// Takes a failed attempt. `random` is called only if a random number is needed: at most once for the backoff, and at most once
    /// for the jitter on a hint.
    pub fn on_failure(
        &mut self,
        now: Instant,
        classification: impl Into<Classification>,
        random: impl FnMut() -> u32,
    ) -> Decision {
        let (classification, mut site) = (classification.into(), self.site(now, random));
        self.call.catch_up(&mut site);
        if !O::WATCHES {
            self.call.machine.observe(Self::RATE.timestamp(now));
        }
        match self.call.fail(self.policy, &mut site, &classification, Cause::Error, None::<&()>) {
            Ok(()) => {
                self.at = now.saturating_add(Self::RATE.ticks(self.call.machine.wait()));
                Decision::RetryAt(self.at)
            }
            Err(stop) => {
                self.finish(now, Some(stop));
                Decision::Stop(stop.reason)
            }
        }
    }

    /// Begins the next attempt after a wait. After [`resume`](Self::resume), this asks the breaker for admission.
    ///
    /// # Errors
    ///
    /// The deadline has passed meanwhile, the attempts are used up, or the circuit is open. The call has ended.
    pub fn on_wake(&mut self, now: Instant) -> Result<(), Rejected> {
        self.call.machine.observe(Self::RATE.timestamp(now));
        self.begin(now)
    }

    fn begin(&mut self, now: Instant) -> Result<(), Rejected> {
        let (mut site, call) = (self.site(now, no_random), &mut self.call);
        let begun = if call.machine.has_begun() {
            call.begin(self.policy, &mut site)
        } else {
            call.start(self.policy, &mut site, true)
        };
        begun.map_err(|stop: Stop| {
            self.finish(now, Some(stop));
            stop.into()
        })
    }

    /// Takes a successful attempt: ends the call, and reports it to breaker and budget.
    pub fn on_success(mut self, now: Instant) {
        self.finish(now, None);
    }

    fn finish(&mut self, now: Instant, stop: Option<Stop>) {
        let mut site = self.site(now, no_random);
        self.call.finish(self.policy, &mut site, stop, true, |_, _| ());
    }

    const fn site<D: FnMut() -> u32>(&self, now: Instant, random: D) -> Site<Facts<D, HZ>, Steps<O>> {
        let hooks = Hooks { classifier: (), results: (), abort: (), sleep: (), observer: self.observer, slices: () };
        Site::contained(Facts { now, random }, hooks)
    }

    /// Returns when to call [`on_wake`](Self::on_wake); `None` unless the call waits.
    pub fn poll_at(&self) -> Option<Instant> {
        self.call.machine.is_waiting().then_some(self.at)
    }

    /// Returns the number of the current attempt, and how long it may take.
    pub fn attempt(&self) -> AttemptInfo {
        self.call.machine.info(&self.policy.retry)
    }

    /// Returns the latest delay.
    pub const fn delay(&self) -> Millis {
        self.call.machine.delay()
    }

    /// Returns the class of the latest failure.
    pub fn last_class(&self) -> Option<ErrorClass> {
        self.call.machine.last().map(|(class, _)| class)
    }

    /// Suspends the call and returns a checkpoint, which keeps what is left to wait. Suspended in the middle of an attempt, it
    /// resumes with the next one.
    pub fn suspend(mut self, now: Instant) -> Checkpoint {
        self.call.machine.observe_wait(Self::RATE.timestamp(now));
        self.call.machine.checkpoint(self.policy)
    }

    /// Defers the retry that was decided and returns a checkpoint, as a [sleep handler](crate::Context::sleep_handler) does.
    /// Other than after [`suspend`](Self::suspend), the call has ended; to the breaker it has failed.
    pub fn defer(mut self, now: Instant) -> Checkpoint {
        self.call.machine.observe_wait(Self::RATE.timestamp(now));
        self.call.machine.hand_over();
        self.finish(now, Some(StopReason::Scheduled.into()));
        self.call.machine.checkpoint(self.policy)
    }
}

impl<const HZ: u32, O> Drop for Attempts<'_, HZ, O> {
    fn drop(&mut self) {
        if self.call.permit.is_half_open() {
            self.call.release(self.policy);
        }
    }
}

/// The hooks of a step.
type Steps<O> = Hooks<(), (), (), (), O>;

/// The facts of one step, as an environment.
pub(crate) struct Facts<D, const HZ: u32> {
    now: Instant,
    random: D,
}

/// Steps that decide on no delay draw nothing.
pub(crate) const fn no_random() -> u32 {
    0
}

pub(crate) const fn site<const HZ: u32, D: FnMut() -> u32>(now: Instant, random: D) -> Site<Facts<D, HZ>, Hooks<()>> {
    Site::contained(Facts { now, random }, Hooks::new(()))
}

impl<D, const HZ: u32> Clock for Facts<D, HZ> {
    const TICK_HZ: u32 = HZ;

    fn now(&self) -> Instant {
        self.now
    }
}

impl<D: FnMut() -> u32, const HZ: u32> Environment for Facts<D, HZ> {
    type Mode = mode::Blocking;
    type Classifier = ();

    const CLASSIFIER: () = ();

    fn random(&mut self) -> u32 {
        (self.random)()
    }
}
