//! Ready observers: what happens in calls, as log lines, as spans and events of `tracing`, as metrics.
//!
//! | | feature | tells |
//! |---|---|---|
//! | `LogObserver` | `log` | a line per event, through the `log` facade |
//! | `TracingObserver` | `tracing` | a span per call, one per attempt, and events in them, through `tracing` and so to OpenTelemetry |
//! | `MetricsObserver` | `metrics` | counters and histograms, through the `metrics` facade and so to Prometheus |
//! | [`CatchPanics`] | | the observer in it, and keeps its panics from the call |
//!
//! Observers are given to a context, one after another, and closures are observers too:
//!
//! ```
//! use std::io;
//! use redress_std::{Backoff, Event, Policy, Retry, Threads, observe::CatchPanics};
//!
//! static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(2));
//!
//! let mut told = Vec::new();
//! let mut sync = POLICY
//!     .context(Threads)
//!     .operation("sync_account")
//!     .observe(|event: &Event| told.push(event.kind.as_str()))
//!     .observe(CatchPanics::new(|event: &Event| panic!("cannot write {}", event.kind)));
//! let result = sync.call(|| Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionReset)));
//! assert_eq!(result.unwrap_err().attempts, 2);
//! assert_eq!(told, ["retry", "max_attempts_exceeded"]);
//! ```
//!
//! # Errors
//!
//! Class, cause and code of a failure are in the fields of its event. What the error itself says is not, unless asked for: an
//! observer added with [`observe_errors`](redress_core::Context::observe_errors) shows the error's `Display`, of each failed
//! attempt that returned one. It never shows the error's `Debug`, a response or its headers. Errors that quote credentials or
//! personal data in their `Display` are better left out.
//!
//! The text is one line of at most 256 characters. Control characters, line separators and marks that change the direction of
//! writing are escaped (`\n`, `\u{1b}`), so that no server can forge a log line or send a sequence to a terminal.
//!
//! ```
//! # #[cfg(feature = "log")] {
//! use std::io;
//! use redress_std::{Backoff, Policy, Retry, Threads, observe::LogObserver};
//!
//! static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));
//!
//! let mut orders = POLICY.context(Threads).operation("fetch_orders").observe_errors(LogObserver::new());
//! # let fetched = orders.call(|| Ok::<_, io::Error>(3));
//! // INFO retry operation=fetch_orders attempt=1 class=transient … error="connection reset by peer"
//! # assert_eq!(fetched.unwrap(), 3);
//! # }
//! ```
//!
//! # What they cost
//!
//! With its level off, `LogObserver` and `TracingObserver` read no clock and format nothing. `MetricsObserver` allocates only for
//! an operation, class or outcome that it has not seen.
//!
//! # Panics of observers
//!
//! They don't change the outcome of a call in [`Threads`](crate::Threads), `Tokio` and `TokioLocal`: the environment keeps
//! them, after the panic hook has told of them. Of the event at which an observer panicked, the observers after it in the
//! same context learn nothing; the next event reaches all of them. The ready observers and those in [`CatchPanics`] keep
//! their panics themselves, so that no other observer misses anything, in any environment.
//!
//! In programs built with `panic = "abort"` nothing can be kept.
//!
//! # Levels
//!
//! `LogObserver` and `TracingObserver` take the level of an event from [`Event::level`](redress_core::Event::level), as the
//! observer for defmt does. Of attempts, the beginning is reported at `TRACE` and the end at `DEBUG`.
//!
//! All of it has the target `redress`, so that one directive of a filter turns it on and off.

mod catch;
#[cfg(any(feature = "log", feature = "tracing", feature = "metrics"))]
mod facts;
#[cfg(feature = "log")]
mod log;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(any(feature = "log", feature = "tracing"))]
mod text;
#[cfg(feature = "tracing")]
mod tracing;

pub use self::catch::CatchPanics;
// For the environments that keep panics of observers from a call; those of a browser cannot, its panics end the program.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub(crate) use self::catch::quietly;
#[cfg(feature = "log")]
pub use self::log::LogObserver;
#[cfg(feature = "metrics")]
pub use self::metrics::MetricsObserver;
#[cfg(feature = "tracing")]
pub use self::tracing::{AttemptSpans, InSpan, Traced, TracingObserver};

#[cfg(any(feature = "log", feature = "tracing"))]
const TARGET: &str = "redress";
