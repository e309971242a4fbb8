//! Counts and times as Markdown tables, written to a page and read from it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use redress_bench::{CONTENDERS, Workload};

use crate::bars::{BARE, BELOW, GROWTH, OURS, bar, hold};
use crate::measure::{FEW, MANY, ROUND, ROUNDS, counted, times};

/// The tables, with their columns.
const TABLES: [(&str, &[Workload]); 4] = [
    (
        "One call, backoff and limit; breaker alone",
        &[
            Workload::FirstTry,
            Workload::ThreeFailures,
            Workload::AsyncFirstTry,
            Workload::AsyncThreeFailures,
            Workload::BlockFirstTry,
            Workload::BlockThreeFailures,
            Workload::BreakerClosed,
            Workload::BreakerOpen,
        ],
    ),
    (
        "With a deadline; the README's first call",
        &[Workload::DeadlineFirstTry, Workload::DeadlineThreeFailures, Workload::ReadmeFirstTry],
    ),
    (
        "Full policy and an observer",
        &[
            Workload::FullFirstTry,
            Workload::FullThreeFailures,
            Workload::FullAsyncFirstTry,
            Workload::FullAsyncThreeFailures,
        ],
    ),
    ("Observers, idle and active", &[Workload::ObservedFirstTry, Workload::ObservedThreeFailures]),
];

/// What one row and column came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) contender: String,
    pub(crate) workload: Workload,
    pub(crate) instructions: u64,
    pub(crate) nanos: f64,
}

/// Counts and times every row, prints the tables, and writes or asserts them.
pub(crate) fn make(write: bool) -> Result<(), String> {
    let rows: Vec<_> = crate::rows().map(|(contender, workload, _)| (contender, workload)).collect();
    let cells = counted(&rows, &times())?;
    let tables = tables(&cells);
    print!("{tables}");
    if !write {
        return hold(&cells, &kept()?);
    }
    // Bars hold also for what is written; the growth is what is accepted by writing.
    hold(&cells, &cells)?;
    fs::write(file(), page(&tables, &crate::threads::tables()))
        .map_err(|error| format!("{}: {error}", file().display()))
}

/// Counts our rows alone, and asserts them. Peers are as they were counted for the kept table.
pub(crate) fn assert() -> Result<(), String> {
    let kept = kept()?;
    let mut cells: Vec<Cell> = kept.iter().filter(|cell| !OURS.contains(&cell.contender.as_str())).cloned().collect();
    let rows = crate::rows().map(|(contender, workload, _)| (contender, workload));
    let rows: Vec<_> = rows.filter(|(contender, _)| OURS.contains(contender)).collect();
    for cell in counted(&rows, &vec![0.0; rows.len()])? {
        println!("{}, {}: {}", cell.contender, cell.workload.name(), cell.instructions);
        cells.push(cell);
    }
    hold(&cells, &kept)
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../BENCH.md")
}

/// The cells of `tests/BENCH.md`.
fn kept() -> Result<Vec<Cell>, String> {
    let page = fs::read_to_string(file()).map_err(|error| format!("{}: {error}", file().display()))?;
    Ok(parse(&page))
}

fn column(workload: Workload) -> String {
    workload.name().replace('_', " ")
}

/// Reads the cells of all tables in a page whose first column is a contender and whose others are workloads.
fn parse(page: &str) -> Vec<Cell> {
    let mut columns = Vec::new();
    let mut cells = Vec::new();
    for line in page.lines() {
        let Some(line) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else { continue };
        let mut fields = line.split('|').map(str::trim);
        let row = fields.next().unwrap_or_default();
        if row == HEAD {
            columns = fields.map(|name| Workload::ALL.into_iter().find(|known| column(*known) == name)).collect();
            continue;
        }
        for (workload, field) in columns.iter().zip(fields) {
            let numbers =
                field.split_once(", ").and_then(|(count, nanos)| Some((count.parse().ok()?, nanos.parse().ok()?)));
            if let (Some(workload), Some((instructions, nanos))) = (*workload, numbers) {
                cells.push(Cell { contender: row.to_owned(), workload, instructions, nanos });
            }
        }
    }
    cells
}

/// The head of the first column.
const HEAD: &str = "instructions, ns";

pub(crate) fn find<'a>(cells: &'a [Cell], contender: &str, workload: Workload) -> Option<&'a Cell> {
    cells.iter().find(|cell| cell.contender == contender && cell.workload == workload)
}

fn tables(cells: &[Cell]) -> String {
    let mut text = String::new();
    for (title, workloads) in TABLES {
        let _ = write!(text, "## {title}\n\n| {HEAD} |");
        for workload in workloads {
            let _ = write!(text, " {} |", column(*workload));
        }
        text.push_str("\n|---|");
        text.push_str(&"--:|".repeat(workloads.len()));
        for contender in CONTENDERS {
            let row: Vec<_> = workloads.iter().map(|workload| find(cells, contender.name, *workload)).collect();
            if row.iter().all(Option::is_none) {
                continue;
            }
            let _ = write!(text, "\n| {} |", contender.name);
            for cell in row {
                let _ = match cell {
                    Some(cell) => write!(text, " {}, {:.1} |", cell.instructions, cell.nanos),
                    None => write!(text, " - |"),
                };
            }
        }
        if workloads.iter().any(|workload| bar(*workload) < u64::MAX) {
            let _ = write!(text, "\n| bar for {} |", OURS[0]);
            for workload in workloads {
                let _ = match bar(*workload) {
                    u64::MAX => write!(text, " - |"),
                    bar => write!(text, " {bar} |"),
                };
            }
        }
        text.push_str("\n\n");
        for workload in workloads {
            let _ = writeln!(text, "- {}: {}", column(*workload), standing(cells, *workload));
        }
        text.push('\n');
    }
    text
}

/// Who takes fewer instructions than the first of our rows, and how many times fewer.
#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn standing(cells: &[Cell], workload: Workload) -> String {
    let Some(ours) = find(cells, OURS[0], workload) else { return "no row".to_owned() };
    let peers = cells.iter().filter(|cell| cell.workload == workload && cell.contender != BARE);
    let peers = peers.filter(|cell| !OURS.contains(&cell.contender.as_str()));
    let ahead: Vec<_> = peers
        .filter(|cell| cell.instructions < ours.instructions)
        .map(|cell| format!("{} ({:.1} times)", cell.contender, ours.instructions as f64 / cell.instructions as f64))
        .collect();
    if ahead.is_empty() { "nobody is ahead".to_owned() } else { format!("ahead: {}", ahead.join(", ")) }
}

fn page(tables: &str, threads: &str) -> String {
    format!(
        "# Overhead

What one call costs, by

```sh
cargo run --release --manifest-path tests/bench/Cargo.toml --bin count -- table --write
```

Each cell is instructions per call (callgrind, {MANY} calls less {FEW}) and nanoseconds per call (median of {ROUNDS}
interleaved rounds of {} ms). Instructions repeat from run to run, times belong to the machine and its other work.

Every row has {} attempts, exponential backoff with jitter from {} ms to {} s, a retry predicate, a sleeper that takes a
`Duration` and returns at once, futures that are ready when polled, and a breaker that opens after {} failures. `no logic` is the
operation and the harness alone, which every other row of its column contains. `hand` has its settings as constants, all
others read theirs from memory the optimiser cannot see into. In the columns `async` the operation is a future that is
ready, in the columns `block` an `async` block or closure.

The deadline and full columns read the real clock. callgrind counts of a clock read only what runs in the process outside the
kernel, so the time shows its price better. An open breaker reads the clock as well, except those of `hand` and
`reliakit`, which are told the time; the other columns read none. mettle and relentless ask their clock for a start even
without a deadline, which the injected one answers from memory there.

The full policy has a deadline, own delays for one class, a breaker, a token bucket that a success refills, and an observer of
every decision. seatbelt has neither bucket nor deadline and tower-resilience no deadline, so they do less; both wait on a clock of
their own that jumps ahead, which is in their figures. The README's first call has redress's defaults (deadline, bucket,
classifier of `io::Error`); `hand, settings` has the same, backon and mettle have only their own.

The row `redress` of the observers' table has none. Idle: the log level is off, tracing has no subscriber, metrics no recorder.
Active: each takes everything and keeps nothing. Threads: each use in a loop, nanoseconds per use of the slower thread, median of
interleaved rounds; `slower` is against one thread, and on two busy cores no less than 1. Failures read a clock that all
threads of a row step on by a millisecond, so that the window has the same number of them on every machine; their row `atomics by
hand` shows what that clock costs.

How often a call reads the clock and takes a lock is counted in [SIZE.md](SIZE.md), in the table of what is measured by running.

`cargo bench` times the same rows with criterion; `count check` verifies calls, sleeps and results of each. `count assert` counts
the rows of redress again and fails where one misses its bar, is not below {} or takes {GROWTH} % more than here;
`count table` does so for all rows, and writes this page with `--write`.

{tables}{threads}",
        ROUND.as_millis(),
        redress_bench::ATTEMPTS,
        redress_bench::BASE.as_millis(),
        redress_bench::CAP.as_secs(),
        redress_bench::THRESHOLD,
        BELOW.join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kept_table_holds_and_any_regression_in_it_is_named() {
        let kept = kept().expect("a page");
        assert!(!hold(&kept, &kept).is_err_and(|broken| broken.contains("kept table")));
        let mut planted = 0;
        for (i, cell) in kept.iter().enumerate().filter(|(_, cell)| OURS.contains(&cell.contender.as_str())) {
            let mut cells = kept.clone();
            cells[i].instructions += cell.instructions * (GROWTH + 1) / 100 + 1;
            let broken = hold(&cells, &kept).expect_err("a regression");
            let named = format!("{}, {}: {} instructions", cell.contender, cell.workload.name(), cells[i].instructions);
            assert!(broken.contains(&named), "{broken}");
            planted += 1;
        }
        assert!(planted >= Workload::ALL.len(), "{planted} rows are ours");
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let kept = kept().expect("a page");
        assert_eq!(parse(&page(&tables(&kept), "")), kept);
    }

    #[test]
    fn a_peer_that_is_ahead_is_named() {
        let cell = |contender: &str, instructions| Cell {
            contender: contender.to_owned(),
            workload: Workload::FirstTry,
            instructions,
            nanos: 1.0,
        };
        let cells = [cell(BARE, 1), cell("hand", 30), cell("backon", 90), cell(OURS[0], 60), cell(OURS[1], 50)];
        assert_eq!(standing(&cells, Workload::FirstTry), "ahead: hand (2.0 times)");
    }
}
