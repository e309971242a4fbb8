//! Comparison of two traces, field by field.

use std::fmt;

use serde_json::Value;

/// The first field in which a trace is not as expected.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "one word each says it")]
pub struct Difference {
    pub path: String,
    pub expected: Option<Value>,
    pub actual: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
        write!(f, "{}: expected {}, got {}", self.path, show(&self.expected), show(&self.actual))
    }
}

/// Where `actual` first differs from `expected`. Numbers whose key ends in `_us` may be off by `tolerance_us`, and a
/// negative hint reads as zero; everything else has to be the same, down to the absence of a key.
pub fn first_difference(expected: &Value, actual: &Value, tolerance_us: u64) -> Option<Difference> {
    differ("", "", Some(expected), Some(actual), tolerance_us)
}

fn differ(
    path: &str,
    key: &str,
    expected: Option<&Value>,
    actual: Option<&Value>,
    tolerance_us: u64,
) -> Option<Difference> {
    match (expected, actual) {
        (Some(Value::Object(expected)), Some(Value::Object(actual))) => {
            let missing = actual.keys().filter(|key| !expected.contains_key(*key));
            expected.keys().chain(missing).find_map(|key| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                differ(&path, key, expected.get(key), actual.get(key), tolerance_us)
            })
        }
        (Some(Value::Array(expected)), Some(Value::Array(actual))) => (0..expected.len().max(actual.len()))
            .find_map(|i| differ(&format!("{path}[{i}]"), key, expected.get(i), actual.get(i), tolerance_us)),
        (Some(Value::Number(expected)), Some(Value::Number(actual)))
            if key.ends_with("_us") && is_near(key, expected, actual, tolerance_us) =>
        {
            None
        }
        (expected, actual) if expected == actual => None,
        (expected, actual) => {
            Some(Difference { path: path.to_owned(), expected: expected.cloned(), actual: actual.cloned() })
        }
    }
}

fn is_near(key: &str, expected: &serde_json::Number, actual: &serde_json::Number, tolerance_us: u64) -> bool {
    let (Some(mut expected), Some(actual)) = (expected.as_i64(), actual.as_i64()) else { return false };
    if key == "retry_after_us" {
        expected = expected.max(0);
    }
    expected.abs_diff(actual) <= tolerance_us
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(expected: &Value, actual: &Value) -> Option<String> {
        first_difference(expected, actual, 10).map(|difference| difference.path)
    }

    #[test]
    fn microseconds_have_a_tolerance_and_nothing_else_has() {
        assert_eq!(path(&json!({"a_us": 100}), &json!({"a_us": 110})), None);
        assert_eq!(path(&json!({"a_us": 100}), &json!({"a_us": 111})).as_deref(), Some("a_us"));
        assert_eq!(path(&json!({"a_us": [100, 7]}), &json!({"a_us": [90, 18]})).as_deref(), Some("a_us[1]"));
        assert_eq!(path(&json!({"n": 100}), &json!({"n": 101})).as_deref(), Some("n"));
        assert_eq!(path(&json!({"retry_after_us": -5}), &json!({"retry_after_us": 10})), None);
        assert_eq!(path(&json!({"t_us": -5}), &json!({"t_us": 10})).as_deref(), Some("t_us"));
    }

    #[test]
    fn a_missing_a_superfluous_and_a_null_field_are_differences() {
        assert_eq!(path(&json!({"x": {"a": 1}}), &json!({"x": {}})).as_deref(), Some("x.a"));
        assert_eq!(path(&json!({"x": {}}), &json!({"x": {"a": 1}})).as_deref(), Some("x.a"));
        assert_eq!(path(&json!([1]), &json!([1, 2])).as_deref(), Some("[1]"));
        assert_eq!(path(&json!({"a_us": null}), &json!({"a_us": 0})).as_deref(), Some("a_us"));
        assert_eq!(path(&json!({"a_us": 0}), &json!({})).as_deref(), Some("a_us"));
    }
}
