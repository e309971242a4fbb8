//! What redress depends on, and what depends on redress: lock files, the oldest compiler, licences and advisories, releases.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{
    checks::WORKSPACES,
    cmd::{cargo, cmd, read, root, run, target},
    provision::{C_COMPILERS, cargo_tool, ensure},
};

/// Packages that are published, but for the macros, which are compiled with core.
const PUBLISHED: [&str; 3] = ["redress-core", "redress-std", "redress-embassy"];

/// Checks that the lock file of each workspace is as its manifests ask.
pub(crate) fn locks() -> Result<()> {
    check_locks(root())?;
    println!("{} lock files are as their manifests ask", WORKSPACES.len());
    Ok(())
}

pub(crate) fn check_locks(repository: &Path) -> Result<()> {
    for directory in WORKSPACES {
        let mut command = cargo("metadata --locked --format-version 1");
        let output = command.current_dir(repository.join(directory)).output()?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!("{} is out of date:\n{errors}", Path::new(directory).join("Cargo.lock").display());
        }
    }
    Ok(())
}

/// Compiles what is published with the oldest compiler that its manifests promise, which rustup has or gets.
pub(crate) fn msrv() -> Result<()> {
    ensure(&[C_COMPILERS])?;
    let oldest = oldest_toolchain()?;
    for mut check in msrv_checks(root())? {
        run(&mut check)?;
    }
    println!("{} compile with Rust {oldest}", PUBLISHED.join(", "));
    Ok(())
}

/// Returns the version of the oldest compiler, which rustup then has.
pub(crate) fn oldest_toolchain() -> Result<String> {
    let metadata = metadata()?;
    let of_core = package(&metadata, "redress-core")?;
    let oldest = toolchain_of(of_core)?;
    let version = [&format!("+{oldest}"), "-V"];
    if !cmd("rustc", version).stdout(Stdio::null()).stderr(Stdio::null()).status()?.success() {
        run(&mut cmd("rustup", ["toolchain", "install", &oldest, "--profile", "minimal"])).with_context(|| {
            format!("NOT CHECKED: there is no Rust {oldest} on this machine, and rustup cannot get it")
        })?;
    }
    Ok(oldest)
}

/// Returns the toolchain of the `rust-version` of a package: with three numbers, because rustup takes two for another one.
fn toolchain_of(package: &Value) -> Result<String> {
    let version = package["rust_version"].as_str().context("a package names no rust-version")?;
    Ok(if version.matches('.').count() == 1 { format!("{version}.0") } else { version.to_owned() })
}

/// Builds the commands that compile what is published with the oldest compiler, as the sources of a directory ask for it.
pub(crate) fn msrv_checks(repository: &Path) -> Result<Vec<Command>> {
    let metadata = metadata()?;
    let commands = PUBLISHED.iter().map(|name| {
        let package = package(&metadata, name)?;
        let oldest = toolchain_of(package)?;
        let features = old_features(package);
        let mut check = cargo(&format!("+{oldest} check --locked -p {name} --features {features}"));
        check.current_dir(repository).env("CARGO_TARGET_DIR", target().join("msrv"));
        Ok(check)
    });
    commands.collect()
}

/// Returns the features of a package that need nothing newer: all but sqlx 0.9, which asks for Rust 1.94.
fn old_features(package: &Value) -> String {
    let names = package["features"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    names.filter(|name| !["default", "sqlx-v0.9"].contains(name)).collect::<Vec<_>>().join(",")
}

/// Checks licences, sources and versions of all dependencies, and advisories if their database can be had.
pub(crate) fn deny() -> Result<()> {
    deny_tool()?;
    for directory in WORKSPACES {
        println!("licences, bans and sources of {}", if directory.is_empty() { "the workspace" } else { directory });
        run(&mut deny_offline(root(), directory))?;
    }
    let duplicates = duplicates()?;
    if !duplicates.is_empty() {
        bail!("a program with redress-std and its usual features has two versions of {}", duplicates.join(", "));
    }
    let config = root().join("deny.toml").display().to_string();
    let mut fetch = cargo("deny --log-level error");
    if !fetch.args(["--config", &config, "fetch", "db"]).status()?.success() {
        bail!(
            "ADVISORIES NOT CHECKED: their database cannot be had from here. Licences, bans, sources and duplicates \
             are as they should be."
        );
    }
    let mut check = cargo("deny --log-level error");
    run(check.args(["--config", &config, "check", "--disable-fetch", "advisories"]))
}

pub(crate) fn deny_tool() -> Result<()> {
    cargo_tool("cargo-deny", "cargo-deny", "0.20.2")
}

/// Builds the command that checks all but advisories in a workspace of this repository.
pub(crate) fn deny_offline(repository: &Path, directory: &str) -> Command {
    let mut check = cargo("deny --log-level error");
    check.current_dir(repository.join(directory)).arg("--config").arg(repository.join("deny.toml"));
    check.args(["check", "licenses", "bans", "sources"]);
    check
}

/// Features of redress-std that most services use together.
const USUAL: &str = "http,log,macros,metrics,tokio,toml,tower-v0.5,tracing,by-key";

/// Lists the crates that a program with redress-std has in two versions.
fn duplicates() -> Result<Vec<String>> {
    let words = format!(
        "tree --locked -p redress-std -e no-dev,no-build,no-proc-macro --prefix none --format {{p}} --features {USUAL}"
    );
    Ok(in_two_versions(&read(&mut cargo(&words))?))
}

fn in_two_versions(tree: &str) -> Vec<String> {
    let mut all: Vec<_> = tree.lines().filter_map(|line| line.trim_end_matches(" (*)").split_once(' ')).collect();
    all.sort_unstable();
    all.dedup();
    all.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[0].0.to_owned()).collect()
}

/// Compares what is public with the last release, once there is one.
pub(crate) fn semver() -> Result<()> {
    let repository = package(&metadata()?, "redress-core")?["repository"].as_str().unwrap_or_default().to_owned();
    let mut released = Vec::new();
    for name in PUBLISHED {
        // Outside of the workspace, where the name means the registry's package.
        let info = cmd("cargo", ["info", "--registry", "crates-io", name]).current_dir(env::temp_dir()).output()?;
        let (said, errors) = (String::from_utf8_lossy(&info.stdout), String::from_utf8_lossy(&info.stderr));
        if info.status.success() && said.contains(&repository) {
            released.push(name);
        } else if !info.status.success() && !errors.contains("could not find") {
            bail!("NOT CHECKED: the registry does not answer:\n{errors}");
        }
    }
    if released.is_empty() {
        println!("no release yet: there is nothing to compare with");
        return Ok(());
    }
    ensure(&[C_COMPILERS])?;
    cargo_tool("cargo-semver-checks", "cargo-semver-checks", "0.51.0")?;
    for name in released {
        run(&mut cargo(&format!("semver-checks --package {name} --all-features")))?;
    }
    Ok(())
}

fn metadata() -> Result<Value> {
    Ok(serde_json::from_str(&read(&mut cargo("metadata --no-deps --format-version 1"))?)?)
}

fn package<'m>(metadata: &'m Value, name: &str) -> Result<&'m Value> {
    let packages = metadata["packages"].as_array().context("no packages")?;
    packages.iter().find(|package| package["name"] == name).with_context(|| format!("no package {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_in_two_versions_is_found() {
        let tree = "redress-std v0.1.0 (/here)\nlog v0.4.1\nlog v0.4.1 (*)\nhttp v1.0.0\nhttp v0.2.9\n";
        assert_eq!(in_two_versions(tree), ["http"]);
        assert!(in_two_versions("log v0.4.1\nlog v0.4.1 (*)\n").is_empty());
    }

    #[test]
    fn the_oldest_compiler_is_that_of_the_packages() {
        let metadata = metadata().unwrap();
        for name in PUBLISHED {
            assert_eq!(
                package(&metadata, name).unwrap()["rust_version"],
                package(&metadata, "redress-core").unwrap()["rust_version"]
            );
        }
        assert_eq!(toolchain_of(package(&metadata, "redress-core").unwrap()).unwrap(), "1.88.0");
        let features = old_features(package(&metadata, "redress-std").unwrap());
        assert!(features.contains("sqlx-v0.8") && !features.contains("sqlx-v0.9"), "{features}");
    }
}
