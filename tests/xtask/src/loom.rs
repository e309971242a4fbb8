//! Interleavings: the models of `tests/loom`, and faults in the sources that they must find.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::cmd::{cmd, root, run, target};

/// A fault in a source file, and the model that must find it.
#[derive(Debug, Clone, Copy)]
struct Plant {
    file: &'static str,
    from: &'static str,
    to: &'static str,
    model: &'static str,
}

/// Each read without a lock made wrong, and the rules that late readings and late results rest on.
const PLANTS: [Plant; 15] = [
    Plant {
        file: "redress-core/src/breaker/mod.rs",
        from: "if is_unchanged { left }",
        to: "if is_unchanged || true { left }",
        model: "breaker::rejection",
    },
    Plant {
        file: "redress-core/src/breaker/mod.rs",
        from: "if snapshot.is_open() || !Lock::IS_CONTENDED {",
        to: "if true {",
        model: "breaker::rejection",
    },
    Plant {
        file: "redress-core/src/breaker/mod.rs",
        from: "if snapshot.is_open() || !Lock::IS_CONTENDED {",
        to: "if false {",
        model: "breaker::rejection",
    },
    Plant {
        file: "redress-core/src/breaker/permit.rs",
        from: "        if snapshot.admits_all() {\n",
        to: "        if !snapshot.is_open() {\n",
        model: "breaker::one_probe",
    },
    Plant {
        file: "redress-core/src/breaker/reference.rs",
        from: "if permit.is_closed() && !failure.is_some_and",
        to: "if !failure.is_some_and",
        model: "breaker::two_successes",
    },
    Plant {
        file: "redress-core/src/breaker/permit.rs",
        from: "if snapshot.state() != BreakerState::Closed {",
        to: "if false {",
        model: "breaker::late_failure",
    },
    Plant {
        file: "redress-core/src/breaker/failures.rs",
        from: "if !permit.is_none() && !before.is_same_generation(permit) {",
        to: "if false {",
        model: "breaker::lease",
    },
    Plant {
        file: "redress-core/src/breaker/state.rs",
        from: "self.0 & (Self::STATE | Self::SHARES) == BreakerState::Closed as u32",
        to: "self.0 & Self::STATE == BreakerState::Closed as u32",
        model: "breaker::progressive",
    },
    Plant {
        file: "redress-core/src/breaker/rate/buckets.rs",
        from: "Lock::increment_held(calls);",
        to: "calls.store(calls.load(Relaxed).wrapping_add(1), Relaxed);",
        model: "breaker::rate_of_both",
    },
    Plant {
        file: "redress-core/src/budget/mod.rs",
        from: "if self.spent.load(Relaxed) != 0 {",
        to: "if self.spent.load(Relaxed) == 0 {",
        model: "budget::success_after_retry",
    },
    Plant {
        file: "redress-core/src/reading.rs",
        from: "if older_since == 0 || waited < 0 {",
        to: "if false {",
        model: "budget::clocks_apart",
    },
    Plant {
        file: "redress-core/src/reading.rs",
        from: "                reading.take();\n                continue;\n",
        to: "                reading.take();\n                break Millis::MAX;\n",
        model: "budget::crossed_readings_of_a_window",
    },
    Plant {
        file: "redress-core/src/keeper/wake.rs",
        from: "        if is_raised {\n            self.0.store(false, Relaxed);\n        }\n",
        to: "        self.0.store(false, Relaxed);\n",
        model: "others::wake_of_a_keeper",
    },
    Plant {
        file: "redress-std/src/by_key.rs",
        from: "Arc::strong_count(&entry.value) == 1 && ",
        to: "",
        model: "registry::in_use",
    },
    Plant {
        file: "redress-std/src/by_key.rs",
        from: "            return there;\n",
        to: "            let _ = there;\n",
        model: "registry::new_key",
    },
];

/// Runs all models, then each planted fault.
pub(crate) fn verb() -> Result<()> {
    run(&mut cargo("test --locked --test models", &root().join("tests/loom")))?;
    let copy = target().join("loom/planted");
    // Of files that are not there any more, too.
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    for plant in PLANTS {
        plant.is_found(&copy)?;
    }
    println!("{} planted faults, each found by its model", PLANTS.len());
    Ok(())
}

/// Builds a cargo command in a copy of the models. What they depend on is compiled once for all copies.
fn cargo(words: &str, directory: &Path) -> Command {
    let mut command = cmd("cargo", words.split_whitespace());
    command.current_dir(directory).env("CARGO_TARGET_DIR", target().join("loom"));
    command
}

impl Plant {
    /// Compiles the sources with the fault and runs its model, which must fail by what it states.
    fn is_found(&self, copy: &Path) -> Result<()> {
        for file in sources()? {
            let text = fs::read_to_string(root().join(&file)).with_context(|| file.display().to_string())?;
            let text = if Path::new(self.file) == file { self.planted(&text)? } else { text };
            write_if_changed(&copy.join(&file), &text)?;
        }
        let test = format!("test --locked --test models {}::holds -- --exact", self.model);
        // A fault is found soon, so that compiling takes longer.
        let output = cargo(&test, &copy.join("tests/loom")).env("CARGO_PROFILE_DEV_OPT_LEVEL", "0").output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        if output.status.success() || !said.contains("\nmodel: ") {
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!("{} does not find `{}` in {}:\n{said}{errors}", self.model, self.to, self.file);
        }
        println!("found by {}: `{}` made `{}` in {}", self.model, self.from.trim(), self.to.trim(), self.file);
        Ok(())
    }

    /// Returns a text with the fault in it.
    fn planted(&self, text: &str) -> Result<String> {
        if text.matches(self.from).count() != 1 {
            bail!("{} does not have `{}` once: tests/xtask/src/loom.rs is out of date", self.file, self.from);
        }
        Ok(text.replace(self.from, self.to))
    }
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

/// Writes a file, unless it has these contents, so that cargo sees only what has changed.
fn write_if_changed(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(path, text).with_context(|| path.display().to_string())
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
