//! Commands of all Markdown files: each is run by a verb, or listed with the reason why not.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use clap::{
    Parser,
    error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand},
};

use crate::{
    Cli, Verb, checks,
    cmd::{root, run_line},
    guide,
    markdown::{self, Found},
    proofs, size, web,
};

/// How a command that begins like this is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The verb runs it as it is written, in this directory.
    By(&'static str, &'static str),
    /// It is a verb itself.
    Verb,
    /// No verb runs it, for this reason.
    Not(&'static str),
}

use Fate::{By, Not};

/// Commands by their first words. The longest beginning counts.
const FATES: [(&str, Fate); 23] = [
    ("cargo run -p quickstart", By("examples", "")),
    ("cargo run -p redress-std ", By("examples", "")),
    ("cargo run -p redress-core ", By("examples", "")),
    ("cargo run -p redress-embassy ", By("examples", "")),
    ("cargo run -p mqtt-uplink", By("seed", "")),
    ("cargo run -p reload", By("examples", "")),
    ("cargo run -p observability ", By("examples", "")),
    ("cargo run -p tower-proxy", By("tower", "")),
    ("cargo run -p bank", By("seed", "")),
    ("cargo run -q -p bank", By("seed", "")),
    ("cargo run -q -p redress-std ", By("seed", "")),
    ("cargo test -q -p observability ", By("seed", "")),
    ("cargo test -q --workspace --all-features --test classify_servers", By("seed", "")),
    ("cargo build --release -p sensor ", By("firmware", "examples/firmware")),
    ("qemu-system-arm -M microbit ", By("firmware", "examples/firmware")),
    ("qemu-system-arm -M lm3s6965evb ", Not("needs the modem beside it; `firmware` runs both ends")),
    ("modem --script ", Not("needs the emulator beside it; `firmware` runs both ends")),
    ("redress doctor", Not("names the program; `examples` runs it through cargo")),
    ("redress plan", Not("names the program; `examples` runs it through cargo")),
    ("redress simulate", Not("names the program; `guide` runs it for every table")),
    ("redress simulate redress-std/examples/guide.toml ", By("guide", "")),
    (
        "cargo bench",
        Not("takes minutes for times that nobody compares; `clippy` compiles it, `bench` counts instructions"),
    ),
    (
        "cargo run --release --manifest-path tests/bench/Cargo.toml --bin count -- table --write",
        Not("writes this machine's times to tests/BENCH.md; `bench` counts the same rows"),
    ),
];

/// The most lines of a program that a person copies.
const LONGEST: usize = 40;

/// Runs the commands that are this verb's, in the order in which they are written.
pub(crate) fn run_commands(verb: &str) -> Result<()> {
    let mut ran = Vec::new();
    for (_, command) in commands()? {
        if let Some(By(by, directory)) = fate(&command.text)
            && by == verb
            && !ran.contains(&command.text)
        {
            run_line(&command.text, &root().join(directory))?;
            ran.push(command.text);
        }
    }
    if ran.is_empty() {
        bail!("no Markdown file has a command for `{verb}`");
    }
    Ok(())
}

/// Lists all commands with the verbs that run them.
pub(crate) fn verb() -> Result<()> {
    let all = commands()?;
    let mut unknown = Vec::new();
    for (file, Found { line, text }) in &all {
        let place = format!("{}:{line}", file.strip_prefix(root()).unwrap_or(file).display());
        match fate(text) {
            Some(By(verb, _)) => println!("{verb:10} {place}: {text}"),
            Some(Fate::Verb) => println!("itself     {place}: {text}"),
            Some(Not(reason)) => println!("NOT RUN    {place}: {text} ({reason})"),
            None => unknown.push(format!("{place}: {text}")),
        }
    }
    if !unknown.is_empty() {
        bail!("no verb runs these, and tests/xtask/src/readme.rs gives no reason why not:\n{}", unknown.join("\n"));
    }
    let stale = FATES.iter().find(|(begin, _)| !all.iter().any(|(_, command)| command.text.starts_with(begin)));
    if let Some((begin, _)) = stale {
        bail!("tests/xtask/src/readme.rs names a command that no Markdown file has: {begin}");
    }
    let of_readme = |command: &str| all.iter().any(|(file, c)| *file == root().join("README.md") && c.text == command);
    for command in ["cargo run -p quickstart", "cargo xtask test"] {
        if !of_readme(command) {
            bail!("README.md does not have the command `{command}`");
        }
    }
    proofs::check()?;
    examples()?;
    map_of_tests()
}

/// Fails if a test program is not in the map of tests.
fn map_of_tests() -> Result<()> {
    let map = fs::read_to_string(root().join("tests/README.md"))?;
    let mut missing = Vec::new();
    for directory in ["redress-core/tests", "redress-std/tests", "redress-embassy/tests", "tests/tests"] {
        for entry in fs::read_dir(root().join(directory))? {
            let path = entry?.path();
            let is_program =
                path.join("main.rs").is_file() || path.extension().is_some_and(|extension| extension == "rs");
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if is_program && !map.contains(&format!("[`{name}`](")) {
                missing.push(path.strip_prefix(root())?.display().to_string());
            }
        }
    }
    if missing.is_empty() { Ok(()) } else { bail!("tests/README.md has no place for {}", missing.join(", ")) }
}

/// Fails if a program that is there to be copied is not in the map of examples, or is long.
fn examples() -> Result<()> {
    let map = fs::read_to_string(root().join("examples/README.md"))?;
    let mut faults = Vec::new();
    for package in ["redress-core", "redress-std", "redress-embassy"] {
        for entry in fs::read_dir(root().join(package).join("examples"))? {
            let path = entry?.path();
            let name = path.strip_prefix(root())?.display().to_string();
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            if !map.contains(&format!("](../{name})")) {
                faults.push(format!("{name} is not in examples/README.md"));
            }
            let lines = fs::read_to_string(&path)?.lines().count();
            if lines > LONGEST {
                faults.push(format!("{name} has {lines} lines, at most {LONGEST}"));
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { bail!("{}", faults.join("\n")) }
}

/// Returns the commands of all files but the history.
fn commands() -> Result<Vec<(PathBuf, Found)>> {
    let mut all = Vec::new();
    for file in markdown::files()? {
        if file.file_name().is_some_and(|name| name == "CHANGELOG.md") {
            continue;
        }
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        all.extend(markdown::read(&text).commands.into_iter().map(|command| (file.clone(), command)));
    }
    Ok(all)
}

fn fate(command: &str) -> Option<Fate> {
    let words = command.strip_prefix(".ci/run").map(|verbs| format!("xtask ci{verbs}"));
    let words = words.or_else(|| command.strip_prefix("cargo xtask").map(|words| format!("xtask{words}")));
    if let Some(words) = words {
        return xtask(&words);
    }
    let matching = FATES.into_iter().filter(|(begin, _)| command.starts_with(begin));
    matching.max_by_key(|(begin, _)| begin.len()).map(|(_, fate)| fate)
}

/// Returns what this program does with these words; `None` if it does not understand them.
fn xtask(words: &str) -> Option<Fate> {
    match Cli::try_parse_from(words.split_whitespace()) {
        Ok(Cli { verb: Verb::Web { part: Some(web::Part::Serve { .. }) } }) => {
            Some(Not("serves until it is stopped; `web` builds and serves the same page in its tests"))
        }
        Ok(Cli { verb: Verb::Size { part: Some(size::Part::Write), .. } }) => {
            Some(Not("writes the kept table; `size` and `matrix` measure the same and compare"))
        }
        Ok(Cli { verb: Verb::Guide { part: guide::Part::Write } }) => {
            Some(Not("writes the tables of the guide; `guide` plays the same and compares"))
        }
        Ok(Cli { verb: Verb::Bench { part: checks::Bench::Write } }) => {
            Some(Not("writes this machine's times to tests/BENCH.md; `bench` counts the rows of redress"))
        }
        Ok(_) => Some(Fate::Verb),
        Err(error) => {
            matches!(error.kind(), DisplayHelp | DisplayHelpOnMissingArgumentOrSubcommand).then_some(Fate::Verb)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_beginning_counts() {
        assert_eq!(fate("cargo run -p quickstart"), Some(By("examples", "")));
        assert!(matches!(fate("qemu-system-arm -M lm3s6965evb -x"), Some(Not(_))));
        assert_eq!(fate("cargo run -p unheard-of"), None);
    }

    #[test]
    fn own_verbs_are_parsed_as_they_would_be() {
        assert_eq!(fate(".ci/run"), Some(Fate::Verb));
        assert_eq!(fate(".ci/run clippy test"), Some(Fate::Verb));
        assert_eq!(fate("cargo xtask test workspace"), Some(Fate::Verb));
        assert!(matches!(fate("cargo xtask web serve --port 8081"), Some(Not(_))));
        assert!(matches!(fate("cargo xtask size write"), Some(Not(_))));
        assert_eq!(fate("cargo xtask --help"), Some(Fate::Verb));
        assert_eq!(fate(".ci/run no-such-verb"), None);
    }

    #[test]
    fn each_test_program_has_a_place_in_the_map() {
        map_of_tests().unwrap();
    }

    #[test]
    fn verbs_and_directories_are_there() {
        for (begin, fate) in FATES {
            if let By(verb, directory) = fate {
                assert!(Verb::parse(verb).is_ok(), "{verb}");
                assert!(root().join(directory).is_dir(), "{begin}");
            }
        }
    }
}
