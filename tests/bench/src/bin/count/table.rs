//! Instructions by callgrind and time by interleaved rounds, as one Markdown table.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use redress_bench::script::Script;
use redress_bench::{CONTENDERS, Work, Workload};

/// The contender which has bars to hold, the peers that it stays below in every column, and the bars. Time has none: it is
/// the machine's as much as the code's.
const OURS: &str = "redress";
const BELOW: [&str; 3] = ["relentless", "failsafe", "recloser"];

const fn bar(workload: Workload) -> u64 {
    match workload {
        Workload::FirstTry => 73,
        Workload::ThreeFailures => 515,
        Workload::AsyncFirstTry => 117,
        Workload::AsyncThreeFailures => 735,
        Workload::BreakerClosed => 35,
        Workload::BreakerOpen => 86,
        Workload::DeadlineFirstTry => 95,
        Workload::DeadlineThreeFailures => 760,
    }
}

/// Two counts, because their difference has neither start-up nor tear-down in it.
const FEW: u64 = 1_000;
const MANY: u64 = 11_000;

const ROUNDS: usize = 41;
const ROUND: Duration = Duration::from_millis(5);

/// What one row and column came to.
struct Cell {
    contender: &'static str,
    workload: Workload,
    instructions: u64,
    nanos: f64,
}

pub(crate) fn make(write: bool, assert: bool) -> Result<(), String> {
    let nanos = times();
    let mut cells = Vec::new();
    for ((contender, workload, _), nanos) in crate::rows().zip(nanos) {
        let instructions = instructions(contender, workload)?;
        cells.push(Cell { contender, workload, instructions, nanos });
    }
    let table = markdown(&cells);
    print!("{table}");
    if write {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../BENCH.md");
        fs::write(&file, page(&table)).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if assert { hold(&cells) } else { Ok(()) }
}

/// Medians in nanoseconds per call, in the order of the rows. Rounds go over all rows in turn, so that a noisy second
/// is shared by all of them.
fn times() -> Vec<f64> {
    struct Timed {
        work: Work,
        script: Script,
        iterations: u64,
        rounds: Vec<f64>,
    }

    let mut rows: Vec<Timed> = crate::rows()
        .map(|(_, workload, work)| {
            let (mut work, script) = (work(), Script::new(workload.failures()));
            let iterations = calibrate(&mut work, &script);
            Timed { work, script, iterations, rounds: Vec::with_capacity(ROUNDS) }
        })
        .collect();
    for _ in 0..ROUNDS {
        for row in &mut rows {
            let spent = time(&mut row.work, &row.script, row.iterations);
            row.rounds.push(per_call(spent, row.iterations));
        }
    }
    rows.into_iter()
        .map(|mut row| {
            row.rounds.sort_by(f64::total_cmp);
            row.rounds[ROUNDS / 2]
        })
        .collect()
}

/// How many calls make a round.
fn calibrate(work: &mut Work, script: &Script) -> u64 {
    let mut iterations = 1_000;
    while time(work, script, iterations) < ROUND {
        iterations = iterations * 3 / 2;
    }
    iterations
}

fn time(work: &mut Work, script: &Script, iterations: u64) -> Duration {
    let start = Instant::now();
    work(script, iterations);
    start.elapsed()
}

#[expect(clippy::cast_precision_loss, reason = "a round has a few million calls")]
fn per_call(spent: Duration, iterations: u64) -> f64 {
    spent.as_secs_f64() * 1e9 / iterations as f64
}

/// Instructions per call, rounded.
fn instructions(contender: &str, workload: Workload) -> Result<u64, String> {
    let few = callgrind(contender, workload, FEW)?;
    let many = callgrind(contender, workload, MANY)?;
    let calls = MANY - FEW;
    Ok((many.saturating_sub(few) + calls / 2) / calls)
}

fn callgrind(contender: &str, workload: Workload, iterations: u64) -> Result<u64, String> {
    let this = env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(this)
        .args(["run", contender, workload.name(), &iterations.to_string()])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    report
        .lines()
        .filter(|_| output.status.success())
        .find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
        .ok_or_else(|| format!("callgrind on {contender}, {}:\n{report}", workload.name()))
}

fn find<'a>(cells: &'a [Cell], contender: &str, workload: Workload) -> Option<&'a Cell> {
    cells.iter().find(|cell| cell.contender == contender && cell.workload == workload)
}

fn markdown(cells: &[Cell]) -> String {
    let mut table = String::from("| instructions, ns |");
    for workload in Workload::ALL {
        let _ = write!(table, " {} |", workload.name().replace('_', " "));
    }
    table.push_str("\n|---|");
    table.push_str(&"--:|".repeat(Workload::ALL.len()));
    for contender in CONTENDERS {
        let _ = write!(table, "\n| {} |", contender.name);
        for workload in Workload::ALL {
            let _ = match find(cells, contender.name, workload) {
                Some(cell) => write!(table, " {}, {:.1} |", cell.instructions, cell.nanos),
                None => write!(table, " - |"),
            };
        }
    }
    let _ = write!(table, "\n| bar for {OURS} |");
    for workload in Workload::ALL {
        let _ = write!(table, " {} |", bar(workload));
    }
    table.push('\n');
    table
}

fn page(table: &str) -> String {
    format!(
        "# Overhead

What one call costs, by

```sh
cargo run --release --manifest-path tests/bench/Cargo.toml --bin count -- table --write
```

Each cell is instructions per call (callgrind, {MANY} calls less {FEW}) and nanoseconds per call (median of {ROUNDS}
interleaved rounds of {} ms). Instructions repeat from run to run, times belong to the machine and its other work.

Every row has {} attempts, exponential backoff with jitter from {} ms to {} s, a retry predicate, a sleeper that returns at
once, futures that are ready at once, and a breaker that opens after {} failures. `no logic` is the operation and the
harness alone, which every other row of its column contains. `hand` has its settings as constants, all others read theirs
from memory the optimiser cannot see into.

The deadline columns read the real clock. callgrind counts of a clock read only what runs in the process outside the
kernel, so the time shows its price better. An open breaker reads the clock as well, except those of `hand` and
`reliakit`, which are told the time; the other columns read none. mettle and relentless ask their clock for a start even
without a deadline, which the injected one answers from memory there.

`cargo bench` times the same rows with criterion; `count check` verifies the calls and sleeps of each; `count table --assert`
holds the row of {OURS} against the bars in the last line and against {}, in instructions.
The bars are what is held today. One loop for every policy costs more instructions where the policy has backoff and limit
only, and fewer where it has a deadline, than a loop made for each.

{table}",
        ROUND.as_millis(),
        redress_bench::ATTEMPTS,
        redress_bench::BASE.as_millis(),
        redress_bench::CAP.as_secs(),
        redress_bench::THRESHOLD,
        BELOW.join(", "),
    )
}

/// Instructions at most the bars, and fewer than those of the peers.
fn hold(cells: &[Cell]) -> Result<(), String> {
    let mut broken = Vec::new();
    for workload in Workload::ALL {
        let bar = bar(workload);
        let Some(ours) = find(cells, OURS, workload) else {
            broken.push(format!("{}: no row of {OURS}", workload.name()));
            continue;
        };
        if ours.instructions > bar {
            broken.push(format!("{}: {} instructions, the bar is {bar}", workload.name(), ours.instructions));
        }
        for peer in BELOW.iter().filter_map(|peer| find(cells, peer, workload)) {
            if ours.instructions >= peer.instructions {
                broken.push(format!(
                    "{}: {} instructions, {} has {}",
                    workload.name(),
                    ours.instructions,
                    peer.contender,
                    peer.instructions
                ));
            }
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n")) }
}
