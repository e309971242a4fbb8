//! A call that goes on from a checkpoint.

use super::{Run, Wait};
use crate::{
    Checkpoint, CheckpointError, Millis, Rejected, StopReason,
    attempts::Progress,
    breaker::Word,
    context::{Context, HookSet},
    env::Environment,
    time::{Convert, Slept},
};

/// A call that goes on from a checkpoint. Waits out what is left, then asks the breaker again.
#[derive(Debug)]
#[must_use = "the call goes on when it is called, executed or started"]
pub struct Resumed<'c, 'p, E: Environment, M, H>(pub(crate) Run<'c, 'p, E, M, H>);

impl<'c, 'p, E: Environment, M, H: HookSet> Resumed<'c, 'p, E, M, H> {
    pub(crate) fn new(
        context: &'c mut Context<'p, E, M, H>,
        checkpoint: &Checkpoint,
        slept: Slept,
    ) -> Result<Self, CheckpointError> {
        let progress = Progress::resume(context.policy, checkpoint, slept, E::Rate::moment(context.env.now()))?;
        Ok(Self(Run { context, progress, permit: Word::NONE }))
    }

    pub(crate) fn begin_wait(&mut self) -> Wait {
        self.0.context.announce();
        self.0.begin_wait()
    }

    /// The wait is over: admission and the next attempt, or why not.
    #[cfg_attr(any(target_os = "none", target_family = "wasm"), inline(always))]
    pub(crate) fn begin(&mut self) -> Result<(), Rejected> {
        // A call may be suspended in its last attempt.
        if self.0.progress.attempt() >= self.0.context.policy.retry.attempts() {
            let reason = self.0.stop(StopReason::MaxAttemptsGlobal, None);
            return Err(Rejected { reason, retry_after: Millis::ZERO });
        }
        if let Some(breaker) = self.0.context.policy.breaker {
            let elapsed = self.0.elapsed();
            self.0.permit = self.0.context.admit(breaker, elapsed)?;
        }
        // Nothing has run since the resumption: if it stops here, the breaker has nothing to learn from it.
        let permit = core::mem::replace(&mut self.0.permit, Word::NONE);
        let begun = self.0.begin::<false>();
        self.0.permit = permit;
        begun.map_err(|reason| Rejected { reason, retry_after: Millis::ZERO })
    }
}
