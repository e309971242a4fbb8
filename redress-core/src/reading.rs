//! Readings of a clock, and moments that are kept to be compared with them.
//!
//! A caller reads the clock, then waits for the lock or is interrupted, and then decides on a reading that is older than
//! what the others have decided on. Such a reading must not be taken for a clock that was set back: it would empty
//! windows and reopen circuits. Hence two rules:
//!
//! - A reading older than the guarded moment is taken again, with the lock held. Where there is a clock to ask, this makes
//!   it a current one.
//! - A reading that is still older means that no time has passed. Only if all readings stay older for as long as the caller
//!   of [`Mark::passed`] is patient, the clock was set back, and counting starts anew from there.

use core::cell::Cell;

use crate::{
    Clock, Millis,
    lock::Halves,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::{ClockRate, Timestamp},
};

/// A reading of a clock, and the clock to take another from.
pub struct Reading<'a> {
    now: Cell<Timestamp>,
    clock: &'a dyn MillisClock,
    slack: Millis,
    took: Millis,
}

/// A clock of any tick rate, read in milliseconds.
trait MillisClock {
    fn timestamp(&self) -> Timestamp;
}

impl<C: Clock> MillisClock for C {
    fn timestamp(&self) -> Timestamp {
        ClockRate::timestamp(self)
    }
}

impl core::fmt::Debug for Reading<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Reading").field("now", &self.now).field("took", &self.took).finish_non_exhaustive()
    }
}

impl<'a> Reading<'a> {
    /// Creates the reading of a step; [`Timestamp::NEVER`] for one that is taken when it is needed, with the lock held.
    pub(crate) fn of<C: Clock>(clock: &'a C, now: Timestamp) -> Self {
        Self { now: Cell::new(now), clock, slack: C::RATE.slack(), took: Millis::ZERO }
    }

    /// Returns the reading with the time that the call in question took.
    pub(crate) const fn after(mut self, took: Millis) -> Self {
        self.took = took;
        self
    }

    pub(crate) const fn took(&self) -> Millis {
        self.took
    }

    /// Returns the moment to decide by, once a [`Mark`] has looked at it.
    pub(crate) const fn now(&self) -> Timestamp {
        self.now.get()
    }

    /// Reads the clock, unless it was read before.
    pub(crate) fn read(&self) -> Timestamp {
        if self.now() == Timestamp::NEVER {
            self.take();
        }
        self.now()
    }

    fn take(&self) {
        self.now.set(self.clock.timestamp());
    }

    /// Extends a configured span so that it is never too short: on a clock finer than a millisecond, it may have begun up to
    /// a millisecond later than the reading says.
    pub(crate) const fn at_least(&self, span: Millis) -> Millis {
        // All of them are shorter than half of what a span can be.
        Millis::new(span.get().wrapping_add(self.slack.get()))
    }
}

/// A moment that is kept, from which time is counted. Consistent only with the lock held.
#[derive(Debug)]
pub(crate) struct Mark {
    moment: Halves,
    /// The first of the latest readings if all of them were older than the moment; zero if not.
    older_since: AtomicU32,
}

impl Mark {
    pub(crate) const fn new(moment: Timestamp) -> Self {
        Self { moment: Halves::new(moment.millis()), older_since: AtomicU32::new(0) }
    }

    pub(crate) fn load(&self) -> Timestamp {
        Timestamp::from_millis(self.moment.load())
    }

    /// Returns the lower 32 bits of the moment.
    pub(crate) fn low_bits(&self) -> u32 {
        self.moment.low()
    }

    pub(crate) fn store(&self, moment: Timestamp) {
        self.moment.store(moment.millis());
    }

    /// Returns whether less than this span has passed at a reading, without the lock. Not if readings have been late: then
    /// [`passed`](Self::passed) must be asked.
    pub(crate) fn is_within(&self, now: Timestamp, span: Millis) -> bool {
        self.left(now, span) != Millis::ZERO && self.older_since.load(Relaxed) == 0
    }

    /// Returns what is left, at this moment, of a span that began at the mark; zero if the mark lies ahead.
    #[expect(clippy::cast_possible_truncation, reason = "less than the span")]
    pub(crate) fn left(&self, now: Timestamp, span: Millis) -> Millis {
        // Far above any span if the mark lies ahead.
        let passed = now.millis().wrapping_sub(self.load().millis());
        let is_within = passed < u64::from(span.get());
        if is_within { Millis::new(span.get().wrapping_sub(passed as u32)) } else { Millis::ZERO }
    }

    /// Returns the time from the mark to the reading, which is corrected: it is not before the mark unless the clock was set
    /// back. Then all time has passed: [`Millis::MAX`].
    #[inline(never)]
    pub(crate) fn passed(&self, reading: &Reading<'_>, patience: Millis) -> Millis {
        let mark = self.load();
        let mut older_since = 0;
        let mut is_again = false;
        let passed = loop {
            if let Some(passed) = reading.now().since(mark) {
                break passed;
            }
            if !is_again {
                // Late, or not taken yet.
                is_again = true;
                reading.take();
                continue;
            }
            // Never zero, which means that the latest reading was not older.
            let this = reading.now().low_bits() | 1;
            older_since = self.older_since.load(Relaxed);
            // Below zero if the clock was set back once more.
            let waited = this.wrapping_sub(older_since).cast_signed();
            if older_since == 0 || waited < 0 {
                older_since = this;
            } else if waited.cast_unsigned() >= patience.get() {
                self.older_since.store(0, Relaxed);
                return Millis::MAX;
            }
            reading.now.set(mark);
            break Millis::ZERO;
        };
        self.older_since.store(older_since, Relaxed);
        passed
    }
}
