//! Log lines.

use std::fmt;

use ::log::{STATIC_MAX_LEVEL, log, log_enabled};
use redress_core::{AttemptEnd, AttemptStart, ErrorObserver, Event, Level, Millis, Observer, StopReason};

use super::{
    TARGET,
    catch::quietly,
    facts::{delay_ms, stop_reason},
    text::Text,
};

/// Writes a line per event through the `log` facade: what happened, then `key=value` pairs of what is known. Feature
/// `log`.
///
/// ```text
/// WARN redress: max_attempts_exceeded operation=fetch_orders attempt=3 class=transient stop_reason=max_attempts_global cause=error elapsed_ms=315
/// ```
///
/// Keys are `operation`, `attempt`, `class`, `decision` (at the end of an attempt), `stop_reason`, `cause`, `state`
/// (of the breaker), `delay_ms`, `retry_after_ms`, `code`, `elapsed_ms` and `error`; those of which nothing is known are left
/// out. Values have no spaces unless the operation's name or the error has. For levels and target see [the module](super).
///
/// `error` is what the error's `Display` says, in quotes, and is there if the observer was added with
/// [`observe_errors`](redress_core::Context::observe_errors): see [the module](super#errors).
///
/// A panic of the logger does not reach the call. While the logger takes no warnings of target `redress`, the observer needs no
/// reading of the clock. While `log::max_level` excludes warnings when a call begins, it gets no events of that call. Where the
/// features of `log` exclude them, as `max_level_off` does, calls contain no code for it.
///
/// ```
/// use std::{io, sync::Mutex};
/// use redress_std::{Backoff, Policy, Retry, Threads, observe::LogObserver};
///
/// static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(2));
///
/// // In a program: env_logger, fern, or any other.
/// static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// struct Lines;
/// impl log::Log for Lines {
///     fn enabled(&self, _: &log::Metadata) -> bool { true }
///     fn log(&self, record: &log::Record) {
///         LINES.lock().unwrap().push(format!("{} {}", record.level(), record.args()));
///     }
///     fn flush(&self) {}
/// }
/// log::set_logger(&Lines).unwrap();
/// log::set_max_level(log::LevelFilter::Info);
///
/// let mut orders = POLICY.context(Threads).operation("fetch_orders").observe(LogObserver::new());
/// let mut failures = vec![io::ErrorKind::ConnectionReset];
/// let fetched = orders.call(|| match failures.pop() {
///     Some(kind) => Err(io::Error::from(kind)),
///     None => Ok(3),
/// });
/// assert_eq!(fetched.unwrap(), 3);
/// let lines = LINES.lock().unwrap();
/// assert!(lines[0].starts_with("INFO retry operation=fetch_orders attempt=1 class=transient cause=error delay_ms=0"));
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(docsrs, doc(cfg(feature = "log")))]
pub struct LogObserver(());

impl LogObserver {
    /// The observer.
    pub const fn new() -> Self {
        Self(())
    }
}

impl Observer for LogObserver {
    /// Whether the features of `log` let warnings through. Without, calls contain nothing of the observer.
    const ACTIVE: bool = STATIC_MAX_LEVEL as usize >= ::log::Level::Warn as usize;
    const WANTS_TIME: bool = Self::ACTIVE;
    const CAN_BE_IDLE: bool = Self::ACTIVE;

    /// Whether no line reaches the logger, because warnings do not.
    fn is_idle(&self) -> bool {
        ::log::max_level() < ::log::Level::Warn
    }

    fn wants_time(&self) -> bool {
        let mut is_enabled = false;
        quietly(|| is_enabled = log_enabled!(target: TARGET, ::log::Level::Warn));
        is_enabled
    }

    fn on_event(&mut self, event: &Event) {
        write(event, None);
    }

    fn on_attempt_start(&mut self, start: &AttemptStart) {
        quietly(|| log!(target: TARGET, ::log::Level::Trace, "{}", Line::Start(start)));
    }

    fn on_attempt_end(&mut self, end: &AttemptEnd) {
        quietly(|| log!(target: TARGET, ::log::Level::Debug, "{}", Line::End(end)));
    }
}

// Without the attribute, the compiler would only say that the error has no `Display`, and not what to do.
#[diagnostic::do_not_recommend]
impl<X: fmt::Display> ErrorObserver<X> for LogObserver {
    fn on_error(&mut self, error: &X, event: &Event) {
        write(event, Some(Text::quoted(error)));
    }
}

/// Writes the line of an event, with the error that it reports.
fn write(event: &Event, error: Option<Text<'_>>) {
    let level = match event.level() {
        Level::Debug => ::log::Level::Debug,
        Level::Info => ::log::Level::Info,
        _ => ::log::Level::Warn,
    };
    quietly(|| log!(target: TARGET, level, "{}", Line::Event(event, error)));
}

/// A line, formatted only if the logger takes it.
enum Line<'a> {
    Event(&'a Event, Option<Text<'a>>),
    Start(&'a AttemptStart),
    End(&'a AttemptEnd),
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(event, error) => {
                f.write_str(event.kind.as_str())?;
                pair(f, "operation", named(event.operation))?;
                pair(f, "attempt", (event.attempt > 0).then_some(event.attempt))?;
                pair(f, "class", event.class)?;
                pair(f, "stop_reason", stop_reason(event).map(StopReason::as_str))?;
                pair(f, "cause", event.cause)?;
                pair(f, "state", event.state)?;
                pair(f, "delay_ms", delay_ms(event))?;
                pair(f, "retry_after_ms", event.retry_after.map(Millis::get))?;
                pair(f, "code", event.code)?;
                pair(f, "elapsed_ms", Some(event.elapsed.get()))?;
                pair(f, "error", *error)
            }
            Self::Start(start) => {
                f.write_str("attempt_start")?;
                pair(f, "operation", named(start.operation))?;
                pair(f, "attempt", Some(start.attempt))?;
                pair(f, "elapsed_ms", Some(start.elapsed.get()))
            }
            Self::End(end) => {
                f.write_str("attempt_end")?;
                pair(f, "operation", named(end.operation))?;
                pair(f, "attempt", Some(end.attempt))?;
                pair(f, "class", end.class)?;
                pair(f, "decision", Some(end.decision))?;
                pair(f, "stop_reason", end.stop_reason.map(StopReason::as_str))?;
                pair(f, "cause", end.cause)?;
                pair(f, "elapsed_ms", Some(end.elapsed.get()))
            }
        }
    }
}

fn named(operation: &str) -> Option<&str> {
    (!operation.is_empty()).then_some(operation)
}

fn pair(f: &mut fmt::Formatter<'_>, key: &str, value: Option<impl fmt::Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(f, " {key}={value}"))
}
