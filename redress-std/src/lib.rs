//! redress for std: retry decisions in threads and in tokio.
//!
//! ```
//! use std::{io, net::TcpStream, time::Duration};
//! use redress_std::{Backoff, Budget, BudgetConfig, Policy, PolicyExt, Retry};
//!
//! // Keeps the retries of all calls together from prolonging an outage.
//! static BUDGET: Budget = Budget::new(BudgetConfig::DEFAULT);
//! static DATABASE: Policy = Policy::new(
//!     Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(5), Duration::from_secs(1)))
//!         .max_attempts(3),
//! )
//! .budget(&BUDGET);
//!
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let address = listener.local_addr()?;
//! let stream = DATABASE.call(|| TcpStream::connect(address))?;
//! # drop(stream);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The items of `redress-core` that services use are here too, so this crate is the only one to depend on. Items for bare metal
//! are not. This crate adds:
//!
//! | | |
//! |---|---|
//! | [`Threads`] | the environment that blocks the thread: [`StdClock`], [`ThreadSleeper`], [`ThreadRandom`] |
//! | `Tokio`, `TokioLocal` | the environments on tokio's clock, for tasks that move between threads and for those that don't |
//! | `Web` | the environment of browsers, in pages and in workers: `WebClock`, `WebSleeper` |
//! | [`PolicyExt`] | `policy.call(..)`, for blocking calls that need no more than that |
//! | [`Retryable`], [`retry`](fn@retry) | calls in one expression, blocking and async: `(\|\| fetch()).retry(&POLICY).await` |
//! | [`prelude`] | what most programs need |
//! | [`DefaultClassifier`], [`StrictClassifier`], [`chain`] | classes of any [`std::error::Error`], by its `source()` chain |
//! | [`Untyped`] | makes a report around `anyhow::Error` or a boxed error an error itself, for `?` |
//! | [`io`], `http` | classes of `std::io::Error` and of HTTP answers |
//! | [`observe`] | observers that log, trace and count |
//! | `reqwest_v0_13`, `ureq_v3`, `hyper_v1`, `tonic_v0_14` | classes of the errors of HTTP and gRPC clients |
//! | `tokio_postgres_v0_7`, `sqlx_v0_9`, `diesel_v2`, `rusqlite_v0`, `redis_v1` | classes of the errors of database clients |
//! | `rdkafka_v0`, `rumqttc_v0_25` | classes of the errors of brokers' clients |
//! | `tower_v0_5` | a policy around any `tower::Service` |
//! | [`SharedPolicy`] | a policy that owns its breaker and budget, for configuration read at run time |
//! | `ByKey` | a breaker, a budget or a policy for each host, shard or tenant |
//! | `file` | policies in a TOML file, and what is wrong with them |
//! | `simulate` | a fleet of clients under a policy, on a virtual clock |
//!
//! # Which classifier
//!
//! | errors | classifier |
//! |---|---|
//! | implement [`std::error::Error`] | none: [`DefaultClassifier`] is what [`Threads`] and `Tokio` start with |
//! | implement [`Classify`] | `.classifier(SelfClassifier)` |
//! | `Box<dyn Error + Send + Sync>`, `anyhow::Error`, `eyre::Report` | none: the same |
//! | any other | `.classifier(\|error: &E\| ErrorClass::Transient)`, or a `Classification` with hints |
//!
//! ```
//! use redress_std::{
//!     Classification, Classify, ErrorClass, Millis, Policy, SelfClassifier, Threads,
//! };
//! # use redress_std::{Backoff, Retry};
//! # static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));
//!
//! enum QueueError { Full { wait: Millis }, NoSuchQueue }
//!
//! impl Classify for QueueError {
//!     fn classify(&self) -> Classification {
//!         match self {
//!             Self::Full { wait } => {
//!                 Classification::new(ErrorClass::RateLimit).retry_after(*wait)
//!             }
//!             Self::NoSuchQueue => ErrorClass::Permanent.into(),
//!         }
//!     }
//! }
//!
//! # let mut answers = [Ok(7), Err(QueueError::NoSuchQueue), Err(QueueError::Full { wait: Millis::ZERO })].into_iter().rev();
//! # let mut push = || answers.next().unwrap_or(Ok(7));
//! let pushed = POLICY.context(Threads).classifier(SelfClassifier).call(|| push());
//! # assert_eq!(pushed.unwrap_err().attempts, 2);
//! ```
//!
//! # Features
//!
//! They add up; none is on by default.
//!
//! - `tokio`: the environments `Tokio` and `TokioLocal`
//! - `web`: the environment `Web`, on `wasm32-unknown-unknown`
//! - `http`: classifiers for the types of the `http` crate
//! - `log`, `tracing`, `metrics`: [observers](observe) for the facade of that name
//! - `reqwest-v0.12`, `reqwest-v0.13`, `ureq-v3`, `hyper-v1`, `tonic-v0.14`, `tokio-postgres-v0.7`, `sqlx-v0.8`,
//!   `sqlx-v0.9`, `redis-v1`, `diesel-v2`, `rumqttc-v0.25`: classifiers for the errors of the crate and major they name, in modules
//!   of that name; the default classifier then knows them too. `sqlx-v0.9` needs Rust 1.94, all others 1.88.
//! - `rusqlite-v0`, `rdkafka-v0`: the same for crates that link a C library, for any version from 0.32 and 0.36: the one that the
//!   program has
//! - `tower-v0.5`: `PolicyLayer`, a policy around any `tower::Service`
//! - `by-key`: `ByKey`, a breaker, a budget or a policy for each host, shard or tenant
//! - `toml`: policies in a file
//! - `simulate`: whether a fleet under a policy recovers from an outage
//! - `cli`: the program `redress`, which checks such files, plots what they mean and simulates fleets under them
//! - `serde`: configuration, events, outcomes and checkpoints
//! - `rand-core-v0.10`: generators of `rand_core` 0.10 as random sources
//! - `macros`: `#[derive(Classify)]`, and `#[retry]` on functions, blocking and async
//! - `testing`: what tests of code that uses redress need
//!
//! # In a browser
//!
//! On `wasm32-unknown-unknown` the standard library has no clock, no threads and the same "random" keys in every page. What
//! stands on these is not compiled there: `Threads`, `PolicyExt`, `StdClock`, `ThreadSleeper`, `Tokio`; `ThreadRandom` is
//! there with feature `web`, which seeds it by `crypto.getRandomValues`. Calls are made with `policy.context(Web)`.
//!
//! # What it does not do
//!
//! It decides nothing: every decision is made in `redress-core`, by the same code as on a microcontroller. It starts no
//! threads and no tasks, and it has no global state but the start of its clock and the random numbers of each thread. Each
//! breaker and each budget has a mutex of its own.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "macros")]
#[doc(hidden)]
pub use redress_core::__private;
#[cfg(feature = "rand-core-v0.10")]
#[doc(inline)]
pub use redress_core::RandCoreV0_10;
#[cfg(feature = "macros")]
#[doc(inline)]
pub use redress_core::retry;
#[cfg(feature = "testing")]
#[doc(inline)]
pub use redress_core::testing;
#[doc(inline)]
pub use redress_core::{
    AbortRetryError, AsyncEnvironment, AsyncSleeper, AttemptDecision, AttemptEnd, AttemptInfo, AttemptStart, Backoff,
    BackoffConfig, BackoffContext, Blocking, BlockingEnvironment, BreakerConfig, BreakerState, Budget, BudgetConfig,
    BudgetView, ByClass, ByRef, CHECKPOINT_LEN, Cause, Checkpoint, CheckpointError, CircuitBreaker, CircuitBreakerView,
    ClassSet, Classification, Classifier, Classify, Clock, ConfigError, Context, DelayConfig, DelayList, Environment,
    ErrorClass, ErrorObserver, Event, EventKind, Failure, Idempotent, Instant, Level, MAX_DELAYS, Millis, Observer,
    OnAttemptEnd, OnAttemptStart, OnRetry, Outcome, Policy, RandomSource, Recoverable, Rejected, Resumed, Retry,
    RetryConfig, RetryError, RetryPolicy, RetryTimeline, Run, SeededRandom, SelfClassifier, SleepDecision, Sleeper,
    Slept, StopReason, Strategy, TimelineEvent, backoff, breaker, budget, classify, context, env, keeper, lint,
    observer, operation, recover,
};

#[cfg(feature = "by-key")]
mod by_key;
pub mod chain;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod clock;
mod default;
#[cfg(feature = "diesel-v2")]
pub mod diesel_v2;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod ext;
#[cfg(feature = "toml")]
pub mod file;
mod foreign;
mod grpc;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "hyper-v1")]
pub mod hyper_v1;
pub mod io;
pub mod observe;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub mod prelude;
#[cfg(any(feature = "web", not(all(target_family = "wasm", target_os = "unknown"))))]
mod random;
#[cfg(feature = "rdkafka-v0")]
pub mod rdkafka_v0;
#[cfg(feature = "redis-v1")]
pub mod redis_v1;
#[cfg(any(feature = "reqwest-v0.12", feature = "reqwest-v0.13"))]
mod reqwest;
#[cfg(feature = "reqwest-v0.12")]
pub mod reqwest_v0_12;
#[cfg(feature = "reqwest-v0.13")]
pub mod reqwest_v0_13;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub mod retryable;
#[cfg(feature = "rumqttc-v0.25")]
pub mod rumqttc_v0_25;
#[cfg(feature = "rusqlite-v0")]
pub mod rusqlite_v0;
mod said;
mod shared;
#[cfg(feature = "simulate")]
pub mod simulate;
#[cfg(any(feature = "simulate", feature = "toml"))]
mod sized;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod sleeper;
#[cfg(any(feature = "sqlx-v0.8", feature = "sqlx-v0.9", feature = "tokio-postgres-v0.7"))]
pub mod sqlstate;
#[cfg(any(feature = "sqlx-v0.8", feature = "sqlx-v0.9"))]
mod sqlx;
#[cfg(feature = "sqlx-v0.8")]
pub mod sqlx_v0_8;
#[cfg(feature = "sqlx-v0.9")]
pub mod sqlx_v0_9;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod threads;
mod tls;
#[cfg(all(feature = "tokio", not(all(target_family = "wasm", target_os = "unknown"))))]
mod tokio;
#[cfg(feature = "tokio-postgres-v0.7")]
pub mod tokio_postgres_v0_7;
#[cfg(feature = "tonic-v0.14")]
pub mod tonic_v0_14;
#[cfg(feature = "tower-v0.5")]
pub mod tower_v0_5;
mod untyped;
#[cfg(feature = "ureq-v3")]
pub mod ureq_v3;
#[cfg(feature = "web")]
mod web;

#[cfg(feature = "by-key")]
pub use self::by_key::ByKey;
#[cfg(any(feature = "web", not(all(target_family = "wasm", target_os = "unknown"))))]
pub use self::random::ThreadRandom;
#[cfg(all(feature = "tokio", not(all(target_family = "wasm", target_os = "unknown"))))]
pub use self::tokio::{Tokio, TokioClock, TokioLocal};
#[cfg(feature = "web")]
pub use self::web::{Web, WebClock, WebSleeper};
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub use self::{
    clock::StdClock,
    ext::PolicyExt,
    retryable::{Retryable, retry},
    sleeper::ThreadSleeper,
    threads::Threads,
};
pub use self::{
    default::{Boxed, DefaultClassifier, StrictClassifier},
    shared::SharedPolicy,
    untyped::Untyped,
};
