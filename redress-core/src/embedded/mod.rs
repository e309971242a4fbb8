//! What bare metal has and hosts have not: counters that wrap, boards without a timer, devices that want to be reset,
//! and the traits of the embedded ecosystem.

pub mod recover;

pub use recover::Recovered;
