//! Retries with jitter: up to four attempts, exponential delays at random, whatever went wrong.

pub mod backon;
pub mod redress;
pub mod tower;
pub mod tower_resilience;
