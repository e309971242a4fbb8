//! Everything that must hold before a change lands, from a clean checkout, on a fresh machine.
//!
//! `cargo xtask --help` lists the verbs; each has `--help` of its own. Artifacts go to the usual target directories; what is
//! built of a package alone, without the features that others of the workspace ask of its dependencies, to target/alone.

#![expect(clippy::doc_markdown, reason = "the documentation of the command line is its help")]

mod bare;
mod checks;
mod cmd;
mod copies;
mod docs;
mod firmware;
mod fuzz;
mod guide;
mod links;
mod loom;
mod markdown;
mod mutants;
mod package;
mod planted;
mod proofs;
mod provision;
mod readme;
mod size;
mod supply;
mod target;
mod test;
mod web;

use std::{env, path::Path, process::ExitCode, time::Instant};

use anyhow::{Context, Error, Result};
use clap::{Parser, Subcommand};

/// Builds, tests and measures redress; installs what a fresh machine lacks
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 120)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run checks in turn and stop at the first that fails: all of them, or those that are named
    ///
    /// `.ci/run` calls this. Not all verbs run by default: `test` includes vendors, target, firmware and web, `matrix` takes ten
    /// minutes, and `guide` some.
    Ci {
        /// Verbs to run, all checks if none is named
        #[arg(value_parser = |name: &str| Verb::parse(name).map(|_| name.to_owned()))]
        checks: Vec<String>,
    },
    /// Check the formatting of all workspaces
    Fmt,
    /// Run clippy on all packages of the workspace, all targets, all features
    Clippy,
    /// Build the documentation without warnings, as docs.rs does: items that need a feature have its badge
    Doc,
    /// Check links and anchors in all Markdown files, without a network
    Links,
    /// List the commands in all Markdown files with the verbs that run them; fails if a command has neither verb nor reason, or
    /// if a table of proofs names what is not there
    Readme,
    /// Run all tests to the last one, also after a failure, and print a table
    ///
    /// Servers, emulators and a browser are installed where the distribution has apt; elsewhere the table says what to
    /// install. Suites that are left out are in the table as well.
    Test {
        /// Suites to run, all if none is named
        suites: Vec<test::Suite>,
    },
    /// Test classifiers of crates that take long to build, before SQLite, MariaDB, Mosquitto and TLS servers
    Vendors,
    /// Try every interleaving of what threads share, then plant faults in the sources, each of which a model must find
    Loom,
    /// Fuzz parsers and models, guided by coverage, all targets together for so many seconds
    Fuzz {
        /// Seconds for all targets together
        #[arg(default_value = "120")]
        seconds: u64,
        /// A target of tests/fuzz, all if none is named
        #[arg(long)]
        target: Vec<String>,
        /// Keep the inputs that add coverage in tests/fuzz/corpus, and the figures in tests/FUZZ.md
        #[arg(long)]
        keep: bool,
    },
    /// Run everything that goes wrong together: an hour of virtual time, a minute of threads
    Soak {
        /// Keep the figures in tests/SOAK.md
        #[arg(long)]
        keep: bool,
    },
    /// Plant faults in a copy of the sources, each of which its check must find; takes minutes
    Planted {
        /// Checks to plant faults for, all if none is named
        checks: Vec<planted::Check>,
    },
    /// Change the decision modules, one change at a time, each of which a test must notice; takes minutes for all of them
    Mutants {
        /// Files to change, all decision modules if none is named
        files: Vec<String>,
        /// Only what has changed since this commit, or since the branch left it
        #[arg(long)]
        since: Option<String>,
        /// What tests/mutants is told: `--iterate`, `--quick`, `--longest SECONDS`, `--write`
        #[arg(last = true)]
        options: Vec<String>,
    },
    /// Check that the lock file of each workspace is as its manifests ask
    Locks,
    /// Check licences, sources and versions of all dependencies, and advisories; needs a network
    Deny,
    /// Compile what is published with the oldest compiler that the manifests promise; needs a network
    Msrv,
    /// Compare what is public with the last release, once there is one; needs a network
    Semver,
    /// Check each feature alone and in pairs
    Features,
    /// Build core without an operating system: Cortex-M0, Cortex-M3, RISC-V
    Bare,
    /// Check that core is as short and as plain as it should be: lines, files, conditions on the target, steps of a failure
    Shape,
    /// Hold instructions per call to their bars
    Bench {
        /// One part
        #[arg(default_value = "check")]
        part: checks::Bench,
    },
    /// Run the README's quickstart and examples, a policy file that is loaded again, the example file through doctor and plan
    Examples,
    /// Run the proxy of examples/tower before a server with every fault
    Tower,
    /// Play the vectors on emulated cores, which must decide as the host does
    Target,
    /// Build firmware images and run them on emulated cores
    ///
    /// CARGO_TARGET_DIR is where artifacts go, by default examples/firmware/target; FIRMWARE_LOGS where logs go, by default
    /// target/firmware-logs. FIRMWARE_COMPILER is rustup or debian, by default the first of the two that has the targets.
    Firmware {
        /// One part; all in this order if none is named
        part: Option<firmware::Part>,
    },
    /// Test redress and the example page in a headless Chromium, as WASM
    ///
    /// Without a part: setup, lint, build, test. CARGO_TARGET_DIR is where artifacts go, by default examples/web/target;
    /// WEB_SHOTS where screenshots go, by default target/web. FIRMWARE_COMPILER is as for `firmware`.
    Web {
        #[command(subcommand)]
        part: Option<web::Part>,
    },
    /// Hold flash, RAM and stack to their bars and to tests/SIZE.md, and prove that nothing panics
    ///
    /// Without a part: lint, no-panic, check. CARGO_TARGET_DIR is where artifacts go, by default tests/size/target.
    /// FIRMWARE_COMPILER is as for `firmware`.
    Size {
        /// One part
        part: Option<size::Part>,
        /// The images that are measured
        #[arg(default_value = "size")]
        set: size::Set,
    },
    /// Hold flash of all shapes in all profiles and on all targets to tests/SIZE-MATRIX.md; takes ten minutes
    Matrix,
    /// Run the simulations of redress-std/src/simulate/guide.md, whose tables must be what they print; takes some minutes
    Guide {
        /// One part
        #[arg(default_value = "check")]
        part: guide::Part,
    },
    /// Run every command of tests/SEED.md, the bank on a PostgreSQL of its own, the uplink on a Mosquitto
    Seed,
    /// Pack all published packages and run their tests from the archives
    Package {
        /// Compile the libraries from the archives, but not their tests
        #[arg(long)]
        pack_only: bool,
    },
}

/// Checks that are left to those who name them, and the workflow: they take minutes or hours, or need a network.
#[cfg(test)]
const APART: [&str; 8] = ["guide", "matrix", "soak", "planted", "mutants", "deny", "msrv", "semver"];

/// Checks that `ci` runs if none is named, in this order. `test` runs vendors, target, firmware and web.
const CHECKS: [&str; 18] = [
    "fmt",
    "links",
    "readme",
    "locks",
    "clippy",
    "doc",
    "test",
    "loom",
    "fuzz",
    "features",
    "bare",
    "shape",
    "bench",
    "examples",
    "tower",
    "size",
    "seed",
    "package --pack-only",
];

impl Verb {
    /// Reads a verb and its arguments.
    fn parse(name: &str) -> Result<Self, String> {
        match Cli::try_parse_from(["xtask"].into_iter().chain(name.split_whitespace())) {
            Ok(Cli { verb: Self::Ci { .. } }) | Err(_) => {
                Err(format!("no such verb; these are checks: {}", CHECKS.join(" ")))
            }
            Ok(Cli { verb }) => Ok(verb),
        }
    }

    fn run(self, this_program: &Path) -> Result<()> {
        match self {
            Self::Ci { checks } => ci(&checks, this_program),
            Self::Fmt => checks::fmt(),
            Self::Clippy => checks::clippy(),
            Self::Doc => docs::verb(this_program),
            Self::Links => links::verb(),
            Self::Readme => readme::verb(),
            Self::Test { suites } => test::verb(&suites),
            Self::Vendors => checks::vendors(),
            Self::Loom => loom::verb(),
            Self::Fuzz { seconds, target, keep } => fuzz::verb(seconds, &target, keep),
            Self::Soak { keep } => checks::soak(keep),
            Self::Planted { checks } => planted::verb(&checks),
            Self::Mutants { files, since, options } => mutants::verb(&files, since.as_deref(), &options),
            Self::Locks => supply::locks(),
            Self::Deny => supply::deny(),
            Self::Msrv => supply::msrv(),
            Self::Semver => supply::semver(),
            Self::Features => checks::features(),
            Self::Bare => bare::verb(),
            Self::Shape => checks::shape(),
            Self::Bench { part } => checks::bench(part),
            Self::Examples => checks::examples(),
            Self::Tower => checks::tower(),
            Self::Target => target::verb(),
            Self::Firmware { part } => firmware::verb(part),
            Self::Web { part } => web::verb(part),
            Self::Size { part, set } => size::verb(part, set),
            Self::Matrix => size::verb(Some(size::Part::Check), size::Set::Matrix),
            Self::Guide { part } => guide::verb(part),
            Self::Seed => checks::seed(),
            Self::Package { pack_only } => package::verb(pack_only),
        }
    }
}

fn ci(checks: &[String], this_program: &Path) -> Result<()> {
    let checks = if checks.is_empty() { CHECKS.map(str::to_owned).to_vec() } else { checks.to_vec() };
    for check in &checks {
        println!("\n== {check} ==");
        let start = Instant::now();
        let verb = Verb::parse(check).map_err(Error::msg)?;
        verb.run(this_program).with_context(|| format!("{check} failed after {} s", start.elapsed().as_secs()))?;
        println!("-- {check}: {} s", start.elapsed().as_secs());
    }
    println!("\nall of: {}", checks.join(" "));
    Ok(())
}

fn main() -> ExitCode {
    let result = if env::var_os(docs::AS_RUSTDOC).is_some() {
        docs::as_rustdoc()
    } else {
        // Before anything is built: cargo puts a new file in the place of this program's.
        env::current_exe().map_err(Error::from).and_then(|this_program| Cli::parse().verb.run(&this_program))
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn each_check_is_a_verb_and_each_verb_is_checked() {
        for name in CHECKS.into_iter().chain(APART) {
            assert!(Verb::parse(name).is_ok(), "{name}");
        }
        let suites = ["vendors", "target", "firmware", "web"];
        for verb in Cli::command().get_subcommands() {
            let name = verb.get_name();
            assert!(
                name == "ci"
                    || APART.contains(&name)
                    || suites.contains(&name)
                    || CHECKS.iter().any(|check| check.split(' ').next() == Some(name)),
                "{name} is in no list"
            );
            assert!(verb.get_about().is_some(), "{name} has no help");
        }
    }

    #[test]
    fn the_workflow_runs_each_check_in_full() {
        let workflow = std::fs::read_to_string(cmd::root().join(".github/workflows/ci.yml")).unwrap();
        let (_, list) = workflow.split_once("        verb:\n").unwrap();
        let verbs = list.lines().map_while(|line| line.strip_prefix("          - "));
        let mut wanted: Vec<_> =
            CHECKS.iter().filter_map(|check| check.split(' ').next()).filter(|verb| *verb != "test").collect();
        wanted.extend(APART.iter().filter(|verb| **verb != "mutants"));
        let mut verbs: Vec<_> = verbs.collect();
        wanted.sort_unstable();
        verbs.sort_unstable();
        assert_eq!(verbs, wanted);
        assert!(workflow.contains("      - run: cargo xtask test\n"));
        assert!(workflow.contains("      - run: cargo xtask mutants --since "));
        // Each line is understood, with what GitHub puts into it.
        let lines = workflow.lines().filter_map(|line| line.trim().strip_prefix("- run: cargo xtask "));
        let mut understood = 0;
        for line in lines.map(|line| line.replace("${{ github.base_ref }}", "main")) {
            let each = if line.contains("matrix.verb") { &wanted[..] } else { &["no matrix"] };
            for verb in each {
                let words = line.replace("${{ matrix.verb }}", verb);
                assert!(Verb::parse(&words).is_ok(), "{words}");
                understood += 1;
            }
        }
        assert_eq!(understood, wanted.len() + 2);
    }

    #[test]
    fn what_is_no_verb_is_refused() {
        assert!(Verb::parse("no-such-verb").unwrap_err().contains(" seed "));
        assert!(Verb::parse("ci").is_err());
        assert!(Cli::try_parse_from(["xtask", "ci", "no-such-verb"]).is_err());
    }
}
