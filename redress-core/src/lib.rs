//! Decides what to do when an operation fails: retry now, retry later, hand the retry over, or give up, and reports why.
//!
//! One [`Policy`] holds backoff per [error class](ErrorClass), limits, a deadline, a retry [budget](Budget) and a
//! [circuit breaker](CircuitBreaker). A small state machine decides. It performs no I/O, reads no clock, allocates nothing and
//! cannot panic. Two short loops drive it, one blocking and one async.
//!
//! ```
//! use core::time::Duration;
//! use redress_core::{Backoff, Budget, BudgetConfig, ErrorClass, Policy, Retry, testing::TestEnv};
//!
//! // Keeps the retries of all calls together from prolonging an outage.
//! static BUDGET: Budget = Budget::new(BudgetConfig::DEFAULT);
//! static SENSOR: Policy = Policy::new(
//!     Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(10), Duration::from_secs(1)))
//!         .max_attempts(4),
//! )
//! .budget(&BUDGET);
//!
//! # let mut readings = [Ok(21), Err(ErrorClass::Transient)].into_iter().rev();
//! # let mut read_register = || readings.next().unwrap_or(Ok(0));
//! // On a board: `Embassy::seeded(device_id)`, or `Blocking::new(clock, sleeper, random)`.
//! let mut sensor = SENSOR.context(TestEnv::new());
//! let celsius = sensor.call(|| read_register())?;
//! # assert_eq!(celsius, 21);
//! # Ok::<(), redress_core::RetryError<ErrorClass>>(())
//! ```
//!
//! # The loop
//!
//! This is the whole of a blocking call. The async loop is the same with `.await`, and races each attempt against its time.
//!
//! ```ignore
//! let mut last = None;
//! let mut begun = run.start(R::REPORTS_TIME);
//! let end = loop {
//!     if let Err(stop) = begun {
//!         break Err(stop);
//!     }
//!     let result = operation.attempt(run.attempt());
//!     let failed = match run.site.classify(result) {
//!         Ok(value) => break Ok(value),
//!         Err(failed) => failed,
//!     };
//!     if let Err(stop) = run.fail(failed, &mut last) {
//!         break Err(stop);
//!     }
//!     run.pause();
//!     begun = run.begin();
//! };
//! run.finish(end, last)
//! ```
//!
//! # Data flow
//!
//! ```text
//! result of an attempt
//!   |  classifier            Classification: class, Retry-After, code
//!   |  Machine::check        limits, deadline, backoff present         or StopReason
//!   |  Machine::check_hint   the server's hint is not beyond the cap   or StopReason
//!   |  Formulas::delay       backoff of the class, a random number if its formula draws one
//!   |  Machine::fits         the wait ends before the deadline         or StopReason
//!   |  budget                one token                                 or StopReason
//!   |  Machine::commit       the wait begins
//!   |  sleep handler         sleep, defer or abort                     or StopReason
//!   v
//! Wait, slice by slice       then Call::begin: deadline, abort condition, next attempt
//!
//! StopReason or success
//!   |  Call::finish          breaker, budget, events
//!   v
//! Result or Outcome
//! ```
//!
//! Events go to [observers](Observer) from `Call` and from nowhere else.
//!
//! # Modules
//!
//! | | |
//! |---|---|
//! | `class`, [`classify`] | [`ErrorClass`], [`ClassSet`]; from an error to a [`Classification`]: HTTP status, SQLSTATE, codes of databases and brokers, names, Retry-After, quotas |
//! | [`backoff`] | [`Backoff`] as data, [`Strategy`] as code; `delay`: the formulas as pure functions |
//! | `retry`, `policy`, `config` | limits, deadline and backoff per class; with breaker and budget; the same as plain data |
//! | [`lint`] | risks in policies, at compile time |
//! | `time`, `reading` | spans, moments, clocks and where they are rounded; readings that come late |
//! | `lock`, `window` | how shared state is guarded; failures and retries of the last seconds |
//! | [`breaker`] | `state`: transitions as pure functions; `failures`, `rate`: the two kinds; `reference`, `permit`, `by_hand`: with and without a policy; `checkpoint` |
//! | [`budget`] | token bucket, ratio of recent traffic, rolling window |
//! | `by_key` | [`FixedByKey`]: a breaker or budget for each of a few keys |
//! | `machine` | the state machine of a call: limits, deadline, counts, phases |
//! | `call` | one call: machine, breaker, budget and hooks together |
//! | `drive` | the loops; [`Run`], the loop form; [`operation`], what a call takes |
//! | `attempts` | [`Attempts`], the bare machine |
//! | [`keeper`] | connections that last: sessions, wakes, attempts per day, around the same calls |
//! | [`context`], `hooks`, [`mod@env`], `rng` | a policy bound to where calls run; clocks, sleepers and random numbers |
//! | [`recover`], [`embedded`] | recovery between attempts; clocks for bare metal, embedded-hal and its kin |
//! | `outcome`, `error`, `sentence`, `event`, [`observer`], `timeline`, `checkpoint` | what comes out |
//! | [`testing`] | a clock that stands still, a sleeper that records |
//!
//! Modules depend on those above them, and on what comes out.
//!
//! # Time
//!
//! A span is [`Millis`]. A moment is an [`Instant`] in ticks of the clock in use. Waits are in ticks and round up. Deadlines,
//! breakers and budgets count whole milliseconds in 64 bits. Where a tick is no whole number of milliseconds, a call may stop
//! up to two milliseconds before its deadline, never after it; the spans of breakers and budgets last up to one millisecond
//! longer, never shorter; elapsed time is exact to the millisecond.
//!
//! The clock is read once per step: at the start, after a failure, after a wait, and after success if an observer or
//! [`Context::execute`] reports the time. Without deadline, breaker, budget and such observers a call reads no clock.
//!
//! A clock that jumps ahead lets that much time pass. When it is set back, no time passes for the call that notices. Breakers and
//! budgets take a reading that is older than the one before for a late one, from a caller that was interrupted. A late reading
//! forgets nothing, refills nothing and shortens nothing. Only if all readings stay older for the whole span in question
//! (window, recovery timeout, lease; 60 s for a token bucket) the clock was set back: then the span is over and counting starts
//! anew.
//!
//! # Shared state
//!
//! Each breaker and each budget guards its own state: with a `std::sync::Mutex` under the feature `std`, else with a critical
//! section. On a chip with several cores, the implementation of `critical-section` must hold all of them. With `std`, interrupt
//! and signal handlers must not use breakers and budgets; without it they may.
//!
//! # Features
//!
//! Off by default; they add up.
//!
//! - `std`: a mutex in each breaker and budget, in place of critical sections. Enabled by `redress-std`
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
//! - The classifier belongs to the [`Context`], not to the policy: a policy stays data that lies in flash and serves calls
//!   with different error types. Each environment brings a default one.
//! - A context has a type parameter per hook. Behind vtables, closures would cost contexts that have none.
//! - One loop serves every target and every policy. A variant for policies without limits and deadline saves 60 of the 500
//!   instructions of three failures on x86-64, and costs 43 of the 176 of a decision on a Cortex-M0; a variant behind `dyn`
//!   is larger and deeper on the Cortex-M0 that it is meant for.
//! - A policy keeps references to the code of its budget and its less common formulas, and a trait object for its breaker, so
//!   that an image without them does not contain it.
//! - A breaker stays one whole lock away from its budget: they are never locked together, so no order of locks exists.
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
#![allow(
    clippy::inline_always,
    reason = "the steps of a call are inlined into its loop, which keeps its state in registers"
)]

#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod __private;
mod attempts;
pub mod backoff;
pub mod breaker;
pub mod budget;
mod by_key;
mod call;
mod checkpoint;
mod class;
pub mod classify;
mod config;
pub mod context;
mod counts;
mod drive;
pub mod embedded;
pub mod env;
mod error;
mod event;
#[cfg(feature = "defmt")]
mod format;
mod hooks;
pub mod keeper;
pub mod lint;
mod lock;
mod machine;
mod named;
pub mod observer;
mod outcome;
mod policy;
mod reading;
pub mod recover;
mod retry;
mod rng;
mod sentence;
#[cfg(not(loom))]
mod sync;
#[cfg(loom)]
#[path = "../../tests/loom/src/sync.rs"]
pub mod sync;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
mod timeline;
mod window;

pub use attempts::{Attempts, Decision};
pub use backoff::{Backoff, BackoffContext, Strategy};
pub use breaker::{BreakerConfig, BreakerState, CircuitBreaker, CircuitBreakerView};
pub use budget::{Budget, BudgetConfig, BudgetView};
pub use by_key::{FixedByKey, TableFull};
pub use checkpoint::{CHECKPOINT_LEN, Checkpoint, CheckpointError};
pub use class::{ByClass, ClassSet, ErrorClass};
pub use classify::{
    Classification, Classifier, Classify, Idempotent, SelfClassifier,
    name::{DefaultClassifier, StrictClassifier},
};
pub use config::{BackoffConfig, DelayConfig, DelayList, MAX_DELAYS, RetryConfig};
pub use context::Context;
pub use drive::{Resumed, Run, operation};
pub use env::{AsyncEnvironment, AsyncSleeper, Blocking, BlockingEnvironment, Environment, Local, Sleeper};
pub use error::{AbortRetryError, ConfigError, Rejected, RetryError};
pub use event::{AttemptDecision, AttemptEnd, AttemptStart, Cause, Event, EventKind, Level, StopReason};
pub use hooks::SleepDecision;
pub use machine::AttemptInfo;
pub use observer::{ByRef, ErrorObserver, Observer, OnAttemptEnd, OnAttemptStart, OnRetry, Watched};
pub use outcome::{Failure, Outcome};
pub use policy::{Policy, RetryPolicy};
pub use recover::Recoverable;
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
pub use time::{Clock, Instant, Millis, Slept};
pub use timeline::{RetryTimeline, TimelineEvent};
