//! Ready observers: what happens in calls, as log lines, as spans and events of `tracing`, as metrics.
//!
//! | | feature | tells |
//! |---|---|---|
//! | `LogObserver` | `log` | a line per event, through the `log` facade |
//! | `TracingObserver` | `tracing` | a span per call and events in it, through `tracing` and so to OpenTelemetry |
//! | `MetricsObserver` | `metrics` | counters and histograms, through the `metrics` facade and so to Prometheus |
//! | [`CatchPanics`] | | what the observer in it is told, and keeps its panics from the call |
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
//! # Panics of observers
//!
//! They don't change the outcome of a call in [`Threads`](crate::Threads), `Tokio` and `TokioLocal`: the environment keeps
//! them, after the panic hook has told of them. Of the event at which an observer panicked, the observers after it in the
//! same context learn nothing; of the next event all are told. The ready observers and those in [`CatchPanics`] keep
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
pub use self::tracing::TracingObserver;

#[cfg(any(feature = "log", feature = "tracing"))]
const TARGET: &str = "redress";
