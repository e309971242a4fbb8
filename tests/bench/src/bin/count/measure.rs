//! Instructions by callgrind and time by interleaved rounds.

use std::env;
use std::process::Command;
use std::time::{Duration, Instant};

use redress_bench::script::Script;
use redress_bench::{Work, Workload};

use crate::table::Cell;

/// Two counts, because their difference has neither start-up nor tear-down in it.
pub(crate) const FEW: u64 = 1_000;
pub(crate) const MANY: u64 = 11_000;

pub(crate) const ROUNDS: usize = 41;
pub(crate) const ROUND: Duration = Duration::from_millis(5);

/// Counts the instructions of these rows, several at a time: how long that takes does not change them.
pub(crate) fn counted(rows: &[(&str, Workload)], nanos: &[f64]) -> Result<Vec<Cell>, String> {
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

/// Medians in nanoseconds per call, in the order of the rows. Rounds go over all rows in turn, so that a noisy second
/// is shared by all of them.
pub(crate) fn times() -> Vec<f64> {
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
