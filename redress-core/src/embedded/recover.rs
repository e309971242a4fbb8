//! Putting a device in order between attempts: reset the bus, drain the FIFO, wake the modem.
//!
//! In the closure form, operation and recovery borrow the same device, one after the other:
//!
//! ```
//! use redress_core::{Backoff, ErrorClass, Policy, Retry, testing::TestEnv};
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
//! uplink.call_on(&mut radio, |radio| radio.send(b"21.5"), |radio| radio.reset())?;
//! # assert_eq!(radio.resets, 1);
//! # Ok::<(), redress_core::RetryError<ErrorClass>>(())
//! ```
//!
//! In the loop form, it is a line behind the wait:
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
//! Recovery belongs to the attempt it makes possible, not to the failure before: it comes after the wait, so a device
//! that needs rest has had it, it does not happen when there is no further attempt, its time counts against the attempt's
//! timeout, and if it fails the attempt has failed.

use crate::{
    Attempt, Classifier, Context, Outcome, Resumed, RetryError,
    context::{HookSet, ResultClassifier},
    env::{
        AsyncEnvironment, BlockingEnvironment,
        mode::{Blocking, Local},
    },
};

/// What a recovery may return: nothing, or a `Result` whose error is the attempt's.
pub trait Recovered<E> {
    /// Whether the attempt can go on.
    fn into_result(self) -> Result<(), E>;
}

impl<E> Recovered<E> for () {
    #[inline]
    fn into_result(self) -> Result<(), E> {
        Ok(())
    }
}

impl<E> Recovered<E> for Result<(), E> {
    #[inline]
    fn into_result(self) -> Self {
        self
    }
}

/// The operation of an attempt on a device: recovered first, unless it is the first attempt.
#[inline]
fn attempt<D: ?Sized, T, X, R: Recovered<X>>(
    attempt: Attempt,
    device: &mut D,
    operation: &mut impl FnMut(&mut D) -> Result<T, X>,
    recover: &mut impl FnMut(&mut D) -> R,
) -> Result<T, X> {
    if attempt.number > 1 {
        recover(device).into_result()?;
    }
    operation(device)
}

impl<E, H> Context<'_, E, Blocking, H>
where
    E: BlockingEnvironment,
    H: HookSet,
{
    /// Like [`call`](Self::call), with an operation on a device which `recover` puts in order before each further
    /// attempt.
    #[inline]
    pub fn call_on<D: ?Sized, T, X, R: Recovered<X>>(
        &mut self,
        device: &mut D,
        mut operation: impl FnMut(&mut D) -> Result<T, X>,
        mut recover: impl FnMut(&mut D) -> R,
    ) -> Result<T, RetryError<X>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        self.call_with(|this| attempt(this, device, &mut operation, &mut recover))
    }

    /// Like [`execute`](Self::execute), with an operation on a device which `recover` puts in order before each further
    /// attempt.
    #[inline]
    pub fn execute_on<D: ?Sized, T, X, R: Recovered<X>>(
        &mut self,
        device: &mut D,
        mut operation: impl FnMut(&mut D) -> Result<T, X>,
        mut recover: impl FnMut(&mut D) -> R,
    ) -> Outcome<T, X>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        self.execute_with(|this| attempt(this, device, &mut operation, &mut recover))
    }
}

impl<E, H> Resumed<'_, '_, E, Blocking, H>
where
    E: BlockingEnvironment,
    H: HookSet,
{
    /// Like [`call`](Self::call), with an operation on a device which `recover` puts in order before each attempt, the
    /// next one included: nobody knows how the device has slept.
    pub fn call_on<D: ?Sized, T, X, R: Recovered<X>>(
        self,
        device: &mut D,
        mut operation: impl FnMut(&mut D) -> Result<T, X>,
        mut recover: impl FnMut(&mut D) -> R,
    ) -> Result<T, RetryError<X>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        self.call_with(|this| attempt(this, device, &mut operation, &mut recover))
    }

    /// Like [`execute`](Self::execute), with an operation on a device as for [`call_on`](Self::call_on).
    pub fn execute_on<D: ?Sized, T, X, R: Recovered<X>>(
        self,
        device: &mut D,
        mut operation: impl FnMut(&mut D) -> Result<T, X>,
        mut recover: impl FnMut(&mut D) -> R,
    ) -> Outcome<T, X>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        self.execute_with(|this| attempt(this, device, &mut operation, &mut recover))
    }
}

/// The same for closures that lend the device to their future.
macro_rules! attempt_async {
    ($device:ident, $operation:ident, $recover:ident) => {
        async move |this: Attempt| {
            if this.number > 1 {
                $recover($device).await.into_result()?;
            }
            $operation($device).await
        }
    };
}

impl<E, H> Context<'_, E, Local, H>
where
    E: AsyncEnvironment,
    H: HookSet,
{
    /// Like [`call`](Self::call), with an operation on a device which `recover` puts in order before each further
    /// attempt.
    #[inline]
    pub fn call_on<D: ?Sized, T, X, R: Recovered<X>>(
        &mut self,
        device: &mut D,
        mut operation: impl AsyncFnMut(&mut D) -> Result<T, X>,
        mut recover: impl AsyncFnMut(&mut D) -> R,
    ) -> impl Future<Output = Result<T, RetryError<X>>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        self.call_with(attempt_async!(device, operation, recover))
    }

    /// Like [`execute`](Self::execute), with an operation on a device which `recover` puts in order before each further
    /// attempt.
    #[inline]
    pub fn execute_on<D: ?Sized, T, X, R: Recovered<X>>(
        &mut self,
        device: &mut D,
        mut operation: impl AsyncFnMut(&mut D) -> Result<T, X>,
        mut recover: impl AsyncFnMut(&mut D) -> R,
    ) -> impl Future<Output = Outcome<T, X>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        self.execute_with(attempt_async!(device, operation, recover))
    }
}

impl<E, H> Resumed<'_, '_, E, Local, H>
where
    E: AsyncEnvironment,
    H: HookSet,
{
    /// Like [`call`](Self::call), with an operation on a device which `recover` puts in order before each attempt, the
    /// next one included: nobody knows how the device has slept.
    pub fn call_on<D: ?Sized, T, X, R: Recovered<X>>(
        self,
        device: &mut D,
        mut operation: impl AsyncFnMut(&mut D) -> Result<T, X>,
        mut recover: impl AsyncFnMut(&mut D) -> R,
    ) -> impl Future<Output = Result<T, RetryError<X>>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        self.call_with(attempt_async!(device, operation, recover))
    }

    /// Like [`execute`](Self::execute), with an operation on a device as for [`call_on`](Self::call_on).
    pub fn execute_on<D: ?Sized, T, X, R: Recovered<X>>(
        self,
        device: &mut D,
        mut operation: impl AsyncFnMut(&mut D) -> Result<T, X>,
        mut recover: impl AsyncFnMut(&mut D) -> R,
    ) -> impl Future<Output = Outcome<T, X>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        self.execute_with(attempt_async!(device, operation, recover))
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

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
            let mut bus = Bus { needs, ..Bus::default() };
            let outcome = POLICY.context(TestEnv::new()).execute_on(&mut bus, Bus::send, Bus::reset);
            assert_eq!((bus.log.as_str(), outcome.stop_reason), (log, reason));

            let mut bus = Bus { needs, ..Bus::default() };
            let mut context = POLICY.context(TestAsyncEnv::new());
            let call = context.execute_on(&mut bus, async |bus| bus.send(), async |bus| bus.reset());
            let outcome = block_on(call);
            assert_eq!((bus.log.as_str(), outcome.stop_reason), (log, reason));
        }
    }

    #[test]
    fn a_resumed_call_recovers_before_its_first_attempt_too() {
        let defer = |_: &crate::BackoffContext, _| crate::SleepDecision::Defer;
        let failing = || Err::<(), _>(ErrorClass::Transient);
        let checkpoint = POLICY.context(TestEnv::new()).sleep_handler(defer).execute(failing).checkpoint.unwrap();

        let mut bus = Bus { needs: 2, ..Bus::default() };
        let mut context = POLICY.context(TestEnv::new());
        let resumed = context.resume(&checkpoint, crate::Millis::ZERO).unwrap();
        assert_eq!(resumed.call_on(&mut bus, Bus::send, Bus::reset), Ok(7));
        assert_eq!(bus.log.as_str(), "rsrs");

        let mut bus = Bus { needs: 2, ..Bus::default() };
        let mut context = POLICY.context(TestAsyncEnv::new());
        let resumed = context.resume(&checkpoint, crate::Millis::ZERO).unwrap();
        let call = resumed.call_on(&mut bus, async |bus| bus.send(), async |bus| bus.reset());
        assert_eq!((block_on(call), bus.log.as_str()), (Ok(7), "rsrs"));
    }

    #[test]
    fn a_recovery_that_fails_is_a_failed_attempt() {
        let mut bus = Bus { needs: 9, ..Bus::default() };
        let error = POLICY
            .context(TestEnv::new())
            .call_on(&mut bus, Bus::send, |bus| {
                bus.reset();
                Err(ErrorClass::Permanent)
            })
            .unwrap_err();
        assert_eq!((error.reason, error.error), (StopReason::NonRetryableClass, Some(ErrorClass::Permanent)));
        assert_eq!((error.attempts, error.cause, bus.log.as_str()), (2, Some(Cause::Error), "sr"));

        let mut bus = Bus { needs: 9, ..Bus::default() };
        let mut context = POLICY.context(TestAsyncEnv::new());
        let call = context.call_on(&mut bus, async |bus| bus.send(), async |_| Err(ErrorClass::Permanent));
        assert_eq!(block_on(call).unwrap_err().attempts, 2);
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
