//! The tables of `tests/PROOFS.md` and `tests/MUTANTS.md`: what they name is there, and what they say of commands is so.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use crate::{CHECKS, Verb, cmd::root};

/// Fails if a line of a table names a file, a test or a command that is not there.
pub(crate) fn check() -> Result<()> {
    let sources = sources()?;
    let mut faults = Vec::new();
    for file in ["tests/PROOFS.md", "tests/MUTANTS.md"] {
        let text = fs::read_to_string(root().join(file))?;
        let proofs = file == "tests/PROOFS.md";
        faults.extend(faults_of(&text, &sources, proofs).into_iter().map(|fault| format!("{file}: {fault}")));
    }
    if faults.is_empty() { Ok(()) } else { bail!("{}", faults.join("\n")) }
}

/// The texts of all sources, in which tests are looked for.
fn sources() -> Result<String> {
    let mut sources = String::new();
    let mut directories: Vec<PathBuf> =
        ["redress-core", "redress-std", "redress-embassy", "tests"].map(|directory| root().join(directory)).to_vec();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources += &fs::read_to_string(path)?;
            }
        }
    }
    Ok(sources)
}

/// Lists what is wrong in the tables of a text; in a table of proofs each line has a command.
fn faults_of(text: &str, sources: &str, proofs: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| what ") && !line.starts_with("| file "));
    for row in rows {
        let commands: Vec<_> = spans(row).filter_map(|span| span.strip_prefix("cargo xtask ")).collect();
        if proofs && commands.is_empty() {
            faults.push(format!("no command in {row}"));
        }
        for command in commands {
            if Verb::parse(command).is_err() {
                faults.push(format!("`cargo xtask {command}` is no verb"));
            }
            let name = command.split(' ').next().unwrap_or_default();
            let by_default =
                CHECKS.iter().any(|check| check.split(' ').next() == Some(name)) && !command.contains("--keep");
            let has_reason = ["test ", "target"].iter().any(|suite| command.starts_with(suite))
                || ["longer than", "takes", "needs", "once there"].iter().any(|reason| row.contains(reason));
            if proofs && !by_default && !has_reason {
                faults.push(format!("no reason why `.ci/run` leaves out `{command}`"));
            }
        }
        for span in spans(row) {
            let is_path = span.contains('/') && !span.contains(' ') && !span.contains(':');
            if is_path && !root().join(span).exists() {
                faults.push(format!("there is no {span}"));
            }
            let is_test =
                span.matches('_').count() > 1 && span.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            if is_test && !sources.contains(&format!("fn {span}(")) {
                faults.push(format!("there is no test {span}"));
            }
        }
        for (_, link) in
            row.match_indices("](").filter_map(|(at, _)| row[at + 2..].split_once(')').map(|(link, _)| (at, link)))
        {
            if !root().join("tests").join(Path::new(link)).exists() {
                faults.push(format!("there is no {link}"));
            }
        }
    }
    faults
}

/// Returns what stands between backticks.
fn spans(row: &str) -> impl Iterator<Item = &str> {
    row.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_true() {
        check().unwrap();
    }

    #[test]
    fn each_kind_of_untrue_line_is_found() {
        let faults = |row: &str| faults_of(row, "fn a_test_of_this() {", true);
        assert!(faults("| a | `tests/PROOFS.md`, `a_test_of_this` | `cargo xtask loom` |").is_empty());
        assert_eq!(faults("| a | b | c |"), ["no command in | a | b | c |"]);
        assert_eq!(faults("| a | b | `cargo xtask nothing` |").len(), 2);
        assert_eq!(faults("| a | `tests/none.rs` | `cargo xtask loom` |"), ["there is no tests/none.rs"]);
        assert_eq!(faults("| a | [b](none.md) | `cargo xtask loom` |"), ["there is no none.md"]);
        assert_eq!(faults("| a | `no_test_of_this` | `cargo xtask loom` |"), ["there is no test no_test_of_this"]);
        assert_eq!(faults("| a | b | `cargo xtask soak` |"), ["no reason why `.ci/run` leaves out `soak`"]);
        assert!(faults("| a | longer than `.ci/run` may take | `cargo xtask soak` |").is_empty());
    }
}
