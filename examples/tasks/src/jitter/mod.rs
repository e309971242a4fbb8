//! Retries with jitter: up to four attempts, random exponential delays, for any error.

pub mod backon;
pub mod redress;
pub mod tower;
pub mod tower_resilience;
