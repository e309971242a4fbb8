//! Emulated cores decide as the host does: vectors are chosen, compiled into an image for each core, and played on it.
//!
//! Every image also has to fail with an expectation changed in it.

use std::{fs, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{
    bare::Bare,
    cmd::{Process, cargo, run},
    firmware,
};

/// Targets and the features that choose their boards.
const CORES: [(&str, &str); 3] =
    [("thumbv6m-none-eabi", "microbit"), ("thumbv7m-none-eabi", "lm3s6965"), ("riscv32imc-unknown-none-elf", "virt")];

/// Chooses the vectors, builds the images and runs them.
pub(crate) fn verb() -> Result<()> {
    let bare = firmware::setup()?;
    fs::create_dir_all(bare.host_artifacts())?;
    let table = bare.host_artifacts().join("vectors.rs");
    run(cargo("run -q -p redress-tests --bin tables --").arg(&table))?;
    let image = |verb: &str, target: &str, words: &str| {
        let mut command = bare.cargo(verb, target, words);
        // Nothing is looked up in its debug sections.
        run(command.env("REDRESS_TABLE", &table).env("CARGO_PROFILE_RELEASE_DEBUG", "0"))
    };
    if bare.without_clippy() {
        eprintln!("LEFT OUT: clippy on the image, which needs rustup's targets");
    } else {
        image("clippy", CORES[0].0, &format!("-p vectors --features {} -- -D warnings", CORES[0].1))?;
    }
    for (target, board) in CORES {
        image("build", target, &format!("--release -p vectors --features {board}"))?;
        core(&bare, target)?;
    }
    Ok(())
}

/// Runs the image of a core as it is, and with each of some expectations changed.
fn core(bare: &Bare, target: &str) -> Result<()> {
    let (code, log) = play(bare, target, &[])?;
    for line in log.lines() {
        eprintln!("{target}: {line}");
    }
    if code != 0 {
        bail!("{target}: exit code {code}");
    }
    let values =
        compared(&log).with_context(|| format!("{target}: the image does not say how many values it compared"))?;
    // The first, one of the calls in the middle, one of the delays and budgets at the end.
    for plant in [0, 4321, values.saturating_sub(1)] {
        let (code, log) = play(bare, target, &[&format!("plant={plant}")])?;
        let found: Vec<_> = log.lines().filter(|line| is_difference(line)).collect();
        match found[..] {
            [difference] if code == 1 => eprintln!("{target}: found as planted: {difference}"),
            _ => bail!("{target}: with expectation {plant} changed, exit code {code} and:\n{log}"),
        }
    }
    Ok(())
}

/// Runs an image; returns its exit code and what it prints.
fn play(bare: &Bare, target: &str, words: &[&str]) -> Result<(i32, String)> {
    let elf = bare.artifacts().join(target).join("release/vectors");
    let log = bare.host_artifacts().join("vectors.log");
    let mut emulator = firmware::emulator(target, &elf, "vectors", words);
    emulator.args(["-serial", "none"]).stdout(fs::File::create(&log)?);
    let code = Process::start(&mut emulator)?.wait(Duration::from_secs(60))?;
    Ok((code, fs::read_to_string(log)?))
}

/// Returns the number before `values compared`.
fn compared(log: &str) -> Option<usize> {
    let (before, _) = log.split_once(" values compared")?;
    before.rsplit([' ', '\n']).next()?.parse().ok()
}

/// Says whether a line is `DIFFERS …, item 3: expected …, got …`.
fn is_difference(line: &str) -> bool {
    let rest = line.strip_prefix("DIFFERS ").and_then(|rest| rest.rsplit_once(", item "));
    rest.and_then(|(_, rest)| rest.split_once(": expected ")).is_some_and(|(item, rest)| {
        !item.is_empty() && item.bytes().all(|byte| byte.is_ascii_digit()) && rest.contains(", got ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_values_is_read() {
        assert_eq!(compared("cores\n17 scenarios, 8642 values compared, 0 differ\n"), Some(8642));
        assert_eq!(compared("no such line"), None);
    }

    #[test]
    fn a_difference_names_item_and_values() {
        assert!(is_difference("DIFFERS limits/one, item 12: expected 3, got 4"));
        assert!(!is_difference("DIFFERS limits/one, item x: expected 3, got 4"));
        assert!(!is_difference("DIFFERS limits/one, item 12"));
        assert!(!is_difference("same"));
    }
}
