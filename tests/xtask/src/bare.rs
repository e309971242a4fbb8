//! Compilers for targets other than the host, and core built for targets without an operating system.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{
    cmd::{cargo, cmd, find, root, run},
    firmware,
    provision::{add_target, apt, has_target},
};

/// A compiler that has what a set of targets needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compiler {
    /// The one in the search path, with rustup's libraries.
    Rustup,
    /// Debian's, which builds the library from its sources.
    Debian,
}

/// A workspace that is built for other targets.
#[derive(Debug)]
pub(crate) struct Bare {
    directory: PathBuf,
    target_dir: PathBuf,
    compiler: Compiler,
}

/// `rustup` or `debian`; the first of the two that has the targets if the variable is not set.
const CHOICE: &str = "FIRMWARE_COMPILER";

impl Bare {
    /// Finds a compiler for these targets, or installs one.
    ///
    /// Artifacts go to `CARGO_TARGET_DIR`, by default to `target` in the directory.
    pub(crate) fn setup(directory: &Path, targets: &[&str]) -> Result<Self> {
        let choice = env::var(CHOICE).ok();
        if choice.as_deref().is_none_or(|choice| choice == "rustup") {
            for target in targets {
                add_target(target);
            }
        }
        let compiler = match choice.as_deref() {
            Some("debian") => Compiler::Debian,
            Some("rustup") => Compiler::Rustup,
            Some(other) => anyhow::bail!("{CHOICE} is {other}; it must be rustup or debian"),
            None if targets.iter().all(|target| has_target(target)) => Compiler::Rustup,
            None => Compiler::Debian,
        };
        let linker = if targets.iter().any(|target| is_wasm(target)) { "wasm-ld-19" } else { "ld.lld-19" };
        if compiler == Compiler::Debian && !has_debian(linker) {
            apt(&["rustc-web", "cargo-web", "rust-web-src", "lld-19"])?;
        }
        let target_dir = env::var_os("CARGO_TARGET_DIR").map_or_else(|| directory.join("target"), |t| root().join(t));
        Ok(Self { directory: directory.to_owned(), target_dir, compiler })
    }

    /// Returns the same compiler and target directory for another workspace.
    pub(crate) fn of(&self, directory: &Path) -> Self {
        Self { directory: directory.to_owned(), target_dir: self.target_dir.clone(), compiler: self.compiler }
    }

    /// Says whether the compiler is Debian's. Clippy knows only rustup's targets.
    pub(crate) fn without_clippy(&self) -> bool {
        self.compiler == Compiler::Debian
    }

    pub(crate) fn name(&self) -> &'static str {
        match self.compiler {
            Compiler::Rustup => "rustup",
            Compiler::Debian => "debian",
        }
    }

    /// Returns the target directory of the host's programs in this workspace.
    pub(crate) fn host_artifacts(&self) -> &Path {
        &self.target_dir
    }

    /// Returns the target directory. Two compilers in one would undo each other's work, so the second has its own.
    pub(crate) fn artifacts(&self) -> PathBuf {
        match self.compiler {
            Compiler::Rustup => self.target_dir.clone(),
            Compiler::Debian => self.target_dir.join("debian"),
        }
    }

    /// Builds a cargo command for a target.
    pub(crate) fn cargo(&self, verb: &str, target: &str, words: &str) -> Command {
        let program = match self.compiler {
            Compiler::Rustup => "cargo",
            Compiler::Debian => "/usr/bin/cargo",
        };
        let mut command = cmd(program, [verb, "--locked", "--target", target]);
        if self.compiler == Compiler::Debian {
            command.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
            if is_wasm(target) {
                command
                    .arg("-Zbuild-std=std,panic_abort")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-19");
            } else {
                command.arg("-Zbuild-std=core").env("RUSTFLAGS", "-C linker-flavor=ld.lld -C linker=ld.lld-19");
            }
        }
        command.args(words.split_whitespace()).current_dir(&self.directory).env("CARGO_TARGET_DIR", self.artifacts());
        command
    }

    /// Runs cargo for a target, with words separated by spaces.
    pub(crate) fn run(&self, verb: &str, target: &str, words: &str) -> Result<()> {
        run(&mut self.cargo(verb, target, words))
    }

    /// Builds a cargo command for the host.
    pub(crate) fn host(&self, words: &str) -> Command {
        let mut command = cargo(words);
        command.current_dir(&self.directory).env("CARGO_TARGET_DIR", &self.target_dir);
        command
    }

    /// Runs cargo for the host.
    pub(crate) fn run_host(&self, words: &str) -> Result<()> {
        run(&mut self.host(words))
    }
}

fn is_wasm(target: &str) -> bool {
    target.starts_with("wasm32")
}

fn has_debian(linker: &str) -> bool {
    Path::new("/usr/bin/cargo").is_file()
        && Path::new("/usr/lib/rustlib/src/rust/library/core").is_dir()
        && find(linker).is_some()
}

/// Builds core and derived classes for targets without an operating system.
pub(crate) fn verb() -> Result<()> {
    let firmware = firmware::setup()?;
    let bare = firmware.of(root());
    for target in ["thumbv6m-none-eabi", "thumbv7m-none-eabi", "riscv32imc-unknown-none-elf"] {
        bare.run("build", target, "-p redress-core --lib --release")?;
    }
    bare.run("build", "thumbv6m-none-eabi", "-p redress-macros-bare --release")
}
