//! The blocking loop where bytes count more than instructions.
//!
//! # Design
//!
//! What depends on an operation's types is a closure behind a reference, so that one loop serves all operations of an
//! environment. The loop works on a context of its own, made of its arguments: in an image with a single policy the
//! optimiser then knows which one it is, and leaves out whatever that does not have.

use crate::{
    Attempt, Cause, Classification, Classifier, Context, Environment, Instant, Millis, Outcome, RetryError, Run,
    StopReason,
    attempts::Progress,
    context::{HookSet, Hooks, ResultClassifier},
    env::{BlockingEnvironment, mode::Blocking},
    outcome::Failure,
    policy::Policy,
    run::{First, Resumed},
    time::Convert,
};

/// Makes an attempt, keeps what came out, and says what kind of failure it was, if it was one.
type Step<'s, H> = dyn FnMut(&mut H, Attempt) -> Option<(Classification, Cause)> + 's;

/// What came out of the last attempt.
type Last<T, X> = Option<Result<T, Failure<T, X>>>;

/// How a call ended. Unless it succeeded: why, and all there is to say about it.
struct Ending {
    error: RetryError<()>,
    last_failure: Option<u32>,
    elapsed: Millis,
}

/// A whole call, as `call` makes it; with a progress, one that goes on from there. `TELL`: attempts are told how long they
/// may take.
#[inline]
pub(super) fn call<const TELL: bool, T, X, E, H>(
    context: &mut Context<'_, E, Blocking, H>,
    resumed: Option<Progress>,
    mut operation: impl FnMut(Attempt) -> Result<T, X>,
) -> Result<T, RetryError<X>>
where
    E: BlockingEnvironment,
    H: HookSet,
    H::Classifier: Classifier<X>,
    H::Results: ResultClassifier<T>,
{
    let mut last = None;
    let step = &mut |hooks: &mut H, attempt| step(hooks, operation(attempt), &mut last);
    let ending = drive::<TELL, false, _, _>(context.policy, context, resumed.as_ref(), step);
    match last {
        Some(Ok(value)) => Ok(value),
        Some(Err(failure)) => Err(ending.error.with(failure.into_error())),
        None => Err(ending.error.with(None)),
    }
}

/// A whole call, as `execute` makes it; with a progress, one that goes on from there.
#[inline]
pub(super) fn execute<T, X, E, H>(
    context: &mut Context<'_, E, Blocking, H>,
    resumed: Option<Progress>,
    mut operation: impl FnMut(Attempt) -> Result<T, X>,
) -> Outcome<T, X>
where
    E: BlockingEnvironment,
    H: HookSet,
    H::Classifier: Classifier<X>,
    H::Results: ResultClassifier<T>,
{
    let mut last = None;
    let step = &mut |hooks: &mut H, attempt| step(hooks, operation(attempt), &mut last);
    let Ending { error, last_failure, elapsed } =
        drive::<true, true, _, _>(context.policy, context, resumed.as_ref(), step);
    Outcome::small(last, error, last_failure, elapsed)
}

#[inline]
fn step<H: HookSet, T, X>(hooks: &mut H, result: Result<T, X>, last: &mut Last<T, X>) -> Option<(Classification, Cause)>
where
    H::Classifier: Classifier<X>,
    H::Results: ResultClassifier<T>,
{
    match hooks.parts().classify(result) {
        Ok(value) => {
            *last = Some(Ok(value));
            None
        }
        Err((failure, classification, cause)) => {
            *last = Some(Err(failure));
            Some((classification, cause))
        }
    }
}

/// The loop. `ALL`: the elapsed time is wanted even if nothing else asks for it.
#[inline(never)]
fn drive<'p, const TELL: bool, const ALL: bool, E, H>(
    policy: &'p Policy<'p>,
    context: &mut Context<'_, E, Blocking, H>,
    resumed: Option<&Progress>,
    step: &mut Step<'_, H>,
) -> Ending
where
    E: BlockingEnvironment,
    H: HookSet,
{
    let mut local = Context::<_, Blocking, _>::of(
        policy,
        Lent(&mut context.env),
        context.operation,
        context.slice,
        Lent(&mut context.hooks),
    );
    let begun = match resumed {
        None => First::launch::<false>(&mut local, ALL).map(First::into_run),
        Some(progress) => Resumed(Run::at(&mut local, *progress)).start(),
    };
    let mut run = match begun {
        Ok(run) => run,
        Err(rejected) => return Ending { error: rejected.into(), last_failure: None, elapsed: Millis::ZERO },
    };
    let reason = loop {
        let attempt = if TELL { run.attempt() } else { Attempt::untold() };
        let Some((classification, cause)) = step(run.context.hooks.0, attempt) else {
            run.on_success::<false>();
            // Nobody asks.
            break StopReason::Aborted;
        };
        if let Err(reason) = run.retry::<false>(classification, cause) {
            break reason;
        }
    };
    if ALL {
        run.progress.observe(run.context.env.now());
    }
    let ending = Ending {
        error: run.error(reason, None),
        last_failure: if ALL { run.progress.last_failure() } else { None },
        elapsed: if ALL { E::Rate::millis(run.progress.elapsed()) } else { Millis::ZERO },
    };
    // It has ended: there is no permit left to be given back.
    core::mem::forget(run);
    ending
}

/// Environment or hooks of somebody else's context.
struct Lent<'a, T>(&'a mut T);

impl<E: Environment> Environment for Lent<'_, E> {
    type Rate = E::Rate;
    type Mode = E::Mode;
    type Classifier = E::Classifier;

    const CLASSIFIER: E::Classifier = E::CLASSIFIER;
    const ABORT_POLL: Option<Millis> = E::ABORT_POLL;

    #[inline]
    fn now(&self) -> Instant {
        self.0.now()
    }

    #[inline]
    fn random(&mut self) -> u32 {
        self.0.random()
    }
}

impl<E: BlockingEnvironment> BlockingEnvironment for Lent<'_, E> {
    #[inline]
    fn sleep(&mut self, ticks: u64) {
        self.0.sleep(ticks);
    }
}

impl<H: HookSet> HookSet for Lent<'_, H> {
    type Classifier = H::Classifier;
    type Results = H::Results;
    type Abort = H::Abort;
    type Sleep = H::Sleep;
    type Observer = H::Observer;
    type Slices = H::Slices;

    #[inline]
    fn parts(&mut self) -> &mut Hooks<H::Classifier, H::Results, H::Abort, H::Sleep, H::Observer, H::Slices> {
        self.0.parts()
    }
}
