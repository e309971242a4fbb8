//! Reads the text of errors, no further than is needed.

use std::fmt::{self, Write};

/// The most bytes of an error that are read.
const LONGEST: usize = 4_096;

/// Returns the beginning of an error's text, at most 4,096 bytes: a server may have written the rest, at any length.
pub(crate) fn beginning(said: fmt::Arguments<'_>) -> String {
    let mut beginning = Beginning(String::new());
    // An error is how the reader says that it has seen enough.
    let _ = beginning.write_fmt(said);
    beginning.0
}

struct Beginning(String);

impl Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = LONGEST - self.0.len();
        let mut end = left.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.0.push_str(&text[..end]);
        if text.len() > left { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_beginning_is_kept() {
        assert_eq!(beginning(format_args!("{} {}", "certificate", 7)), "certificate 7");
        let long = "é".repeat(LONGEST);
        assert_eq!(beginning(format_args!("{long}")).len(), LONGEST);
        assert_eq!(beginning(format_args!("a{long}")).len(), LONGEST - 1);
    }
}
