//! What the README and the crate docs promise about breakers and budgets, against the tree.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).expect("a text file of the workspace")
}

/// The text of each Rust file below a directory.
fn sources(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(extension) if extension == "rs" => vec![fs::read_to_string(path).expect("UTF-8")],
            _ => Vec::new(),
        })
        .collect()
}

/// The cells of redress in the table of modes.
fn cells(readme: &str) -> Vec<&str> {
    let table = readme.split("### Modes of breakers and budgets").nth(1).expect("the section");
    let rows = table.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2).map(|row| row.split('|').nth(2).expect("the second column")).collect()
}

#[test]
fn each_mode_in_the_readme_names_a_test_that_exists() {
    let readme = read("README.md");
    let tests: String = ["redress-core/tests", "redress-core/src", "tests/tests", "redress-std/tests"]
        .into_iter()
        .flat_map(|directory| sources(&root().join(directory)))
        .collect();
    let cells = cells(&readme);
    assert!(cells.len() > 20, "{cells:?}");
    for cell in cells {
        let mut names = cell.split('`').skip(1).step_by(2).peekable();
        assert!(names.peek().is_some(), "no test in {cell:?}");
        for name in names {
            assert!(tests.contains(&format!("fn {name}(")), "no test is named {name}");
        }
    }
}

/// The first example of the docs of a file, without what is hidden.
fn first_example(text: &str) -> String {
    let docs = text.lines().map(|line| line.trim_start_matches("//!").trim_start());
    let mut example =
        docs.skip_while(|line| !line.starts_with("```")).skip(1).take_while(|line| !line.starts_with("```"));
    let shown: Vec<&str> = example.by_ref().filter(|line| !line.starts_with('#') || line.starts_with("#[")).collect();
    shown.join("\n")
}

#[test]
fn the_first_example_of_each_crate_has_a_budget() {
    for path in ["redress-core/src/lib.rs", "redress-std/src/lib.rs", "redress-embassy/src/lib.rs"] {
        let example = first_example(&read(path));
        assert!(example.contains("Policy::new("), "{path} begins with another example: {example}");
        assert!(example.contains(".budget(&"), "no budget in {path}: {example}");
    }
    let readme = read("README.md");
    let use_it = readme.split("```rust").nth(1).expect("an example").split("```").next().expect("its end");
    assert!(use_it.contains(".budget(&") || use_it.contains("SharedPolicy") || use_it.contains("#[retry"), "{use_it}");
}

#[test]
fn a_budget_and_its_absence_are_in_debug() {
    use redress_std::{Backoff, Retry, SharedPolicy, file::PolicyFile};
    let shared = SharedPolicy::new(Retry::new(Backoff::none()));
    let shown = format!("{:?}", shared.policy());
    assert!(shown.contains("budget: Some(Budget { config: BudgetConfig(Bucket { capacity: 10, "), "{shown}");
    let shown = format!("{:?}", shared.no_budget().policy());
    assert!(shown.contains("budget: None"), "{shown}");
    let file = PolicyFile::parse("[policy.a]\n[policy.b]\nbudget = \"none\"\n").expect("policies");
    let shown = file.to_toml();
    assert!(shown.contains("[policy.a.budget.token_bucket]") && shown.contains("budget = \"none\""), "{shown}");
}
