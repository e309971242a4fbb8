//! Runs all tests to the last one, also after a failure.

mod report;

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, pipe},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde_json::Value;

use self::report::{Report, Row};
use crate::{
    checks,
    cmd::{cargo, read},
    firmware,
    provision::{C_COMPILERS, SERVERS, ensure},
    target, web,
};

/// A group of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// All packages of the workspace, with all features
    Workspace,
    /// Core and its vectors without debug assertions and overflow checks
    Release,
    /// Core and its models with the locks of bare metal
    Locks,
    /// Classifiers of crates that take long to build, as the verb `vendors`
    Vendors,
    /// Vectors on emulated cores, as the verb `target`
    Target,
    /// Images on emulated cores, as the verb `firmware`
    Firmware,
    /// The browser, as the verb `web`
    Web,
}

/// Runs these suites, or all of them, and prints a table of what passed.
pub(crate) fn verb(suites: &[Suite]) -> Result<()> {
    let suites = if suites.is_empty() { Suite::value_variants() } else { suites };
    let mut report = Report::default();
    for suite in suites {
        suite.run(&mut report);
    }
    for suite in Suite::value_variants().iter().filter(|suite| !suites.contains(suite)) {
        report.rows.push(Row::left_out(&suite.name()));
    }
    report.finish()
}

impl Suite {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn run(self, report: &mut Report) {
        let name = self.name();
        let mut cargo_test = |package: Option<&str>, words: &str| {
            if let Err(error) = cargo_tests(report, &name, package, words) {
                report.rows.push(Row::error(&name, package.unwrap_or("cargo test"), &error));
            }
        };
        match self {
            Self::Workspace => {
                if let Err(error) = ensure(&[&[C_COMPILERS][..], &SERVERS].concat()) {
                    report.rows.push(Row::error(&name, "programs of the system", &error));
                }
                workspace(report, &name);
            }
            Self::Release => {
                cargo_test(Some("redress-core"), "--profile testrelease -p redress-core --all-features");
                cargo_test(Some("redress-tests"), "--profile testrelease -p redress-tests --test vectors");
            }
            // The messages of the compiler are the same, so tests of those are not repeated.
            Self::Locks => {
                cargo_test(
                    Some("redress-core"),
                    "--target-dir target/alone -p redress-core --features testing --lib --test cancellation \
                     --test defects --test model --test properties --test readings --test suspension",
                );
                cargo_test(
                    Some("redress-tests"),
                    "--target-dir target/alone -p redress-tests --no-default-features --test vectors",
                );
            }
            Self::Vendors => {
                report.time(&name, "tests/vendors", checks::test_vendors);
                report.time(&name, "tests/vendors, lints", checks::lint_vendors);
            }
            Self::Target => report.time(&name, "tests/vectors", target::verb),
            Self::Firmware => {
                for part in firmware::Part::value_variants() {
                    let what = part.to_possible_value().map_or(String::new(), |part| part.get_name().to_owned());
                    report.time(&name, &format!("examples/firmware, {what}"), || firmware::verb(Some(*part)));
                }
                report.time(&name, "examples/firmware, README.md", firmware::commands);
            }
            Self::Web => {
                for (what, part) in [("build", web::Part::Build), ("test", web::Part::Test), ("lint", web::Part::Lint)]
                {
                    report.time(&name, &format!("examples/web, {what}"), || web::verb(Some(part)));
                }
            }
        }
    }
}

/// Tests the workspace as one. If a package does not compile, packages are tested one by one, so that the others are.
fn workspace(report: &mut Report, suite: &str) {
    let together = "--workspace --all-features";
    let Err(error) = cargo_tests(report, suite, None, together) else { return };
    report.rows.push(Row::error(suite, together, &error));
    match packages() {
        Ok(packages) => {
            for package in packages {
                if let Err(error) = cargo_tests(report, suite, Some(&package), &format!("-p {package} --all-features"))
                {
                    report.rows.push(Row::error(suite, &package, &error));
                }
            }
        }
        Err(error) => report.rows.push(Row::error(suite, "cargo metadata", &error)),
    }
}

/// Returns the names of the workspace's packages.
fn packages() -> Result<Vec<String>> {
    let metadata: Value = serde_json::from_str(&read(&mut cargo("metadata --no-deps --format-version 1"))?)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    Ok(packages.iter().filter_map(|package| package["name"].as_str()).map(str::to_owned).collect())
}

/// Builds tests, runs all of them, and adds a row for each package. An error if they do not compile.
fn cargo_tests(report: &mut Report, suite: &str, package: Option<&str>, words: &str) -> Result<()> {
    println!("+ cargo test {words} --no-fail-fast");
    let built = read(&mut cargo(&format!("test {words} --no-run --message-format json-render-diagnostics")))?;
    let owners = executables(&built);
    let mut rows = report::Run::new(suite, package, owners);
    let passed = follow(&mut cargo(&format!("test {words} --no-fail-fast")), |line| rows.line(line))?;
    report.rows.extend(rows.finish(passed));
    Ok(())
}

/// Returns the package of each test program, by the name of its file.
fn executables(messages: &str) -> HashMap<String, String> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter_map(|message| {
            let file = Path::new(message["executable"].as_str()?).file_name()?.to_str()?.to_owned();
            Some((file, report::package_name(message["package_id"].as_str()?)?.to_owned()))
        })
        .collect()
}

/// Runs a command, prints what it writes, and shows each line to a function. Returns whether it succeeded.
fn follow(command: &mut Command, mut line: impl FnMut(&str)) -> Result<bool> {
    let (reader, writer) = pipe()?;
    let mut process = command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // The command keeps ends of the pipe, which would never close.
    *command = Command::new("true");
    let mut bytes = Vec::new();
    let mut reader = BufReader::new(reader);
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        let text = String::from_utf8_lossy(&bytes);
        print!("{text}");
        line(text.trim_end());
        bytes.clear();
    }
    Ok(process.wait()?.success())
}
