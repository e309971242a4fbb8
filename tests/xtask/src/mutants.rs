//! Changes to the decision modules that a test must notice: cargo-mutants lists them, as `.cargo/mutants.toml` says, and
//! `tests/mutants` runs them from one build.

use std::fs;

use anyhow::{Context, Result};

use crate::{
    cmd::{cargo, cmd, read, root, run, target},
    provision::cargo_tool,
};

/// Runs the mutants of these files, of a change since a commit, or all.
pub(crate) fn verb(files: &[String], since: Option<&str>, options: &[String]) -> Result<()> {
    cargo_tool("cargo-mutants", "cargo-mutants", "27.1.0")?;
    let directory = target().join("mutants");
    fs::create_dir_all(&directory)?;
    let mut list = cmd("cargo", ["mutants", "--list", "--json", "--colors", "never"]);
    for file in files {
        // By name, which begins with the file: `--file` would add to the files of the configuration.
        list.arg("--re").arg(format!("^{}:", file.replace('.', r"\.")));
    }
    if let Some(since) = since {
        let diff = directory.join("change.diff");
        let change = read(&mut cmd("git", ["diff", "--merge-base", since, "--", "*.rs"]))
            .with_context(|| format!("there is no {since} to compare with; fetch it, or name another commit"))?;
        if change.is_empty() {
            println!("no Rust has changed since {since}");
            return Ok(());
        }
        fs::write(&diff, change + "\n")?;
        list.arg("--in-diff").arg(&diff);
    }
    let file = directory.join("list.json");
    fs::write(&file, read(&mut list)?)?;
    let mut mutants = cargo("run --quiet --package redress-mutants --");
    mutants.arg(&file).arg("--root").arg(root()).arg("--copy").arg(directory.join("copy"));
    mutants.args(options);
    run(&mut mutants)
}
