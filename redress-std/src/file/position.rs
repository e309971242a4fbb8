//! Where in a file something stands.

use std::{collections::BTreeMap, fmt};

use toml::de::{DeTable, DeValue};

use super::{FileError, duration};

/// A place in a file: line and column, both from 1. Columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
#[expect(missing_docs, reason = "named by the type")]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Position {
    pub(super) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self { line: before.matches('\n').count() + 1, column: before[start..].chars().count() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The positions of all keys, by their path.
#[derive(Clone, Debug, Default)]
pub(super) struct Positions(BTreeMap<Vec<String>, Position>);

impl Positions {
    /// Collects those of the keys in a table.
    pub(super) fn of(text: &str, table: &DeTable<'_>) -> Self {
        let mut positions = Self::default();
        positions.add(text, &mut Vec::new(), table);
        positions
    }

    fn add(&mut self, text: &str, path: &mut Vec<String>, table: &DeTable<'_>) {
        for (key, value) in table {
            path.push(key.get_ref().to_string());
            self.0.insert(path.clone(), Position::of(text, key.span().start));
            if let DeValue::Table(inner) = value.get_ref() {
                self.add(text, path, inner);
            }
            path.pop();
        }
    }

    /// Where this key stands or, if it has been left out, the nearest table around it.
    pub(super) fn nearest<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<Position> {
        let mut path: Vec<String> = path.into_iter().map(String::from).collect();
        while !path.is_empty() {
            if let Some(position) = self.0.get(&path) {
                return Some(*position);
            }
            let key = path.pop();
            if let Some(short) = key.as_deref().and_then(duration::short) {
                path.push(short.to_owned());
                if let Some(position) = self.0.get(&path) {
                    return Some(*position);
                }
                path.pop();
            }
        }
        None
    }
}

/// The first table that should hold one of several keys, but holds more.
pub(super) fn choice(text: &str) -> Option<FileError> {
    fn find(text: &str, table: &DeTable<'_>) -> Option<FileError> {
        table.iter().find_map(|(key, value)| {
            let DeValue::Table(inner) = value.get_ref() else { return None };
            if !matches!(key.get_ref().as_ref(), "delay" | "budget") || inner.len() < 2 {
                return find(text, inner);
            }
            let mut keys: Vec<_> = inner.keys().map(|key| (key.span(), key.get_ref().as_ref())).collect();
            keys.sort_by_key(|(span, _)| span.start);
            let span = keys.get(1).map_or(key.span(), |(span, _)| span.clone());
            let names: Vec<&str> = keys.into_iter().map(|(_, name)| name).collect();
            let message = format!("`{}` takes exactly one key, found {}", key.get_ref(), names.join(", "));
            Some(FileError::at(text, Some(span), &message))
        })
    }
    find(text, DeTable::parse(text).ok()?.get_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = "a = 1\nü = \"é\" # x\n";
        let at = |what| Position::of(text, text.find(what).expect("in the text")).to_string();
        assert_eq!([at("a"), at("ü"), at("x")], ["1:1", "2:1", "2:11"]);
        assert_eq!(Position::of(text, 1_000).to_string(), "3:1");
        assert_eq!(Position::of("", 0).to_string(), "1:1");
    }

    #[test]
    fn keys_are_found_or_the_table_around_them() {
        let text = "[policy.a]\n[policy.a.retry]\n  limits.auth = 2\n deadline = \"30s\"\n";
        let positions = Positions::of(text, DeTable::parse(text).expect("TOML").get_ref());
        let at = |path: &str| positions.nearest(path.split('/')).map(|position| position.to_string());
        assert_eq!(at("policy/a/retry/limits/auth").as_deref(), Some("3:10"));
        assert_eq!(at("policy/a/retry/max_attempts").as_deref(), Some("2:11"));
        assert_eq!(at("policy/a/retry/deadline_ms").as_deref(), Some("4:2"));
        assert_eq!(at("policy/b/retry").as_deref(), Some("1:2"));
        assert_eq!(at("other"), None);
    }
}
