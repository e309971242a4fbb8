//! Runs the mutants that cargo-mutants lists, from one build in which each of them can be switched on.
//!
//! cargo-mutants compiles the workspace once for each mutant, which takes a day. Here all are compiled at once, into a copy of
//! the workspace; a test runs only for the mutants whose code it meets. Mutants of constants, which the compiler evaluates,
//! cannot be switched on; cargo-mutants compiles those one by one.

mod apart;
/// Also of the checks.
#[path = "../../xtask/src/copies.rs"]
mod copies;
mod list;
mod plant;
mod saved;
mod suite;
mod table;
mod tree;

use std::{fs, path::PathBuf, process::ExitCode, thread, time::Duration};

use anyhow::{Context, Result};
use clap::Parser;

use crate::{
    list::Mutant,
    saved::Saved,
    suite::{Suite, Verdict},
    table::{Outcome, Survivors},
    tree::Tree,
};

/// Runs mutants from one build
#[derive(Debug, Parser)]
#[command(name = "redress-mutants")]
struct Cli {
    /// The list of `cargo mutants --list --json`
    list: PathBuf,
    /// The workspace
    #[arg(long)]
    root: PathBuf,
    /// Where the copy is built
    #[arg(long)]
    copy: PathBuf,
    /// Test programs at a time
    #[arg(long)]
    jobs: Option<usize>,
    /// Leave out tests that take longer than so many seconds, which can only leave more mutants alive
    #[arg(long, default_value = "600")]
    longest: u64,
    /// Run only those that the runs before have not killed, if the mutated files are the same
    #[arg(long)]
    iterate: bool,
    /// Leave out what has to be compiled one by one
    #[arg(long)]
    quick: bool,
    /// Write the figures into tests/MUTANTS.md
    #[arg(long)]
    write: bool,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    let list = fs::read_to_string(&cli.list).with_context(|| cli.list.display().to_string())?;
    let mutants: Vec<Mutant> = serde_json::from_str(&list)?;
    println!("{} mutants", mutants.len());
    if mutants.is_empty() {
        return Ok(());
    }
    let survivors = Survivors::read(&cli.root)?;
    let file = cli.copy.with_extension("json");
    let mut saved = Saved::read(&file, &cli.root, &mutants)?;
    let tree = Tree { root: &cli.root, copy: cli.copy.clone(), words: words(&cli.root)? };
    let built = tree.build(&mutants, &saved.unviable(&mutants))?;
    for number in &built.unviable {
        saved.take(&mutants[number - 1], Verdict::Unviable);
    }
    let settled = |mutant: &Mutant| saved.of(mutant).filter(|verdict| cli.iterate || *verdict == Verdict::Unviable);
    let open: Vec<usize> = (1..=mutants.len()).filter(|number| settled(&mutants[number - 1]).is_none()).collect();
    let (constant, switched): (Vec<usize>, Vec<usize>) =
        open.iter().partition(|number| built.constant.contains(number));
    println!("{} mutants to run", open.len());
    let jobs = cli.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let suite = Suite::trace(built.programs, &cli.copy.join("target"), jobs, Duration::from_secs(cli.longest))?;
    let judged = suite.judge(&switched, jobs, |number, verdict| {
        let mutant = &mutants[number - 1];
        match verdict {
            Verdict::Missed => println!("not noticed: {mutant}"),
            Verdict::Unmet => println!("met by no test: {mutant}"),
            Verdict::Caught | Verdict::Late | Verdict::Unviable => {}
        }
    })?;
    let settled = mutants.iter().filter_map(|mutant| Some((mutant, settled(mutant)?)));
    let mut all: Vec<(&Mutant, Verdict)> = settled.collect();
    all.extend(switched.iter().map(|number| &mutants[number - 1]).zip(judged));
    let constant: Vec<&Mutant> = constant.iter().map(|number| &mutants[number - 1]).collect();
    let one_by_one = if cli.quick { 0 } else { constant.len() };
    if cli.quick {
        println!("LEFT OUT: {} mutants that have to be compiled one by one", constant.len());
    } else {
        let judged = apart::judge(&cli.root, &cli.copy.with_extension("apart"), &constant)?;
        all.extend(constant.iter().copied().zip(judged));
    }
    for (mutant, verdict) in &all {
        saved.take(mutant, *verdict);
    }
    let tests_left_out = saved.leave_out(&suite.left_out);
    saved.write(&file)?;
    let outcome = Outcome { all, not_run: constant.len() - one_by_one, tests_left_out };
    if cli.write {
        table::write(&cli.root, &outcome.table(&survivors))?;
    }
    outcome.check(&survivors)
}

/// Returns what `.cargo/mutants.toml` tells cargo besides.
fn words(root: &std::path::Path) -> Result<Vec<String>> {
    #[derive(serde::Deserialize)]
    struct Config {
        additional_cargo_args: Vec<String>,
        additional_cargo_test_args: Vec<String>,
    }
    let path = root.join(".cargo/mutants.toml");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let config: Config = toml::from_str(&text)?;
    Ok([config.additional_cargo_args, config.additional_cargo_test_args].concat())
}
