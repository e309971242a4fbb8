//! Checkpoints of kept connections: that of the call, and the keeper's additions.

use core::num::NonZeroU16;

use super::{
    Keep,
    kept::{Kept, Phase, timed},
};
use crate::{
    Checkpoint, CheckpointError, Millis, Observer,
    call::Call,
    context::Site,
    env::Environment,
    hooks::HookSet,
    machine::Machine,
    time::{ClockRate, Slept},
};

impl Kept {
    /// Returns the checkpoint of what is kept. A session that is up ends with it.
    pub(super) fn suspend<E: Environment, H: HookSet>(&mut self, keep: &Keep<'_>, site: &mut Site<E, H>) -> Checkpoint {
        self.ready(keep, site);
        let checkpoint = self.call.machine.checkpoint(&keep.policy);
        self.add_to(checkpoint)
    }

    /// Adds what a checkpoint of the call lacks.
    pub(super) fn add_to(&self, checkpoint: Checkpoint) -> Checkpoint {
        let flags = [self.is_renewed, self.gate > Millis::ZERO, self.is_hinted];
        let flags = flags.map(u16::from).into_iter().rev().fold(0, |flags, flag| flags << 1 | flag);
        let extra = in_steps(self.debt) | flags << FLAG_BITS;
        let extra = NonZeroU16::new(extra.wrapping_add(1)).unwrap_or(NonZeroU16::MAX);
        Checkpoint { extra, ..checkpoint }
    }

    /// Creates the state from a checkpoint, `slept` after it was made.
    ///
    /// # Errors
    ///
    /// The checkpoint was made under another policy, or by a call.
    pub(super) fn resume<E: Environment, H: HookSet>(
        keep: &Keep<'_>,
        site: &mut Site<E, H>,
        checkpoint: &Checkpoint,
        slept: Slept,
    ) -> Result<Self, CheckpointError> {
        checkpoint.check(&keep.policy)?;
        let (now, slack) = (site.env.timestamp(), E::RATE.slack());
        let machine = timed(Machine::resume(&keep.policy.retry, checkpoint, slept, now, slack));
        let extra = checkpoint.extra.get().wrapping_sub(1);
        let [is_renewed, is_gated, is_hinted] = [1, 2, 4].map(|flag| extra >> FLAG_BITS & flag != 0);
        // The rest of the interval is not in the checkpoint, so it is the longest that it can have been: it begins with the end
        // of a wait that was cut short, which is no longer than the spread and the interval before.
        let Keep { wake_interval: interval, spread, .. } = *keep;
        let longest = interval.saturating_add(Millis::new(interval.get() >> 1));
        let longest = longest.saturating_add(checkpoint.remaining.min(longest.saturating_add(spread)));
        let gate = if is_gated { longest.saturating_sub(slept.down) } else { Millis::ZERO };
        site.notify(Observer::on_call_start);
        Ok(Self {
            call: Call::new(machine),
            debt: from_steps(extra & STEPS).saturating_sub(slept.down),
            gate,
            phase: Phase::Offline,
            is_renewed,
            is_hinted,
            ..Self::new(keep, slack)
        })
    }
}

/// The flags in a keeper's addition to a checkpoint begin at this bit. The bits below are the debt of the day in steps of
/// 16,384 ms, rounded up: a day and some steps at most.
const FLAG_BITS: u32 = 13;
const STEP_BITS: u32 = 14;
const STEPS: u16 = (1 << FLAG_BITS) - 1;

#[expect(clippy::cast_possible_truncation, reason = "a day is 5,274 steps")]
const fn in_steps(debt: Millis) -> u16 {
    (debt.get().div_ceil(1 << STEP_BITS)) as u16 & STEPS
}

const fn from_steps(steps: u16) -> Millis {
    Millis::new((steps as u32) << STEP_BITS)
}
