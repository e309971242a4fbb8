//! The items that most programs need: `use redress_std::prelude::*;`.
//!
//! ```
//! use std::{io, time::Duration};
//! use redress_std::prelude::*;
//!
//! static POLICY: Policy = Policy::new(Retry::new(Backoff::full_jitter(Duration::from_millis(5), Duration::from_secs(1))));
//!
//! let seven = (|| Ok::<_, io::Error>(7)).retry(&POLICY).call()?;
//! assert_eq!((seven, POLICY.call(|| Ok::<_, io::Error>(8))?), (7, 8));
//! # Ok::<(), RetryError<io::Error>>(())
//! ```

pub use crate::{
    Backoff, BreakerConfig, Budget, BudgetConfig, CircuitBreaker, Classification, Classify, ErrorClass, Event, Millis,
    Outcome, Policy, PolicyExt, Retry, RetryError, Retryable, SelfClassifier, SharedPolicy, StopReason, Threads,
    Untyped,
};
#[cfg(feature = "tokio")]
pub use crate::{Tokio, TokioLocal};
