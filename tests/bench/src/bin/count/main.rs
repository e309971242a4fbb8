//! Counts what the workloads cost.
//!
//! - `count check`: every contender makes the calls and sleeps it should, and none else.
//! - `count table [--write]`: the tables of `tests/BENCH.md`, printed and held against bars and kept figures, or written there.
//! - `count threads`: the tables of two threads alone.
//! - `count assert`: the rows of redress alone, held against the same.
//! - `count run <contender> <workload> <iterations>`: one workload and nothing else, for callgrind.

use std::process::ExitCode;

use redress_bench::{CONTENDERS, Work, Workload, script::Script};

mod bars;
mod check;
mod measure;
mod table;
mod threads;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        ["run", contender, workload, iterations] => run(contender, workload, iterations),
        ["check"] => check::all(),
        ["table"] => table::make(false),
        ["table", "--write"] => table::make(true),
        ["assert"] => table::assert(),
        ["threads"] => {
            print!("{}", threads::tables());
            Ok(())
        }
        _ => {
            Err("usage: count check | table [--write] | threads | assert | run <contender> <workload> <iterations>"
                .into())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(contender: &str, workload: &str, iterations: &str) -> Result<(), String> {
    let contender = CONTENDERS.iter().find(|known| known.name == contender).ok_or("no such contender")?;
    let workload = Workload::ALL.into_iter().find(|known| known.name() == workload).ok_or("no such workload")?;
    let work = contender.work(workload).ok_or("the contender has no such workload")?;
    let iterations = iterations.parse().map_err(|_| "iterations are a number")?;
    work()(Script::new(workload.failures()).leak(), iterations);
    Ok(())
}

/// Every workload that some contender has.
fn rows() -> impl Iterator<Item = (&'static str, Workload, fn() -> Work)> {
    CONTENDERS.iter().flat_map(|contender| {
        Workload::ALL
            .into_iter()
            .filter_map(|workload| contender.work(workload).map(|work| (contender.name, workload, work)))
    })
}
