//! Mutants that cannot be switched on: cargo-mutants itself compiles and runs them one by one.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{list::Mutant, suite::Verdict};

/// Runs these mutants. Returns what became of each.
pub(crate) fn judge(root: &Path, directory: &Path, mutants: &[&Mutant]) -> Result<Vec<Verdict>> {
    if mutants.is_empty() {
        return Ok(Vec::new());
    }
    println!("{} mutants are compiled one by one", mutants.len());
    fs::create_dir_all(directory)?;
    let mut command = Command::new("cargo");
    command.args(["mutants", "--no-shuffle", "--colors", "never", "--output"]).arg(directory).current_dir(root);
    for mutant in mutants {
        command.arg("--re").arg(format!("^{}$", escaped(&mutant.name)));
    }
    // Its code says that some were missed, which is no error.
    let status = command.stdin(Stdio::null()).status()?;
    let mut verdicts = BTreeMap::new();
    for (list, verdict) in [
        ("caught", Verdict::Caught),
        ("timeout", Verdict::Late),
        ("missed", Verdict::Missed),
        ("unviable", Verdict::Unviable),
    ] {
        let path = directory.join("mutants.out").join(list).with_extension("txt");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        verdicts.extend(text.lines().map(|name| (name.to_owned(), verdict)));
    }
    let of = |mutant: &&Mutant| verdicts.get(&mutant.name).copied();
    match mutants.iter().map(of).collect() {
        Some(verdicts) => Ok(verdicts),
        None => bail!("cargo-mutants did not run all mutants: {status}"),
    }
}

/// Returns a regular expression that matches a text as it is.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if character.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
