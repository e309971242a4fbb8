//! Arguments of an image, as words `name=value`.
//!
//! On a real board these are a unique id read from the chip, and constants.

use core::str::FromStr;

use semihosting::experimental::env;

/// Longest command line read, in bytes.
const LINE: usize = 512;

/// Returns the value of the first word `name=…` that can be parsed as a `T`.
pub fn value<T: FromStr>(name: &str) -> Option<T> {
    let args = env::args::<LINE>().ok()?;
    (&args).filter_map(Result::ok).find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

/// Returns whether this word is there.
pub fn has(word: &str) -> bool {
    env::args::<LINE>().is_ok_and(|args| (&args).any(|found| found == Ok(word)))
}

/// Reads the value of `name` as hexadecimal bytes into `bytes`. Returns their number.
///
/// `None` if there is no such word, or its value is no hexadecimal number of whole bytes, or too long.
pub fn hex(name: &str, bytes: &mut [u8]) -> Option<usize> {
    let args = env::args::<LINE>().ok()?;
    let digits = (&args).filter_map(Result::ok).find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
    let pairs = digits.as_bytes().chunks(2);
    let len = pairs.len();
    let bytes = bytes.get_mut(..len)?;
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let &[high, low] = pair else { return None };
        *byte = u8::try_from(char::from(high).to_digit(16)? << 4 | char::from(low).to_digit(16)?).ok()?;
    }
    Some(len)
}
