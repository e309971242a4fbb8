//! Recovery of a device between attempts: reset the bus, drain the FIFO, wake the modem, rebuild the client.
//!
//! A [`Recoverable`] is a device with a hook that puts it in order. Operation and hook borrow the same device, one after the
//! other:
//!
//! ```
//! use redress_core::{Backoff, ErrorClass, Policy, Recoverable, Retry, testing::TestEnv};
//!
//! # struct Radio { jammed: bool, resets: u32 }
//! # impl Radio {
//! #     fn send(&mut self, _: &[u8]) -> Result<(), ErrorClass> { if self.jammed { Err(ErrorClass::Transient) } else { Ok(()) } }
//! #     fn reset(&mut self) { self.jammed = false; self.resets += 1; }
//! # }
//! static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));
//!
//! # let mut radio = Radio { jammed: true, resets: 0 };
//! let mut uplink = POLICY.context(TestEnv::new());
//! let mut radio = Recoverable::new(&mut radio, Radio::reset);
//! uplink.call(radio.run(|radio: &mut Radio| radio.send(b"21.5")))?;
//! # assert_eq!(radio.device().resets, 1);
//! # Ok::<(), redress_core::RetryError<ErrorClass>>(())
//! ```
//!
//! In the loop form, recovery is a line behind the wait:
//!
//! ```
//! # use redress_core::{Backoff, ErrorClass, Policy, Retry, testing::TestEnv};
//! # struct Radio { jammed: bool, resets: u32 }
//! # impl Radio {
//! #     fn send(&mut self, _: &[u8]) -> Result<(), ErrorClass> { if self.jammed { Err(ErrorClass::Transient) } else { Ok(()) } }
//! #     fn reset(&mut self) { self.jammed = false; self.resets += 1; }
//! # }
//! # static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));
//! # let mut radio = Radio { jammed: true, resets: 0 };
//! # let mut uplink = POLICY.context(TestEnv::new());
//! let mut run = uplink.start()?;
//! loop {
//!     match radio.send(b"21.5") {
//!         Ok(()) => break run.succeed(()),
//!         Err(error) => run.failed(error)?,
//!     }
//!     radio.reset();
//! }
//! # assert_eq!(radio.resets, 1);
//! # Ok::<(), redress_core::RetryError<ErrorClass>>(())
//! ```
//!
//! # Design
//!
//! Recovery belongs to the attempt that it makes possible, not to the failure before: it comes after the wait, so that a device
//! that needs rest has had it; without a further attempt there is none; its time counts against the attempt's timeout; and if it
//! fails, the attempt has failed.

use core::{borrow::BorrowMut, marker::PhantomData};

use crate::{
    AttemptInfo,
    keeper::{BlockingSession, Session},
    operation::{LocalOperation, Operation},
};

/// A device, and a hook that puts it in order before an attempt that follows a failed one.
///
/// It remembers across calls whether the latest attempt failed, timed out or was dropped: then the first attempt of the next
/// call is preceded by recovery too, and so is that of a call that was resumed, because the device may have slept.
///
/// The hook is a function of the device that returns nothing or a `Result<(), X>`, whose error is that of the attempt. With an
/// async operation it is an async closure. Closures say the type of the device, as in `|radio: &mut Radio| radio.reset()`.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Recoverable<D, F> {
    device: D,
    recover: F,
    has_failed: bool,
}

impl<D, F> Recoverable<D, F> {
    /// Creates it of a device that is in order, or of a mutable reference to one.
    pub const fn new(device: D, recover: F) -> Self {
        Self { device, recover, has_failed: false }
    }

    /// Creates it of a device whose order is unknown, as after a reset of the chip or deep sleep: recovery comes before the first
    /// attempt too.
    pub const fn of_unknown(device: D, recover: F) -> Self {
        Self { device, recover, has_failed: true }
    }

    /// Borrows the device.
    pub const fn device(&self) -> &D {
        &self.device
    }

    /// Returns an operation on the device, for `call` and `execute`: a function of the device, async in async environments.
    pub const fn run<O>(&mut self, operation: O) -> Recovering<'_, D, F, O> {
        Recovering { device: self, operation }
    }

    /// Makes one attempt, in the loop form and with the bare machine: recovery comes first if the latest attempt failed, whichever
    /// call it was of.
    ///
    /// ```
    /// use core::time::Duration;
    /// use redress_core::{Attempts, Backoff, Decision, ErrorClass, Instant, Policy, Recoverable, Retry};
    ///
    /// # struct Radio { jammed: bool }
    /// # impl Radio {
    /// #     fn send(&mut self) -> Result<(), ErrorClass> { if self.jammed { Err(ErrorClass::Transient) } else { Ok(()) } }
    /// #     fn reset(&mut self) { self.jammed = false; }
    /// # }
    /// static ONCE: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(1));
    ///
    /// let mut radio = Recoverable::new(Radio { jammed: true }, Radio::reset);
    /// let mut first = Attempts::<1_000>::start(&ONCE, Instant::ZERO)?;
    /// let error = radio.attempt(Radio::send).unwrap_err();
    /// assert!(matches!(first.on_failure(Instant::ZERO, error, || 0), Decision::Stop(_)));
    /// // Before the first attempt of the next call the radio is reset.
    /// let next = Attempts::<1_000>::start(&ONCE, Instant::ZERO)?;
    /// assert_eq!(radio.attempt(Radio::send), Ok(()));
    /// next.on_success(Instant::ZERO);
    /// # Ok::<(), redress_core::Rejected>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The operation or the recovery has failed.
    pub fn attempt<B, R, T, X>(&mut self, operation: impl FnOnce(&mut B) -> Result<T, X>) -> Result<T, X>
    where
        D: BorrowMut<B>,
        F: FnMut(&mut B) -> R,
        R: Recovered<X>,
    {
        if core::mem::replace(&mut self.has_failed, true) {
            (self.recover)(self.device.borrow_mut()).into_result()?;
        }
        let value = operation(self.device.borrow_mut())?;
        self.has_failed = false;
        Ok(value)
    }

    /// Returns an operation for a [`Keeper`](crate::keeper::Keeper) in a blocking environment: recovery comes before each attempt
    /// that follows a failed one or a lost session, also of an earlier keeper.
    pub fn session<B, R, T, X>(
        &mut self,
        mut operation: impl FnMut(&mut B, &mut BlockingSession<'_>) -> Result<T, X>,
    ) -> impl FnMut(&mut BlockingSession<'_>) -> Result<T, X>
    where
        D: BorrowMut<B>,
        F: FnMut(&mut B) -> R,
        R: Recovered<X>,
    {
        move |session: &mut BlockingSession<'_>| self.attempt(|device: &mut B| operation(device, session))
    }

    /// Like [`session`](Self::session), for async environments of one thread. Hook and operation are async closures.
    pub fn local_session<B, R, T, X>(
        &mut self,
        mut operation: impl AsyncFnMut(&mut B, Session<'_>) -> Result<T, X>,
    ) -> impl AsyncFnMut(Session<'_>) -> Result<T, X>
    where
        D: BorrowMut<B>,
        F: AsyncFnMut(&mut B) -> R,
        R: Recovered<X>,
    {
        async move |session: Session<'_>| {
            if core::mem::replace(&mut self.has_failed, true) {
                (self.recover)(self.device.borrow_mut()).await.into_result()?;
            }
            let value = operation(self.device.borrow_mut(), session).await?;
            self.has_failed = false;
            Ok(value)
        }
    }

    /// Returns whether recovery comes before this attempt, and expects that it fails.
    const fn begin(&mut self, info: AttemptInfo) -> bool {
        core::mem::replace(&mut self.has_failed, true) || info.number > 1
    }
}

/// An operation on a [`Recoverable`] device.
#[derive(Debug)]
pub struct Recovering<'d, D, F, O> {
    device: &'d mut Recoverable<D, F>,
    operation: O,
}

/// The shape of operations on a recoverable device of type `B`, whose hook returns `R`.
#[derive(Debug)]
pub struct ByRecovery<B, R>(PhantomData<fn(B, R)>);

#[diagnostic::do_not_recommend]
impl<D, B, F, O, R, T, X> Operation<ByRecovery<B, R>, T, X> for Recovering<'_, D, F, O>
where
    D: BorrowMut<B>,
    F: FnMut(&mut B) -> R,
    O: FnMut(&mut B) -> Result<T, X>,
    R: Recovered<X>,
{
    fn attempt(&mut self, info: AttemptInfo) -> Result<T, X> {
        let Self { device: this, operation } = self;
        if this.begin(info) {
            (this.recover)(this.device.borrow_mut()).into_result()?;
        }
        let value = operation(this.device.borrow_mut())?;
        this.has_failed = false;
        Ok(value)
    }
}

#[diagnostic::do_not_recommend]
impl<D, B, F, O, R, T, X> LocalOperation<ByRecovery<B, R>> for Recovering<'_, D, F, O>
where
    D: BorrowMut<B>,
    F: AsyncFnMut(&mut B) -> R,
    O: AsyncFnMut(&mut B) -> Result<T, X>,
    R: Recovered<X>,
{
    type Output = Result<T, X>;

    async fn attempt(&mut self, info: AttemptInfo) -> Result<T, X> {
        let Self { device: this, operation } = self;
        if this.begin(info) {
            (this.recover)(this.device.borrow_mut()).await.into_result()?;
        }
        let value = operation(this.device.borrow_mut()).await?;
        this.has_failed = false;
        Ok(value)
    }
}

/// A type that a recovery hook can return: nothing, or a `Result` whose error is that of the attempt.
pub trait Recovered<X> {
    /// Returns whether the attempt can go on.
    fn into_result(self) -> Result<(), X>;
}

impl<X> Recovered<X> for () {
    fn into_result(self) -> Result<(), X> {
        Ok(())
    }
}

impl<X> Recovered<X> for Result<(), X> {
    fn into_result(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::{
        Backoff, Cause, ErrorClass, Policy, Retry, StopReason,
        testing::{TestAsyncEnv, TestEnv, block_on},
    };

    static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(1))).max_attempts(4));

    /// Sends only when it was reset often enough; writes down what was done to it.
    #[derive(Default)]
    struct Bus {
        needs: u32,
        log: heapless::String<16>,
    }

    impl Bus {
        fn send(&mut self) -> Result<u32, ErrorClass> {
            self.log.push('s').unwrap();
            if self.needs == 0 { Ok(7) } else { Err(ErrorClass::Transient) }
        }

        fn reset(&mut self) {
            self.log.push('r').unwrap();
            self.needs = self.needs.saturating_sub(1);
        }
    }

    #[test]
    fn recovery_comes_before_each_attempt_but_the_first() {
        for (needs, log, reason) in
            [(0, "s", None), (2, "srsrs", None), (9, "srsrsrs", Some(StopReason::MaxAttemptsGlobal))]
        {
            let mut bus = Recoverable::new(Bus { needs, ..Bus::default() }, Bus::reset);
            let outcome = POLICY.context(TestEnv::new()).execute(bus.run(Bus::send));
            assert_eq!((bus.device().log.as_str(), outcome.stop_reason), (log, reason));

            let mut bus = Recoverable::new(Bus { needs, ..Bus::default() }, async |bus: &mut Bus| bus.reset());
            let mut context = POLICY.context(TestAsyncEnv::new());
            let outcome = block_on(context.execute(bus.run(async |bus: &mut Bus| bus.send())));
            assert_eq!((bus.device().log.as_str(), outcome.stop_reason), (log, reason));
        }
    }

    #[test]
    fn a_resumed_call_recovers_before_its_first_attempt_too() {
        let defer = |_: &crate::BackoffContext, _| crate::SleepDecision::Defer;
        let failing = || Err::<(), _>(ErrorClass::Transient);
        let checkpoint = POLICY.context(TestEnv::new()).sleep_handler(defer).execute(failing).checkpoint.unwrap();

        let mut bus = Recoverable::new(Bus { needs: 2, ..Bus::default() }, Bus::reset);
        let mut context = POLICY.context(TestEnv::new());
        let resumed = context.resume(&checkpoint, crate::Millis::ZERO).unwrap();
        assert_eq!(resumed.call(bus.run(Bus::send)), Ok(7));
        assert_eq!(bus.device().log.as_str(), "rsrs");

        let mut bus = Recoverable::new(Bus { needs: 2, ..Bus::default() }, async |bus: &mut Bus| bus.reset());
        let mut context = POLICY.context(TestAsyncEnv::new());
        let resumed = context.resume(&checkpoint, crate::Millis::ZERO).unwrap();
        assert_eq!(block_on(resumed.call(bus.run(async |bus: &mut Bus| bus.send()))), Ok(7));
        assert_eq!(bus.device().log.as_str(), "rsrs");
    }

    #[test]
    fn a_recovery_that_fails_is_a_failed_attempt() {
        let mut bus = Recoverable::new(Bus { needs: 9, ..Bus::default() }, |bus: &mut Bus| {
            bus.reset();
            Err(ErrorClass::Permanent)
        });
        let error = POLICY.context(TestEnv::new()).call(bus.run(Bus::send)).unwrap_err();
        assert_eq!((error.reason, error.error), (StopReason::NonRetryableClass, Some(ErrorClass::Permanent)));
        assert_eq!((error.attempts, error.cause, bus.device().log.as_str()), (2, Some(Cause::Error), "sr"));

        let broken = async |_: &mut Bus| Err(ErrorClass::Permanent);
        let mut bus = Recoverable::new(Bus { needs: 9, ..Bus::default() }, broken);
        let mut context = POLICY.context(TestAsyncEnv::new());
        let error = block_on(context.call(bus.run(async |bus: &mut Bus| bus.send()))).unwrap_err();
        assert_eq!(error.attempts, 2);
    }

    #[test]
    fn a_device_that_was_left_out_of_order_recovers_before_the_next_call() {
        let mut bus = Recoverable::new(Bus { needs: 5, ..Bus::default() }, Bus::reset);
        let mut context = POLICY.context(TestEnv::new());
        assert!(context.call(bus.run(Bus::send)).is_err());
        assert_eq!(context.call(bus.run(Bus::send)), Ok(7));
        assert_eq!(context.call(bus.run(Bus::send)), Ok(7));
        assert_eq!(bus.device().log.as_str(), "srsrsrsrsrss");
    }

    #[test]
    fn a_kept_connection_recovers_before_each_attempt_after_a_failure_also_of_an_earlier_keeper() {
        use crate::keeper::{Keep, KeepConfig};

        let backoff = Backoff::constant(Duration::from_secs(1));
        let keep = Keep::new(Policy::new(Retry::new(backoff)), KeepConfig::new(Duration::from_secs(30)));
        let mut bus = Recoverable::of_unknown(Bus { needs: 3, ..Bus::default() }, Bus::reset);
        for round in 0..2 {
            let mut context = keep.context(TestEnv::new());
            let gave_up = context.keep().run(bus.session(|bus: &mut Bus, session| {
                bus.send()?;
                session.established();
                // A session that is lost leaves the bus out of order as well.
                bus.needs = 1;
                Err::<(), _>(ErrorClass::Auth)
            }));
            assert_eq!(gave_up.error, Some(ErrorClass::Auth));
            assert_eq!(bus.device().log.as_str(), ["rsrsrs", "rsrsrsrs"][round]);
        }

        let reset = async |bus: &mut Bus| bus.reset();
        let mut bus = Recoverable::of_unknown(Bus { needs: 2, ..Bus::default() }, reset);
        let mut context = keep.context(TestAsyncEnv::new());
        let mut link = context.keep();
        let gave_up = block_on(link.run(bus.local_session(async |bus: &mut Bus, session| {
            bus.send()?;
            session.established();
            Err::<(), _>(ErrorClass::Auth)
        })));
        assert_eq!((gave_up.error, bus.device().log.as_str()), (Some(ErrorClass::Auth), "rsrs"));
    }

    #[test]
    fn in_the_loop_form_recovery_is_a_line_behind_the_wait() {
        let mut bus = Bus { needs: 2, ..Bus::default() };
        let mut context = POLICY.context(TestEnv::new());
        let mut run = context.start().unwrap();
        let sent = loop {
            match bus.send() {
                Ok(sent) => break run.succeed(sent),
                Err(error) => run.failed(error).unwrap(),
            }
            bus.reset();
        };
        assert_eq!((sent, bus.log.as_str()), (7, "srsrs"));
        assert_eq!(context.env().sleeps().count(), 2);
    }
}
