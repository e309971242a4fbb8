//! Packages as they would be published, and their tests from the archives.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{
    cmd::{cargo, cmd, read, root, run, target},
    provision::{C_COMPILERS, ensure},
};

/// Files that each archive must have.
const FILES: [&str; 3] = ["README.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Packs all packages that are published, compiles them from their archives, and runs the tests that are in these.
pub(crate) fn verb(pack_only: bool) -> Result<()> {
    let metadata: Value = serde_json::from_str(&read(&mut cargo("metadata --no-deps --format-version 1"))?)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let published: Vec<_> = packages.iter().filter(|package| package["publish"].is_null()).collect();
    let faults: Vec<_> = published.iter().flat_map(|package| faults(package)).collect();
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    let mut names = Vec::new();
    for package in &published {
        let name = package["name"].as_str().context("no name")?;
        names.push((name, format!("{name}-{}", package["version"].as_str().context("no version")?)));
    }
    // Built from the archives below, with their tests.
    let mut pack = cargo("package --no-verify --allow-dirty");
    run(pack.args(names.iter().flat_map(|(name, _)| ["-p", name])))?;

    let directory = root().join("target/packed");
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    for (_, archive) in &names {
        let file = target().join("package").join(format!("{archive}.crate"));
        // With the time of now: cargo takes files of an archive, which are all of one day, for those that it has compiled before.
        run(cmd("tar", ["-xzmf"]).arg(&file).arg("-C").arg(&directory))?;
        let missing: Vec<_> = FILES.iter().filter(|file| !directory.join(archive).join(file).is_file()).collect();
        if !missing.is_empty() {
            bail!("{archive}.crate has no {missing:?}");
        }
        println!("{archive}.crate: {} KiB", file.metadata()?.len().div_ceil(1024));
    }
    fs::write(directory.join("Cargo.toml"), workspace(&names))?;
    // The same versions as in the repository, so that what they depend on is compiled once.
    fs::copy(root().join("Cargo.lock"), directory.join("Cargo.lock"))?;
    if pack_only {
        return run(&mut packed(&directory, "check --workspace"));
    }
    ensure(&[C_COMPILERS])?;
    test(&directory)?;
    println!("{} archives compile and pass their tests", names.len());
    Ok(())
}

/// Returns what a package's manifest lacks.
fn faults(package: &Value) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let is_macro = package["targets"][0]["kind"][0] == "proc-macro";
    let mut faults = Vec::new();
    let mut need = |there: bool, what: &str| {
        if !there {
            faults.push(format!("{name}: {what}"));
        }
    };
    let count = |key: &str| package[key].as_array().map_or(0, Vec::len);
    need(package["readme"].is_string(), "no readme");
    need(package["license"].is_string(), "no license");
    need(package["description"].is_string(), "no description");
    need(package["repository"].is_string(), "no repository");
    need((1..=5).contains(&count("keywords")), "one to five keywords");
    need((1..=5).contains(&count("categories")), "one to five categories");
    // A derive macro is documented where it is exported again.
    need(is_macro || package["metadata"]["docs"]["rs"]["all-features"] == true, "no metadata for docs.rs");
    faults
}

/// Returns the manifest of a workspace of the unpacked archives, which takes each of them where another asks for it.
fn workspace(names: &[(&str, String)]) -> String {
    let members: Vec<_> = names.iter().map(|(_, archive)| format!("    \"{archive}\",\n")).collect();
    let patches: Vec<_> =
        names.iter().map(|(name, archive)| format!("{name} = {{ path = \"{archive}\" }}\n")).collect();
    let (members, patches) = (members.concat(), patches.concat());
    format!("[workspace]\nresolver = \"3\"\nmembers = [\n{members}]\n\n[patch.crates-io]\n{patches}")
}

/// Builds a cargo command for the unpacked archives.
fn packed(directory: &Path, words: &str) -> Command {
    let mut command = cargo(words);
    command.current_dir(directory).env("CARGO_TARGET_DIR", target());
    command
}

/// Tests the unpacked archives.
fn test(directory: &Path) -> Result<()> {
    run(&mut packed(directory, "test --workspace --exclude redress-macros --all-features --no-fail-fast"))?;
    run(&mut packed(directory, "test -p redress-macros --lib"))?;
    println!(
        "LEFT OUT: doctests of redress-macros, which use redress-core and redress-std: they cannot depend on each other"
    );
    println!(
        "LEFT OUT: redress-std/tests/classify_servers.rs, which is not packed: it needs the servers of tests/servers"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_that_is_whole_has_no_faults() {
        let mut package = serde_json::json!({
            "name": "a", "readme": "README.md", "license": "MIT", "description": "d", "repository": "r",
            "keywords": ["k"], "categories": ["c"], "targets": [{"kind": ["lib"]}],
            "metadata": {"docs": {"rs": {"all-features": true}}},
        });
        assert_eq!(faults(&package), Vec::<String>::new());
        package["metadata"] = Value::Null;
        package["keywords"] = serde_json::json!([]);
        assert_eq!(faults(&package), ["a: one to five keywords", "a: no metadata for docs.rs"]);
        package["targets"][0]["kind"][0] = "proc-macro".into();
        assert_eq!(faults(&package), ["a: one to five keywords"]);
    }

    #[test]
    fn archives_take_each_other() {
        let manifest = workspace(&[("a", "a-0.1.0".to_owned())]);
        assert!(manifest.contains("    \"a-0.1.0\",\n") && manifest.ends_with("a = { path = \"a-0.1.0\" }\n"));
    }
}
