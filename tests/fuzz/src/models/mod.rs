//! Sequences of steps against models that are written from the documentation: lists of everything that happened, looked through
//! from the beginning each time.

pub(crate) mod attempts;
pub(crate) mod breaker;
pub(crate) mod budget;
pub(crate) mod keeper;
pub(crate) mod rate;
