//! Redress on bare metal: flash, RAM, stack, instructions; nothing in it can panic.

use std::{
    fs::{self, File},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::{
    bare::Bare,
    cmd::{Process, cmd, read, root, run},
    firmware::emulator,
    provision::{QEMU_ARM, component, ensure},
};

const TARGETS: [&str; 3] = ["thumbv6m-none-eabi", "thumbv7em-none-eabi", "riscv32imc-unknown-none-elf"];
/// Targets whose images run on emulated cores.
const CORES: [&str; 2] = ["thumbv6m-none-eabi", "thumbv7m-none-eabi"];
const NO_PANIC_IMAGES: [&str; 2] = ["no-panic", "no-panic-async"];
const NO_PANIC_TARGETS: [&str; 3] = ["thumbv6m-none-eabi", "thumbv7m-none-eabi", "riscv32imc-unknown-none-elf"];

/// A part of `cargo xtask size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Run clippy
    Lint,
    /// Link the images that must not contain a panic
    NoPanic,
    /// Measure; fail where a bar is missed, a row grew by more than 5 % over the kept table, or planted growth is not seen
    Check,
    /// Measure, and print the table without a check
    Print,
    /// Measure, and write the table to its file
    Write,
}

/// Images that have a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Set {
    /// All parts on three targets, in release: tests/SIZE.md
    #[default]
    Size,
    /// All rows, in other profiles and on other targets: tests/SIZE-MATRIX.md
    Matrix,
}

impl Set {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

fn directory() -> PathBuf {
    root().join("tests/size")
}

/// Runs one part, or the first three.
pub(crate) fn verb(part: Option<Part>, set: Set) -> Result<()> {
    ensure(&[QEMU_ARM])?;
    let mut targets = [&TARGETS[..], &NO_PANIC_TARGETS].concat();
    targets.sort_unstable();
    targets.dedup();
    let bare = Bare::setup(&directory(), &targets)?;
    match part {
        None => {
            lint(&bare)?;
            no_panic(&bare)?;
            table(&bare, "check", set)
        }
        Some(Part::Lint) => lint(&bare),
        Some(Part::NoPanic) => no_panic(&bare),
        Some(Part::Check) => table(&bare, "check", set),
        Some(Part::Print) => table(&bare, "print", set),
        Some(Part::Write) => table(&bare, "write", set),
    }
}

fn lint(bare: &Bare) -> Result<()> {
    if bare.without_clippy() {
        eprintln!("LEFT OUT: clippy on the images, which needs rustup's targets");
        return Ok(());
    }
    component("clippy")?;
    bare.run("clippy", "thumbv6m-none-eabi", "-p board -p images -p no-panic -p runs -- -D warnings")?;
    bare.run("clippy", "thumbv6m-none-eabi", "-p rp2040 -- -D warnings")?;
    bare.run("clippy", "thumbv6m-none-eabi", "-p logged -- -D warnings")?;
    bare.run_host("clippy --locked -p table -- -D warnings")
}

/// Checks that each image links for all targets, and with one `unwrap` in it for none, and for no other reason.
fn no_panic(bare: &Bare) -> Result<()> {
    for target in NO_PANIC_TARGETS {
        for image in NO_PANIC_IMAGES {
            eprintln!("{image} for {target}");
            let words = format!("--release -p no-panic --bin {image}");
            bare.run("build", target, &words)?;
            let with_unwrap = bare.cargo("build", target, &format!("{words} --features unwrap")).output()?;
            if with_unwrap.status.success() {
                bail!("{image} for {target} links with an unwrap in it, so its linking proves nothing");
            }
            let log = String::from_utf8_lossy(&with_unwrap.stderr);
            if !log.contains("undefined symbol: something_in_this_image_can_panic") {
                bail!("{image} for {target}, with an unwrap in it, fails for another reason:\n{log}");
            }
        }
    }
    eprintln!("nothing in the no-panic images can panic; with an unwrap in them, they do not link");
    Ok(())
}

/// Runs images on emulated cores and collects what they print: `target name number` in each line.
fn runs(bare: &Bare) -> Result<PathBuf> {
    let file = bare.artifacts().join("runs");
    let mut lines = String::new();
    for target in CORES {
        eprintln!("runs for {target}");
        bare.run("build", target, "--release -p runs")?;
        let elf = bare.artifacts().join(target).join("release/runs");
        let mut emulator = emulator(target, &elf, "runs", &[]);
        emulator.args(["-serial", "none", "-icount", "shift=0"]).stdout(File::create(&file)?);
        let code = Process::start(&mut emulator)?.wait(Duration::from_secs(60))?;
        if code != 0 {
            bail!("the image of runs for {target} ends with {code}");
        }
        lines.extend(fs::read_to_string(&file)?.lines().map(|line| format!("{target} {line}\n")));
    }
    fs::write(&file, lines)?;
    Ok(file)
}

/// Measures a set of images, and prints, checks or writes its table.
fn table(bare: &Bare, mode: &str, set: Set) -> Result<()> {
    bare.run_host("build --locked -p table")?;
    let table = bare.host_artifacts().join("debug/table").display().to_string();
    let set_name = set.name();
    for build in read(&mut cmd(&table, ["images", &set_name]))?.lines() {
        let (package, target, profile, words) = build_words(build).with_context(|| format!("not a build: {build}"))?;
        eprintln!("{package} for {target}, {profile}");
        bare.run("build", target, &words)?;
    }
    let mut measure = cmd(&table, [mode, &set_name]);
    measure.arg(bare.artifacts());
    if set == Set::Size {
        measure.arg(runs(bare)?);
    }
    run(&mut measure)
}

/// Reads `package target profile image...` and returns the first three, and cargo's words for these images.
fn build_words(line: &str) -> Option<(&str, &str, &str, String)> {
    let mut words = line.split_whitespace();
    let (package, target, profile) = (words.next()?, words.next()?, words.next()?);
    let images: Vec<_> = words.map(|image| format!(" --bin {image}")).collect();
    (!images.is_empty())
        .then(|| (package, target, profile, format!("--profile {profile} -p {package}{}", images.concat())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_names_its_images() {
        let (package, target, profile, words) = build_words("images thumbv6m-none-eabi release loop hand").unwrap();
        assert_eq!((package, target, profile), ("images", "thumbv6m-none-eabi", "release"));
        assert_eq!(words, "--profile release -p images --bin loop --bin hand");
        // Without a name cargo would build all of them.
        assert_eq!(build_words("images thumbv6m-none-eabi release"), None);
    }
}
