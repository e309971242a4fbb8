//! Faults that checks must find. Each is planted into a copy of the sources, in which its check must fail by what it states.
//!
//! Checks that bring their own faults are not here: `loom`, `fuzz`, `size no-panic`, `target`.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::{
    cmd::{cmd, root, target},
    copies, supply,
};

/// A fault in a file of the repository.
#[derive(Debug, Clone, Copy)]
struct Plant {
    file: &'static str,
    from: &'static str,
    to: &'static str,
    check: Check,
    /// What the check must say.
    says: &'static str,
}

/// A check that must notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Check {
    Soak,
    Untrusted,
    Locks,
    Deny,
    Msrv,
}

const PLANTS: [Plant; 16] = [
    Plant {
        file: "redress-std/src/tokio.rs",
        from: "Box::pin(time::sleep(Duration::from_nanos(ticks)))",
        to: "{ std::mem::forget(Box::new(0_u8)); Box::pin(time::sleep(Duration::from_nanos(ticks))) }",
        check: Check::Soak,
        says: "memory is held",
    },
    Plant {
        file: "redress-core/src/call/end.rs",
        from: "if self.permit.is_half_open() {",
        to: "if false && self.permit.is_half_open() {",
        check: Check::Soak,
        says: "CircuitOpen",
    },
    Plant {
        file: "redress-core/src/call/end.rs",
        from: "if !site.is_observed() {",
        to: "if !site.is_observed() || self.machine.attempt() == 3 {",
        check: Check::Soak,
        says: "observers are told of each end, once",
    },
    Plant {
        file: "redress-core/src/reading.rs",
        from: "if older_since == 0 || waited < 0 {",
        to: "if true {",
        check: Check::Soak,
        says: "ready after",
    },
    Plant {
        file: "redress-core/src/budget/mod.rs",
        from: "let is_enough = spent <= full(capacity);",
        to: "let is_enough = spent <= full(capacity).saturating_add(TOKEN);",
        check: Check::Soak,
        says: "tokens of the bucket",
    },
    Plant {
        file: "redress-std/src/observe/text.rs",
        from: "const LONGEST: usize = 256;",
        to: "const LONGEST: usize = 65_536;",
        check: Check::Untrusted,
        says: "an_error_of_100_mb_is_a_line_of_256_characters",
    },
    Plant {
        file: "redress-std/src/observe/text.rs",
        from: "_ if misleads(character) =>",
        to: "_ if misleads(character) && character != '\\n' =>",
        check: Check::Untrusted,
        says: "no_error_forges_a_line_of_the_log",
    },
    Plant {
        file: "redress-std/src/said.rs",
        from: "if text.len() > left { Err(fmt::Error) } else { Ok(()) }",
        to: "Ok(())",
        check: Check::Untrusted,
        says: "an_error_of_100_mb_is_classified_by_its_beginning",
    },
    Plant {
        file: "redress-std/src/chain.rs",
        from: ".take(MAX_LINKS)",
        to: ".take(100 * MAX_LINKS)",
        check: Check::Untrusted,
        says: "causes_in_a_circle_are_looked_at_a_few_times",
    },
    Plant {
        file: "redress-core/src/classify/name/output.rs",
        from: "const LIMIT: u16 = 512;",
        to: "const LIMIT: u16 = 2_048;",
        check: Check::Untrusted,
        says: "a_name_of_a_kilobyte_is_no_name",
    },
    Plant {
        file: "redress-std/src/observe/metrics.rs",
        from: "\"outcome\" => outcome, \"class\" => name(event.class)",
        to: "\"outcome\" => outcome, \"class\" => event.attempt.to_string()",
        check: Check::Untrusted,
        says: "no_error_is_a_label_of_a_metric",
    },
    Plant {
        file: "tests/loom/Cargo.toml",
        from: "heapless = \"0.9\"",
        to: "heapless = \"0.8\"",
        check: Check::Locks,
        says: "tests/loom/Cargo.lock is out of date",
    },
    Plant { file: "deny.toml", from: "    \"MIT\",\n", to: "", check: Check::Deny, says: "licenses FAILED" },
    Plant {
        file: "deny.toml",
        from: "allow-registry = [\"https://github.com/rust-lang/crates.io-index\"]",
        to: "allow-registry = []",
        check: Check::Deny,
        says: "sources FAILED",
    },
    Plant {
        file: "deny.toml",
        from: "[bans]\n",
        to: "[bans]\ndeny = [\"heapless\"]\n",
        check: Check::Deny,
        says: "bans FAILED",
    },
    Plant {
        // Stable since Rust 1.89.
        file: "redress-core/src/lib.rs",
        from: "\npub mod backoff;\n",
        to: "\npub mod backoff;\nconst _: fn(Result<Result<u8, u8>, u8>) -> Result<u8, u8> = Result::flatten;\n",
        check: Check::Msrv,
        says: "result_flattening",
    },
];

/// Plants each fault of these checks in turn, or of all.
pub(crate) fn verb(checks: &[Check]) -> Result<()> {
    let copy = target().join("planted/tree");
    for file in copies::files(root())? {
        copies::write(&copy.join(&file), fs::read(root().join(&file))?)?;
    }
    let mut found = 0;
    for check in Check::value_variants() {
        if !checks.is_empty() && !checks.contains(check) {
            continue;
        }
        check.prepare()?;
        if let Err(said) = check.run(&copy)? {
            bail!("{check:?} fails without a fault:\n{said}");
        }
        for plant in PLANTS.iter().filter(|plant| plant.check == *check) {
            plant.is_found(&copy)?;
            found += 1;
        }
    }
    println!("{found} planted faults, each found");
    Ok(())
}

impl Plant {
    fn is_found(&self, copy: &Path) -> Result<()> {
        let text = fs::read_to_string(root().join(self.file)).with_context(|| self.file.to_owned())?;
        let file = copy.join(self.file);
        fs::write(&file, self.planted(&text)?)?;
        let output = self.check.run(copy)?;
        fs::write(&file, text)?;
        match output {
            Err(said) if said.contains(self.says) => {
                println!(
                    "found by {:?}: `{}` made `{}` in {}",
                    self.check,
                    self.from.trim(),
                    self.to.trim(),
                    self.file
                );
                Ok(())
            }
            Err(said) => bail!("{:?} does not say {:?} of {self:?}:\n{said}", self.check, self.says),
            Ok(()) => bail!("{:?} does not find {self:?}", self.check),
        }
    }

    /// Returns a text with the fault in it.
    fn planted(&self, text: &str) -> Result<String> {
        replaced_once(text, self.from, self.to, self.file, "planted.rs")
    }
}

impl Check {
    /// Gets what the check needs besides the sources.
    fn prepare(self) -> Result<()> {
        match self {
            Self::Deny => supply::deny_tool(),
            Self::Msrv => supply::oldest_toolchain().map(drop),
            Self::Soak | Self::Untrusted | Self::Locks => Ok(()),
        }
    }

    /// Runs the check in the copy. If it fails, what it says.
    fn run(self, copy: &Path) -> Result<Result<(), String>> {
        let mut commands = match self {
            Self::Soak => vec![cargo("test --locked -p redress-tests --test soak", copy)],
            Self::Untrusted => {
                vec![cargo("test --locked -p redress-std --features log,metrics --test untrusted", copy)]
            }
            Self::Locks => return Ok(supply::check_locks(copy).map_err(|error| format!("{error:#}"))),
            Self::Deny => vec![supply::deny_offline(copy, "")],
            Self::Msrv => supply::msrv_checks(copy)?,
        };
        for command in &mut commands {
            let output = command.env("CARGO_TARGET_DIR", target().join("planted")).output()?;
            if !output.status.success() {
                let said = [output.stdout, output.stderr].concat();
                return Ok(Err(String::from_utf8_lossy(&said).into_owned()));
            }
        }
        Ok(Ok(()))
    }
}

/// Returns the text of a file with `to` in place of `from`, which must stand there once; else the `list` of faults is out of date.
pub(crate) fn replaced_once(text: &str, from: &str, to: &str, file: &str, list: &str) -> Result<String> {
    if text.matches(from).count() != 1 {
        bail!("{file} does not have `{from}` once: tests/xtask/src/{list} is out of date");
    }
    Ok(text.replace(from, to))
}

fn cargo(words: &str, copy: &Path) -> Command {
    let mut command = cmd("cargo", words.split_whitespace());
    command.current_dir(copy);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_can_be_planted() {
        for plant in PLANTS {
            let text = fs::read_to_string(root().join(plant.file)).unwrap();
            assert_ne!(plant.planted(&text).unwrap(), text);
        }
        assert!(Plant { from: "no such line", ..PLANTS[0] }.planted("").is_err());
    }
}
