//! What happens after something failed: classified retries, backoff per class, deadline, retry budget and circuit
//! breaker, decided without heap, operating system or floating point.
#![no_std]
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
pub mod env;
mod error;
mod event;
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
pub use retry::Retry;
#[cfg(feature = "rand-core-v0.10")]
pub use rng::RandCore;
pub use rng::{RandomSource, SeededRandom};
pub use run::{Attempt, Resumed, Run};
pub use time::{Clock, Hz, Instant, Millis, TickRate};
pub use timeline::{RetryTimeline, TimelineEvent};
