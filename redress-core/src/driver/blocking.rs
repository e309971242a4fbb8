//! The loop for environments that wait on the spot.

use super::small;
use crate::{
    Attempt, Cause, Checkpoint, CheckpointError, Classification, Classifier, Context, Outcome, Rejected, RetryError,
    Run, StopReason,
    context::{HookSet, ResultClassifier},
    env::{BlockingEnvironment, mode::Blocking},
    outcome::Ended,
    policy::BARE,
    run::{Failed, First, Resumed, Wait},
    time::Slept,
};

impl<'p, E, H> Context<'p, E, Blocking, H>
where
    E: BlockingEnvironment,
    H: HookSet,
{
    /// Calls the operation until it succeeds or the policy says stop.
    ///
    /// # Errors
    ///
    /// The last error by value, with the reason to stop. A value which the result classifier calls a failure is
    /// dropped; [`execute`](Self::execute) gives it back.
    #[inline]
    pub fn call<T, X>(&mut self, mut operation: impl FnMut() -> Result<T, X>) -> Result<T, RetryError<X>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        if BARE {
            return small::call::<false, _, _, _, _>(self.policy, self, None, |_| operation());
        }
        self.call_with(|_| operation())
    }

    /// Like [`call`](Self::call), for operations that want to know how long they may take.
    #[inline]
    pub fn call_with<T, X>(&mut self, mut operation: impl FnMut(Attempt) -> Result<T, X>) -> Result<T, RetryError<X>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        if BARE {
            return small::call::<true, _, _, _, _>(self.policy, self, None, |told| operation(Attempt::told(told)));
        }
        if self.policy.is_plain() {
            First::launch::<true>(self, false)?.call::<true, _, _>(operation)
        } else {
            self.call_any(operation)
        }
    }

    /// A call under any policy, kept apart so that the way of plain ones stays short.
    #[inline(never)]
    fn call_any<T, X>(&mut self, operation: impl FnMut(Attempt) -> Result<T, X>) -> Result<T, RetryError<X>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        First::launch::<false>(self, false)?.call::<false, _, _>(operation)
    }

    /// Like [`call`](Self::call), and tells all about it.
    #[inline]
    pub fn execute<T, X>(&mut self, mut operation: impl FnMut() -> Result<T, X>) -> Outcome<T, X>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        self.execute_with(|_| operation())
    }

    /// Like [`execute`](Self::execute), for operations that want to know how long they may take.
    #[inline]
    pub fn execute_with<T, X>(&mut self, mut operation: impl FnMut(Attempt) -> Result<T, X>) -> Outcome<T, X>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        if BARE {
            return small::execute(self.policy, self, None, &mut |told: Option<&Attempt>| {
                operation(Attempt::told(told))
            });
        }
        match First::launch::<false>(self, true) {
            Ok(first) => first.execute(operation),
            Err(rejected) => Outcome::rejected(rejected),
        }
    }

    /// Starts a call whose attempts you make yourself: the loop form.
    ///
    /// # Errors
    ///
    /// The circuit is open or the abort condition already holds; nothing ran.
    #[inline]
    pub fn start(&mut self) -> Result<Run<'_, 'p, E, Blocking, H>, Rejected> {
        First::launch::<false>(self, false).map(First::into_run)
    }

    /// Goes on from a checkpoint, `slept` after it was made: waits out what is left, then makes the next attempt, with
    /// every count and the deadline still in force.
    ///
    /// # Errors
    ///
    /// The checkpoint was made under another policy.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn resume(
        &mut self,
        checkpoint: &Checkpoint,
        slept: impl Into<Slept>,
    ) -> Result<Resumed<'_, 'p, E, Blocking, H>, CheckpointError> {
        Resumed::new(self, checkpoint, slept.into())
    }
}

impl<E, H> Run<'_, '_, E, Blocking, H>
where
    E: BlockingEnvironment,
    H: HookSet,
{
    /// The attempt failed: waits until the next may begin.
    ///
    /// # Errors
    ///
    /// The error by value, with the reason to stop.
    #[inline]
    pub fn failed<X>(&mut self, error: X) -> Result<(), RetryError<X>>
    where
        H::Classifier: Classifier<X>,
    {
        let classification = self.context.hooks.parts().classifier.classify(&error);
        self.failed_as(classification, error)
    }

    /// Like [`failed`](Self::failed), for whoever already knows the class.
    #[inline]
    pub fn failed_as<X>(&mut self, classification: impl Into<Classification>, error: X) -> Result<(), RetryError<X>> {
        match self.retry::<false>(classification.into(), Cause::Error) {
            Ok(()) => Ok(()),
            Err(reason) => Err(self.error(reason, Some(error))),
        }
    }

    /// The attempt returned a value that is a failure of this class: waits until the next may begin.
    ///
    /// # Errors
    ///
    /// The reason to stop; the value stays with the caller.
    #[inline]
    pub fn failed_result<X>(&mut self, classification: impl Into<Classification>) -> Result<(), RetryError<X>> {
        match self.retry::<false>(classification.into(), Cause::Result) {
            Ok(()) => Ok(()),
            Err(reason) => Err(self.error(reason, None)),
        }
    }

    #[inline(always)]
    pub(super) fn retry<const PLAIN: bool>(
        &mut self,
        classification: Classification,
        cause: Cause,
    ) -> Result<(), StopReason> {
        let wait = self.on_failure::<PLAIN>(classification, cause)?;
        self.pause(wait);
        self.begin::<PLAIN>()
    }

    #[inline]
    pub(super) fn pause(&mut self, mut wait: Wait) {
        loop {
            self.context.env.sleep(wait.slice::<E::Rate>());
            if !self.next_slice(&mut wait) {
                break;
            }
        }
    }

    /// The attempt that has begun, and those after it.
    fn go_on<T, X>(&mut self, mut operation: impl FnMut(Attempt) -> Result<T, X>) -> Result<T, Ended<T, X>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        loop {
            let result = operation(self.attempt());
            match self.classify(result) {
                Ok(value) => {
                    self.on_success::<false>();
                    return Ok(value);
                }
                Err((failure, classification, cause)) => {
                    if let Err(reason) = self.retry::<false>(classification, cause) {
                        return Err(Ended { reason, failure: Some(failure) });
                    }
                }
            }
        }
    }

    /// The attempts after one that failed.
    #[inline(always)]
    fn drive<const PLAIN: bool, T, X>(
        &mut self,
        failed: Failed<T, X>,
        mut operation: impl FnMut(Attempt) -> Result<T, X>,
    ) -> Result<T, Ended<T, X>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        let (mut failure, mut classification, mut cause) = failed;
        loop {
            if let Err(reason) = self.retry::<PLAIN>(classification, cause) {
                return Err(Ended { reason, failure: Some(failure) });
            }
            let result = operation(self.attempt_under::<PLAIN>());
            match self.classify(result) {
                Ok(value) => {
                    self.on_success::<PLAIN>();
                    return Ok(value);
                }
                Err(failed) => (failure, classification, cause) = failed,
            }
        }
    }
}

// The first attempt, which mostly succeeds, and then the rest.
impl<E, H> First<'_, '_, E, Blocking, H>
where
    E: BlockingEnvironment,
    H: HookSet,
{
    #[inline(always)]
    fn call<const PLAIN: bool, T, X>(
        mut self,
        mut operation: impl FnMut(Attempt) -> Result<T, X>,
    ) -> Result<T, RetryError<X>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        let result = operation(self.attempt::<PLAIN>());
        match self.classify(result) {
            Ok(value) => {
                self.succeed::<PLAIN>();
                Ok(value)
            }
            Err(failed) => {
                let mut run = self.into_run();
                run.drive::<PLAIN, _, _>(failed, operation).map_err(|ended| run.ended(ended))
            }
        }
    }

    fn execute<T, X>(mut self, mut operation: impl FnMut(Attempt) -> Result<T, X>) -> Outcome<T, X>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        let result = operation(self.attempt::<false>());
        match self.classify(result) {
            Ok(value) => self.outcome(value),
            Err(failed) => {
                let mut run = self.into_run();
                let result = run.drive::<false, _, _>(failed, operation);
                run.outcome(result)
            }
        }
    }
}

impl<'c, 'p, E, H> Resumed<'c, 'p, E, Blocking, H>
where
    E: BlockingEnvironment,
    H: HookSet,
{
    /// Waits, then starts the next attempt: the loop form.
    ///
    /// # Errors
    ///
    /// The circuit is open, the deadline has passed or the abort condition holds; nothing ran.
    pub fn start(mut self) -> Result<Run<'c, 'p, E, Blocking, H>, Rejected> {
        let wait = self.begin_wait();
        self.0.pause(wait);
        self.begin()?;
        Ok(self.0)
    }

    /// Waits, then goes on as [`Context::call`] does.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn call<T, X>(self, mut operation: impl FnMut() -> Result<T, X>) -> Result<T, RetryError<X>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        if BARE {
            return small::call::<false, _, _, _, _>(self.0.policy, self.0.context, Some(self.0.progress), |_| {
                operation()
            });
        }
        self.call_with(|_| operation())
    }

    /// Like [`call`](Self::call), for operations that want to know how long they may take.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn call_with<T, X>(self, mut operation: impl FnMut(Attempt) -> Result<T, X>) -> Result<T, RetryError<X>>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        if BARE {
            return small::call::<true, _, _, _, _>(self.0.policy, self.0.context, Some(self.0.progress), |told| {
                operation(Attempt::told(told))
            });
        }
        let mut run = self.start()?;
        run.go_on(operation).map_err(|ended| run.ended(ended))
    }

    /// Waits, then goes on as [`Context::execute`] does.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn execute<T, X>(self, mut operation: impl FnMut() -> Result<T, X>) -> Outcome<T, X>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        self.execute_with(|_| operation())
    }

    /// Like [`execute`](Self::execute), for operations that want to know how long they may take.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn execute_with<T, X>(self, mut operation: impl FnMut(Attempt) -> Result<T, X>) -> Outcome<T, X>
    where
        H::Classifier: Classifier<X>,
        H::Results: ResultClassifier<T>,
    {
        if BARE {
            // A copy, so that the policy is in nothing that somebody else sees.
            let progress = self.0.progress;
            return small::execute(self.0.policy, self.0.context, Some(&progress), &mut |told: Option<&Attempt>| {
                operation(Attempt::told(told))
            });
        }
        let mut run = match self.start() {
            Ok(run) => run,
            Err(rejected) => return Outcome::rejected(rejected),
        };
        let result = run.go_on(operation);
        run.outcome(result)
    }
}
