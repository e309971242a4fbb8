//! Interleavings: the models of `tests/loom`, and faults in the sources that they must find.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    cmd::{cmd, root, run, target},
    copies,
    planted::replaced_once,
};

/// A fault in a source file, and the model that must find it.
#[derive(Debug, Clone, Copy)]
struct Plant {
    file: &'static str,
    from: &'static str,
    /// What replaces it. `FAULT` holds if the fault is on.
    to: &'static str,
    model: &'static str,
}

/// Each read without a lock made wrong, and the rules that late readings and late results rest on. All are compiled at once.
const PLANTS: [Plant; 15] = [
    Plant {
        file: "redress-core/src/breaker/mod.rs",
        from: "if is_unchanged { left }",
        to: "if is_unchanged || FAULT { left }",
        model: "breaker::rejection",
    },
    Plant {
        file: "redress-core/src/breaker/mod.rs",
        from: "if snapshot.is_open() ||",
        to: "if FAULT || snapshot.is_open() ||",
        model: "breaker::rejection",
    },
    Plant {
        file: "redress-core/src/breaker/mod.rs",
        from: "snapshot.is_open() || !Lock::IS_CONTENDED {",
        to: "(snapshot.is_open() && !FAULT) || !Lock::IS_CONTENDED {",
        model: "breaker::rejection",
    },
    Plant {
        file: "redress-core/src/breaker/permit.rs",
        from: "        if snapshot.admits_all() {\n",
        to: "        if snapshot.admits_all() || FAULT && !snapshot.is_open() {\n",
        model: "breaker::one_probe",
    },
    Plant {
        file: "redress-core/src/breaker/reference.rs",
        from: "if permit.is_closed() && (u32::from(",
        to: "if (permit.is_closed() || FAULT) && (u32::from(",
        model: "breaker::two_successes",
    },
    Plant {
        file: "redress-core/src/breaker/permit.rs",
        from: "if snapshot.state() != BreakerState::Closed {",
        to: "if snapshot.state() != BreakerState::Closed && !FAULT {",
        model: "breaker::late_failure",
    },
    Plant {
        file: "redress-core/src/breaker/failures.rs",
        from: "if !permit.is_none() && !before.is_same_generation(permit) {",
        to: "if !permit.is_none() && !before.is_same_generation(permit) && !FAULT {",
        model: "breaker::lease",
    },
    Plant {
        file: "redress-core/src/breaker/state.rs",
        from: "    pub(super) const fn admits_all(self) -> bool {\n        self.0 & (Self::STATE | Self::SHARES)",
        to: "    pub(super) fn admits_all(self) -> bool {\n        self.0 & (Self::STATE | if FAULT { 0 } else { Self::SHARES })",
        model: "breaker::progressive",
    },
    Plant {
        file: "redress-core/src/breaker/rate/buckets.rs",
        from: "Lock::increment_held(calls);",
        to: "if FAULT { calls.store(calls.load(Relaxed).wrapping_add(1), Relaxed) } else { Lock::increment_held(calls) }",
        model: "breaker::rate_of_both",
    },
    Plant {
        file: "redress-core/src/budget/mod.rs",
        from: "spend: Spend<'_>) {\n        if self.spent.load(Relaxed) != 0 {",
        to: "spend: Spend<'_>) {\n        if (self.spent.load(Relaxed) != 0) != FAULT {",
        model: "budget::success_after_retry",
    },
    Plant {
        file: "redress-core/src/reading.rs",
        from: "if older_since == 0 || waited < 0 {",
        to: "if (older_since == 0 || waited < 0) && !FAULT {",
        model: "budget::clocks_apart",
    },
    Plant {
        file: "redress-core/src/reading.rs",
        from: "                reading.take();\n                continue;\n",
        to: "                reading.take();\n                if FAULT {\n                    break Millis::MAX;\n                }\n                continue;\n",
        model: "budget::crossed_readings_of_a_window",
    },
    Plant {
        file: "redress-core/src/keeper/wake.rs",
        from: "        if is_raised {\n",
        to: "        if is_raised || FAULT {\n",
        model: "others::wake_of_a_keeper",
    },
    Plant {
        file: "redress-std/src/by_key.rs",
        from: "Arc::strong_count(&entry.value) == 1 && ",
        to: "(FAULT || Arc::strong_count(&entry.value) == 1) && ",
        model: "registry::in_use",
    },
    Plant {
        file: "redress-std/src/by_key.rs",
        from: "            return there;\n",
        to: "            if !FAULT {\n                return there;\n            }\n",
        model: "registry::new_key",
    },
];

/// Runs all models, then those that must find a planted fault, each with its fault.
pub(crate) fn verb() -> Result<()> {
    run(&mut cargo("test --locked --test models", &root().join("tests/loom")))?;
    let copy = target().join("loom/planted");
    // Of files that are not there any more, too.
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    for file in sources()? {
        let text = fs::read_to_string(root().join(&file)).with_context(|| file.display().to_string())?;
        copies::write(&copy.join(&file), &planted(&PLANTS, &file, &text)?)?;
    }
    let models = copy.join("tests/loom");
    // Without a fault that is on, the models hold there as well.
    run(cargo("test --locked --quiet --test models -- --exact breaker::one_probe::holds", &models).env_remove(FAULT))?;
    for (number, plant) in PLANTS.iter().enumerate() {
        plant.is_found(number, &models)?;
    }
    println!("{} planted faults, each found by its model", PLANTS.len());
    Ok(())
}

/// The variable that `tests/loom/src/sync.rs` reads.
const FAULT: &str = "LOOM_FAULT";

/// Builds a cargo command in a copy of the models. What they depend on is compiled once for all copies.
fn cargo(words: &str, directory: &Path) -> Command {
    let mut command = cmd("cargo", words.split_whitespace());
    command.current_dir(directory).env("CARGO_TARGET_DIR", target().join("loom"));
    command
}

impl Plant {
    /// Runs the model with the fault, in which it must fail by what it states.
    fn is_found(&self, number: usize, models: &Path) -> Result<()> {
        let test = format!("test --locked --test models {}::holds -- --exact", self.model);
        let output = cargo(&test, models).env(FAULT, number.to_string()).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        if output.status.success() || !said.contains("\nmodel: ") {
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!("{} does not find `{}` in {}:\n{said}{errors}", self.model, self.to, self.file);
        }
        println!("found by {}: `{}` made `{}` in {}", self.model, self.from.trim(), self.to.trim(), self.file);
        Ok(())
    }
}

/// Returns the text of a file with all of its faults in it, each behind its switch.
fn planted(plants: &[Plant], file: &Path, text: &str) -> Result<String> {
    let core = if file.starts_with("redress-core") { "crate" } else { "redress_core" };
    let mut text = text.to_owned();
    for (number, plant) in plants.iter().enumerate().filter(|(_, plant)| Path::new(plant.file) == file) {
        let switch = format!("{core}::sync::has_fault({number})");
        text = replaced_once(&text, plant.from, &plant.to.replace("FAULT", &switch), plant.file, "loom.rs")?;
    }
    Ok(text)
}

/// Lists what the models are compiled from, relative to the repository.
fn sources() -> Result<Vec<PathBuf>> {
    let mut files = vec![PathBuf::from("redress-std/src/by_key.rs")];
    let mut directories = ["redress-core/src", "tests/loom"].map(PathBuf::from).to_vec();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(root().join(&directory))? {
            let entry = entry?;
            let path = directory.join(entry.file_name());
            match entry.file_type()?.is_dir() {
                true if entry.file_name() != "target" => directories.push(path),
                true => {}
                false => files.push(path),
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_can_be_planted() {
        for (number, plant) in PLANTS.iter().enumerate() {
            let text = fs::read_to_string(root().join(plant.file)).unwrap();
            let text = planted(&PLANTS, Path::new(plant.file), &text).unwrap();
            assert!(text.contains(&format!("::sync::has_fault({number})")), "{plant:?}");
        }
        let old = [Plant { from: "no such line", ..PLANTS[0] }];
        assert!(planted(&old, Path::new(old[0].file), "").is_err());
    }
}
