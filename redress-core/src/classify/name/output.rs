//! The names in an error's `Debug` output.

use core::fmt::{self, Write};

use super::{NameBuffer, class_of_bytes};
use crate::ErrorClass;

/// How much of the output is read.
pub(super) const LIMIT: u16 = 512;

/// Reads the names in `Debug` output as `#[derive(Debug)]` writes it, and keeps the class of the innermost that has one.
struct Names {
    name: NameBuffer,
    at: Place,
    /// Whether the value belongs to a named field.
    is_field: bool,
    depth: u8,
    left: u16,
    found: Option<(u8, ErrorClass)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before a value or the name of a field.
    Value,
    Name,
    /// In a name that is too long to be kept.
    Long,
    /// Behind a name: a brace belongs to it, anything else makes it a text.
    Space,
    /// In a value without a name, such as a number.
    Other,
    Text,
    Escaped,
    /// Behind a value.
    Next,
    Done,
}

impl Names {
    const fn new() -> Self {
        Self { name: NameBuffer::new(), at: Place::Value, is_field: false, depth: 0, left: LIMIT, found: None }
    }

    #[expect(clippy::match_same_arms, reason = "in the order of the places")]
    fn push(&mut self, byte: u8) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.at = Place::Done;
        }
        let is_name = matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | 0x80..);
        match (self.at, byte) {
            (Place::Text, b'\\') => self.at = Place::Escaped,
            (Place::Text, b'"') => self.at = Place::Next,
            (Place::Escaped, _) => self.at = Place::Text,
            (Place::Done | Place::Text, _) | (Place::Value | Place::Next, b' ' | b'\n') => {}
            (Place::Value, _) if is_name && !byte.is_ascii_digit() => {
                self.name = NameBuffer::new();
                self.at = if self.name.push(byte).is_ok() { Place::Name } else { Place::Other };
            }
            (Place::Name | Place::Long, _) if is_name => {
                if self.name.push(byte).is_err() {
                    self.at = Place::Long;
                }
            }
            (Place::Name, b' ') => self.at = Place::Space,
            // What goes before a colon is the name of a field, or a text.
            (Place::Name | Place::Long | Place::Next, b':') if self.depth > 0 => {
                (self.at, self.is_field) = (Place::Value, true);
            }
            (Place::Name, b'(') => self.take(byte),
            (Place::Name, b',' | b')' | b']' | b'}') | (Place::Space, b'}') if self.depth > 0 => self.take(byte),
            (Place::Space, b'{') if self.is_field => self.punctuate(byte),
            (Place::Space, b'{') => self.take(byte),
            // A name that something else follows is a text.
            (Place::Name | Place::Space, _) => self.at = Place::Done,
            (Place::Value | Place::Long | Place::Other | Place::Next, _) => self.punctuate(byte),
        }
    }

    /// Takes what separates values.
    fn punctuate(&mut self, byte: u8) {
        match byte {
            b'(' | b'[' | b'{' => {
                self.depth = self.depth.saturating_add(1);
                (self.at, self.is_field) = (Place::Value, false);
            }
            b')' | b']' | b'}' => {
                self.depth = self.depth.saturating_sub(1);
                self.at = if self.depth == 0 { Place::Done } else { Place::Next };
            }
            b',' => (self.at, self.is_field) = (Place::Value, false),
            b'"' => self.at = Place::Text,
            _ => self.at = Place::Other,
        }
    }

    /// Takes the name that was read, and what ended it.
    fn take(&mut self, byte: u8) {
        let name = self.name.as_bytes();
        let is_deeper = self.found.is_none_or(|(depth, _)| depth < self.depth);
        let is_value = self.depth == 0 || name.first().is_some_and(u8::is_ascii_uppercase);
        if is_deeper && is_value {
            let class = class_of_bytes(name);
            if class != ErrorClass::Unknown {
                self.found = Some((self.depth, class));
            }
        }
        self.punctuate(byte);
    }

    /// Returns the class, at the end of the output.
    fn finish(mut self) -> ErrorClass {
        if self.at == Place::Name && self.depth == 0 {
            self.take(b')');
        }
        self.found.map_or(ErrorClass::Unknown, |(_, class)| class)
    }
}

/// Takes `Debug` output, and refuses more of it when the first value is over, so that formatting ends early.
impl Write for Names {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.push(byte);
            if self.at == Place::Done {
                return Err(fmt::Error);
            }
        }
        Ok(())
    }
}

/// Apart from the classifier, so that it exists once and not for every type of error.
pub(super) fn class_of_output(output: fmt::Arguments<'_>) -> ErrorClass {
    let mut names = Names::new();
    // An error is how the reader says that it has seen enough.
    let _ = names.write_fmt(output);
    names.finish()
}
