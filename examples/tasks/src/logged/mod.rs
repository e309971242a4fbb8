//! Retries only what may pass, and logs the error before each retry.

pub mod backon;
pub mod redress;
pub mod tower;
pub mod tower_resilience;
