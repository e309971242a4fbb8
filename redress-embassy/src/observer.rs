//! What happens, as log lines.

use redress_core::{Event, EventKind, Observer};

/// How loud an event is logged. Feature `defmt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, defmt::Format)]
pub enum Level {
    /// What goes as it should.
    Debug,
    /// What somebody who reads the log later wants to know.
    Info,
    /// What somebody should look at.
    Warn,
}

impl Level {
    /// The level of an event.
    ///
    /// | event | level |
    /// |---|---|
    /// | `success` at the first attempt, `retry`, `circuit_rejected` | debug |
    /// | `success` after retries, `scheduled`, `aborted`, `circuit_half_open`, `circuit_closed` | info |
    /// | a call that gave up, `circuit_opened` | warn |
    ///
    /// Nothing is an error: whether a call that gave up is one, its caller knows.
    pub const fn of(event: &Event) -> Self {
        match event.kind {
            EventKind::Success if event.attempt > 1 => Self::Info,
            EventKind::Success | EventKind::Retry | EventKind::CircuitRejected => Self::Debug,
            EventKind::Scheduled | EventKind::Aborted | EventKind::CircuitHalfOpen | EventKind::CircuitClosed => {
                Self::Info
            }
            EventKind::PermanentFail
            | EventKind::DeadlineExceeded
            | EventKind::MaxAttemptsExceeded
            | EventKind::MaxUnknownAttemptsExceeded
            | EventKind::NoStrategyConfigured
            | EventKind::BudgetExhausted
            | EventKind::CircuitOpened => Self::Warn,
        }
    }
}

/// Logs events through defmt, at the [`Level`] of each: operation, event, attempt, class, reason to stop, delay and
/// time in milliseconds. Levels below `DEFMT_LOG` cost nothing. Feature `defmt`.
///
/// ```no_run
/// # use redress_embassy::{Backoff, Policy, Retry};
/// # static UPLINK: Policy = Policy::new(Retry::new(Backoff::none()));
/// use redress_embassy::{DefmtObserver, Embassy};
///
/// let uplink = UPLINK.context(Embassy::seeded(7)).operation("uplink").observe(DefmtObserver);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, defmt::Format)]
#[cfg_attr(docsrs, doc(cfg(feature = "defmt")))]
pub struct DefmtObserver;

/// One line of the log; a macro because the level is part of the name.
macro_rules! line {
    ($level:ident, $event:ident) => {
        defmt::$level!(
            "{=str}: {} attempt={=u32} class={} reason={} delay={=u32}ms elapsed={=u32}ms",
            $event.operation,
            $event.kind,
            $event.attempt,
            $event.class,
            $event.stop_reason,
            $event.delay.get(),
            $event.elapsed.get()
        )
    };
}

impl Observer for DefmtObserver {
    fn on_event(&mut self, event: &Event) {
        match Level::of(event) {
            Level::Debug => line!(debug, event),
            Level::Info => line!(info, event),
            Level::Warn => line!(warn, event),
        }
    }
}
