//! Sessions in simulated time: a modem that owns the clock plays a [`Plan`] of link and network against a device which keeps a
//! session, and [`check()`]s from its own record what the device made of it.
//!
//! | module | holds |
//! |---|---|
//! | [`plan`] | phases of link and network, what is expected |
//! | [`world`] | the modem and the time: frames in, bytes out, no I/O |
//! | [`diary`] | what happened, with the moment of each |
//! | [`mod@check`] | the expectations |
//!
//! Time is counted in milliseconds from the beginning and goes on only when the device has nothing left to do: to the moment at
//! which it does, or to an earlier one at which something happens. So a run takes as long as its computing, and repeats exactly.

pub mod check;
pub mod diary;
pub mod plan;
pub mod world;

pub use check::check;
pub use diary::Diary;
pub use plan::Plan;
pub use world::World;
