//! Reads the output of `cargo test` into a table.

use std::{collections::HashMap, time::Instant};

use anyhow::{Result, bail};

/// A line of the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    suite: String,
    what: String,
    verdict: Verdict,
    passed: usize,
    failed: usize,
    /// Names of tests that are marked as ignored, with their reasons.
    ignored: Vec<String>,
    seconds: f64,
}

#[derive(Debug, Clone, PartialEq)]
enum Verdict {
    Pass,
    /// With the reason, unless tests say it.
    Fail(String),
    LeftOut,
}

impl Row {
    fn new(suite: &str, what: &str, verdict: Verdict) -> Self {
        let (suite, what) = (suite.to_owned(), what.to_owned());
        Self { suite, what, verdict, passed: 0, failed: 0, ignored: Vec::new(), seconds: 0.0 }
    }

    /// A suite that was not asked for.
    pub(super) fn left_out(suite: &str) -> Self {
        Self::new(suite, "not asked for", Verdict::LeftOut)
    }

    /// Something that could not run.
    pub(super) fn error(suite: &str, what: &str, error: &anyhow::Error) -> Self {
        Self::new(suite, what, Verdict::Fail(format!("{error:#}")))
    }
}

/// Rows of all suites.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) rows: Vec<Row>,
}

impl Report {
    /// Adds a row for a suite that has a verdict of its own.
    pub(super) fn time(&mut self, suite: &str, what: &str, run: impl FnOnce() -> Result<()>) {
        let start = Instant::now();
        let result = run();
        let mut row = match result {
            Ok(()) => Row::new(suite, what, Verdict::Pass),
            Err(error) => Row::error(suite, what, &error),
        };
        row.seconds = start.elapsed().as_secs_f64();
        self.rows.push(row);
    }

    /// Prints the table, and fails if a row did.
    pub(super) fn finish(&self) -> Result<()> {
        println!("\n{}", self.table());
        let failed = self.rows.iter().filter(|row| matches!(row.verdict, Verdict::Fail(_))).count();
        if failed == 0 { Ok(()) } else { bail!("{failed} of {} rows failed", self.rows.len()) }
    }

    fn table(&self) -> String {
        let width = self.rows.iter().map(|row| row.what.len()).max().unwrap_or_default().max(4);
        let mut lines = vec![format!(
            "{:8}  {:9}  {:width$}  {:>6}  {:>6}  {:>7}  {:>7}",
            "", "suite", "what", "passed", "failed", "ignored", "seconds"
        )];
        let mut notes = Vec::new();
        for row in &self.rows {
            let verdict = match &row.verdict {
                Verdict::Pass => "pass",
                Verdict::Fail(_) => "FAIL",
                Verdict::LeftOut => "LEFT OUT",
            };
            let Row { suite, what, passed, failed, ignored, seconds, .. } = row;
            lines.push(format!(
                "{verdict:8}  {suite:9}  {what:width$}  {passed:6}  {failed:6}  {:7}  {seconds:7.1}",
                ignored.len()
            ));
            notes.extend(ignored.iter().map(|name| format!("ignored: {what}: {name}")));
            if let Verdict::Fail(reason) = &row.verdict
                && !reason.is_empty()
            {
                notes.push(format!("FAIL {suite}: {what}: {reason}"));
            }
        }
        lines.extend(notes);
        lines.join("\n")
    }
}

/// Results of one `cargo test`, as far as it has come.
#[derive(Debug)]
pub(super) struct Run {
    suite: String,
    /// The package whose tests these are, if there is only one.
    package: Option<String>,
    /// Packages of the test programs, by file.
    owners: HashMap<String, String>,
    current: Option<String>,
    rows: Vec<Row>,
}

impl Run {
    pub(super) fn new(suite: &str, package: Option<&str>, owners: HashMap<String, String>) -> Self {
        Self { suite: suite.to_owned(), package: package.map(str::to_owned), owners, current: None, rows: Vec::new() }
    }

    /// Reads a line.
    pub(super) fn line(&mut self, line: &str) {
        let trimmed = line.trim_start();
        if let Some(program) = trimmed.strip_prefix("Running ").and_then(program) {
            let owner = self.package.clone().or_else(|| self.owners.get(program).cloned());
            self.current = Some(owner.unwrap_or_else(|| program.to_owned()));
            self.row();
        } else if let Some(library) = trimmed.strip_prefix("Doc-tests ") {
            self.current = Some(self.package.clone().unwrap_or_else(|| library.replace('_', "-")));
            self.row();
        } else if let Some(counts) = line.strip_prefix("test result: ") {
            let counts = Counts::parse(counts);
            let row = self.row();
            row.passed += counts.passed;
            row.failed += counts.failed;
            row.seconds += counts.seconds;
            if counts.failed > 0 {
                row.verdict = Verdict::Fail(String::new());
            }
        } else if let Some((name, ignored)) =
            line.strip_prefix("test ").and_then(|line| line.split_once(" ... ignored"))
        {
            self.row().ignored.push(format!("{name}{ignored}"));
        } else if let Some((_, rerun)) = line.split_once("`-p ") {
            // cargo's list of what failed; a program that crashed has no result.
            if let Some(package) = rerun.split([' ', '`']).next() {
                self.current = Some(package.to_owned());
                let row = self.row();
                if row.verdict == Verdict::Pass {
                    row.verdict = Verdict::Fail(format!("rerun with `cargo test -p {rerun}"));
                }
            }
        }
    }

    /// Returns the rows; at least one has failed if cargo has.
    pub(super) fn finish(mut self, passed: bool) -> Vec<Row> {
        let failed = self.rows.iter().any(|row| row.verdict != Verdict::Pass);
        if passed == failed {
            self.current = Some("cargo test".to_owned());
            self.row().verdict = Verdict::Fail("the exit code of cargo and its output disagree".to_owned());
        }
        self.rows
    }

    fn row(&mut self) -> &mut Row {
        let what = self.current.clone().unwrap_or_else(|| "cargo test".to_owned());
        let known = self.rows.iter().position(|row| row.what == what);
        let index = known.unwrap_or_else(|| {
            self.rows.push(Row::new(&self.suite, &what, Verdict::Pass));
            self.rows.len() - 1
        });
        &mut self.rows[index]
    }
}

/// Returns the program of a line `tests/a.rs (target/debug/deps/a-0123)`.
fn program(line: &str) -> Option<&str> {
    let (_, path) = line.strip_suffix(')')?.rsplit_once('(')?;
    path.rsplit(['/', '\\']).next()
}

/// Returns the name in a package's id: `path+file:///…/redress-core#0.1.0` or `path+file:///…/core#redress-core@0.1.0`.
pub(super) fn package_name(id: &str) -> Option<&str> {
    let (url, fragment) = id.rsplit_once('#')?;
    match fragment.split_once('@') {
        Some((name, _)) => Some(name),
        None => url.rsplit('/').next(),
    }
}

#[derive(Debug, Default, PartialEq)]
struct Counts {
    passed: usize,
    failed: usize,
    seconds: f64,
}

impl Counts {
    /// Reads `ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.05s`.
    fn parse(text: &str) -> Self {
        let mut counts = Self::default();
        let text = text.split_once(". ").map_or(text, |(_, rest)| rest);
        for part in text.split("; ") {
            if let Some(seconds) = part.strip_prefix("finished in ") {
                counts.seconds = seconds.trim_end_matches('s').parse().unwrap_or_default();
            } else if let Some((number, what)) = part.split_once(' ') {
                let number = number.parse().unwrap_or_default();
                match what {
                    "passed" => counts.passed = number,
                    "failed" => counts.failed = number,
                    _ => {}
                }
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(lines: &str, passed: bool) -> Vec<Row> {
        let owners = [("a-01", "alpha"), ("t-02", "alpha"), ("b-03", "beta")];
        let owners = owners.map(|(file, package)| (file.to_owned(), package.to_owned())).into();
        let mut run = Run::new("workspace", None, owners);
        lines.lines().for_each(|line| run.line(line));
        run.finish(passed)
    }

    const OUTPUT: &str = "     Running unittests src/lib.rs (target/debug/deps/a-01)
test one ... ok
test two ... ignored, takes long
test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.50s
     Running tests/t.rs (target/debug/deps/t-02)
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s
     Running tests/b.rs (target/debug/deps/b-03)
test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
   Doc-tests alpha
test result: ok. 8 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    #[test]
    fn a_package_has_one_row_of_all_its_programs() {
        let rows = run(OUTPUT, true);
        let numbers: Vec<_> = rows.iter().map(|row| (row.what.as_str(), row.passed, row.failed)).collect();
        assert_eq!(numbers, [("alpha", 11, 0), ("beta", 4, 0)]);
        assert_eq!(rows[0].ignored, ["two, takes long"]);
        assert!((rows[0].seconds - 1.5).abs() < 1e-9);
        assert!(Report { rows }.finish().is_ok());
    }

    #[test]
    fn a_failure_and_a_crash_are_found() {
        let output = OUTPUT.replace("ok. 4 passed; 0 failed", "FAILED. 3 passed; 1 failed")
            + "error: 2 targets failed:\n    `-p beta --test b`\n    `-p gamma --lib`\n";
        let rows = run(&output, false);
        assert_eq!(rows[1].verdict, Verdict::Fail(String::new()));
        assert_eq!((rows[1].passed, rows[1].failed), (3, 1));
        assert_eq!(rows[2].verdict, Verdict::Fail("rerun with `cargo test -p gamma --lib`".to_owned()));
        let report = Report { rows };
        assert!(report.table().contains("FAIL      workspace  beta"));
        assert_eq!(report.finish().unwrap_err().to_string(), "2 of 3 rows failed");
    }

    #[test]
    fn a_cargo_that_fails_without_a_reason_is_a_failure() {
        let rows = run(OUTPUT, false);
        assert!(matches!(rows.last().unwrap().verdict, Verdict::Fail(_)));
    }

    #[test]
    fn what_is_left_out_and_what_is_ignored_is_said() {
        let mut rows = run(OUTPUT, true);
        rows.push(Row::left_out("web"));
        let table = Report { rows }.table();
        assert!(table.contains("LEFT OUT  web        not asked for"), "{table}");
        assert!(table.ends_with("ignored: alpha: two, takes long"), "{table}");
    }

    #[test]
    fn package_ids_have_names() {
        assert_eq!(package_name("path+file:///a/redress-core#0.1.0"), Some("redress-core"));
        assert_eq!(package_name("path+file:///a/core#redress-core@0.1.0"), Some("redress-core"));
    }
}
