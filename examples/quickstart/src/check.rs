//! Comparison of a result with the expected one.

use std::{error::Error, fmt::Debug};

/// An error which names what differs.
pub(crate) fn expect<T: PartialEq + Debug + Copy>(what: &str, is: T, should_be: T) -> Result<(), Box<dyn Error>> {
    if is == should_be { Ok(()) } else { Err(format!("{what}: {is:?} instead of {should_be:?}").into()) }
}
