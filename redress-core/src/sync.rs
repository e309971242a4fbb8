//! The parts of shared state: the types of the standard library. The models of `tests/loom` compile this crate with others,
//! of which they try every interleaving.

pub(crate) use core::sync::atomic;
#[cfg(feature = "std")]
pub(crate) use std::sync::Mutex;
