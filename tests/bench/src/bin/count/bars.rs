//! What the rows of redress may take.

use redress_bench::Workload;

use crate::table::{Cell, find};

/// The rows that have bars to hold, that of the columns first.
pub(crate) const OURS: [&str; 13] = [
    "redress",
    "redress, rates of calls",
    "redress, rates",
    "redress, rates, clock in memory",
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
pub(crate) const BELOW: [&str; 3] = ["relentless", "failsafe", "recloser"];

/// But for these, which the tables name as ahead.
const AHEAD: [(&str, Workload); 1] = [("relentless", Workload::BlockFirstTry)];
/// Rows that are no peers: what every other row contains.
pub(crate) const BARE: &str = "no logic";

/// By how much a count of the kept table may be exceeded, in percent.
pub(crate) const GROWTH: u64 = 5;

/// The instructions that the first row may take.
pub(crate) const fn bar(workload: Workload) -> u64 {
    match workload {
        Workload::FirstTry => 70,
        Workload::ThreeFailures => 475,
        Workload::AsyncFirstTry => 131,
        Workload::AsyncThreeFailures => 670,
        Workload::BreakerClosed => 31,
        Workload::BreakerOpen => 86,
        Workload::DeadlineFirstTry => 95,
        Workload::DeadlineThreeFailures => 725,
        Workload::FullFirstTry => 203,
        Workload::FullThreeFailures => 1270,
        Workload::FullAsyncFirstTry => 280,
        Workload::FullAsyncThreeFailures => 1510,
        // Held by the kept table alone.
        _ => u64::MAX,
    }
}

/// What a call through a closed breaker that counts rates may take, the clock's own cost left out.
const RATES: (Workload, u64, [&str; 2]) =
    (Workload::BreakerClosed, 60, ["redress, rates of calls", "redress, rates, clock in memory"]);

/// Our rows: instructions at most the bars and the kept ones with their growth, and fewer than those of the peers.
pub(crate) fn hold(cells: &[Cell], kept: &[Cell]) -> Result<(), String> {
    let mut broken = Vec::new();
    let (rated, bar_of_rates, rows) = RATES;
    for cell in rows.iter().filter_map(|row| find(cells, row, rated)) {
        if cell.instructions > bar_of_rates {
            broken.push(format!("{}: {} instructions, the bar is {bar_of_rates}", cell.contender, cell.instructions));
        }
    }
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
