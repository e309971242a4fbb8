//! Waits as long as the server asks for: `Retry-After`, which is in the head of the answer.

pub mod backon;
pub mod redress;
pub mod tower;
pub mod tower_resilience;
