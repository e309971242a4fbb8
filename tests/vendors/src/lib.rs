//! The classifiers of redress-std on what crates and servers of vendors really say.
