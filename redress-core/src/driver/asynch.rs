//! The loop for environments that wait without blocking, for two shapes of closures.
//!
//! # Design
//!
//! Two shapes are needed: an `AsyncFnMut` may lend what it captures to its future, as `radio.send()` does, but
//! under such a bound a future is never proven `Send`; an `FnMut() -> Future` cannot lend, but its calls can be spawned.
//! The loop is a macro and each method one `async` block because a nested `async fn` would keep its arguments twice.
//!
//! Where a future is polled on the spot and mostly ready, as in `block_on`, all of it can live in registers as long as
//! nothing out of line learns its address. So the loops pass by value, and keep no reference while something waits.

use embassy_futures::select::{Either, select};

use crate::{
    Attempt, Cause, Checkpoint, CheckpointError, Classification, Classifier, Context, ErrorClass, Outcome, Rejected,
    RetryError, Run,
    context::{HookSet, ResultClassifier},
    env::{
        AsyncEnvironment,
        mode::{Local, Spawned},
    },
    outcome::{Ended, Failure},
    run::{First, Resumed},
    time::Slept,
};

/// Waits, slice by slice.
macro_rules! pause {
    ($run:expr, $wait:expr) => {{
        let mut wait = $wait;
        loop {
            $run.context.env.sleep(wait.slice::<E::Rate>()).await;
            if !$run.next_slice(&mut wait) {
                break;
            }
        }
    }};
}

/// What an attempt returned; `None` if its time was over first. A result that is there in time wins.
macro_rules! attempt {
    ($run:expr, true, $future:expr) => {
        Some($future.await)
    };
    ($run:expr, false, $future:expr) => {
        match $run.attempt_ticks() {
            None => Some($future.await),
            Some(ticks) => match select($future, $run.context.env.sleep(ticks)).await {
                Either::First(result) => Some(result),
                Either::Second(()) => None,
            },
        }
    };
}

/// Attempt after attempt. Twin of `drive` in the blocking driver.
macro_rules! drive {
    ($run:expr, $plain:tt, $attempt:pat => $future:expr) => {
        loop {
            let $attempt = $run.attempt_under::<$plain>();
            let (failure, classification, cause) = match attempt!($run, $plain, $future) {
                None => (Failure::Timeout, Classification::new(ErrorClass::Transient), Cause::Timeout),
                Some(result) => match $run.classify(result) {
                    Ok(value) => {
                        $run.on_success::<$plain>();
                        break Ok(value);
                    }
                    Err(failed) => failed,
                },
            };
            let next = match $run.on_failure::<$plain>(classification, cause) {
                Ok(wait) => {
                    pause!($run, wait);
                    $run.begin::<$plain>()
                }
                Err(reason) => Err(reason),
            };
            if let Err(reason) = next {
                break Err(Ended { reason, failure: Some(failure) });
            }
        }
    };
}

/// A whole call, as `call` makes it.
macro_rules! call {
    ($context:expr, $attempt:pat => $future:expr) => {{
        let plain = $context.policy.is_plain();
        let first = if plain { First::launch::<true>($context, false) } else { First::launch::<false>($context, false) };
        let mut run = first?.into_run();
        let result = if plain {
            drive!(run, true, $attempt => $future)
        } else {
            drive!(run, false, $attempt => $future)
        };
        result.map_err(|ended| run.ended(ended))
    }};
}

/// A whole call, as `execute` makes it.
macro_rules! execute {
    ($context:expr, $attempt:pat => $future:expr) => {{
        let mut run = match First::launch::<false>($context, true) {
            Ok(first) => first.into_run(),
            Err(rejected) => return Outcome::rejected(rejected),
        };
        let result = drive!(run, false, $attempt => $future);
        run.outcome(result)
    }};
}

/// The rest of a call after its resumption, as `call` or `execute` makes it.
macro_rules! go_on {
    ($resumed:ident, call, $attempt:pat => $future:expr) => {{
        pause!($resumed.0, $resumed.begin_wait());
        $resumed.begin()?;
        let result = drive!($resumed.0, false, $attempt => $future);
        result.map_err(|ended| $resumed.0.ended(ended))
    }};
    ($resumed:ident, execute, $attempt:pat => $future:expr) => {{
        pause!($resumed.0, $resumed.begin_wait());
        if let Err(rejected) = $resumed.begin() {
            return Outcome::rejected(rejected);
        }
        let result = drive!($resumed.0, false, $attempt => $future);
        $resumed.0.outcome(result)
    }};
}

macro_rules! driver {
    ($mode:ident, $closure:literal, ($($future:ident)?), ($($no_argument:tt)*), ($($with_attempt:tt)*)) => {
        impl<'p, E, H> Context<'p, E, $mode, H>
        where
            E: AsyncEnvironment,
            H: HookSet,
        {
            #[doc = concat!("Calls the operation, an `", $closure, "`, until it succeeds or the policy says stop.")]
            ///
            /// Dropping the future at any point leaves breaker and budget as if the call had not been made.
            ///
            /// # Errors
            ///
            /// The last error by value, with the reason to stop. A value which the result classifier calls a failure is
            /// dropped; [`execute`](Self::execute) gives it back.
            #[inline]
            pub fn call<T, X, $($future,)? F>(&mut self, mut operation: F) -> impl Future<Output = Result<T, RetryError<X>>>
            where
                F: $($no_argument)*,
                $($future: Future<Output = Result<T, X>>,)?
                H::Classifier: Classifier<X>,
                H::Results: ResultClassifier<T>,
            {
                async move { call!(self, _ => operation()) }
            }

            /// Like [`call`](Self::call), for operations that want to know how long they may take.
            #[inline]
            pub fn call_with<T, X, $($future,)? F>(&mut self, mut operation: F) -> impl Future<Output = Result<T, RetryError<X>>>
            where
                F: $($with_attempt)*,
                $($future: Future<Output = Result<T, X>>,)?
                H::Classifier: Classifier<X>,
                H::Results: ResultClassifier<T>,
            {
                async move { call!(self, attempt => operation(attempt)) }
            }

            /// Like [`call`](Self::call), and tells all about it.
            #[inline]
            pub fn execute<T, X, $($future,)? F>(&mut self, mut operation: F) -> impl Future<Output = Outcome<T, X>>
            where
                F: $($no_argument)*,
                $($future: Future<Output = Result<T, X>>,)?
                H::Classifier: Classifier<X>,
                H::Results: ResultClassifier<T>,
            {
                async move { execute!(self, _ => operation()) }
            }

            /// Like [`execute`](Self::execute), for operations that want to know how long they may take.
            #[inline]
            pub fn execute_with<T, X, $($future,)? F>(&mut self, mut operation: F) -> impl Future<Output = Outcome<T, X>>
            where
                F: $($with_attempt)*,
                $($future: Future<Output = Result<T, X>>,)?
                H::Classifier: Classifier<X>,
                H::Results: ResultClassifier<T>,
            {
                async move { execute!(self, attempt => operation(attempt)) }
            }
        }

        impl<'c, 'p, E, H> Resumed<'c, 'p, E, $mode, H>
        where
            E: AsyncEnvironment,
            H: HookSet,
        {
            /// Waits, then goes on as [`Context::call`] does.
            pub fn call<T, X, $($future,)? F>(mut self, mut operation: F) -> impl Future<Output = Result<T, RetryError<X>>>
            where
                F: $($no_argument)*,
                $($future: Future<Output = Result<T, X>>,)?
                H::Classifier: Classifier<X>,
                H::Results: ResultClassifier<T>,
            {
                async move { go_on!(self, call, _ => operation()) }
            }

            /// Like [`call`](Self::call), for operations that want to know how long they may take.
            pub fn call_with<T, X, $($future,)? F>(mut self, mut operation: F) -> impl Future<Output = Result<T, RetryError<X>>>
            where
                F: $($with_attempt)*,
                $($future: Future<Output = Result<T, X>>,)?
                H::Classifier: Classifier<X>,
                H::Results: ResultClassifier<T>,
            {
                async move { go_on!(self, call, attempt => operation(attempt)) }
            }

            /// Waits, then goes on as [`Context::execute`] does.
            pub fn execute<T, X, $($future,)? F>(mut self, mut operation: F) -> impl Future<Output = Outcome<T, X>>
            where
                F: $($no_argument)*,
                $($future: Future<Output = Result<T, X>>,)?
                H::Classifier: Classifier<X>,
                H::Results: ResultClassifier<T>,
            {
                async move { go_on!(self, execute, _ => operation()) }
            }

            /// Like [`execute`](Self::execute), for operations that want to know how long they may take.
            pub fn execute_with<T, X, $($future,)? F>(mut self, mut operation: F) -> impl Future<Output = Outcome<T, X>>
            where
                F: $($with_attempt)*,
                $($future: Future<Output = Result<T, X>>,)?
                H::Classifier: Classifier<X>,
                H::Results: ResultClassifier<T>,
            {
                async move { go_on!(self, execute, attempt => operation(attempt)) }
            }
        }

        driver!(@loop $mode);
    };
    // The loop form is the same for both shapes: no closure is involved.
    (@loop $mode:ident) => {
        impl<'p, E, H> Context<'p, E, $mode, H>
        where
            E: AsyncEnvironment,
            H: HookSet,
        {
            /// Starts a call whose attempts you make yourself: the loop form.
            ///
            /// # Errors
            ///
            /// The circuit is open or the abort condition already holds; nothing ran.
            #[inline]
            pub fn start(&mut self) -> Result<Run<'_, 'p, E, $mode, H>, Rejected> {
                First::launch::<false>(self, false).map(First::into_run)
            }

            /// Goes on from a checkpoint, `slept` after it was made: waits out what is left, then makes the next attempt, with
            /// every count and the deadline still in force.
            ///
            /// # Errors
            ///
            /// The checkpoint was made under another policy.
            pub fn resume(
                &mut self,
                checkpoint: &Checkpoint,
                slept: impl Into<Slept>,
            ) -> Result<Resumed<'_, 'p, E, $mode, H>, CheckpointError> {
                Resumed::new(self, checkpoint, slept.into())
            }
        }

        impl<E, H> Run<'_, '_, E, $mode, H>
        where
            E: AsyncEnvironment,
            H: HookSet,
        {
            /// The attempt failed: waits until the next may begin.
            ///
            /// # Errors
            ///
            /// The error by value, with the reason to stop.
            #[inline]
            pub fn failed<X>(&mut self, error: X) -> impl Future<Output = Result<(), RetryError<X>>>
            where
                H::Classifier: Classifier<X>,
            {
                let classification = self.context.hooks.parts().classifier.classify(&error);
                self.failed_as(classification, error)
            }

            /// Like [`failed`](Self::failed), for whoever already knows the class.
            #[inline]
            pub fn failed_as<X>(
                &mut self,
                classification: impl Into<Classification>,
                error: X,
            ) -> impl Future<Output = Result<(), RetryError<X>>> {
                self.failed_with(classification.into(), Cause::Error, Some(error))
            }

            /// The attempt returned a value that is a failure of this class: waits until the next may begin.
            ///
            /// # Errors
            ///
            /// The reason to stop; the value stays with the caller.
            #[inline]
            pub fn failed_result<X>(
                &mut self,
                classification: impl Into<Classification>,
            ) -> impl Future<Output = Result<(), RetryError<X>>> {
                self.failed_with(classification.into(), Cause::Result, None)
            }

            #[inline]
            fn failed_with<X>(
                &mut self,
                classification: Classification,
                cause: Cause,
                error: Option<X>,
            ) -> impl Future<Output = Result<(), RetryError<X>>> {
                let wait = self.on_failure::<false>(classification, cause);
                async move {
                    let next = match wait {
                        Ok(wait) => {
                            pause!(self, wait);
                            self.begin::<false>()
                        }
                        Err(reason) => Err(reason),
                    };
                    next.map_err(|reason| self.error(reason, error))
                }
            }
        }

        impl<'c, 'p, E, H> Resumed<'c, 'p, E, $mode, H>
        where
            E: AsyncEnvironment,
            H: HookSet,
        {
            /// Waits, then starts the next attempt: the loop form.
            ///
            /// # Errors
            ///
            /// The circuit is open, the deadline has passed or the abort condition holds; nothing ran.
            pub fn start(mut self) -> impl Future<Output = Result<Run<'c, 'p, E, $mode, H>, Rejected>> {
                async move {
                    pause!(self.0, self.begin_wait());
                    self.begin()?;
                    Ok(self.0)
                }
            }
        }
    };
}

driver!(
    Local,
    "AsyncFnMut() -> Result<T, X>",
    (),
    (AsyncFnMut() -> Result<T, X>),
    (AsyncFnMut(Attempt) -> Result<T, X>)
);
driver!(Spawned, "FnMut() -> Future<Output = Result<T, X>>", (Fut), (FnMut() -> Fut), (FnMut(Attempt) -> Fut));
