//! Why a file gives no policies.

use std::{fmt, io, ops::Range};

use super::{Position, duration};

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
        let position = Position::of(text, span.map_or(0, |span| span.start));
        let line = text.lines().nth(position.line - 1).unwrap_or_default().to_owned();
        // What TOML expected stands in lines of its own.
        Self { message: message.replace('\n', ", "), position: Some(position), line, source: None }
    }

    pub(super) fn toml(text: &str, error: &toml::de::Error) -> Self {
        let (span, message) = (error.span(), error.message());
        Self::at(text, span.clone(), &duration::as_written(text, span, message).unwrap_or_else(|| message.to_owned()))
    }

    /// Bytes as text.
    pub(super) fn text(bytes: &[u8]) -> Result<&str, Self> {
        std::str::from_utf8(bytes).map_err(|error| {
            let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            Self::at(&valid, Some(valid.len()..valid.len()), "not UTF-8, which TOML has to be")
        })
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where; `None` if the file cannot be read.
    pub const fn position(&self) -> Option<Position> {
        self.position
    }

    /// The line where it is wrong, as it stands in the file; empty if the file cannot be read.
    pub fn line(&self) -> &str {
        &self.line
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
