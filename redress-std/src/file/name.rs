//! Names and texts of a file, as they are shown.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

/// Returns whether a terminal shows a character as it is: no control character, no change of direction, nothing invisible.
fn is_printable(c: char) -> bool {
    c == ' ' || matches!(c, '"' | '\'' | '\\') || c.escape_debug().nth(1).is_none()
}

/// Returns a text of which a terminal shows every character: control characters and invisible ones are written as in TOML, for
/// example `\u001B`. Line breaks are escaped too.
///
/// ```
/// use redress_std::file::printable;
///
/// assert_eq!(printable("pay\u{1b}[31m\nments"), "pay\\u001B[31m\\u000Aments");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        push(&mut shown, c);
    }
    shown.into()
}

fn push(shown: &mut String, c: char) {
    if is_printable(c) {
        shown.push(c);
    } else if let Ok(short) = u16::try_from(u32::from(c)) {
        let _ = write!(shown, "\\u{short:04X}");
    } else {
        let _ = write!(shown, "\\U{:08X}", u32::from(c));
    }
}

/// A key as TOML writes it: bare, or in quotes with escapes.
pub(super) struct Key<'a>(pub(super) &'a str);

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name) = self;
        if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return f.write_str(name);
        }
        let mut quoted = String::from('"');
        for c in name.chars() {
            if matches!(c, '"' | '\\') {
                quoted.push('\\');
            }
            push(&mut quoted, c);
        }
        quoted.push('"');
        f.write_str(&quoted)
    }
}

/// A control character and a letter stand for what the writer of TOML would break lines at or write as it is.
const MARKS: [(char, &str, &str); 3] =
    [('\u{1}', "\u{1}c", "\\u0001"), ('\\', "\u{1}b", "\\\\"), ('\n', "\u{1}n", "\\n")];

/// Marks what would make the writer of TOML choose a string of several lines. The control character makes it escape.
pub(super) fn mark(name: &mut String) {
    for (c, mark, _) in MARKS {
        *name = name.replace(c, mark);
    }
}

/// Puts escapes in the place of marks.
pub(super) fn unmark(toml: &str) -> String {
    MARKS
        .iter()
        .fold(toml.to_owned(), |toml, (_, mark, escape)| {
            toml.replace(&mark.replace('\u{1}', "\\u0001"), &escape.replace('\\', "\u{2}"))
        })
        .replace('\u{2}', "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_in_toml() {
        for (name, key) in [
            ("payments-2_b", "payments-2_b"),
            ("", "\"\""),
            ("a.b", "\"a.b\""),
            ("café", "\"café\""),
            ("a\"b\\c", "\"a\\\"b\\\\c\""),
            ("\u{1b}[31m\r\n", "\"\\u001B[31m\\u000D\\u000A\""),
            ("\u{9b}\u{7f}\u{202e}\u{200b}", "\"\\u009B\\u007F\\u202E\\u200B\""),
            ("\u{e0001}", "\"\\U000E0001\""),
        ] {
            assert_eq!(Key(name).to_string(), key);
            let text = format!("[{key}]");
            let table: toml::Table = toml::from_str(&text).expect("TOML");
            assert!(table.keys().eq([name]), "{key}");
        }
    }

    #[test]
    fn strings_are_written_in_one_line() {
        for name in
            ["a\nb", "\u{1}n", "\\u0001n", "\u{1}c\n\\", "\"'\n", "\r\n", "plain", "back\\slash", "\u{1}\u{1}n\\u0001"]
        {
            let mut marked = name.to_owned();
            mark(&mut marked);
            let table: toml::Table = [("names".to_owned(), toml::Value::from(vec![marked]))].into_iter().collect();
            let text = unmark(&table.to_string());
            assert_eq!(text.lines().count(), 1, "{text}");
            let read: toml::Table = toml::from_str(&text).expect("TOML");
            assert_eq!(read["names"][0].as_str(), Some(name), "{text}");
        }
    }

    #[test]
    fn what_a_terminal_shows_is_left_as_it_is() {
        let text = "`naïve` \"日本\" 'a\\b' ± → 🦀";
        assert!(matches!(printable(text), Cow::Borrowed(same) if same == text));
        assert_eq!(printable("a\tb"), "a\\u0009b");
    }
}
