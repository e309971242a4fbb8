//! What the integration tests of redress share: the scenarios of `vectors/` as types, a world which plays them under a
//! simulated clock, every form of making a call, and the comparison of what happened with what had to happen.

pub mod compare;
pub mod component;
pub mod misuse;
pub mod replay;
pub mod scenario;
pub mod target;
pub mod trace;
pub mod world;
