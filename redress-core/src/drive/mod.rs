//! The loops that drive a call: blocking, async, and the loop form, in which the caller makes the attempts.
//!
//! They call the operation, hand its results to the [call](crate::call) and wait. Nothing is compared, counted or clamped
//! here.

mod asynch;
mod blocking;
pub mod operation;
mod run;
pub(crate) mod steps;

pub(crate) use run::Wait;
pub use run::{Resumed, Run};
