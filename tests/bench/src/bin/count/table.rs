//! Instructions by callgrind and time by interleaved rounds, as Markdown tables.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use redress_bench::script::Script;
use redress_bench::{CONTENDERS, Work, Workload};

/// The rows that have bars to hold, that of the columns first.
const OURS: [&str; 12] = [
    "redress",
    "redress, rates of calls",
    "redress, rates",
    "redress, context per call",
    "redress, SharedPolicy",
    "redress, closure",
    "redress, LogObserver idle",
    "redress, LogObserver active",
    "redress, TracingObserver idle",
    "redress, TracingObserver active",
    "redress, MetricsObserver idle",
    "redress, MetricsObserver active",
];
/// Peers that the first row stays below in every column.
const BELOW: [&str; 3] = ["relentless", "failsafe", "recloser"];

/// But for these, which the tables name as ahead.
const AHEAD: [(&str, Workload); 1] = [("relentless", Workload::BlockFirstTry)];
/// Rows that are no peers: what every other row contains.
const BARE: &str = "no logic";

/// By how much a count of the kept table may be exceeded, in percent.
const GROWTH: u64 = 5;

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

/// The instructions that the first row may take.
const fn bar(workload: Workload) -> u64 {
    match workload {
        Workload::FirstTry => 73,
        Workload::ThreeFailures => 515,
        Workload::AsyncFirstTry => 133,
        Workload::AsyncThreeFailures => 680,
        Workload::BreakerClosed => 35,
        Workload::BreakerOpen => 86,
        Workload::DeadlineFirstTry => 95,
        Workload::DeadlineThreeFailures => 760,
        // Held by the kept table alone.
        _ => u64::MAX,
    }
}

/// Two counts, because their difference has neither start-up nor tear-down in it.
const FEW: u64 = 1_000;
const MANY: u64 = 11_000;

const ROUNDS: usize = 41;
const ROUND: Duration = Duration::from_millis(5);

/// What one row and column came to.
#[derive(Clone, Debug, PartialEq)]
struct Cell {
    contender: String,
    workload: Workload,
    instructions: u64,
    nanos: f64,
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

/// Counts the instructions of these rows, several at a time: how long that takes does not change them.
fn counted(rows: &[(&str, Workload)], nanos: &[f64]) -> Result<Vec<Cell>, String> {
    const AT_A_TIME: usize = 4;
    let mut counts = Vec::new();
    for rows in rows.chunks(AT_A_TIME) {
        let chunk: Result<Vec<u64>, String> = std::thread::scope(|scope| {
            let counting: Vec<_> = rows
                .iter()
                .map(|&(contender, workload)| scope.spawn(move || instructions(contender, workload)))
                .collect();
            counting.into_iter().map(|count| count.join().map_err(|_| "a count panicked".to_owned())?).collect()
        });
        counts.extend(chunk?);
    }
    let cells = rows.iter().zip(counts).zip(nanos);
    Ok(cells
        .map(|(((contender, workload), instructions), nanos)| Cell {
            contender: (*contender).to_owned(),
            workload: *workload,
            instructions,
            nanos: *nanos,
        })
        .collect())
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

/// Medians in nanoseconds per call, in the order of the rows. Rounds go over all rows in turn, so that a noisy second
/// is shared by all of them.
fn times() -> Vec<f64> {
    struct Timed {
        work: Work,
        script: &'static Script,
        iterations: u64,
        rounds: Vec<f64>,
    }

    let mut rows: Vec<Timed> = crate::rows()
        .map(|(_, workload, work)| {
            let (mut work, script) = (work(), Script::new(workload.failures()).leak());
            let iterations = calibrate(&mut work, script);
            Timed { work, script, iterations, rounds: Vec::with_capacity(ROUNDS) }
        })
        .collect();
    for _ in 0..ROUNDS {
        for row in &mut rows {
            let spent = time(&mut row.work, row.script, row.iterations);
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
fn calibrate(work: &mut Work, script: &'static Script) -> u64 {
    let mut iterations = 1_000;
    while time(work, script, iterations) < ROUND {
        iterations = iterations * 3 / 2;
    }
    iterations
}

fn time(work: &mut Work, script: &'static Script, iterations: u64) -> Duration {
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

/// Our rows: instructions at most the bars and the kept ones with their growth, and fewer than those of the peers.
fn hold(cells: &[Cell], kept: &[Cell]) -> Result<(), String> {
    let mut broken = Vec::new();
    for workload in Workload::ALL {
        let name = workload.name();
        let Some(ours) = find(cells, OURS[0], workload) else {
            broken.push(format!("{name}: no row of {}", OURS[0]));
            continue;
        };
        let bar = bar(workload);
        if ours.instructions > bar {
            broken.push(format!("{name}: {} instructions, the bar is {bar}", ours.instructions));
        }
        for peer in BELOW.iter().filter_map(|peer| find(cells, peer, workload)) {
            let is_known = AHEAD.contains(&(peer.contender.as_str(), workload));
            if ours.instructions >= peer.instructions && !is_known {
                let (ours, peer, theirs) = (ours.instructions, &peer.contender, peer.instructions);
                broken.push(format!("{name}: {ours} instructions, {peer} has {theirs}"));
            }
        }
        for row in OURS {
            match (find(cells, row, workload), find(kept, row, workload)) {
                (Some(now), Some(before))
                    if now.instructions > before.instructions + before.instructions * GROWTH / 100 =>
                {
                    let (now, before) = (now.instructions, before.instructions);
                    broken.push(format!("{row}, {name}: {now} instructions, the kept table has {before}"));
                }
                (Some(_), None) => broken.push(format!("{row}, {name}: not in the kept table, write it")),
                (None, Some(_)) => broken.push(format!("{row}, {name}: in the kept table alone")),
                _ => {}
            }
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n")) }
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
