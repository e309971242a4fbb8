//! What happens after something failed.
#![no_std]
mod class;
pub mod classify;
pub mod time;
pub use class::{ByClass, ClassSet, ErrorClass};
pub use classify::{Classification, Classifier, Classify, SelfClassifier};
pub use time::Millis;
