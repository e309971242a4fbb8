//! What became of each mutant in the runs before, as long as the mutated files are the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{list::Mutant, suite::Verdict};

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// Of the texts of all mutated files.
    sources: u64,
    verdicts: BTreeMap<String, Verdict>,
    /// Tests that some run has left out.
    #[serde(default)]
    left_out: BTreeSet<String>,
}

impl Saved {
    /// Reads the verdicts of the run before; none if a mutated file has changed.
    pub(crate) fn read(path: &Path, root: &Path, mutants: &[Mutant]) -> Result<Self> {
        let sources = hash(root, mutants)?;
        let saved: Self =
            fs::read_to_string(path).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        Ok(if saved.sources == sources { saved } else { Self { sources, ..Self::default() } })
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, serde_json::to_string(self)?).with_context(|| path.display().to_string())
    }

    /// Returns the verdict on a mutant, if it needs no other: more tests do not bring it to life.
    pub(crate) fn of(&self, mutant: &Mutant) -> Option<Verdict> {
        let verdict = self.verdicts.get(&mutant.name).copied();
        verdict.filter(|verdict| matches!(verdict, Verdict::Caught | Verdict::Late | Verdict::Unviable))
    }

    /// Returns the numbers of the mutants that do not compile, from 1.
    pub(crate) fn unviable(&self, mutants: &[Mutant]) -> BTreeSet<usize> {
        let numbered = (1..).zip(mutants);
        numbered.filter(|(_, mutant)| self.of(mutant) == Some(Verdict::Unviable)).map(|(number, _)| number).collect()
    }

    /// Takes the tests that a run has left out. Returns how many some run has.
    pub(crate) fn leave_out(&mut self, tests: &[String]) -> usize {
        self.left_out.extend(tests.iter().cloned());
        self.left_out.len()
    }

    pub(crate) fn take(&mut self, mutant: &Mutant, verdict: Verdict) {
        self.verdicts.insert(mutant.name.clone(), verdict);
    }
}

fn hash(root: &Path, mutants: &[Mutant]) -> Result<u64> {
    let files: BTreeSet<&str> = mutants.iter().map(|mutant| &*mutant.file).collect();
    let mut hasher = DefaultHasher::new();
    for file in files {
        fs::read(root.join(file)).with_context(|| file.to_owned())?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}
