//! The usage patterns of the Python library `redress`, in Rust: a program for each, which checks itself.
//!
//! `tests/SEED.md` lists them: `cargo run -q -p seed --bin circuit_breakers` and so on.
//!
//! The compiler checks what the Python library checks at run time, such as the number of arguments of a strategy:
//!
//! ```compile_fail,E0277
//! use redress_std::{Backoff, Millis};
//!
//! static TWO: fn(u32, Millis) -> Millis = |attempt, previous| previous;
//! let backoff = Backoff::custom(&TWO);
//! ```

/// A service that fails like this, one call after another, and then has this answer.
pub fn service<T: Clone, E>(failures: impl IntoIterator<Item = E>, answer: T) -> impl FnMut() -> Result<T, E> {
    let mut failures = failures.into_iter();
    move || failures.next().map_or_else(|| Ok(answer.clone()), Err)
}
