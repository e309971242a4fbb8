//! Support for tests of code that uses redress: a clock that is advanced by hand, a sleeper that records instead of
//! waiting, scripted operations, breakers and policies with scripted answers. Feature `testing`.
//!
//! ```
//! use core::time::Duration;
//! use redress_core::{Backoff, ErrorClass, Policy, Retry, testing::{Script, TestEnv}};
//!
//! static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(5))));
//!
//! let mut script = Script::new(&[Err(ErrorClass::Transient), Err(ErrorClass::Transient), Ok(7)]);
//! let mut context = POLICY.context(TestEnv::new());
//! assert_eq!(context.call(|| script.step()), Ok(7));
//! assert!(context.env().sleeps().eq([5_000, 5_000].map(redress_core::Millis::new))); // and no time has passed
//! ```

mod clock;
mod env;
mod policies;
mod script;

pub use clock::ManualClock;
pub use env::{TestAsyncEnv, TestEnv, block_on};
pub use policies::{DeterministicStrategy, FakeCircuitBreaker, INSTANT_RETRIES, NO_RETRIES, RecordingPolicy};
pub use script::Script;
