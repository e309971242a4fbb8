//! Firmware images: built, and run on emulated cores.

mod run;

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Result;
use clap::ValueEnum;

use crate::{
    bare::Bare,
    cmd::{cargo, cmd, read, root, run as run_command},
    provision::{Need, QEMU_ARM, QEMU_RISCV, cargo_tool, component, ensure},
    readme,
};

const OBJDUMP: Need =
    Need { programs: &["arm-none-eabi-objdump"], of: "binutils for Arm", packages: &["binutils-arm-none-eabi"] };

/// An image and the target that it is built for.
#[derive(Debug, Clone, Copy)]
struct Image {
    package: &'static str,
    target: &'static str,
}

const IMAGES: [Image; 7] = [
    Image { package: "uplink", target: "thumbv7m-none-eabi" },
    Image { package: "week", target: "thumbv7m-none-eabi" },
    Image { package: "rtic-tasks", target: "thumbv7m-none-eabi" },
    Image { package: "night", target: "thumbv7m-none-eabi" },
    Image { package: "sensor", target: "thumbv6m-none-eabi" },
    Image { package: "interrupts", target: "thumbv6m-none-eabi" },
    Image { package: "riscv-blocking", target: "riscv32imc-unknown-none-elf" },
];

/// A part of `cargo xtask firmware`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Install emulators, targets and the log decoder; nothing changes where they are there
    Setup,
    /// Run clippy on each image's own target
    Lint,
    /// Build the images, in release, and the modem
    Build,
    /// Test the frame protocol on the host
    Test,
    /// Run the images under QEMU; their exit codes decide
    Run,
}

/// Runs the commands of the README, as they are written.
pub(crate) fn commands() -> Result<()> {
    if compiler()?.without_clippy() || env::var_os("CARGO_TARGET_DIR").is_some() {
        eprintln!("LEFT OUT: commands of the README, which need rustup's targets and the usual target directory");
        return Ok(());
    }
    readme::run_commands("firmware")
}

fn directory() -> PathBuf {
    root().join("examples/firmware")
}

/// Runs one part, or all of them in their order.
pub(crate) fn verb(part: Option<Part>) -> Result<()> {
    let Some(part) = part else {
        for part in Part::value_variants() {
            verb(Some(*part))?;
        }
        return commands();
    };
    let bare = if part == Part::Setup { setup()? } else { compiler()? };
    match part {
        Part::Setup => {
            let emulator = read(&mut cmd("qemu-system-arm", ["--version"]))?;
            eprintln!("compiler: {}; {}", bare.name(), emulator.lines().next().unwrap_or_default());
            Ok(())
        }
        Part::Lint => lint(&bare),
        Part::Build => build(&bare),
        Part::Test => bare.run_host("test -q --locked -p frame"),
        Part::Run => run::all(&bare),
    }
}

/// Installs what building and running images needs.
pub(crate) fn setup() -> Result<Bare> {
    ensure(&[QEMU_ARM, QEMU_RISCV, OBJDUMP])?;
    cargo_tool("defmt-print", "defmt-print", "1.2.0")?;
    compiler()
}

fn compiler() -> Result<Bare> {
    let mut targets = IMAGES.map(|image| image.target).to_vec();
    targets.dedup();
    Bare::setup(&directory(), &targets)
}

/// Builds the command that runs an image, with these words as its arguments, on the board of its target.
pub(crate) fn emulator(target: &str, elf: &Path, program: &str, words: &[&str]) -> Command {
    let mut command = match target {
        "thumbv7m-none-eabi" => cmd("qemu-system-arm", ["-M", "lm3s6965evb"]),
        "thumbv6m-none-eabi" => cmd("qemu-system-arm", ["-M", "microbit"]),
        _ => cmd("qemu-system-riscv32", ["-M", "virt", "-bios", "none"]),
    };
    let mut semihosting = format!("enable=on,target=native,arg={program}");
    for word in words {
        semihosting.push_str(",arg=");
        semihosting.push_str(word);
    }
    command.args(["-display", "none", "-monitor", "none", "-semihosting-config", &semihosting, "-kernel"]).arg(elf);
    command.stdin(Stdio::null());
    command
}

fn lint(bare: &Bare) -> Result<()> {
    component("clippy")?;
    bare.run_host("clippy --locked --all-targets -p frame -- -D warnings")?;
    if bare.without_clippy() {
        eprintln!("LEFT OUT: clippy on the images, which needs rustup's targets");
        return Ok(());
    }
    for Image { package, target } in IMAGES {
        bare.run("clippy", target, &format!("-p {package} -p firmware-support -- -D warnings"))?;
    }
    Ok(())
}

fn build(bare: &Bare) -> Result<()> {
    let log = env::var("DEFMT_LOG").unwrap_or("debug".to_owned());
    for Image { package, target } in IMAGES {
        eprintln!("build {package} for {target}");
        run_command(bare.cargo("build", target, &format!("--release -p {package}")).env("DEFMT_LOG", &log))?;
    }
    // It waits for a slow line, so it may be slow itself. Of what it needs, most is there after the workspace's tests.
    run_command(&mut cargo("build --workspace --all-features --bin modem"))
}
