//! Reports of a fleet as text, as JSON and as lines of seconds.

use std::{
    fmt::{Display, Write},
    time::Duration,
};

use redress_std::simulate::{
    Arrivals, Grouped, Report, RunReport, Scenario, Shared, Span, Spread, Tipping, Unmet, Verdict,
};
use serde_json::{Value, json};

/// Writes the verdicts, a table with a column for each policy, cause and remedy, tipping points.
pub(crate) fn text(reports: &[Report], tipping: Option<Tipping>) -> String {
    let mut text = String::new();
    for report in reports {
        let _ = writeln!(text, "{report}");
        for unmet in report.unmet().iter().filter(|unmet| !matches!(unmet, Unmet::Verdict(_))) {
            let _ = writeln!(text, "  {unmet}");
        }
    }
    let Some(first) = reports.first() else { return text };
    let _ = writeln!(text, "\n{}", setting(&first.scenario));
    text += &table(reports);
    for report in reports {
        if let Some(cause) = report.cause() {
            let _ = writeln!(text, "\n{}: {cause}", report.policy);
        }
    }
    if let Some(tipping) = tipping {
        let _ = writeln!(text, "\n{}", edge(first, tipping));
    }
    text
}

/// Returns a line about the fleet, its server and the event.
fn setting(scenario: &Scenario) -> String {
    let simulated = scenario.simulated_clients();
    let sample = if simulated < scenario.clients {
        format!(" (a sample of {})", Grouped(simulated.into()))
    } else {
        String::new()
    };
    let next = match scenario.calls.next {
        Arrivals::AfterCompletion => "after the one before",
        Arrivals::FixedPhase => "by a timer",
        _ => "at random times",
    };
    let shared = match scenario.shared {
        Shared::Process(clients) => format!("shared by {clients} clients"),
        Shared::Fleet => "shared by all".to_owned(),
        _ => "of each client".to_owned(),
    };
    let queue = scenario.server.queue.map_or("without limit".to_owned(), |queue| Span(queue).to_string());
    let noun = scenario.event.kind.noun().trim_start_matches("the ");
    format!(
        "{noun} of {}: {} clients{sample}, a call every {} {next}; capacity {}/s, queue {queue}, client timeout {}; \
         breaker and budget {shared}",
        Span(scenario.event.lasts),
        Grouped(scenario.clients.into()),
        Span(scenario.calls.every),
        number(scenario.server.capacity_per_second),
        Span(scenario.client_timeout),
    )
}

/// Writes the medians of all runs, with the lowest and highest where they differ.
fn table(reports: &[Report]) -> String {
    let mut rows: Vec<Vec<String>> = vec![Vec::new(); ROWS.len() + 1];
    for report in reports {
        rows[0].push(report.policy.clone());
        for (row, (_, cell)) in rows[1..].iter_mut().zip(ROWS) {
            row.push(cell(report));
        }
    }
    let widths: Vec<usize> = (0..reports.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default())
        .collect();
    let names = [""].into_iter().chain(ROWS.iter().map(|(name, _)| *name));
    names.zip(rows).fold(String::new(), |mut text, (name, row)| {
        let mut line = format!("  {name:24}");
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "  {cell:width$}");
        }
        text += line.trim_end();
        text + "\n"
    })
}

/// Writes a table of medians with a row for each policy.
pub(crate) fn markdown(reports: &[Report]) -> String {
    let mut text = "| policy | stuck runs | load in the event | peak | longest queue | 99 % back after | calls lost | attempts a client |\n\
                    |---|--:|--:|--:|--:|--:|--:|--:|\n"
        .to_owned();
    for report in reports {
        let lost = report.over_runs(|run| long(run.lost_calls) * scale(report, run)).median;
        let back = report.back_after(0.99).map_or("never".to_owned(), |after| Span(after.median).to_string());
        let _ = writeln!(
            text,
            "| {} | {} | {:.2} | {:.2} | {} | {back} | {} | {:.1} |",
            report.policy.replace('|', "\\|"),
            stuck(report),
            report.load().median,
            report.peak().median,
            Span(report.over_runs(|run| run.queue).median),
            number(lost),
            report.over_runs(RunReport::attempts_per_client).median,
        );
    }
    text
}

fn stuck(report: &Report) -> String {
    let share = report.scenario.expect.back;
    let stuck = report.runs.iter().filter(|run| !run.recovers(share)).count();
    format!("{stuck} of {}", report.runs.len())
}

type Row = (&'static str, fn(&Report) -> String);

const ROWS: [Row; 10] = [
    ("load during the event", |report| times(report.load())),
    ("peak", |report| times(report.peak())),
    ("longest queue", |report| spread(report.over_runs(|run| run.queue), |queue| Span(queue).to_string())),
    ("goodput at the end", |report| {
        let goodput = report.over_runs(|run| run.goodput * scale(report, run));
        spread(goodput, |goodput| format!("{}/s", number(goodput)))
    }),
    ("50 % back after", |report| back(report, 0.5)),
    ("99 % back after", |report| back(report, 0.99)),
    ("100 % back after", |report| back(report, 1.0)),
    ("calls lost", |report| {
        let lost = report.over_runs(|run| long(run.lost_calls) * scale(report, run));
        spread(lost, number)
    }),
    ("attempts a client", |report| {
        spread(report.over_runs(RunReport::attempts_per_client), |attempts| format!("{attempts:.1}"))
    }),
    ("stuck runs", stuck),
];

/// Returns how many clients of the fleet one simulated client stands for.
fn scale(report: &Report, run: &RunReport) -> f64 {
    f64::from(report.scenario.clients) / f64::from(run.clients.max(1))
}

fn times(values: Spread<f64>) -> String {
    spread(values, |value| format!("{value:.2}")) + " x capacity"
}

fn back(report: &Report, share: f64) -> String {
    let never = report.runs.iter().filter(|run| run.back_after(share).is_none()).count();
    report.back_after(share).map_or_else(
        || format!("never in {never} of {} runs", report.runs.len()),
        |after| spread(after, |after| Span(after).to_string()),
    )
}

fn spread<T: Copy, D: Display + PartialEq>(values: Spread<T>, show: impl Fn(T) -> D) -> String {
    let [low, median, high] = [values.low, values.median, values.high].map(show);
    if low == high { median.to_string() } else { format!("{median} ({low} to {high})") }
}

/// Returns a line about how far the fleet is from the edge.
fn edge(report: &Report, tipping: Tipping) -> String {
    /// The length of an event that stands for any.
    const ANY: Duration = Duration::from_secs(4 * 3_600);
    let noun = report.scenario.event.kind.noun();
    let longest = match tipping.longest_event {
        Some(longest) if longest >= ANY => format!("{noun} may last 4 h or more"),
        Some(longest) => format!("{noun} may last {}", Span(longest)),
        None => format!("{noun} may not last a second"),
    };
    let least = match tipping.least_capacity {
        Some(capacity) => format!("the capacity must be {}/s or more", number(capacity)),
        None => "16 times the capacity is too little".to_owned(),
    };
    format!("tipping points of {}: {longest}; {least}", report.policy)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn number(value: f64) -> String {
    if value < 100.0 && value.fract() > 0.05 {
        format!("{value:.1}")
    } else {
        Grouped(value.round() as u64).to_string()
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn long(value: u64) -> f64 {
    value as f64
}

/// Writes all figures as one object.
pub(crate) fn json(reports: &[Report], tipping: Option<Tipping>) -> String {
    let reports: Vec<Value> = reports.iter().map(of_report).collect();
    let tipping = tipping.map(|tipping| {
        json!({ "longest_event_s": tipping.longest_event.map(|span| span.as_secs_f64()), "least_capacity_per_second": tipping.least_capacity })
    });
    format!("{:#}\n", json!({ "reports": reports, "tipping_points": tipping }))
}

fn of_report(report: &Report) -> Value {
    let scenario = &report.scenario;
    let verdict = match report.verdict() {
        Verdict::Recovers { .. } => "recovers",
        Verdict::DoesNotRecover { .. } => "does_not_recover",
        Verdict::MayNotRecover { .. } => "may_not_recover",
        _ => "no_verdict",
    };
    let unmet: Vec<String> = report.unmet().iter().map(ToString::to_string).collect();
    json!({
        "policy": report.policy,
        "verdict": verdict,
        "sentence": report.to_string(),
        "unmet": unmet,
        "cause": report.cause().map(|cause| cause.to_string()),
        "clients": scenario.clients,
        "capacity_per_second": scenario.server.capacity_per_second,
        "event": scenario.event.kind.noun().trim_start_matches("the "),
        "event_lasts_s": scenario.event.lasts.as_secs_f64(),
        "runs": report.runs.iter().map(|run| of_run(report, run)).collect::<Vec<_>>(),
    })
}

fn of_run(report: &Report, run: &RunReport) -> Value {
    let back = |share: f64| run.back_after(share).map(|after| after.as_secs_f64());
    let attempts = run.attempts;
    json!({
        "seed": run.seed,
        "clients": run.clients,
        "recovers": run.recovers(report.scenario.expect.back),
        "is_capped": run.is_capped,
        "load": run.load,
        "peak": run.peak,
        "queue_s": run.queue.as_secs_f64(),
        "goodput_per_second": run.goodput,
        "offered_per_second": run.offered,
        "back_50_s": back(0.5),
        "back_99_s": back(0.99),
        "back_100_s": back(1.0),
        "back_at_end": run.back_at_end(),
        "calls": run.calls,
        "lost_calls": run.lost_calls,
        "attempts_per_client": run.attempts_per_client(),
        "attempts": {
            "made": attempts.made,
            "answered": attempts.answered,
            "refused": attempts.refused,
            "rejected": attempts.rejected,
            "late": attempts.late,
            "in_flight": attempts.in_flight,
        },
        "events": run.events,
    })
}

/// Writes a line for each policy, run and second: the data of the picture. Seconds count from the start of the event.
pub(crate) fn csv(reports: &[Report]) -> String {
    let mut text = "policy,seed,second,answered,thrown_away,capacity,back\n".to_owned();
    for report in reports {
        // A name in quotes, in which quotes are doubled.
        let name = format!("\"{}\"", report.policy.replace('"', "\"\""));
        let start = report.scenario.event_start().as_secs();
        for run in &report.runs {
            for (second, at) in run.series.iter().zip(0_i64..) {
                let at = at - i64::try_from(start).unwrap_or(i64::MAX);
                let _ = writeln!(
                    text,
                    "{name},{},{at},{},{},{:.2},{:.4}",
                    run.seed, second.answered, second.thrown_away, second.capacity, second.back
                );
            }
        }
    }
    text
}
