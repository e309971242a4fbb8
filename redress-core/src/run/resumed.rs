//! A call that goes on from a checkpoint.

use super::{NotBegun, Run, Wait};
use crate::{
    Checkpoint, CheckpointError, Millis, Rejected,
    attempts::Progress,
    context::{Context, HookSet},
    env::Environment,
    time::{Convert, Slept},
};

/// A call that goes on from a checkpoint. Waits out what is left, then asks the breaker again.
#[derive(Debug)]
#[must_use = "the call goes on when it is called, executed or started"]
pub struct Resumed<'c, 'p, E: Environment, M, H>(pub(crate) Run<'c, 'p, E, M, H>);

impl<'c, 'p, E: Environment, M, H: HookSet> Resumed<'c, 'p, E, M, H> {
    #[cfg_attr(target_os = "none", inline(always))]
    pub(crate) fn new(
        context: &'c mut Context<'p, E, M, H>,
        checkpoint: &Checkpoint,
        slept: Slept,
    ) -> Result<Self, CheckpointError> {
        let policy = context.policy;
        checkpoint.check(policy)?;
        let progress = Progress::resume(policy, checkpoint, slept, E::Rate::moment(context.env.now()));
        Ok(Self(Run::under(policy, context, progress)))
    }

    pub(crate) fn begin_wait(&mut self) -> Wait {
        self.0.context.announce();
        self.0.begin_wait()
    }

    /// The wait is over: admission and the next attempt, or why not.
    #[cfg_attr(any(target_os = "none", target_family = "wasm"), inline(always))]
    pub(crate) fn begin(&mut self) -> Result<(), Rejected> {
        self.0.enter(false, true).map_err(|stopped| match stopped {
            NotBegun::Rejected(rejected) => rejected,
            NotBegun::Stopped(reason) => {
                self.0.conclude(Some(reason), None, false);
                Rejected { reason, retry_after: Millis::ZERO }
            }
        })
    }
}
