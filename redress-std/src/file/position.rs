//! Places in a file.

use std::{collections::BTreeMap, fmt};

use toml::de::{DeTable, DeValue};

use super::{FileError, MAX_DEPTH, duration};

/// A place in a file: line and column, both from 1. Columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
#[expect(missing_docs, reason = "named by the type")]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Position {
    const START: Self = Self { line: 1, column: 1 };

    pub(super) fn of(text: &str, offset: usize) -> Self {
        Self::START.after(text.get(..offset).unwrap_or(text))
    }

    /// Returns the place after this text, which begins here.
    fn after(self, text: &str) -> Self {
        match text.rfind('\n') {
            None => Self { line: self.line, column: self.column + text.chars().count() },
            Some(newline) => {
                Self { line: self.line + text.matches('\n').count(), column: text[newline + 1..].chars().count() + 1 }
            }
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The positions of a table's keys, and of those in its tables.
#[derive(Clone, Debug, Default)]
pub(super) struct Positions(BTreeMap<String, (Position, Self)>);

impl Positions {
    /// Collects those of the keys in a table, in one pass through the text.
    pub(super) fn of(text: &str, table: &DeTable<'_>) -> Self {
        let mut offsets = Vec::new();
        collect(table, MAX_DEPTH, &mut offsets);
        offsets.sort_unstable();
        let (mut place, mut seen) = (Position::START, 0);
        let places: Vec<(usize, Position)> = offsets
            .into_iter()
            .map(|offset| {
                place = place.after(text.get(seen..offset).unwrap_or_default());
                seen = offset;
                (offset, place)
            })
            .collect();
        Self::with(&places, table, MAX_DEPTH)
    }

    /// `places`: the positions by offsets, in their order.
    fn with(places: &[(usize, Position)], table: &DeTable<'_>, depth: usize) -> Self {
        let keys = table.iter().filter_map(|(key, value)| {
            let place = places.binary_search_by_key(&key.span().start, |(offset, _)| *offset).ok()?;
            let inner = match value.get_ref() {
                DeValue::Table(inner) if depth > 0 => Self::with(places, inner, depth - 1),
                _ => Self::default(),
            };
            Some((key.get_ref().to_string(), (places[place].1, inner)))
        });
        Self(keys.collect())
    }

    /// Finds a key as it is written: with `_ms` or without.
    fn written(&self, key: &str) -> Option<(&str, &(Position, Self))> {
        let found = self.0.get_key_value(key).or_else(|| self.0.get_key_value(duration::short(key)?));
        found.map(|(key, at)| (key.as_str(), at))
    }

    /// Returns where a key stands or, if it has been left out, the nearest table around it; and the last key of the path as it is
    /// written in the file.
    pub(super) fn nearest<'a>(&'a self, path: impl IntoIterator<Item = &'a str>) -> (Option<Position>, &'a str) {
        let (mut positions, mut nearest, mut last) = (Some(self), None, "");
        for key in path {
            let found = positions.and_then(|positions| positions.written(key));
            positions = found.map(|(_, (_, inner))| inner);
            nearest = found.map(|(_, (position, _))| *position).or(nearest);
            last = found.map_or(key, |(written, _)| written);
        }
        (nearest, last)
    }
}

fn collect(table: &DeTable<'_>, depth: usize, offsets: &mut Vec<usize>) {
    for (key, value) in table {
        offsets.push(key.span().start);
        if let DeValue::Table(inner) = value.get_ref()
            && depth > 0
        {
            collect(inner, depth - 1, offsets);
        }
    }
}

/// Returns the path of the value that stands at an offset, innermost key first.
pub(super) fn path_at(table: &DeTable<'_>, offset: usize, depth: usize) -> Option<Vec<String>> {
    table.iter().find_map(|(key, value)| {
        let mut path = match value.get_ref() {
            DeValue::Table(inner) if depth > 0 => path_at(inner, offset, depth - 1)?,
            _ => value.span().contains(&offset).then(Vec::new)?,
        };
        path.push(key.get_ref().to_string());
        Some(path)
    })
}

/// The first table that should hold one of several keys, but holds more.
pub(super) fn choice(text: &str) -> Option<FileError> {
    fn find(text: &str, table: &DeTable<'_>, depth: usize) -> Option<FileError> {
        table.iter().find_map(|(key, value)| {
            let DeValue::Table(inner) = value.get_ref() else { return None };
            if !matches!(key.get_ref().as_ref(), "delay" | "budget") || inner.len() < 2 {
                return if depth > 0 { find(text, inner, depth - 1) } else { None };
            }
            let mut keys: Vec<_> = inner.keys().map(|key| (key.span(), key.get_ref().as_ref())).collect();
            keys.sort_by_key(|(span, _)| span.start);
            let span = keys.get(1).map_or(key.span(), |(span, _)| span.clone());
            let names: Vec<&str> = keys.into_iter().map(|(_, name)| name).collect();
            let message = format!("`{}` takes exactly one key, found {}", key.get_ref(), names.join(", "));
            Some(FileError::at(text, Some(span), &message))
        })
    }
    find(text, DeTable::parse(text).ok()?.get_ref(), MAX_DEPTH)
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
        let at = |path: &str| {
            let (position, last) = positions.nearest(path.split('/'));
            format!("{} {last}", position.map_or(String::new(), |position| position.to_string()))
        };
        assert_eq!(at("policy/a/retry/limits/auth"), "3:10 auth");
        assert_eq!(at("policy/a/retry/max_attempts"), "2:11 max_attempts");
        assert_eq!(at("policy/a/retry/deadline_ms"), "4:2 deadline");
        assert_eq!(at("policy/a/breaker/window_ms"), "1:9 window_ms");
        assert_eq!(at("policy/b/retry"), "1:2 retry");
        assert_eq!(at("other"), " other");
    }
}
