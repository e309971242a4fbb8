//! What happens after something failed: try again now, later, elsewhere, or stop, and why.
//!
//! One [`Policy`] holds backoff per [error class](ErrorClass), limits, a deadline, a retry [budget](Budget) and a
//! [circuit breaker](CircuitBreaker). The decision is made by a small state machine which performs no I/O, reads no clock,
//! allocates nothing and cannot panic; two short drivers, blocking and async, run it.
//!
//! ```
//! use core::time::Duration;
//! use redress_core::{Backoff, ErrorClass, Policy, Retry, testing::TestEnv};
//!
//! static SENSOR: Policy = Policy::new(
//!     Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(10), Duration::from_secs(1))).max_attempts(4),
//! );
//!
//! # let mut readings = [Ok(21), Err(ErrorClass::Transient)].into_iter().rev();
//! # let mut read_register = || readings.next().unwrap_or(Ok(0));
//! let mut sensor = SENSOR.context(TestEnv::new()); // on a board: Embassy::seeded(id), Blocking::new(clock, sleeper, random)
//! let celsius = sensor.call(|| read_register())?;
//! # assert_eq!(celsius, 21);
//! # Ok::<(), redress_core::RetryError<ErrorClass>>(())
//! ```
//!
//! # The way of a failure
//!
//! ```text
//! error --classify--> Classification --attempts--> verdict --driver--> wait / hand over / stop
//!                      (class, hints)   |   ^
//!                        policy (flash) +   + facts: now, random number, breaker permit, budget token
//!                        run state (RAM)    -> events -> observers (timeline, logs, metrics)
//! ```
//!
//! # Map
//!
//! | | |
//! |---|---|
//! | [`ErrorClass`], [`ClassSet`], [`ByClass`] | the eight classes |
//! | [`classify`] | from an error to a [`Classification`]: HTTP status, SQLSTATE, names, Retry-After |
//! | [`backoff`] | [`Backoff`] as data, [`Strategy`] as code |
//! | [`Retry`], [`RetryConfig`] | limits, deadline, backoff per class; the same as plain data |
//! | [`breaker`], [`budget`] | shared by all calls to one dependency, in a `static` |
//! | [`lint`] | policies that are sound but unwise, at compile time |
//! | [`Policy`], [`context`] | retry, breaker and budget together; a policy bound to where calls run |
//! | [`Context`], [`Run`], [`Attempts`] | a call as a closure, as a loop, as a bare machine |
//! | [`Outcome`], [`RetryError`], [`Event`], [`RetryTimeline`] | what comes out |
//! | [`Checkpoint`] | a suspended call in 32 bytes |
//! | [`mod@env`] | clocks, sleepers, random numbers: what an adapter brings |
//! | [`embedded`] | clocks for bare metal, recovery between attempts, embedded-hal and its kin |
//! | [`testing`] | a clock that stands still, a sleeper that records |
//!
//! # Time
//!
//! A span is [`Millis`], a moment is an [`Instant`] in ticks of the clock in use. Waits are in ticks and round up. A clock
//! that jumps back reads as no time passed, but what failures and retries a window has seen is forgotten, as it is after a
//! jump ahead. Without deadline, breaker, budget and timed observers a call reads no clock.
//!
//! Deadlines, breakers and budgets count whole milliseconds. Where a tick is no whole number of them, a call may stop up to
//! two milliseconds before its deadline, never after it; an open circuit and a budget's window may last a millisecond longer,
//! never shorter; a breaker's window and a probe's lease and elapsed time are exact to the millisecond.
//!
//! On bare metal milliseconds are kept modulo 2^32, which is 49.7 days. What that can be mistaken in, it is mistaken in once, and
//! to the safe side but for the first:
//!
//! - An attempt or a wait that lasts longer than 24.8 days does not count against the deadline.
//! - An open circuit, or a half-open one without a place, that nobody asks for longer than 24.8 days rejects the next call, and
//!   is shut for its time anew.
//! - Failures and retries of 49.7 days ago count as those of today if nothing happened since and the next happens at that
//!   moment, give or take a window. A bucket that refills by itself does not do so in a pause of 24.8 to 49.7 days.
//!
//! # Features
//!
//! Off by default; they add up.
//!
//! - `serde`: configuration, events, outcomes and checkpoints
//! - `defmt`: `defmt::Format` for the public types
//! - `rand-core-v0.10` and older: generators as random sources
//! - `macros`: `#[derive(Classify)]` and `#[retry]`, for errors that know their class and functions that retry
//! - `testing`: what tests of code that uses redress need
//! - those of embedded-hal and its kin, listed in `Cargo.toml`
//!
//! # What it does not do
//!
//! It starts no threads, tasks or timers and keeps no global state. It does not hedge, limit rates or cache. It does not
//! know which of your operations may be repeated safely.
//!
//! # Design
//!
//! Where this differs from what one would expect, and why:
//!
//! - The classifier belongs to the [`Context`], not to the policy: a policy stays data that lies in flash and serves calls
//!   with different error types. Each environment brings a default one.
//! - A context has a type parameter per hook. Closures behind vtables would make those pay who hook nothing in.
//! - On hosts the drivers are compiled twice, for any policy and for plain ones, out of the same lines; on bare metal once.
//! - Time used, deadlines and windows are kept in milliseconds rather than ticks: what is compared then is one word, and the
//!   code of breaker and budget is made for no clock in particular. On a Cortex-M0 that is a fifth of an image with a breaker.
//! - A policy keeps references to the code of its breaker, its budget and its formulas, so that an image without them does not
//!   contain it.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::float_arithmetic,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::std_instead_of_core,
        clippy::unwrap_used
    )
)]
#![allow(clippy::inline_always, reason = "hosts trade bytes for instructions, see policy::Known; bare metal does not")]

#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod __private;
pub(crate) mod attempts;
pub mod backoff;
pub mod breaker;
pub mod budget;
mod checkpoint;
mod class;
pub mod classify;
mod config;
pub mod context;
mod driver;
pub mod embedded;
pub mod env;
mod error;
mod event;
#[cfg(feature = "defmt")]
mod format;
mod kept;
pub mod lint;
mod outcome;
mod policy;
mod retry;
mod rng;
mod run;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
mod timeline;
mod window;

pub use attempts::{Attempts, Decision};
pub use backoff::{Backoff, BackoffContext, Strategy};
pub use breaker::{BreakerConfig, BreakerState, CircuitBreaker, CircuitBreakerView};
pub use budget::{Budget, BudgetConfig, BudgetView};
pub use checkpoint::{CHECKPOINT_LEN, Checkpoint, CheckpointError};
pub use class::{ByClass, ClassSet, ErrorClass};
pub use classify::{
    Classification, Classifier, Classify, SelfClassifier,
    name::{DefaultClassifier, StrictClassifier},
};
pub use config::{BackoffConfig, DelayConfig, MAX_DELAYS, RetryConfig};
pub use context::{Context, SleepDecision};
pub use env::{AsyncEnvironment, AsyncSleeper, Blocking, BlockingEnvironment, Environment, Local, Sleeper};
pub use error::{AbortRetryError, ConfigError, Rejected, RetryError};
pub use event::{
    AttemptDecision, AttemptEnd, AttemptStart, ByRef, Cause, Event, EventKind, Observer, OnAttemptEnd, OnAttemptStart,
    StopReason,
};
pub use outcome::{Failure, Outcome};
pub use policy::{Policy, RetryPolicy};
#[cfg(feature = "macros")]
pub use redress_macros::{Classify, retry};
pub use retry::Retry;
#[cfg(feature = "rand-core-v0.6")]
pub use rng::RandCoreV0_6;
#[cfg(feature = "rand-core-v0.9")]
pub use rng::RandCoreV0_9;
#[cfg(feature = "rand-core-v0.10")]
pub use rng::RandCoreV0_10;
pub use rng::{RandomSource, SeededRandom};
pub use run::{Attempt, Resumed, Run};
pub use time::{Clock, Hz, Instant, Millis, Slept, TickRate};
pub use timeline::{RetryTimeline, TimelineEvent};
