//! The blocking loop where bytes count more than instructions.
//!
//! # Design
//!
//! What depends on an operation's types is a closure behind a reference, so that one loop serves all operations of an
//! environment. The policy is an argument: in an image with a single one the optimiser then knows which it is, and leaves
//! out whatever that does not have.

use crate::{
    Attempt, Cause, Checkpoint, Classification, Classifier, Context, ErrorClass, Instant, Millis, Outcome, RetryError,
    Run, StopReason,
    attempts::Progress,
    context::{HookSet, ResultClassifier, SleepHandler},
    env::{BlockingEnvironment, mode::Blocking},
    outcome::Failure,
    policy::{Known, Policy},
    run::NotBegun,
    time::Convert,
};

/// An operation and what came out of its last attempt, the types of which are forgotten.
trait Step<H> {
    /// Makes an attempt, which may be told of itself, and says what kind of failure it was, if it was one.
    fn attempt(&mut self, hooks: &mut H, told: Option<&Attempt>, found: &mut Classification) -> Option<Cause>;
}

/// An operation, the type of which is forgotten: a closure, with nothing in its table that nobody calls.
pub(super) trait Operation<T, X> {
    fn make(&mut self, told: Option<&Attempt>) -> Result<T, X>;
}

impl<T, X, F: FnMut(Option<&Attempt>) -> Result<T, X>> Operation<T, X> for F {
    fn make(&mut self, told: Option<&Attempt>) -> Result<T, X> {
        self(told)
    }
}

/// Operations with the same types share this code.
struct Steps<'o, T, X> {
    operation: &'o mut dyn Operation<T, X>,
    last: Last<T, X>,
}

impl<T, X, H> Step<H> for Steps<'_, T, X>
where
    H: HookSet,
    H::Classifier: Classifier<X>,
    H::Results: ResultClassifier<T>,
{
    // What is called at two places of the loop is in the image once.
    #[inline(never)]
    fn attempt(&mut self, hooks: &mut H, told: Option<&Attempt>, found: &mut Classification) -> Option<Cause> {
        match hooks.parts().classify(self.operation.make(told)) {
            Ok(value) => {
                self.last = Some(Ok(value));
                None
            }
            Err((failure, classification, cause)) => {
                self.last = Some(Err(failure));
                *found = classification;
                Some(cause)
            }
        }
    }
}

/// What came out of the last attempt.
type Last<T, X> = Option<Result<T, Failure<T, X>>>;

/// How a call ended: unless it succeeded, why, and all there is to say about it.
pub(crate) struct Ending {
    pub(crate) reason: StopReason,
    pub(crate) attempts: u32,
    pub(crate) last: Option<(ErrorClass, Cause)>,
    pub(crate) next_delay: Option<Millis>,
}

/// What only `execute` wants to know.
#[derive(Default)]
pub(crate) struct Details {
    pub(crate) last_failure: Option<u32>,
    pub(crate) elapsed: Millis,
}

/// A whole call, as `call` makes it; with a progress, one that goes on from there. `TELL`: attempts are told how long they
/// may take.
#[inline]
pub(super) fn call<'p, const TELL: bool, T, X, E, H>(
    policy: &'p Policy<'p>,
    context: &mut Context<'p, E, Blocking, H>,
    resumed: Option<Progress>,
    mut operation: impl FnMut(Option<&Attempt>) -> Result<T, X>,
) -> Result<T, RetryError<X>>
where
    E: BlockingEnvironment,
    H: HookSet,
    H::Classifier: Classifier<X>,
    H::Results: ResultClassifier<T>,
{
    let (mut steps, mut checkpoint) = (Steps { operation: &mut operation, last: None }, None);
    // Where nothing is deferred, there need be no place for one.
    let place = H::Sleep::ACTIVE.then_some(&mut checkpoint);
    let ending = drive::<TELL, _, _>(policy, context, resumed.as_ref(), &mut steps, None, place);
    let error = match steps.last {
        Some(Ok(value)) => return Ok(value),
        Some(Err(failure)) => failure.into_error(),
        None => None,
    };
    Err(RetryError {
        error,
        reason: ending.reason,
        attempts: ending.attempts,
        last_class: ending.last.map(|(class, _)| class),
        cause: ending.last.map(|(_, cause)| cause),
        next_delay: ending.next_delay,
        checkpoint,
    })
}

/// A whole call, as `execute` makes it; with a progress, one that goes on from there. In an image once for operations with
/// the same types.
#[inline(never)]
pub(super) fn execute<'p, T, X, E, H>(
    policy: &'p Policy<'p>,
    context: &mut Context<'p, E, Blocking, H>,
    resumed: Option<&Progress>,
    operation: &mut dyn Operation<T, X>,
) -> Outcome<T, X>
where
    E: BlockingEnvironment,
    H: HookSet,
    H::Classifier: Classifier<X>,
    H::Results: ResultClassifier<T>,
{
    let (mut steps, mut details, mut checkpoint) = (Steps { operation, last: None }, Details::default(), None);
    let place = H::Sleep::ACTIVE.then_some(&mut checkpoint);
    let ending = drive::<true, _, _>(policy, context, resumed, &mut steps, Some(&mut details), place);
    Outcome::small(steps.last, &ending, &details, checkpoint)
}

/// The loop. With `details`, the elapsed time is wanted even if nothing else asks for it; with a place for a checkpoint, a
/// deferred call leaves one.
#[inline(never)]
fn drive<'p, const TELL: bool, E, H>(
    policy: &'p Policy<'p>,
    context: &mut Context<'p, E, Blocking, H>,
    resumed: Option<&Progress>,
    steps: &mut dyn Step<H>,
    details: Option<&mut Details>,
    checkpoint: Option<&mut Option<Checkpoint>>,
) -> Ending
where
    E: BlockingEnvironment,
    H: HookSet,
{
    let clocked = details.is_some() || Context::<'p, E, Blocking, H>::is_timed(Known::<false>(policy));
    let started = if resumed.is_none() && clocked { context.env.now() } else { Instant::ZERO };
    let progress = match resumed {
        None => Progress::new(E::Rate::moment(started)),
        Some(progress) => *progress,
    };
    let mut run = Run::under(policy, context, progress);
    run.context.announce();
    let mut classification = Classification::new(ErrorClass::Auth);
    let (mut begun, mut waits) = (false, resumed.is_some());
    let (reason, of_attempt) = loop {
        if waits {
            let wait = run.begin_wait();
            run.pause(wait);
        }
        match run.enter(begun, waits) {
            Ok(()) => begun = true,
            Err(NotBegun::Stopped(reason)) => break (Some(reason), false),
            Err(NotBegun::Rejected(rejected)) => {
                core::mem::forget(run);
                let next_delay = rejected.next_delay();
                return Ending { reason: rejected.reason(), attempts: 0, last: None, next_delay };
            }
        }
        let told = TELL.then(|| run.attempt());
        let Some(cause) = steps.attempt(&mut run.context.hooks, told.as_ref(), &mut classification) else {
            run.observe_time();
            break (None, true);
        };
        if let Err(reason) = run.decide::<false>(&classification, cause) {
            break (Some(reason), true);
        }
        waits = true;
    };
    run.conclude(reason, of_attempt.then_some(&classification), begun);
    // Nobody asks for the reason of a success.
    let reason = reason.unwrap_or(StopReason::Aborted);
    let mut ending = Ending { reason, attempts: 0, last: None, next_delay: None };
    if begun {
        if let Some(details) = details {
            run.observe_end();
            details.last_failure = run.progress.last_failure();
            details.elapsed = run.progress.elapsed(E::Rate::SLACK);
        }
        if let Some(place) = checkpoint {
            *place = Context::<'p, E, Blocking, H>::deferred(policy, &run.progress, reason);
        }
        ending.attempts = run.progress.attempt();
        ending.last = run.progress.last();
        ending.next_delay = run.progress.next_delay();
    }
    // It has ended: there is no permit left to be given back.
    core::mem::forget(run);
    ending
}
