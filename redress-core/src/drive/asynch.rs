//! The async loop, for two shapes of closures.
//!
//! # Design
//!
//! Two shapes are needed: an `AsyncFnMut` may lend what it captured to its futures, as `radio.send()` does, but under such a
//! bound a future is never proven `Send`; an `FnMut() -> Future` cannot lend, but its calls can be spawned.
//!
//! Each place where a future waits is a state of it, with code of its own. So the loop has one for all waits, at its head: for those
//! between attempts and that of a call which was resumed.

use core::future::pending;

use embassy_futures::select::{Either, select};

use crate::{
    Cause, Classification, Classifier, Context, ErrorObserver, Millis, Outcome, Policy, Rejected, RetryError,
    call::Failed,
    context::{PolicyRef, ResultClassifier, Site},
    drive::{
        Resumed, Run,
        operation::{LocalOperation, SpawnedOperation},
        run::Wait,
    },
    env::{AsyncEnvironment, mode},
    hooks::{AbortCondition, HookSet},
    machine::Machine,
    outcome::FromReport,
    time::ClockRate,
};

/// Waits for a future, unless the call is cancelled before, which is then noted. Returns whether it is.
macro_rules! is_cancelled {
    ($run:expr, $future:expr) => {{
        let cancelled = $run.site.hooks.parts().abort.cancelled();
        if let Either::First(_) = select(cancelled, $future).await {
            $run.site.hooks.parts().abort.cancel();
            true
        } else {
            false
        }
    }};
}

/// Waits, slice by slice. A macro, because the future of an `async fn` would add to that of the call.
macro_rules! pause {
    ($run:expr) => {{
        let mut wait = Wait::begin(&$run.call, $run.policy, $run.site);
        loop {
            let slice = wait.slice($run.site, false);
            if is_cancelled!($run, sleep(&mut $run.site.env, slice)) || !wait.next($run.site) {
                break;
            }
        }
    }};
}

/// Waits, in code that all call sites of an environment share.
#[cfg_attr(not(feature = "std"), inline(never))]
fn sleep<E: AsyncEnvironment>(env: &mut E, span: Millis) -> impl Future<Output = ()> {
    env.sleep(E::RATE.ticks(span))
}

impl<E: AsyncEnvironment, H: HookSet, M> Run<'_, E, H, M> {
    /// Returns how long the current attempt may take, in code that all call sites share.
    #[cfg_attr(not(feature = "std"), inline(never))]
    fn limit(&self) -> Option<Millis> {
        self.attempt().remaining
    }
}

macro_rules! asynch {
    ($module:ident, $mode:ident, $operation:ident) => {
        mod $module {
            use super::{mode::$mode, *};

            /// The loop: attempt after attempt, with waits in between, until the call ends.
            ///
            /// Not an `async fn`, because the future of one keeps its arguments twice. For the same reason the call is made in the
            /// future, not before it, and a resumed call, whose state is `resumed`, waits here and not in a future around this one.
            /// That state it does keep twice; a call that is made before the future takes more code in all others.
            fn drive<E, H, K, B, T, X, R>(
                policy: &Policy<'_>,
                site: &mut Site<E, H>,
                resumed: impl FnOnce() -> Option<Machine>,
                mut operation: impl $operation<K, Output = Result<T, X>>,
            ) -> impl Future<Output = R>
            where
                E: AsyncEnvironment,
                H: HookSet,
                H::Classifier: Classifier<X, B>,
                H::Results: ResultClassifier<T>,
                H::Observer: ErrorObserver<X>,
                R: FromReport<T, X>,
            {
                async move {
                    let mut run = Run::<_, _, $mode>::of(policy, site, resumed());
                    let mut last = None;
                    let end = loop {
                        if run.call.machine.is_waiting() {
                            pause!(run);
                        }
                        if let Err(stop) = run.start_or_begin(R::REPORTS_TIME) {
                            break Err(stop);
                        }
                        let attempt = operation.attempt(run.attempt());
                        let cancelled = run.site.hooks.parts().abort.cancelled();
                        // A result that is there in time wins, and without one the timer is made when the attempt waits.
                        let timer = async {
                            match run.limit() {
                                Some(limit) => sleep(&mut run.site.env, limit).await,
                                None => pending().await,
                            }
                        };
                        // In a block, because the future would keep what is left of the result in the wait.
                        let failed = {
                            let classified = match select(attempt, select(timer, cancelled)).await {
                                Either::First(result) => run.site.classify(result),
                                Either::Second(Either::Second(_)) if H::Abort::CANCELS => {
                                    break Err(run.call.cancel(run.policy, run.site));
                                }
                                Either::Second(_) => Err(Failed::timed_out()),
                            };
                            match classified {
                                Ok(value) => break Ok(value),
                                Err(failed) => failed,
                            }
                        };
                        if let Err(stop) = run.fail(failed, &mut last) {
                            break Err(stop);
                        }
                    };
                    run.finish(end, last)
                }
            }

            impl<'p, E: AsyncEnvironment, H: HookSet, P: PolicyRef<'p>> Context<'p, E, H, P, $mode> {
                /// Calls the operation until it succeeds or the policy stops. The closure takes nothing, or an
                /// [`AttemptInfo`](crate::AttemptInfo) if it needs to know how long it may take; see
                #[doc = concat!("[`", stringify!($operation), "`](crate::operation::", stringify!($operation), ").")]
                ///
                /// An attempt that is still running at its timeout or at the deadline is dropped. Dropping the future at any
                /// point leaves breaker and budget as if the call had not been made. So a timeout around the call hides from the
                /// breaker that the dependency hangs: give the policy an attempt timeout or a deadline instead, or the context a
                /// breaker that counts [abandoned calls](crate::breaker::RateConfig::abandoned_calls).
                ///
                /// # Errors
                ///
                /// The last error by value, with the reason to stop. A value that the result classifier rejects is dropped;
                /// [`execute`](Self::execute) returns it.
                pub fn call<K, B, T, X>(
                    &mut self,
                    operation: impl $operation<K, Output = Result<T, X>>,
                ) -> impl Future<Output = Result<T, RetryError<X>>>
                where
                    H::Classifier: Classifier<X, B>,
                    H::Results: ResultClassifier<T>,
                    H::Observer: ErrorObserver<X>,
                {
                    drive::<_, _, _, B, _, _, _>(self.policy.policy(), &mut self.site, || None, operation)
                }

                /// Calls the operation like [`call`](Self::call) and returns a report about it.
                pub fn execute<K, B, T, X>(
                    &mut self,
                    operation: impl $operation<K, Output = Result<T, X>>,
                ) -> impl Future<Output = Outcome<T, X>>
                where
                    H::Classifier: Classifier<X, B>,
                    H::Results: ResultClassifier<T>,
                    H::Observer: ErrorObserver<X>,
                {
                    drive::<_, _, _, B, _, _, _>(self.policy.policy(), &mut self.site, || None, operation)
                }
            }

            impl<'c, E: AsyncEnvironment, H: HookSet> Resumed<'c, E, H, $mode> {
                /// Waits, then goes on like [`Context::call`].
                pub fn call<K, B, T, X>(
                    self,
                    operation: impl $operation<K, Output = Result<T, X>>,
                ) -> impl Future<Output = Result<T, RetryError<X>>>
                where
                    H::Classifier: Classifier<X, B>,
                    H::Results: ResultClassifier<T>,
                    H::Observer: ErrorObserver<X>,
                {
                    drive::<_, _, _, B, _, _, _>(self.policy, self.site, move || Some(self.machine), operation)
                }

                /// Waits, then goes on like [`Context::execute`].
                pub fn execute<K, B, T, X>(
                    self,
                    operation: impl $operation<K, Output = Result<T, X>>,
                ) -> impl Future<Output = Outcome<T, X>>
                where
                    H::Classifier: Classifier<X, B>,
                    H::Results: ResultClassifier<T>,
                    H::Observer: ErrorObserver<X>,
                {
                    drive::<_, _, _, B, _, _, _>(self.policy, self.site, move || Some(self.machine), operation)
                }
            }
        }
    };
}

asynch!(local, Local, LocalOperation);
asynch!(spawned, Spawned, SpawnedOperation);

// No closure is involved in the loop form, so it is the same for both shapes.

impl<'p, E: AsyncEnvironment, H: HookSet, P: PolicyRef<'p>, M: mode::Async> Context<'p, E, H, P, M> {
    /// Starts a call whose attempts the caller makes: the loop form.
    ///
    /// # Errors
    ///
    /// The circuit is open or the abort condition holds; nothing ran.
    pub fn start(&mut self) -> Result<Run<'_, E, H, M>, Rejected> {
        let mut run = Run::of(self.policy.policy(), &mut self.site, None);
        let begun = run.start_or_begin(false);
        run.started(begun)
    }
}

impl<E: AsyncEnvironment, H: HookSet, M: mode::Async> Run<'_, E, H, M> {
    /// Takes a failed attempt and waits until the next may begin. Does nothing until the future is polled; dropped in the
    /// middle of the wait, the attempt stays used up.
    ///
    /// # Errors
    ///
    /// There is no other attempt: the error by value, with the reason to stop.
    pub async fn failed<B, X>(&mut self, error: X) -> Result<(), RetryError<X>>
    where
        H::Classifier: Classifier<X, B>,
        H::Observer: ErrorObserver<X>,
    {
        let classification = self.site.hooks.parts().classifier.classify(&error);
        self.fail_and_wait(classification, Cause::Error, Some(error)).await
    }

    /// Like [`failed`](Self::failed), with a classification in place of the classifier's.
    pub fn failed_as<X>(
        &mut self,
        classification: impl Into<Classification>,
        error: X,
    ) -> impl Future<Output = Result<(), RetryError<X>>>
    where
        H::Observer: ErrorObserver<X>,
    {
        self.fail_and_wait(classification.into(), Cause::Error, Some(error))
    }

    /// Takes an attempt that returned a value which is a failure of this class, and waits until the next may begin.
    ///
    /// # Errors
    ///
    /// There is no other attempt: the reason to stop. The value stays with the caller.
    pub fn failed_result<X>(
        &mut self,
        classification: impl Into<Classification>,
    ) -> impl Future<Output = Result<(), RetryError<X>>>
    where
        H::Observer: ErrorObserver<X>,
    {
        self.fail_and_wait(classification.into(), Cause::Result, None)
    }

    async fn fail_and_wait<X>(
        &mut self,
        classification: Classification,
        cause: Cause,
        error: Option<X>,
    ) -> Result<(), RetryError<X>>
    where
        H::Observer: ErrorObserver<X>,
    {
        self.call.catch_up(self.site);
        if let Err(stop) = self.take(&classification, cause, error.as_ref()) {
            return Err(self.give_up(stop, error));
        }
        pause!(self);
        self.start_or_begin(false).map_err(|stop| self.give_up(stop, error))
    }
}

impl<'c, E: AsyncEnvironment, H: HookSet, M: mode::Async> Resumed<'c, E, H, M> {
    /// Waits, then starts the next attempt: the loop form.
    ///
    /// # Errors
    ///
    /// The circuit is open, the deadline has passed, the attempts are used up or the abort condition holds; nothing ran.
    pub async fn start(self) -> Result<Run<'c, E, H, M>, Rejected> {
        let mut run = Run::of(self.policy, self.site, Some(self.machine));
        pause!(run);
        let begun = run.start_or_begin(false);
        run.started(begun)
    }
}
