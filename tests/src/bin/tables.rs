//! Writes the table of vectors that bare metal plays: `cargo run -p redress-tests --bin tables -- FILE`.
//!
//! Prints what it covers; fails where something is not covered or a vector does not hold on the host.

use std::{env, fs, path::Path, process::ExitCode};

use redress_target::Table;
use redress_tests::target;

fn main() -> ExitCode {
    let Some(file) = env::args().nth(1) else {
        eprintln!("usage: tables FILE");
        return ExitCode::from(2);
    };
    match write(Path::new(&file)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn write(file: &Path) -> Result<(), String> {
    let chosen = target::choose(&Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors"))?;
    let Table { vectors, delays, budgets } = chosen.table;
    let (covered, pairs) = chosen.coverage.counts();
    println!(
        "{} vectors of calls ({} as they stand, {} changed in one thing), {} of delays, {} of budgets",
        vectors.len(),
        chosen.unchanged,
        vectors.len() - chosen.unchanged,
        delays.len(),
        budgets.len()
    );
    println!("{covered} things covered, {pairs} pairs of them");
    // An image is not built again for the table that it has.
    let source = target::source(&chosen.table);
    if fs::read_to_string(file).is_ok_and(|before| before == source) {
        return Ok(());
    }
    fs::write(file, source).map_err(|error| format!("{}: {error}", file.display()))
}
