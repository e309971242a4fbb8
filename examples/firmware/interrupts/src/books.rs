//! Counts of the loop and of the handler, and the sums that must agree.

use firmware_support::println;
use redress_core::BreakerState;

use crate::handler::{CLOCK, HANDLER};
use crate::usage::CHECKPOINT_LEN;
use crate::{BREAKER, THRESHOLD, require};

/// The loop's counts.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) admitted: u32,
    pub(crate) rejected: u32,
    pub(crate) settled: u32,
    pub(crate) probes: u32,
    pub(crate) others: u32,
    pub(crate) opened: u32,
    pub(crate) reopened: u32,
    pub(crate) closed: u32,
    /// Failures since the circuit closed.
    pub(crate) accepted: u32,
    /// Failures during which the handler opened the circuit: each came before or after.
    pub(crate) doubtful: u32,
}

impl Books {
    /// Returns the number of operations on breaker and budget.
    pub(crate) const fn operations(&self) -> u32 {
        self.admitted + self.rejected + self.settled + self.others
    }

    /// Checks that as many failures opened the circuit as the threshold says. Call it while the circuit is not closed.
    pub(crate) fn audit(&self) -> Result<(), &'static str> {
        let certain = HANDLER.accepted() + self.accepted;
        let sound = (certain..=certain + self.doubtful).contains(&THRESHOLD.into());
        require(sound && self.doubtful <= 1, "the circuit opened after more or fewer failures than the threshold")
    }

    /// Begins to count anew, before the circuit closes.
    pub(crate) fn turn_page(&mut self) {
        HANDLER.forget_accepted();
        (self.accepted, self.doubtful) = (0, 0);
    }

    /// Checks the sums at the end of the run.
    pub(crate) fn close(&self) -> Result<(), &'static str> {
        println!("{} by the handler, {} by the loop: {self:?}", HANDLER.recorded(), self.operations());
        let openings = HANDLER.opened() + self.opened;
        println!("opened {} times by the handler, {} times by the loop", HANDLER.opened(), self.opened);
        let is_closed = BREAKER.state() == BreakerState::Closed;
        require(openings == self.closed + u32::from(!is_closed), "openings and closings disagree")?;
        require(self.probes == self.closed + self.reopened, "probes and their ends disagree")?;
        let tried = [HANDLER.opened(), self.opened, self.reopened, self.rejected, HANDLER.recorded() / 100];
        require(tried.iter().all(|&count| count > 1_000), "something hardly ever happened")?;
        if !is_closed {
            return self.audit();
        }
        require(kept() == HANDLER.accepted() + self.accepted + self.doubtful, "the window has lost or made up failures")
    }
}

/// Counts the failures in the breaker's window by its checkpoint.
fn kept() -> u32 {
    let mut bytes = [0; CHECKPOINT_LEN];
    let Ok([_, _, _, _, _, _, _, _, slots @ .., _, _]) = BREAKER.checkpoint(&CLOCK, &mut bytes) else { return 0 };
    slots.chunks(4).map(|slot| u32::from(slot.iter().any(|&byte| byte != 0))).sum()
}
