//! Operations of the loop on breaker and budget.

use redress_core::{BreakerState, CircuitBreaker, ErrorClass, RandomSource, SeededRandom};

use crate::books::Books;
use crate::handler::{CLOCK, HANDLER};
use crate::{BREAKER, BUDGET, THRESHOLD, require};

pub(crate) const CHECKPOINT_LEN: usize = CircuitBreaker::<{ THRESHOLD as usize }>::CHECKPOINT_LEN;

/// Makes one call or another operation, chosen at random: in a fixed order, loop and handler would fall into step.
pub(crate) fn once(books: &mut Books, chance: &mut SeededRandom) -> Result<(), &'static str> {
    let opened = HANDLER.opened();
    let Ok(permit) = BREAKER.try_acquire(&CLOCK) else {
        books.rejected += 1;
        return books.audit();
    };
    books.admitted += 1;
    // Only the loop makes it half-open, so then this permit is the probe.
    if BREAKER.state() == BreakerState::HalfOpen {
        books.probes += 1;
        books.settled += 1;
        books.audit()?;
        if books.probes.is_multiple_of(4) {
            books.reopened += 1;
            let state = permit.failure(ErrorClass::Transient, &CLOCK);
            return require(state == Some(BreakerState::Open), "a probe failed, and the circuit did not open");
        }
        books.closed += 1;
        books.turn_page();
        let state = permit.success(&CLOCK);
        return require(state == Some(BreakerState::Closed), "a probe succeeded, and the circuit did not close");
    }
    match chance.next_u32() >> 29 {
        0 | 4 => {
            books.settled += 1;
            let state = permit.failure(ErrorClass::Transient, &CLOCK);
            failed(books, state, opened);
        }
        1 => {
            drop(permit);
            books.others += 1;
            BUDGET.try_consume(1, &CLOCK);
        }
        2 => {
            drop(permit);
            books.others += 1;
            let opened = HANDLER.opened();
            if BREAKER.state() == BreakerState::Closed {
                let state = BREAKER.record_failure(ErrorClass::Transient, &CLOCK);
                failed(books, state, opened);
            }
        }
        3 => {
            drop(permit);
            books.others += 1;
            // A pass over the slots, in a critical section.
            let _ = BREAKER.checkpoint(&CLOCK, &mut [0; CHECKPOINT_LEN]);
        }
        _ => {
            books.settled += 1;
            permit.success(&CLOCK);
        }
    }
    Ok(())
}

/// Counts a failure, as doubtful if the handler opened the circuit meanwhile.
fn failed(books: &mut Books, state: Option<BreakerState>, opened: u32) {
    if state == Some(BreakerState::Open) {
        books.opened += 1;
        books.accepted += 1;
    } else if HANDLER.opened() == opened {
        books.accepted += 1;
    } else {
        books.doubtful += 1;
    }
}
