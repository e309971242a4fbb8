//! Durations with units, for every key that ends in `_ms`: `deadline = "30s"` is read as `deadline_ms = 30_000`.
//!
//! It is done on the table that TOML was parsed to, before keys have types. So a field `window_ms: Millis` of any struct can be
//! written `window = "1m"`, and nothing has to be declared for that.
//!
//! - A key without `_ms` is renamed if its value is a duration (a string with a digit first and a letter), a list of durations, or
//!   one of the words `"none"` and `"auto"`. The words are also values of keys that are no durations: [`WORDS_OF`]. Values
//!   of `calls` are names of policies, even those that look like a duration.
//! - A duration at a key with `_ms` is refused: these count milliseconds.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{FileError, MAX_DEPTH};

const SUFFIX: &str = "_ms";

/// The keys which take words and are no durations.
const WORDS_OF: [&str; 5] = ["backoff", "budget", "delay", "max_attempts", "max_unknown"];

/// The key whose values are names of policies, which may look like durations.
const NAMES: &str = "calls";

/// The durations of a file in milliseconds, as digits, by the offsets of their strings.
#[derive(Debug, Default)]
pub(super) struct Durations(BTreeMap<usize, String>);

/// Returns whether a value is a duration by its looks.
fn is_duration(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::String(text) => {
            text.starts_with(|first: char| first.is_ascii_digit()) && text.contains(|c: char| c.is_alphabetic())
        }
        DeValue::Array(values) => !values.is_empty() && values.iter().all(|value| is_duration(value.get_ref())),
        _ => false,
    }
}

/// Returns whether a key stands for the same key with `_ms`.
fn is_short(key: &str, value: &DeValue<'_>) -> bool {
    let is_word = matches!(value, DeValue::String(word) if matches!(word.as_ref(), "none" | "auto"));
    !key.ends_with(SUFFIX) && key != NAMES && (is_duration(value) || is_word && !WORDS_OF.contains(&key))
}

/// Reads a duration.
fn millis(text: &str) -> Result<u32, String> {
    let wrong =
        || format!("`{}` is no duration: expected one such as \"30s\", \"1h30m\" or \"250ms\"", text.escape_debug());
    let duration = humantime::parse_duration(text).map_err(|_| wrong())?;
    let millis = u32::try_from(duration.as_millis())
        .map_err(|_| format!("`{text}` is too long: at most 4294967295 ms, which is 49.7 days"))?;
    if duration != Duration::from_millis(millis.into()) {
        return Err(format!("`{text}` is no whole number of milliseconds"));
    }
    Ok(millis)
}

impl Durations {
    /// Finds the durations of the policies in a file.
    ///
    /// # Errors
    ///
    /// A duration that cannot be read, stands at a key that counts milliseconds, or is given twice.
    pub(super) fn find(text: &str, policies: &DeTable<'_>) -> Result<Self, FileError> {
        let mut durations = Self::default();
        durations.add(text, policies, MAX_DEPTH)?;
        Ok(durations)
    }

    fn add(&mut self, text: &str, table: &DeTable<'_>, depth: usize) -> Result<(), FileError> {
        for (key, value) in table {
            let (name, span) = (key.get_ref().as_ref(), key.span());
            match value.get_ref() {
                DeValue::Table(inner) if depth > 0 => self.add(text, inner, depth - 1)?,
                inner if is_short(name, inner) => {
                    let long = format!("{name}{SUFFIX}");
                    if table.contains_key(long.as_str()) {
                        let message = format!("`{name}` and `{long}` are the same key");
                        return Err(FileError::at(text, Some(span), &message));
                    }
                    self.read(text, value)?;
                }
                inner if is_duration(inner) && name.ends_with(SUFFIX) => {
                    let short = name.trim_end_matches(SUFFIX);
                    let message = format!("`{name}` takes whole milliseconds; with a unit, the key is `{short}`");
                    return Err(FileError::at(text, Some(value.span()), &message));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read(&mut self, text: &str, value: &Spanned<DeValue<'_>>) -> Result<(), FileError> {
        match value.get_ref() {
            DeValue::Array(values) => values.iter().try_for_each(|value| self.read(text, value)),
            inner if !is_duration(inner) => Ok(()),
            inner => {
                let read = millis(inner.as_str().unwrap_or_default());
                let millis = read.map_err(|message| FileError::at(text, Some(value.span()), &message))?;
                self.0.insert(value.span().start, millis.to_string());
                Ok(())
            }
        }
    }

    /// Renames the keys and puts milliseconds in the place of durations.
    pub(super) fn replace<'a>(&'a self, table: &mut DeTable<'a>) {
        self.replace_to(table, MAX_DEPTH);
    }

    fn replace_to<'a>(&'a self, table: &mut DeTable<'a>, depth: usize) {
        for (mut key, mut value) in std::mem::take(table) {
            let is_short = is_short(key.get_ref(), value.get_ref());
            if let DeValue::Table(inner) = value.get_mut() {
                if depth > 0 {
                    self.replace_to(inner, depth - 1);
                }
            } else if is_short {
                key.get_mut().to_mut().push_str(SUFFIX);
                self.convert(&mut value);
            }
            table.insert(key, value);
        }
    }

    fn convert<'a>(&'a self, value: &mut Spanned<DeValue<'a>>) {
        let start = value.span().start;
        match value.get_mut() {
            DeValue::Array(values) => values.iter_mut().for_each(|value| self.convert(value)),
            value => {
                if let Some(Ok(number)) = self.0.get(&start).map(|digits| DeValue::parse(digits)) {
                    *value = number.into_inner();
                }
            }
        }
    }
}

/// Returns the key without `_ms`, if it has that.
pub(super) fn short(key: &str) -> Option<&str> {
    key.strip_suffix(SUFFIX)
}

/// Says what is wrong with a key as it is written in the file: the key has no `_ms` there, or should have it.
pub(super) fn as_written(text: &str, span: Option<Range<usize>>, message: &str) -> Option<String> {
    let key = message.strip_prefix("unknown field `")?.split('`').next()?;
    if message.contains(&format!("`{key}{SUFFIX}`")) {
        let milliseconds = format!("the key for milliseconds is `{key}{SUFFIX}`");
        return Some(format!("`{key}` takes a duration such as \"30s\"; {milliseconds}"));
    }
    let written = short(key)?;
    if message.contains(&format!("`{written}`")) {
        return Some(format!("`{written}` takes no duration"));
    }
    text.get(span?)?.ends_with(written).then(|| message.replacen(key, written, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_milliseconds() {
        for (text, expected) in [
            ("30s", 30_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("250ms", 250),
            ("0s", 0),
            ("1.5s", 1_500),
            ("2000us", 2),
            ("4294967295ms", u32::MAX),
        ] {
            assert_eq!(millis(text), Ok(expected), "{text}");
        }
        for (text, message) in [
            ("30 parsecs", "is no duration"),
            ("5\u{1b}[31m", "`5\\u{1b}[31m` is no duration"),
            ("1.5ms", "no whole number of milliseconds"),
            ("1500us", "no whole number of milliseconds"),
            ("50days", "too long"),
            ("99999999999999999999h", "is no duration"),
        ] {
            let error = millis(text).expect_err(text);
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
