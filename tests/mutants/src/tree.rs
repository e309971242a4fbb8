//! A copy of the workspace in which every mutant is there, and its test programs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{
    copies,
    list::Mutant,
    plant::{Numbered, Planted, plant},
};

/// What is compiled into core of the copy.
const SWITCH: &str = include_str!("switch.rs.txt");

const LIBRARY: &str = "redress-core/src/lib.rs";

/// What became of the mutants in one build.
#[derive(Debug)]
pub(crate) struct Built {
    /// Test programs, with the directory that they run in.
    pub(crate) programs: Vec<Program>,
    pub(crate) unviable: BTreeSet<usize>,
    /// Mutants that cannot be switched on, because their code is run by the compiler.
    pub(crate) constant: BTreeSet<usize>,
}

/// A test program.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) directory: PathBuf,
}

/// The copy.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    pub(crate) root: &'a Path,
    pub(crate) copy: PathBuf,
    /// What cargo is told besides: packages, tests, features.
    pub(crate) words: Vec<String>,
}

impl Tree<'_> {
    /// Copies the workspace, plants mutants and compiles, until all that compile are left. Some are known not to.
    pub(crate) fn build(&self, mutants: &[Mutant], unviable: &BTreeSet<usize>) -> Result<Built> {
        let mut files: BTreeMap<&str, Vec<Numbered<'_>>> = BTreeMap::new();
        for (number, mutant) in mutants.iter().enumerate() {
            files.entry(&mutant.file).or_default().push((number + 1, mutant));
        }
        self.copy_sources(|file| files.contains_key(file) || file == LIBRARY)?;
        let (mut unviable, mut constant) = (unviable.clone(), BTreeSet::new());
        loop {
            let mut planted = BTreeMap::new();
            for (file, mutants) in &files {
                let text = fs::read_to_string(self.root.join(file)).with_context(|| (*file).to_owned())?;
                let is =
                    if file.starts_with("redress-core/") { "crate::mutant::is" } else { "redress_core::mutant::is" };
                let left: Vec<_> = mutants.iter().copied().filter(|(number, _)| !unviable.contains(number)).collect();
                let of_file = plant(&text, &left, is)?;
                constant.extend(&of_file.constant);
                unviable.extend(&of_file.invalid);
                copies::write(&self.copy.join(file), &of_file.text)?;
                planted.insert((*file).to_owned(), of_file);
            }
            self.add_switch()?;
            let errors = match self.compile()? {
                Ok(programs) => return Ok(Built { programs, unviable, constant }),
                Err(errors) => errors,
            };
            let before = unviable.len();
            for (file, line) in &errors {
                unviable.extend(planted.get(file).into_iter().flat_map(|planted| at_line(planted, *line)));
            }
            println!("{} mutants do not compile", unviable.len());
            if unviable.len() == before {
                bail!(
                    "the copy in {} does not compile, for a reason that is no mutant: {errors:?}",
                    self.copy.display()
                );
            }
        }
    }

    /// Copies what git knows, so that the sources of this run are left alone.
    fn copy_sources(&self, is_planted: impl Fn(&str) -> bool) -> Result<()> {
        let planted = |file: &PathBuf| file.to_str().is_some_and(&is_planted);
        for file in copies::files(self.root)?.into_iter().filter(|file| !planted(file)) {
            copies::write(&self.copy.join(&file), fs::read(self.root.join(&file))?)?;
        }
        Ok(())
    }

    fn add_switch(&self) -> Result<()> {
        copies::write(&self.copy.join("redress-core/src/mutant.rs"), SWITCH)?;
        let library = fs::read_to_string(self.root.join(LIBRARY))?;
        let library = format!(
            "#![feature(core_intrinsics, const_eval_select)]\n#![allow(internal_features)]\n{library}\n#[doc(hidden)]\n\
             pub mod mutant;\n"
        );
        copies::write(&self.copy.join(LIBRARY), &library)
    }

    /// Compiles the tests. Returns the programs, or file and line of each error.
    fn compile(&self) -> Result<Result<Vec<Program>, Vec<(String, usize)>>> {
        let output = Command::new("cargo")
            .args(["test", "--no-run", "--message-format=json", "--no-fail-fast"])
            .args(&self.words)
            .current_dir(&self.copy)
            .env("CARGO_TARGET_DIR", self.copy.join("target"))
            // The switch asks whether the compiler runs it, which is no stable question. Warnings are of no interest.
            .env("RUSTC_BOOTSTRAP", "redress_core")
            .env("RUSTFLAGS", "--cap-lints=allow")
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_PROFILE_TEST_DEBUG", "0")
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let (mut programs, mut errors) = (Vec::new(), Vec::new());
        for line in said.lines().filter(|line| line.starts_with('{')) {
            let message: Value = serde_json::from_str(line)?;
            if let Some(path) = message["executable"].as_str().filter(|_| message["profile"]["test"] == true) {
                let manifest = Path::new(message["manifest_path"].as_str().context("no manifest")?);
                let directory = manifest.parent().context("no directory")?.to_owned();
                programs.push(Program { path: path.into(), directory });
            }
            if message["message"]["level"] == "error" {
                errors.extend(places(&message["message"]));
            }
        }
        if output.status.success() {
            return Ok(Ok(programs));
        }
        if errors.is_empty() {
            bail!("cargo failed:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(Err(errors))
    }
}

/// Returns the mutants whose lines have this one.
fn at_line(planted: &Planted, line: usize) -> impl Iterator<Item = usize> {
    planted.lines.iter().filter(move |(lines, _)| lines.contains(&line)).map(|(_, number)| *number)
}

/// Returns file and line of an error, from each span that is to blame.
fn places(message: &Value) -> Vec<(String, usize)> {
    let spans = message["spans"].as_array().into_iter().flatten();
    let primary = spans.filter(|span| span["is_primary"] == true);
    primary
        .filter_map(|span| {
            let file = span["file_name"].as_str()?.to_owned();
            Some((file, usize::try_from(span["line_start"].as_u64()?).ok()?))
        })
        .collect()
}
