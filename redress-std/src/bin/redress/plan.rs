//! `redress plan`.

use std::{fmt::Write, path::PathBuf};

use clap::builder::PossibleValuesParser;
use redress_std::{
    ErrorClass, Millis, StopReason,
    file::{BudgetSettings, PolicyConfig, PolicyFile, printable},
    lint::Severity,
};

use crate::{
    Failure, Report, line, names, plot, read,
    schedule::{Call, Group, MOST, RUNS, Schedule, seconds},
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The policy file.
    file: PathBuf,
    /// The policy to plan; all of them if it is left out.
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// How the attempts fail; every class that is retried if it is left out.
    #[arg(long, value_parser = PossibleValuesParser::new(ErrorClass::ALL.map(ErrorClass::as_str)))]
    class: Option<String>,
    /// How long an attempt takes to fail, in milliseconds.
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    attempt_ms: u32,
    /// The Retry-After of the server, in milliseconds.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    retry_after_ms: Option<u32>,
    /// The share of attempts that fail, from 0 to 1, for the figures of load.
    #[arg(long, value_name = "SHARE", default_value = "0.1", value_parser = failure_rate, allow_negative_numbers = true)]
    failure_rate: f64,
    /// How many attempts to list.
    #[arg(long, value_name = "N", default_value_t = 12, allow_negative_numbers = true)]
    rows: usize,
    /// Writes the schedule of one policy as an SVG image.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

fn failure_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&rate) { Ok(rate) } else { Err("must be from 0 to 1".to_owned()) }
}

pub(crate) fn run(args: &Args) -> Report {
    let file = read(&args.file)?;
    let chosen: Vec<&str> = match &args.policy {
        Some(name) => vec![name.as_str()],
        None => file.iter().map(|(name, _)| name).collect(),
    };
    if args.svg.is_some() && chosen.len() > 1 {
        return Err(Failure::Other(format!("--svg shows one policy, give --policy: one of {}", names(&file))));
    }
    // A policy that contradicts itself has no schedule. Others of the file do not matter.
    let mut errors = if args.policy.is_some() {
        chosen.iter().flat_map(|name| file.findings_of(name)).collect()
    } else {
        file.findings()
    };
    errors.retain(|finding| finding.severity == Severity::Error);
    if !errors.is_empty() {
        return Ok((errors.iter().map(|error| line(&args.file, error)).collect(), false));
    }
    let mut text = String::new();
    for name in chosen {
        let Some(config) = file.get(name) else {
            return Err(Failure::Other(format!("no policy named {name}: one of {}", names(&file))));
        };
        let groups = groups(args, config)?;
        text += &report(args, &file, name, config, &groups);
        if let Some(path) = &args.svg {
            let svg = plot::svg(name, config, &groups, args.rows)
                .map_err(|error| Failure::Other(format!("cannot plot: {error}")))?;
            std::fs::write(path, svg).map_err(|error| Failure::Other(format!("{}: {error}", path.display())))?;
        }
    }
    Ok((text, true))
}

fn groups(args: &Args, config: &PolicyConfig) -> Result<Vec<Group>, Failure> {
    let wrong = |error: redress_std::ConfigError| Failure::Other(error.to_string());
    let mut groups: Vec<(Vec<&str>, Schedule)> = Vec::new();
    // Transient first: it is what most failures are.
    let classes = ErrorClass::ALL.into_iter().filter(|class| match &args.class {
        Some(name) => class.as_str() == name,
        None => class.is_retryable() || config.retry.limits.get(*class).is_some_and(|limit| limit > 0),
    });
    let mut classes: Vec<ErrorClass> = classes.collect();
    classes.sort_by_key(|class| *class != ErrorClass::Transient);
    for class in classes {
        let call =
            Call { class, attempt: Millis::new(args.attempt_ms), retry_after: args.retry_after_ms.map(Millis::new) };
        let schedule = call.schedule(&config.retry).map_err(wrong)?;
        match groups.iter_mut().find(|(_, other)| *other == schedule) {
            Some((names, _)) => names.push(class.as_str()),
            None => groups.push((vec![class.as_str()], schedule)),
        }
    }
    Ok(groups.into_iter().map(|(names, schedule)| Group { title: names.join(", "), schedule }).collect())
}

fn report(args: &Args, file: &PolicyFile, name: &str, config: &PolicyConfig, groups: &[Group]) -> String {
    let mut text = String::new();
    let attempt = Millis::new(args.attempt_ms);
    let name_shown = printable(name);
    let _ = writeln!(
        text,
        "policy {name_shown}, attempts that fail after {attempt}; times in seconds from the call's start"
    );
    for Group { title, schedule } in groups {
        let _ = writeln!(text, "\n{title}");
        let _ = writeln!(text, "  attempt     earliest       median       latest   reached by");
        for (n, row) in schedule.rows.iter().enumerate().take(args.rows) {
            let [earliest, median, latest] = [row.earliest, row.median, row.latest].map(seconds);
            let reached = row.reached * 100.0;
            let _ = writeln!(text, "  {:7} {earliest:>12} {median:>12} {latest:>12} {reached:10.1} %", n + 1);
        }
        if schedule.goes_on {
            text += "  and so on without end\n";
        } else if schedule.rows.len() > args.rows {
            let _ = writeln!(text, "  and so on, {:.1} attempts on average", schedule.load(1.0));
        }
        text += &ending(schedule);
        text += &load(args.failure_rate, schedule);
    }
    text += "\n";
    let _ = writeln!(text, "budget, for all calls together: {}", bound(&config.budget));
    if let Some(breaker) = &config.breaker {
        let _ = writeln!(
            text,
            "breaker: open after {} failed calls within {}, for {}",
            breaker.failure_threshold, breaker.window_ms, breaker.recovery_timeout_ms
        );
    }
    if let Some(rates) = &config.rate_breaker {
        let window = match rates.window_of_calls {
            Some(calls) => format!("the latest {calls}"),
            None => format!("those within {}", rates.window_ms),
        };
        let _ = writeln!(
            text,
            "breaker: open at {} % failed calls of {window}, at least {}, for {}",
            rates.failure_rate, rates.minimum_calls, rates.recovery_timeout_ms
        );
    }
    if let Some(chain) = file.worst_chain(name).filter(|chain| chain.depth > 1) {
        let _ = writeln!(text, "calls within: {chain}");
    }
    text + &format!("medians and shares are those of {RUNS} calls played on the policy's own state machine\n\n")
}

fn ending(schedule: &Schedule) -> String {
    let reasons: Vec<String> = schedule
        .reasons
        .iter()
        .map(|(reason, share)| format!("{} {:.1} %", StopReason::as_str(*reason), share * 100.0))
        .collect();
    match (schedule.median_end, schedule.latest_end) {
        (Some(median), Some(latest)) => {
            format!("  gives up: median {}, at worst {} ({})\n", seconds(median), seconds(latest), reasons.join(", "))
        }
        _ => format!("  gives up: not within {MOST} attempts\n"),
    }
}

fn load(failure_rate: f64, schedule: &Schedule) -> String {
    let more = if schedule.goes_on { "at least " } else { "" };
    let outage = if schedule.goes_on { "without end".to_owned() } else { format!("{:.2}", schedule.load(1.0)) };
    format!(
        "  load: {more}{:.2} attempts per call at a failure rate of {failure_rate}, {:.3} % of calls succeed; \
         in an outage {outage}\n",
        schedule.load(failure_rate),
        schedule.success(failure_rate) * 100.0,
    )
}

/// Returns the retries that a budget allows, in words.
fn bound(budget: &BudgetSettings) -> String {
    match budget {
        BudgetSettings::None => "none".to_owned(),
        BudgetSettings::Rolling { max_retries, window_ms } => format!("at most {max_retries} retries in {window_ms}"),
        BudgetSettings::Ratio { percent, window_ms, min_per_second } => {
            format!("{percent} % of the calls in {window_ms} and {min_per_second} a second")
        }
        BudgetSettings::TokenBucket {
            capacity,
            initial,
            refill_per_success_millitokens,
            refill_per_second_millitokens,
        } => format!(
            "{} retries at first, then {} per successful call and {} a second, at most {capacity} at once",
            initial.unwrap_or(*capacity),
            f64::from(*refill_per_success_millitokens) / 1_000.0,
            f64::from(*refill_per_second_millitokens) / 1_000.0,
        ),
    }
}
