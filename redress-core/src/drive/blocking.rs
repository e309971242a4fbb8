//! The blocking loop.

use crate::{
    Cause, Classification, Classifier, Context, ErrorObserver, Outcome, Rejected, RetryError,
    context::{PolicyRef, ResultClassifier},
    drive::{Resumed, Run, operation::Operation, run::Wait},
    env::{BlockingEnvironment, mode::Blocking},
    hooks::HookSet,
    outcome::FromReport,
};

/// The loop: attempt after attempt, with waits in between, until the call ends.
#[inline]
fn drive<E, H, K, B, T, X, R>(run: &mut Run<'_, E, H, Blocking>, mut operation: impl Operation<K, T, X>) -> R
where
    E: BlockingEnvironment,
    H: HookSet,
    H::Classifier: Classifier<X, B>,
    H::Results: ResultClassifier<T>,
    H::Observer: ErrorObserver<X>,
    R: FromReport<T, X>,
{
    let mut last = None;
    let mut begun = run.start(R::REPORTS_TIME);
    let end = loop {
        if let Err(stop) = begun {
            break Err(stop);
        }
        let result = operation.attempt(run.attempt());
        let failed = match run.site.classify(result) {
            Ok(value) => break Ok(value),
            Err(failed) => failed,
        };
        if let Err(stop) = run.fail(failed, &mut last) {
            break Err(stop);
        }
        run.pause();
        begun = run.begin();
    };
    run.finish(end, last)
}

impl<E: BlockingEnvironment, H: HookSet> Run<'_, E, H, Blocking> {
    /// Waits, slice by slice.
    #[inline]
    fn pause(&mut self) {
        let mut wait = Wait::begin(&self.call, self.policy, self.site);
        loop {
            self.site.env.sleep(wait.ticks(self.site, false));
            if !wait.next(self.site) {
                break;
            }
        }
        self.call.read(self.policy, self.site);
    }

    fn fail_and_wait<X>(
        &mut self,
        classification: &Classification,
        cause: Cause,
        error: Option<X>,
    ) -> Result<(), RetryError<X>>
    where
        H::Observer: ErrorObserver<X>,
    {
        self.call.catch_up(self.site);
        if let Err(stop) = self.take(classification, cause, error.as_ref()) {
            return Err(self.give_up(stop, error));
        }
        self.pause();
        self.begin().map_err(|stop| self.give_up(stop, error))
    }

    /// Takes a failed attempt and waits until the next may begin.
    ///
    /// # Errors
    ///
    /// There is no other attempt: the error by value, with the reason to stop.
    pub fn failed<B, X>(&mut self, error: X) -> Result<(), RetryError<X>>
    where
        H::Classifier: Classifier<X, B>,
        H::Observer: ErrorObserver<X>,
    {
        let classification = self.site.hooks.parts().classifier.classify(&error);
        self.failed_as(classification, error)
    }

    /// Like [`failed`](Self::failed), with a classification in place of the classifier's.
    pub fn failed_as<X>(&mut self, classification: impl Into<Classification>, error: X) -> Result<(), RetryError<X>>
    where
        H::Observer: ErrorObserver<X>,
    {
        self.fail_and_wait(&classification.into(), Cause::Error, Some(error))
    }

    /// Takes an attempt that returned a value which is a failure of this class, and waits until the next may begin.
    ///
    /// # Errors
    ///
    /// There is no other attempt: the reason to stop. The value stays with the caller.
    pub fn failed_result<X>(&mut self, classification: impl Into<Classification>) -> Result<(), RetryError<X>>
    where
        H::Observer: ErrorObserver<X>,
    {
        self.fail_and_wait(&classification.into(), Cause::Result, None)
    }
}

impl<'p, E: BlockingEnvironment, H: HookSet, P: PolicyRef<'p>> Context<'p, E, H, P, Blocking> {
    /// Calls the operation until it succeeds or the policy stops. The closure takes nothing, or an
    /// [`AttemptInfo`](crate::AttemptInfo) if it needs to know how long it may take.
    ///
    /// # Errors
    ///
    /// The last error by value, with the reason to stop. A value that the result classifier rejects is dropped;
    /// [`execute`](Self::execute) returns it.
    #[inline]
    pub fn call<K, B, T, X>(&mut self, operation: impl Operation<K, T, X>) -> Result<T, RetryError<X>>
    where
        H::Classifier: Classifier<X, B>,
        H::Results: ResultClassifier<T>,
        H::Observer: ErrorObserver<X>,
    {
        drive::<_, _, _, B, _, _, _>(&mut Run::of(self.policy.policy(), &mut self.site, None), operation)
    }

    /// Calls the operation like [`call`](Self::call) and returns a report about it.
    #[inline]
    pub fn execute<K, B, T, X>(&mut self, operation: impl Operation<K, T, X>) -> Outcome<T, X>
    where
        H::Classifier: Classifier<X, B>,
        H::Results: ResultClassifier<T>,
        H::Observer: ErrorObserver<X>,
    {
        drive::<_, _, _, B, _, _, _>(&mut Run::of(self.policy.policy(), &mut self.site, None), operation)
    }

    /// Starts a call whose attempts the caller makes: the loop form.
    ///
    /// # Errors
    ///
    /// The circuit is open or the abort condition holds; nothing ran.
    pub fn start(&mut self) -> Result<Run<'_, E, H, Blocking>, Rejected> {
        let mut run = Run::of(self.policy.policy(), &mut self.site, None);
        let begun = run.start(false);
        run.started(begun)
    }
}

impl<'c, E: BlockingEnvironment, H: HookSet> Resumed<'c, E, H, Blocking> {
    /// Waits out what is left.
    fn waited(self) -> Run<'c, E, H, Blocking> {
        let mut run = Run::of(self.policy, self.site, Some(self.machine));
        run.pause();
        run
    }

    /// Waits, then goes on like [`Context::call`].
    #[inline]
    pub fn call<K, B, T, X>(self, operation: impl Operation<K, T, X>) -> Result<T, RetryError<X>>
    where
        H::Classifier: Classifier<X, B>,
        H::Results: ResultClassifier<T>,
        H::Observer: ErrorObserver<X>,
    {
        drive::<_, _, _, B, _, _, _>(&mut self.waited(), operation)
    }

    /// Waits, then goes on like [`Context::execute`].
    #[inline]
    pub fn execute<K, B, T, X>(self, operation: impl Operation<K, T, X>) -> Outcome<T, X>
    where
        H::Classifier: Classifier<X, B>,
        H::Results: ResultClassifier<T>,
        H::Observer: ErrorObserver<X>,
    {
        drive::<_, _, _, B, _, _, _>(&mut self.waited(), operation)
    }

    /// Waits, then starts the next attempt: the loop form.
    ///
    /// # Errors
    ///
    /// The circuit is open, the deadline has passed, the attempts are used up or the abort condition holds; nothing ran.
    pub fn start(self) -> Result<Run<'c, E, H, Blocking>, Rejected> {
        let mut run = self.waited();
        let begun = run.start(false);
        run.started(begun)
    }
}

#[cfg(test)]
mod tests {
    /// The page of the loop in the crate docs, line by line.
    #[test]
    fn the_crate_docs_show_the_loop_as_it_is() {
        let (code, docs) = (include_str!("blocking.rs"), include_str!("../lib.rs"));
        let (_, code) = code.split_once("    let mut last = None;\n").unwrap();
        let (code, _) = code.split_once("\n}\n").unwrap();
        let (_, docs) = docs.split_once("//! let mut last = None;\n").unwrap();
        let (docs, _) = docs.split_once("//! ```").unwrap();
        assert!(code.lines().map(|line| &line[4..]).eq(docs.lines().map(|line| &line[4..])));
    }
}
