//! Events as lines of a defmt log.

use redress_core::{Event, Level, Observer};

/// Logs events through defmt, at the [level](Event::level) of each: operation, event, attempt, class, reason to stop, delay and
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
        match event.level() {
            Level::Debug => line!(debug, event),
            Level::Info => line!(info, event),
            _ => line!(warn, event),
        }
    }
}
