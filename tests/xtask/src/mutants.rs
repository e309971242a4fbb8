//! Changes to the decision modules that a test must notice: cargo-mutants with `.cargo/mutants.toml`.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::{
    cmd::{cmd, read, run, target},
    provision::cargo_tool,
};

/// Runs the mutants of these files, of a change since a commit, or all.
pub(crate) fn verb(files: &[String], since: Option<&str>) -> Result<()> {
    cargo_tool("cargo-mutants", "cargo-mutants", "27.1.0")?;
    let directory = target().join("mutants");
    fs::create_dir_all(&directory)?;
    let mut mutants = cmd("cargo", ["mutants", "--no-shuffle", "--colors", "never", "--output"]);
    mutants.arg(&directory);
    for file in files {
        // By name, which begins with the file: `--file` would add to the files of the configuration.
        mutants.arg("--re").arg(format!("^{}:", file.replace('.', r"\.")));
    }
    if let Some(since) = since {
        let diff = directory.join("change.diff");
        fs::write(&diff, read(&mut cmd("git", ["diff", since, "--", "*.rs"]))? + "\n")?;
        mutants.arg("--in-diff").arg(&diff);
    }
    let result = run(&mut mutants);
    let of = |list: &str| -> Result<usize> {
        let path = directory.join("mutants.out").join(list).with_extension("txt");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(text.lines().count())
    };
    let (caught, missed, late, unviable) = (of("caught")?, of("missed")?, of("timeout")?, of("unviable")?);
    let (killed, viable) = (caught + late, caught + late + missed);
    println!("{killed} of {viable} viable mutants killed ({late} by time), {unviable} do not compile");
    // A run that ends early, as for want of a compiler, tells nothing.
    if viable == 0 {
        return if since.is_some() && result.is_ok() {
            Ok(())
        } else {
            result.and_then(|()| bail!("no mutant was viable"))
        };
    }
    if killed * 100 < viable * 97 {
        bail!(
            "less than 97 % of the mutants were killed; those that were not are in {}",
            directory.join("mutants.out/missed.txt").display()
        );
    }
    Ok(())
}
