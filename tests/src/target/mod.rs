//! The table that bare metal plays: vectors chosen to cover everything that a call can decide, as statics.
//!
//! [`choose`] plays every scenario of `vectors/` on the host, with the code that the target runs, holds it against what the
//! vectors expect, and takes those which cover something new. What the vectors do not express (some formulas, token
//! buckets, the cap on hints, several probes, timeouts of attempts) comes from vectors that are changed in that one thing;
//! of these the host says what is expected.

mod convert;
mod cover;
mod literal;
mod record;
mod variants;

use std::{fs, path::Path};

use redress_target::{BudgetVector, DelayVector, Table, Vector};
use serde::de::DeserializeOwned;

pub use cover::{Coverage, REQUIRED};
pub use literal::source;

use crate::{component, scenario::Scenario};

/// How many vectors of whole calls are taken as they stand. The smallest board has flash for no more than a few others.
pub const WANTED: usize = 300;

/// A table, and what it covers.
#[derive(Debug)]
pub struct Chosen {
    /// The table.
    pub table: Table,
    /// What its calls cover.
    pub coverage: Coverage,
    /// How many vectors of whole calls are as they stand in `vectors/`.
    pub unchanged: usize,
}

/// Chooses the vectors of the table from a folder like `tests/vectors`.
///
/// # Errors
///
/// A file that cannot be read, a vector that does not hold, or what no vector covers.
pub fn choose(folder: &Path) -> Result<Chosen, String> {
    let mut candidates = Vec::new();
    for (name, text) in files(folder)? {
        if name.starts_with("named") || name.starts_with("random") {
            for scenario in read::<Scenario>(&name, &text)? {
                candidates
                    .push(record::of_scenario(&scenario).map_err(|why| format!("{name}: {}: {why}", scenario.id))?);
            }
        }
    }
    candidates.sort_by_key(|candidate: &Vector| (record::cost(candidate), candidate.id));
    let variants = variants::of(&candidates)?;
    let mut coverage = Coverage::default();
    let mut vectors = cover::pick(candidates, WANTED, &mut coverage);
    let unchanged = vectors.len();
    for variant in variants {
        coverage.add(&variant);
        vectors.push(variant);
    }
    coverage.complete()?;
    if unchanged < WANTED {
        return Err(format!("{unchanged} vectors, {WANTED} are wanted"));
    }
    let delays = component::<component::Strategy, DelayVector>(folder, "strategies.json", convert::delays)?;
    let budgets = component::<component::Budget, BudgetVector>(folder, "budget.json", convert::budget)?;
    Ok(Chosen { table: Table { vectors: vectors.leak(), delays, budgets }, coverage, unchanged })
}

/// The files of the folder by name, sorted.
fn files(folder: &Path) -> Result<Vec<(String, String)>, String> {
    let unreadable = |error| format!("{}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?));
        }
    }
    files.sort();
    Ok(files)
}

fn read<T: DeserializeOwned>(name: &str, text: &str) -> Result<Vec<T>, String> {
    serde_json::from_str(text).map_err(|error| format!("{name}: {error}"))
}

fn component<T: DeserializeOwned, V>(
    folder: &Path,
    name: &str,
    convert: fn(&T) -> Result<V, String>,
) -> Result<&'static [V], String> {
    let text = fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
    let converted: Result<Vec<V>, String> = read::<T>(name, &text)?.iter().map(convert).collect();
    Ok(converted?.leak())
}
