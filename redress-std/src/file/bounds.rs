//! The bounds of numbers in words. The reader of TOML only knows the types that keep them.

/// The keys with bounds of their own.
const OF_KEYS: &[(&str, &str)] = &[
    ("max_attempts", "from 1 to 4294967294, or \"unlimited\""),
    ("max_unknown", "from 0 to 254, or \"unlimited\""),
    ("limits", "from 0 to 254"),
    ("failure_threshold", "from 1 to 255"),
    ("thresholds", "from 1 to 255"),
    ("failure_rate", "from 1 to 100"),
    ("rate", "from 1 to 100"),
    ("probe_rate", "from 1 to 100"),
    ("jitter", "from 0 to 100"),
    ("minimum_calls", "from 1 to 65535"),
    ("failure_count", "from 1 to 65534"),
    ("probes", "from 1 to 15"),
    ("buckets", "from 1 to 255"),
    ("capacity", "from 1 to 4000"),
    ("initial", "from 0 to the capacity"),
    ("max_retries", "from 0 to 4096"),
    ("clients", "from 1 to 10,000,000"),
    ("process", "from 1 to 10,000,000"),
    ("seeds", "from 1 to 10,000"),
    ("instances", "from 1 to 1,000"),
];

const OF_TYPES: &[(&str, &str)] = &[
    ("u8", "from 0 to 255"),
    ("u16", "from 0 to 65535"),
    ("u32", "from 0 to 4294967295"),
    ("u64", "from 0 to 9223372036854775807"),
];

/// Other words for what was expected and what was found.
const WORDS: &[(&str, &str)] = &[
    ("invalid type: map", "invalid type: table"),
    ("invalid type: sequence", "invalid type: list"),
    ("expected a map", "expected a table"),
    ("expected a sequence", "expected a list"),
    ("expected f64", "expected a number"),
    ("expected a boolean", "expected true or false"),
    ("expected struct CallsTable", "expected a table"),
    ("expected struct ", "expected the table of a "),
    ("wanted exactly 1 element, found 0 elements", "takes exactly one key, found none"),
];

fn find(table: &[(&'static str, &'static str)], key: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == key).map(|(_, words)| *words)
}

/// Puts bounds in the place of Rust types. `path`: of the value, innermost key first.
pub(super) fn in_words(path: &[String], message: &str) -> String {
    if message.starts_with("invalid length") {
        return format!("expected a list of at most {} delays", redress_core::MAX_DELAYS);
    }
    let bounds = message.rsplit_once(", expected ").and_then(|(found, expected)| {
        let of_type = find(OF_TYPES, expected)?;
        let of_key = path.iter().take(2).find_map(|key| find(OF_KEYS, key));
        let unit = if path.iter().take(1).any(|key| key.ends_with("_ms")) { " of milliseconds" } else { "" };
        Some(format!("{found}, expected a whole number{unit} {}", of_key.unwrap_or(of_type)))
    });
    bounds.unwrap_or_else(|| WORDS.iter().fold(message.to_owned(), |message, (from, to)| message.replace(from, to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_key() {
        let said =
            |path: &[&str], message: &str| in_words(&path.iter().map(ToString::to_string).collect::<Vec<_>>(), message);
        let found = "invalid value: integer `-1`";
        let of = |path: &[&str], name: &str| said(path, &format!("{found}, expected {name}"));
        let expected = |bounds: &str| format!("{found}, expected a whole number {bounds}");
        assert_eq!(of(&["max_attempts", "retry"], "u32"), expected("from 1 to 4294967294, or \"unlimited\""));
        assert_eq!(of(&["transient", "limits"], "u8"), expected("from 0 to 254"));
        assert_eq!(of(&["window_ms", "breaker"], "u32"), expected("of milliseconds from 0 to 4294967295"));
        assert_eq!(of(&["another", "breaker"], "u16"), expected("from 0 to 65535"));
        assert_eq!(of(&[], "u8"), expected("from 0 to 255"));
        assert_eq!(said(&[], "invalid type: map, expected a string"), "invalid type: table, expected a string");
    }
}
