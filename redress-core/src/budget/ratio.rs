//! Retries as a share of the calls of a sliding window.
//!
//! Each slot is a part of the window and holds its balance in thousandths of a retry: what its calls have earned less what
//! its retries have cost. The sum over the slots and the reserve is what is left, so a retry leaves the window together with
//! the calls of its time. Sources: Finagle's `RetryBudget` (calls deposit, retries withdraw, both expire; a reserve per
//! second), Envoy's `retry_budget` (a percentage and a minimum).

use super::{BudgetView, Kind, Spend, config::reserve};
use crate::{
    Millis,
    reading::Reading,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    window::Slot,
};

/// The cost of a retry, in thousandths.
const RETRY: u32 = 1_000;

impl BudgetView {
    pub(super) fn spend_of_ratio(&self, Spend { retries, is_call, is_success, reading }: Spend<'_>) -> bool {
        let (Kind::Ratio { percent, .. }, Some(reading)) = (self.config.0, reading) else { return false };
        // A call that succeeds after retries was counted with the first.
        if is_success && !is_call {
            return false;
        }
        self.lock.with(|| {
            self.slide_ratio(reading);
            if is_call {
                self.balance(i32::from(percent).saturating_mul((RETRY / 100).cast_signed()));
            }
            let cost = i32::from(retries).saturating_mul(RETRY.cast_signed());
            // What is left is below zero where calls have left the window before their retries: zero retries are there all the same.
            let is_enough = self.left_of_ratio().max(0) >= i64::from(cost);
            if is_enough {
                self.balance(cost.saturating_neg());
            }
            is_enough
        })
    }

    /// Moves on to a reading, and empties the slots whose time is over. Needs the lock.
    pub(super) fn slide_ratio(&self, reading: &Reading<'_>) {
        let Kind::Ratio { window, .. } = self.config.0 else { return };
        let (slots, latest) = (&self.slots, &self.latest);
        let count = u32::try_from(slots.len()).unwrap_or(u32::MAX);
        // The division is defined: there is a slot.
        let width = window.get().saturating_sub(1).checked_div(count).unwrap_or(0).saturating_add(1);
        let span = Millis::new(width.saturating_mul(count));
        let passed = latest.passed(reading, span);
        let mut rest = passed.get();
        for _ in slots {
            if rest < width {
                break;
            }
            rest = rest.wrapping_sub(width);
            let next = self.current().wrapping_add(1);
            let next = if next < count { next } else { 0 };
            self.spent.store(next.wrapping_add(1), Relaxed);
            self.set_balance(0);
        }
        // If nothing is left of the window, it begins here.
        let rest = if passed < span { Millis::new(rest) } else { Millis::ZERO };
        latest.store(reading.now().before(rest));
    }

    /// Returns what is left in the window, in thousandths of a retry. Needs the lock.
    pub(super) fn left_of_ratio(&self) -> i64 {
        let Kind::Ratio { min_per_second, window, .. } = self.config.0 else { return 0 };
        let balances = self.slots.iter().map(|slot| i64::from(slot.word().load(Relaxed).cast_signed()));
        balances.fold(reserve(min_per_second, window).cast_signed(), i64::saturating_add)
    }

    /// Returns the place of the slot of the latest reading.
    fn current(&self) -> u32 {
        self.spent.load(Relaxed).wrapping_sub(1)
    }

    fn balance(&self, change: i32) {
        let balance = self.current_slot().map_or(0, |slot| slot.load(Relaxed).cast_signed());
        self.set_balance(balance.saturating_add(change).cast_unsigned());
    }

    fn set_balance(&self, balance: u32) {
        if let Some(slot) = self.current_slot() {
            slot.store(balance, Relaxed);
        }
    }

    fn current_slot(&self) -> Option<&AtomicU32> {
        self.slots.get(self.current() as usize).map(Slot::word)
    }
}

/// Returns whole retries, as far as they fit.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "limited to 16 bits")]
pub(super) fn whole(thousandths: i64) -> u16 {
    let most = i64::from(u16::MAX).saturating_mul(RETRY.into());
    (thousandths.clamp(0, most) as u32 / RETRY) as u16
}
