//! A breaker whose settings are read at run time, shared by all clones of a client: so many failed calls in a row open it.

pub mod backon;
pub mod by_hand;
pub mod redress;
pub mod tower;
pub mod tower_resilience;
