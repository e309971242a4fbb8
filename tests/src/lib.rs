//! What the integration tests of redress share: the scenarios of `vectors/` as types, a world which plays them under a
//! simulated clock, every form of making a call, and the comparison of what happened with what had to happen.

pub mod compare;
pub mod component;
pub mod replay;
pub mod scenario;
pub mod target;
pub mod trace;
pub mod world;

/// The examples of the READMEs are compiled and run here, because the packages do not contain each other's.
#[cfg(all(doctest, feature = "std"))]
mod readmes {
    #[doc = include_str!("../../README.md")]
    struct Repository;

    #[doc = include_str!("../../redress-core/README.md")]
    struct Core;

    #[doc = include_str!("../../redress-std/README.md")]
    struct Std;

    #[doc = include_str!("../../redress-embassy/README.md")]
    struct Embassy;
}
