//! Verbs of one or a few commands.

use std::{fs, io::Write, process::Stdio};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::{
    cmd::{cargo, read, root, run},
    provision::{C_COMPILERS, SERVERS, VALGRIND, cargo_tool, component, ensure},
    readme,
};

/// Runs cargo with words separated by spaces.
fn run_cargo(words: &str) -> Result<()> {
    run(&mut cargo(words))
}

/// Directories of all workspaces.
pub(crate) const WORKSPACES: [&str; 7] =
    ["", "examples/firmware", "examples/web", "tests/fuzz", "tests/loom", "tests/size", "tests/vendors"];

pub(crate) fn fmt() -> Result<()> {
    component("rustfmt")?;
    for directory in WORKSPACES {
        run(cargo("fmt --all --check").current_dir(root().join(directory)))?;
    }
    Ok(())
}

pub(crate) fn clippy() -> Result<()> {
    ensure(&[C_COMPILERS])?;
    component("clippy")?;
    run_cargo("clippy --workspace --all-targets --all-features -- -D warnings")
}

/// `SQLite` and librdkafka are compiled for these, in a workspace of their own.
pub(crate) fn vendors() -> Result<()> {
    lint_vendors()?;
    test_vendors()
}

pub(crate) fn lint_vendors() -> Result<()> {
    ensure(&[C_COMPILERS])?;
    component("clippy")?;
    run(cargo("clippy --all-targets -- -D warnings").current_dir(root().join("tests/vendors")))
}

pub(crate) fn test_vendors() -> Result<()> {
    ensure(&[&[C_COMPILERS][..], &SERVERS].concat())?;
    run(cargo("test --no-fail-fast").current_dir(root().join("tests/vendors")))
}

/// Classifiers in redress-std of foreign errors: each is checked by itself, and then all as one feature, because they have
/// nothing to do with each other.
const CLASSIFIERS: &str = "reqwest-v0.12,reqwest-v0.13,ureq-v3,hyper-v1,tonic-v0.14,tokio-postgres-v0.7,sqlx-v0.8,\
                           sqlx-v0.9,redis-v1,rusqlite-v0,diesel-v2,rdkafka-v0,rumqttc-v0.25";

/// A check keeps one core busy, so two packages' are done at a time. `default` has nothing in it: pairs with it tell nothing.
pub(crate) fn features() -> Result<()> {
    ensure(&[C_COMPILERS])?;
    cargo_tool("cargo-hack", "cargo-hack", "0.6.46")?;
    // In the usual directory, where dependencies are checked already, of which some compile C.
    let std = "hack check -p redress-std --exclude-features default";
    let std =
        [format!("{std} --each-feature"), format!("{std} --feature-powerset --depth 2 --group-features {CLASSIFIERS}")];
    let others = "hack check --target-dir target/alone -p redress-core -p redress-embassy --feature-powerset --depth 2 \
                  --exclude-features default";
    let mut others = cargo(others).stdin(Stdio::null()).spawn()?;
    let mut failed = Vec::new();
    for words in std {
        // Kept together rather than mixed with the others' lines.
        let output = cargo(&words).output()?;
        std::io::stderr().write_all(&output.stderr)?;
        if !output.status.success() {
            failed.push("redress-std");
            break;
        }
    }
    if !others.wait()?.success() {
        failed.push("redress-core or redress-embassy");
    }
    if failed.is_empty() { Ok(()) } else { bail!("features of {} do not compile", failed.join(" and of ")) }
}

/// The long form of `tests/tests/soak.rs`. Its figures, which it prints as lines of a table, are kept in tests/SOAK.md.
pub(crate) fn soak(keep: bool) -> Result<()> {
    let words = "test -p redress-tests --test soak -- --nocapture --test-threads=1";
    let said = read(cargo(words).env("SOAK_MINUTES", "60").env("SOAK_THREAD_SECONDS", "60"))?;
    println!("{said}");
    if keep {
        let rows: Vec<_> = said.lines().filter_map(|line| line.find("| ").map(|at| &line[at..])).collect();
        keep_figures("tests/SOAK.md", &format!("| what | number |\n|---|--:|\n{}\n", rows.join("\n")))?;
    }
    Ok(())
}

/// Puts figures in the place of those before, at the end of a file.
pub(crate) fn keep_figures(file: &str, figures: &str) -> Result<()> {
    let path = root().join(file);
    let text = fs::read_to_string(&path)?;
    let (head, _) = text.split_once("\n## Figures\n").with_context(|| format!("{file} has no figures"))?;
    fs::write(path, format!("{head}\n## Figures\n\n{figures}"))?;
    Ok(())
}

pub(crate) fn shape() -> Result<()> {
    ensure(&[VALGRIND])?;
    // The way of a failure is found by its lines: those of redress, so nothing else is compiled again.
    let lines = ["redress-bench", "redress-core"].map(|name| format!("profile.dev.package.{name}.debug=1"));
    let config = lines.iter().flat_map(|line| ["--config", line]);
    run(cargo("run -p redress-bench --bin shape").args(config))
}

/// A part of `cargo xtask bench`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bench {
    /// Hold the rows of redress to their bars and to tests/BENCH.md; files grow linearly, waits are idle
    Check,
    /// Simulate a million clients and a thousand runs of a collapse against reference tables, and print events a second; minutes
    Fleet,
    /// Count and time every row, peers too, and contention, and write tests/BENCH.md
    Write,
}

pub(crate) fn bench(part: Bench) -> Result<()> {
    ensure(&[VALGRIND])?;
    let count = |words: &str| run_cargo(&format!("run --release -p redress-bench --bin count -- {words}"));
    match part {
        Bench::Check => {
            // Clippy compiles the benchmarks, whose times are not read here.
            count("check")?;
            count("assert")?;
            // Files are read in time that grows with their size alone, and waits are not polled.
            run_cargo("run --release -p redress-bench --bin files -- --assert")?;
            run_cargo("run --release -p redress-bench --bin waiting -- 5000 2")
        }
        Bench::Fleet => run_cargo("run --release -p redress-bench --bin fleet"),
        Bench::Write => {
            count("check")?;
            count("table --write")
        }
    }
}

pub(crate) fn examples() -> Result<()> {
    readme::run_commands("examples")?;
    // As a pipeline would run it.
    run_cargo("run -p redress-std --features cli --bin redress -- doctor redress-std/examples/policy.toml --deny notes")
}

pub(crate) fn tower() -> Result<()> {
    readme::run_commands("tower")
}

/// Commands of tests/SEED.md and those of examples that need PostgreSQL or Mosquitto.
pub(crate) fn seed() -> Result<()> {
    ensure(&[&[C_COMPILERS][..], &SERVERS].concat())?;
    readme::run_commands("seed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_excluded_workspace_is_formatted() {
        let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
        let line = manifest.lines().find(|line| line.starts_with("exclude = ")).unwrap();
        let excluded: Vec<_> = line.split('"').skip(1).step_by(2).collect();
        assert_eq!(excluded, WORKSPACES[1..]);
    }
}
