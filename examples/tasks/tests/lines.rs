//! The table of `README.md`: lines of code of each program, without empty ones and comments.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

const TASKS: [(&str, &str); 5] = [
    ("retry with jitter", "jitter"),
    ("filter and log the error", "logged"),
    ("Retry-After with reqwest", "retry_after"),
    ("breaker shared at run time", "breaker"),
    ("attempt timeout and deadline", "limits"),
];
const CRATES: [&str; 4] = ["redress", "backon", "tower", "tower_resilience"];

/// Programs for which the crate has no part, so that the nearest is shown.
const NEAREST: [(&str, &str); 4] =
    [("logged", "tower_resilience"), ("retry_after", "tower_resilience"), ("breaker", "backon"), ("breaker", "tower")];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn lines(path: &Path) -> usize {
    let text = fs::read_to_string(path).expect("a program");
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

/// Returns the lines of a program, with those of the breaker by hand if it has one.
fn count(task: &str, name: &str) -> usize {
    let folder = root().join("src").join(task);
    let by_hand = folder.join("by_hand.rs");
    let is_by_hand = by_hand.exists() && NEAREST.contains(&(task, name));
    lines(&folder.join(name).with_extension("rs")) + if is_by_hand { lines(&by_hand) } else { 0 }
}

#[test]
fn the_table_is_as_counted() {
    let mut table = "| task | redress | backon | tower | tower-resilience |\n|---|--:|--:|--:|--:|\n".to_owned();
    let mut sums = [0; CRATES.len()];
    for (title, task) in TASKS {
        write!(table, "| {title} |").expect("room");
        for (name, sum) in CRATES.into_iter().zip(&mut sums) {
            let (lines, mark) = (count(task, name), if NEAREST.contains(&(task, name)) { " *" } else { "" });
            *sum += lines;
            write!(table, " [{lines}](src/{task}/{name}.rs){mark} |").expect("room");
        }
        table.push('\n');
    }
    writeln!(table, "| all five | {} |", sums.map(|sum| sum.to_string()).join(" | ")).expect("room");
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    assert!(readme.contains(&table), "the table of README.md is stale; as counted it is:\n\n{table}");
}

/// A program that has no test or is not in the table would prove nothing.
#[test]
fn each_program_is_in_the_table() {
    for (_, task) in TASKS {
        let folder = fs::read_dir(root().join("src").join(task)).expect("a folder");
        let mut names: Vec<_> = folder.map(|file| file.expect("a file").file_name().into_string().unwrap()).collect();
        names.retain(|name| name != "mod.rs" && name != "by_hand.rs");
        names.sort_unstable();
        assert_eq!(names, ["backon.rs", "redress.rs", "tower.rs", "tower_resilience.rs"], "{task}");
    }
}
