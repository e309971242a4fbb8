//! Replays the vectors: each scenario in every form a call can have, and the files on single components.
//!
//! `REDRESS_VECTORS` names another folder with files of the same formats.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
};

use redress_tests::{
    component::{Budget, Classified, RetryAfter, Strategy},
    replay,
    scenario::Scenario,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How many failures are told in full.
const TOLD: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Scenarios,
    Strategies,
    Budget,
    Classifiers,
    RetryAfter,
}

impl Format {
    /// By the beginning of the file's name; if that says nothing, by the shape of its first item.
    fn of(name: &str, items: &[Value]) -> Option<Self> {
        const NAMES: [(&str, Format); 6] = [
            ("named", Format::Scenarios),
            ("random", Format::Scenarios),
            ("strategies", Format::Strategies),
            ("budget", Format::Budget),
            ("classifiers", Format::Classifiers),
            ("retry_after", Format::RetryAfter),
        ];
        const SHAPES: [(&[&str], Format); 5] = [
            (&["policy", "calls", "expected"], Format::Scenarios),
            (&["strategy", "rows"], Format::Strategies),
            (&["budget", "ops"], Format::Budget),
            (&["classifier", "given", "expected"], Format::Classifiers),
            (&["now", "value", "retry_after_us"], Format::RetryAfter),
        ];
        let by_name = NAMES.iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, format)| *format);
        let has = |keys: &[&str]| items.first().is_some_and(|item| keys.iter().all(|key| item.get(*key).is_some()));
        by_name.or_else(|| SHAPES.iter().find(|(keys, _)| has(keys)).map(|(_, format)| *format))
    }

    fn verify(self, item: &Value) -> Result<(), String> {
        fn read<T: DeserializeOwned>(item: &Value) -> Result<T, String> {
            T::deserialize(item).map_err(|error| format!("not understood: {error}"))
        }
        match self {
            Self::Scenarios => replay::verify(&read::<Scenario>(item)?).map_err(|problem| problem.to_string()),
            Self::Strategies => read::<Strategy>(item)?.verify(),
            Self::Budget => read::<Budget>(item)?.verify(),
            Self::Classifiers => read::<Classified>(item)?.verify(),
            Self::RetryAfter => read::<RetryAfter>(item)?.verify(),
        }
    }
}

fn folder() -> PathBuf {
    env::var_os("REDRESS_VECTORS").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors"), PathBuf::from)
}

/// The files of the folder, sorted, by name and items.
fn files() -> Vec<(String, Vec<Value>)> {
    let folder = folder();
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let items = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, items)
    };
    paths.into_iter().map(read).collect()
}

fn id(item: &Value) -> &str {
    item.get("id").and_then(Value::as_str).unwrap_or("without id")
}

/// Past the harness, which would keep it to itself when the test passes.
fn tell(line: &str) {
    writeln!(std::io::stdout().lock(), "{line}").expect("an open standard output");
}

#[test]
fn all_vectors_hold() {
    let files = files();
    assert!(!files.is_empty(), "no vectors in {}", folder().display());
    let (mut passed, mut failures) = (0, Vec::new());
    for (name, items) in &files {
        let before = failures.len();
        match Format::of(name, items) {
            None => failures.push(format!("{name}: of no known format")),
            Some(format) => {
                for item in items {
                    match format.verify(item) {
                        Ok(()) => passed += 1,
                        Err(problem) => failures.push(format!("{name}: {}: {problem}", id(item))),
                    }
                }
            }
        }
        tell(&format!("{name}: {} of {}", items.len().saturating_sub(failures.len() - before), items.len()));
    }
    for failure in failures.iter().take(TOLD) {
        tell(&format!("  {failure}"));
    }
    if failures.len() > TOLD {
        tell(&format!("  and {} more", failures.len() - TOLD));
    }
    tell(&format!("vectors: {passed} passed, {} failed", failures.len()));
    assert!(failures.is_empty(), "{} vectors do not hold", failures.len());
}

mod harness {
    //! The harness itself: whatever is wrong with an expected value, it is found and named.

    use redress_tests::replay::Problem;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    fn own(file: &str) -> Vec<Value> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
        serde_json::from_str(&fs::read_to_string(path).expect("an own file")).expect("an array")
    }

    /// Every value in a tree that has no others inside, by path as differences name it and as JSON pointer.
    fn leaves(value: &Value, path: &str, pointer: &str, found: &mut Vec<(String, String)>) {
        match value {
            Value::Object(fields) => {
                for (key, field) in fields {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    leaves(field, &path, &format!("{pointer}/{key}"), found);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (i, item) in items.iter().enumerate() {
                    leaves(item, &format!("{path}[{i}]"), &format!("{pointer}/{i}"), found);
                }
            }
            _ => found.push((path.to_owned(), pointer.to_owned())),
        }
    }

    /// Another value of the same kind, as little different as is not tolerated.
    fn corrupted(value: &Value, in_micros: bool, tolerance_us: u64) -> Value {
        match value {
            Value::Bool(value) => json!(!value),
            Value::String(text) => json!(format!("{text}!")),
            Value::Number(number) => {
                let number = number.as_i64().expect("a whole number");
                let step = if in_micros { i64::try_from(tolerance_us).expect("a short span") * 2 + 1 } else { 1 };
                json!(number.max(0) + step)
            }
            // An array which should have been empty.
            Value::Array(_) => json!([0]),
            Value::Null | Value::Object(_) => json!(0),
        }
    }

    #[test]
    fn every_corrupted_value_is_found_and_named() {
        let mut found = 0;
        for item in own("named.json").iter().step_by(9) {
            let scenario = Scenario::deserialize(item).expect("a scenario");
            let mut paths = Vec::new();
            leaves(&scenario.expected, "", "", &mut paths);
            for (path, pointer) in paths {
                let mut scenario = scenario.clone();
                let value = scenario.expected.pointer_mut(&pointer).expect("the path of a leaf");
                *value = corrupted(value, path.contains("_us"), scenario.tolerance_us);
                let problem = replay::verify(&scenario).expect_err(&path);
                let Problem::Differs(_, difference) = &problem else { panic!("{path}: {problem}") };
                let named = if value_is_list(&path, &difference.path) { format!("{path}[0]") } else { path };
                assert_eq!(difference.path, named, "{}", scenario.id);
                assert!(problem.to_string().contains(&named), "{problem}");
                found += 1;
            }
        }
        assert!(found > 500, "only {found} values were corrupted");
    }

    /// An item too many is named, not the list.
    fn value_is_list(path: &str, named: &str) -> bool {
        named.strip_prefix(path) == Some("[0]")
    }

    #[test]
    fn needing_more_than_the_script_has_is_found() {
        let items = own("named.json");
        let scenarios = || items.iter().map(|item| Scenario::deserialize(item).expect("a scenario"));
        let mut drawing = scenarios().find(|scenario| !scenario.random.is_empty()).expect("one which draws");
        drawing.random.pop();
        let problem = replay::verify(&drawing).expect_err("a draw is missing").to_string();
        assert!(problem.contains("beyond the list"), "{problem}");

        let mut short = scenarios().find(|scenario| scenario.calls[0].attempts.len() > 1).expect("one which retries");
        short.calls[0].attempts.pop();
        let problem = replay::verify(&short).expect_err("an attempt is missing").to_string();
        assert!(problem.contains("beyond the script"), "{problem}");
    }

    #[test]
    fn corrupted_components_are_found_and_named() {
        for (file, pointer, named) in [
            ("strategies.json", "/rows/3/sleep_us", "rows[3].sleep_us"),
            ("strategies.json", "/rows/0/draws", "rows[0].draws"),
            ("budget.json", "/ops/1/ok", "ops[1].ok"),
            ("budget.json", "/ops/0/remaining", "ops[0].remaining"),
            ("retry_after.json", "/retry_after_us", "retry_after_us"),
        ] {
            let mut item = own(file).swap_remove(0);
            let value = item.pointer_mut(pointer).expect("a value");
            *value = corrupted(value, named.contains("_us"), 1_000);
            let format = Format::of(file, &[]).expect("a known name");
            let problem = format.verify(&item).expect_err(named);
            assert!(problem.starts_with(named), "{problem}");
        }
        let item =
            json!({ "id": "x", "classifier": "http", "given": { "status": 404 }, "expected": { "class": "AUTH" } });
        let problem = Format::Classifiers.verify(&item).expect_err("another class");
        assert!(problem.starts_with("expected.class: expected \"AUTH\", got \"PERMANENT\""), "{problem}");
    }

    #[test]
    fn formats_are_known_by_name_and_else_by_shape() {
        for (file, format) in [
            ("named.json", Format::Scenarios),
            ("random-mix.json", Format::Scenarios),
            ("strategies.json", Format::Strategies),
            ("budget.json", Format::Budget),
            ("classifiers.json", Format::Classifiers),
            ("retry_after.json", Format::RetryAfter),
        ] {
            assert_eq!(Format::of(file, &[]), Some(format));
            assert_eq!(Format::of("other.json", &own(file)), Some(format), "{file}");
        }
        assert_eq!(Format::of("other.json", &[json!({ "id": "x" })]), None);
    }
}
