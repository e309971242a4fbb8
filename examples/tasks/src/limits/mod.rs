//! A limit for each attempt and a deadline for the call, for operations that hang.

pub mod backon;
pub mod redress;
pub mod tower;
pub mod tower_resilience;
