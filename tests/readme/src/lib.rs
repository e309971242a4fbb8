//! Compiles and runs the programs of the READMEs, which the packages themselves cannot: they do not contain each other's. The
//! tests beside this file hold the README to what it says.

/// The READMEs as documentation, so that their programs are doctests.
#[cfg(doctest)]
mod readmes {
    #[doc = include_str!("../../../README.md")]
    struct Repository;

    #[doc = include_str!("../../../redress-core/README.md")]
    struct Core;

    #[doc = include_str!("../../../redress-std/README.md")]
    struct Std;

    #[doc = include_str!("../../../redress-embassy/README.md")]
    struct Embassy;
}
