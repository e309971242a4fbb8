//! Why a file gives no policies.

use std::{fmt, io, ops::Range};

use toml::de::DeTable;

use super::{MAX_DEPTH, Position, bounds, duration, name::printable, position::path_at};

/// A file that gives no policies: unreadable, no TOML, unknown keys, values of the wrong kind.
#[derive(Debug)]
pub struct FileError {
    message: String,
    position: Option<Position>,
    line: String,
    source: Option<io::Error>,
}

impl FileError {
    pub(super) fn at(text: &str, span: Option<Range<usize>>, message: &str) -> Self {
        Self::placed(text, Some(Position::of(text, span.map_or(0, |span| span.start))), message)
    }

    /// Creates the error of a key at this position; without one, of the file.
    pub(super) fn placed(text: &str, position: Option<Position>, message: &str) -> Self {
        let position = position.unwrap_or(Position::of(text, 0));
        let line = text.lines().nth(position.line - 1).unwrap_or_default().to_owned();
        // What TOML expected stands in lines of its own.
        let message = printable(&message.replace('\n', ", ")).into_owned();
        Self { message, position: Some(position), line, source: None }
    }

    /// Creates the error of a text that is no TOML.
    pub(super) fn toml(text: &str, error: &toml::de::Error) -> Self {
        Self::at(text, error.span(), error.message())
    }

    /// Creates the error of TOML that is no policy file, in the words of the file.
    pub(super) fn typed(text: &str, error: &toml::de::Error) -> Self {
        let (span, message) = (error.span(), error.message());
        let table = DeTable::parse(text).ok();
        let path = table.zip(span.as_ref()).and_then(|(table, span)| path_at(table.get_ref(), span.start, MAX_DEPTH));
        let message = duration::as_written(text, span.clone(), message)
            .unwrap_or_else(|| bounds::in_words(&path.unwrap_or_default(), message));
        Self::at(text, span, &message)
    }

    /// Bytes as text.
    pub(super) fn text(bytes: &[u8]) -> Result<&str, Self> {
        std::str::from_utf8(bytes).map_err(|error| {
            let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            Self::at(&valid, Some(valid.len()..valid.len()), "not UTF-8, which TOML has to be")
        })
    }

    /// Returns the problem as a sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the place of the problem; `None` if the file cannot be read.
    pub const fn position(&self) -> Option<Position> {
        self.position
    }

    /// Returns the line where it is wrong, as it stands in the file; empty if the file cannot be read. [`excerpt`](Self::excerpt)
    /// returns it as it can be shown.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Returns the line where it is wrong with a mark under the place, for a terminal: control characters are
    /// [escaped](printable), and of a long line only the surroundings of the place are shown. Empty if the file cannot be read.
    pub fn excerpt(&self) -> String {
        /// Characters of the line before the place and after it.
        const AROUND: usize = 80;
        let Some(position) = self.position else { return String::new() };
        let number = position.line.to_string();
        let margin = " ".repeat(number.len());
        let place = position.column.saturating_sub(1);
        let skipped = place.saturating_sub(AROUND);
        let show = |from: usize, to: usize| -> String {
            let part: String = self.line.chars().skip(from).take(to - from).collect();
            // Tabs stay tabs, so that the mark stands where it points to.
            part.split('\t').map(printable).collect::<Vec<_>>().join("\t")
        };
        let (before, after) = (show(skipped, place), show(place, place + AROUND));
        let blank: String = before.chars().map(|c| if c == '\t' { c } else { ' ' }).collect();
        format!(" {margin} |\n {number} | {before}{after}\n {margin} | {blank}^\n")
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self { message: format!("cannot be read: {error}"), position: None, line: String::new(), source: Some(error) }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(position) => write!(f, "{position}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|error| error as _)
    }
}
