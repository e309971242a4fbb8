//! The text of an error, fit for a log.

use std::fmt::{self, Write};

/// The most characters of an error that are shown.
const LONGEST: usize = 256;

/// An error by its `Display`: one line of at most 256 characters. Control characters, line separators and marks that change
/// the direction of writing are escaped; what is longer is cut and ends with `…`.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    error: &'a dyn fmt::Display,
    is_quoted: bool,
}

impl<'a> Text<'a> {
    /// Shows this error.
    #[cfg(feature = "tracing")]
    pub(super) fn new(error: &'a dyn fmt::Display) -> Self {
        Self { error, is_quoted: false }
    }

    /// Shows this error in quotes, those in it escaped.
    #[cfg(feature = "log")]
    pub(super) fn quoted(error: &'a dyn fmt::Display) -> Self {
        Self { error, is_quoted: true }
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.is_quoted { "\"" } else { "" };
        f.write_str(quote)?;
        let mut line = Line { out: f, left: LONGEST, is_quoted: self.is_quoted, end: Ok(()), is_cut: false };
        // An error that fails to say what it is has said what was written.
        let _ = write!(line, "{}", self.error);
        let (end, is_cut) = (line.end, line.is_cut);
        end?;
        f.write_str(if is_cut { "…" } else { "" })?;
        f.write_str(quote)
    }
}

/// Writes up to a number of characters, escaped, and refuses the rest, so that a `Display` which heeds that ends early.
struct Line<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    left: usize,
    is_quoted: bool,
    end: fmt::Result,
    is_cut: bool,
}

impl Write for Line<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.left == 0 || self.end.is_err() {
                self.is_cut = true;
                return Err(fmt::Error);
            }
            self.left -= 1;
            self.end = match character {
                '"' | '\\' if self.is_quoted => write!(self.out, "\\{character}"),
                _ if misleads(character) => write!(self.out, "{}", character.escape_default()),
                _ => self.out.write_char(character),
            };
        }
        self.end
    }
}

/// Returns whether a terminal or a reader of lines may take the character for something else than text.
fn misleads(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        || character.is_control()
}

#[cfg(all(test, feature = "log", feature = "tracing"))]
mod tests {
    use super::*;

    struct Endless;

    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                f.write_str("no route to host; ")?;
            }
        }
    }

    /// Ignores the errors of the writer.
    struct Deaf;

    impl fmt::Display for Deaf {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for _ in 0..10_000 {
                let _ = f.write_str("\u{1b}[2J");
            }
            Ok(())
        }
    }

    struct Refuses;

    impl fmt::Display for Refuses {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            Err(fmt::Error)
        }
    }

    #[test]
    fn long_texts_are_cut() {
        let endless = Text::new(&Endless).to_string();
        assert_eq!(endless.chars().count(), LONGEST + 1);
        assert!(endless.starts_with("no route to host; no route") && endless.ends_with('…'));
        let fits = "é".repeat(LONGEST);
        assert_eq!(Text::new(&fits).to_string(), fits);
        assert!(Text::new(&Deaf).to_string().len() <= LONGEST * "\\u{1b}".len() + "…".len());
    }

    #[test]
    fn texts_are_one_line_of_text() {
        for (error, shown, quoted) in [
            ("connection reset", "connection reset", "\"connection reset\""),
            ("a\nb\r\tc", "a\\nb\\r\\tc", "\"a\\nb\\r\\tc\""),
            ("\u{1b}[31mred\u{7}\u{9b}", "\\u{1b}[31mred\\u{7}\\u{9b}", "\"\\u{1b}[31mred\\u{7}\\u{9b}\""),
            ("no \"user\" \\", "no \"user\" \\", "\"no \\\"user\\\" \\\\\""),
            ("a\u{202e}b\u{2028}c", "a\\u{202e}b\\u{2028}c", "\"a\\u{202e}b\\u{2028}c\""),
            ("Zürich 東京", "Zürich 東京", "\"Zürich 東京\""),
        ] {
            assert_eq!(
                (Text::new(&error).to_string(), Text::quoted(&error).to_string()),
                (shown.into(), quoted.into())
            );
        }
        assert_eq!(Text::quoted(&Refuses).to_string(), "\"half\"");
    }
}
