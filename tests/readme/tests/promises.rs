//! What the README promises: tests that it names exist, and flash costs no more than it says. The table of modes has its test in
//! `tests/tests/promises.rs`.

use std::{fs, path::Path};

const README: &str = include_str!("../../../README.md");
const SIZE: &str = include_str!("../../SIZE.md");
const MATRIX: &str = include_str!("../../SIZE-MATRIX.md");

/// Returns the README from one heading up to the next.
fn section(heading: &str) -> &'static str {
    let (_, rest) = README.split_once(&format!("{heading}\n")).expect(heading);
    rest.split("\n#").next().unwrap_or_default()
}

/// Returns the sources of all tests in a directory and below.
fn sources(directory: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
        let path = entry.expect("a readable directory").path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &fs::read_to_string(&path).expect("UTF-8");
        }
    }
    text
}

#[test]
fn tests_that_the_readme_names_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let sources: String =
        ["redress-core", "redress-std", "tests/tests"].map(|directory| sources(&root.join(directory))).concat();
    let is_name =
        |word: &&str| word.contains('_') && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let mut count = 0;
    for name in section("## Why not a loop").split('`').skip(1).step_by(2).filter(is_name) {
        assert!(sources.contains(&format!("fn {name}(")), "there is no test {name}");
        count += 1;
    }
    assert!(count > 7, "only {count} names were found");
}

/// Returns the bytes of flash of the rows with these names, under the headings with this beginning.
fn flash(table: &str, heading: &str, rows: &[&str]) -> Vec<f64> {
    let column = |line: &str| line.split('|').position(|cell| cell.trim() == "flash");
    let mut found = Vec::new();
    for part in table.split("\n## ").filter(|part| part.starts_with(heading)) {
        let at = part.lines().find_map(column).expect("a column of flash");
        for line in part.lines() {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            if cells.get(1).is_some_and(|name| rows.contains(name)) {
                found.push(cells[at].parse().expect("a number"));
            }
        }
    }
    assert_eq!(found.len(), rows.len(), "{heading}: {rows:?}");
    found
}

/// Returns the ends of a range such as `1.5 to 5.2`, in kilobytes.
fn range(cell: &str) -> (f64, f64) {
    let mut ends = cell.split(" to ").map(|end| end.parse().expect(cell));
    let low = ends.next().expect(cell);
    (low, ends.next().unwrap_or(low))
}

/// Rows of the README, and those of the tables of sizes that each of them stands for.
const PRICES: [(&str, &str, &[&str]); 8] = [
    ("a blocking call with backoff and an attempt limit", "one policy", &["blocking driver, backoff, attempt limit"]),
    ("each further call site", "one policy", &["a second call site", "a third call site"]),
    (
        "deadline, limits and delays per class",
        "one policy",
        &["blocking driver, deadline and limits", "plus per-class table"],
    ),
    ("and a breaker, a budget, a timeline", "one policy", &["plus breaker", "plus budget", "plus timeline of 8"]),
    (
        "a policy behind a pointer or made at run time",
        "other policies",
        &["policy behind a pointer", "attempts at run time", "backoff at run time", "whole `RetryConfig` at run time"],
    ),
    ("an async call", "async", &["backoff, attempt limit", "deadline, limits, table, breaker, budget"]),
    ("each further async call site", "async", &["a second call site", "a third call site"]),
    ("everything but classifiers of text", "one policy", &["everything but the text classifiers"]),
];

/// Returns the range of these bytes in kilobytes, as the README has it.
fn kilobytes(bytes: &[f64]) -> String {
    let end = |bytes: f64| format!("{:.1}", bytes / 1_000.0);
    let least = end(bytes.iter().copied().fold(f64::MAX, f64::min));
    let most = end(bytes.iter().copied().fold(0.0, f64::max));
    if least == most { least } else { format!("{least} to {most}") }
}

/// The README may say more than is measured, but not less; and not so much more that its figures are stale.
#[test]
fn flash_costs_no_more_than_the_readme_says() {
    let device = section("## On a device");
    let mut wrong = Vec::new();
    for (name, table, rows) in PRICES {
        let line = device.lines().find(|line| line.starts_with(&format!("| {name} |"))).expect(name);
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let with_lto = flash(SIZE, &format!("Flash and RAM on thumbv6m-none-eabi: {table}"), rows);
        let without = flash(MATRIX, &format!("thumbv6m-none-eabi, opt-level s, no LTO: {table}"), rows);
        let measured = format!("| {name} | {} | {} |", kilobytes(&with_lto), kilobytes(&without));
        let is_right = [(cells[2], with_lto), (cells[3], without)].into_iter().all(|(cell, measured)| {
            let (low, high) = range(cell);
            let least = measured.iter().copied().fold(f64::MAX, f64::min) / 1_000.0;
            let most = measured.iter().copied().fold(0.0, f64::max) / 1_000.0;
            most <= high + 0.05 && least >= 0.6 * low && most >= 0.6 * high
        });
        if !is_right {
            wrong.push(measured);
        }
    }
    assert!(wrong.is_empty(), "the README should have these rows:\n{}", wrong.join("\n"));
}

/// Returns the cells of the first row with this name in a table of sizes.
fn row(name: &str) -> Vec<&'static str> {
    let line = SIZE.lines().find(|line| line.starts_with(&format!("| {name} |"))).expect(name);
    line.split('|').map(str::trim).collect()
}

#[test]
fn ram_is_what_the_readme_says() {
    let measured = |name: &str| row(name)[3];
    let sentence = format!(
        "A call takes {} bytes of RAM, a breaker of four failures {}, a token bucket {}.",
        measured("RAM: a call, B"),
        measured("RAM: breaker of 4, B"),
        measured("RAM: token bucket, B")
    );
    assert!(README.contains(&sentence), "{sentence}");
}

#[test]
fn loops_by_hand_take_what_the_readme_says() {
    let device = section("## On a device");
    let (_, rest) = device.split_once("A loop by hand takes ").expect("a sentence about loops by hand");
    let (low, high) = range(rest.split(" with fat LTO").next().unwrap_or_default());
    let first = PRICES.iter().filter(|(name, ..)| !name.starts_with("each further"));
    let by_hand = first.flat_map(|(_, table, rows)| {
        let part =
            SIZE.split("\n## ").find(|part| part.starts_with(&format!("Flash and RAM on thumbv6m-none-eabi: {table}")));
        part.expect(table).lines().filter_map(|line| {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let is_row = cells.get(1).is_some_and(|name| rows.contains(name));
            is_row.then(|| cells[7].parse::<f64>().ok()).flatten()
        })
    });
    let by_hand: Vec<f64> = by_hand.map(|bytes| (bytes / 100.0).round() / 10.0).collect();
    assert!(by_hand.len() > 4, "{by_hand:?}");
    let ends = (by_hand.iter().copied().fold(f64::MAX, f64::min), by_hand.iter().copied().fold(0.0, f64::max));
    assert!((ends.0 - low).abs() < 0.05 && (ends.1 - high).abs() < 0.05, "{low} to {high} promised, {ends:?} measured");
}

#[test]
fn flash_of_peers_is_what_the_readme_says() {
    let line =
        README.lines().find(|line| line.starts_with("| flash of a blocking call on a Cortex-M0 |")).expect("a row");
    let said: Vec<_> = line.split('|').map(str::trim).collect();
    let cells = row("blocking driver, backoff, attempt limit");
    // redress, backon, relentless, reliakit, as the README has them.
    for (said, bytes) in said[2..6].iter().zip([cells[6], cells[8], cells[10], cells[9]]) {
        let kilobytes = bytes.parse::<f64>().expect("bytes") / 1_000.0;
        let (said, _) = range(said.trim_end_matches(" K"));
        assert!((said - kilobytes).abs() <= 0.05, "{said} K promised, {kilobytes} measured");
    }
}
