//! `redress doctor`.

use std::{
    collections::BTreeMap,
    fmt::Write,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use redress_std::{
    file::{Finding, PolicyFile, printable},
    lint::Severity,
};
use serde_json::json;

use crate::{
    Format, Report, line, read, shown,
    simulate::{self, Played},
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The policy file.
    file: PathBuf,
    /// Shows the policies as they are used, with every default written out.
    #[arg(long)]
    show: bool,
    /// Findings that make the exit code 1 beside errors.
    #[arg(long, value_name = "WHAT")]
    deny: Option<Deny>,
    /// Plays the scenarios of the file too, each under its policy or under all; a fleet that does not do what is expected is an error.
    #[arg(long)]
    scenarios: bool,
    /// How to write the report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Deny {
    /// Warnings.
    Warnings,
    /// Warnings and notes.
    Notes,
}

pub(crate) fn run(args: &Args) -> Report {
    let file = read(&args.file)?;
    let findings = file.findings();
    let least = match args.deny {
        None => Severity::Error,
        Some(Deny::Warnings) => Severity::Warning,
        Some(Deny::Notes) => Severity::Note,
    };
    let well = findings.iter().all(|finding| finding.severity < least);
    // A policy that contradicts itself cannot be played.
    let sound = findings.iter().all(|finding| finding.severity < Severity::Error);
    let played = if args.scenarios && sound { simulate::scenarios_of(&file, &args.file)? } else { Vec::new() };
    let well = well && played.iter().all(|played| played.is_well);
    let text = match args.format {
        Format::Text => text(&args.file, &file, &findings, args.show) + &scenarios(&args.file, &played),
        Format::Json => json(&args.file, &file, &findings, args.show, &played),
    };
    Ok((text, well))
}

/// The verdicts of the scenarios, each with its place and with what is not as it is expected.
fn scenarios(path: &Path, played: &[Played]) -> String {
    played.iter().fold(String::new(), |mut lines, played| {
        let place = played.position.map_or(String::new(), |position| format!(":{position}"));
        let what = if played.is_well { "well" } else { "error" };
        let said = [std::slice::from_ref(&played.verdict), &played.unmet].concat().join("; ");
        let (path, scenario) = (shown(path), printable(&played.scenario));
        let _ = writeln!(lines, "{path}{place}: {what}[scenario] scenario.{scenario}: {said}");
        lines
    })
}

fn count(findings: &[Finding], severity: Severity) -> usize {
    findings.iter().filter(|finding| finding.severity == severity).count()
}

fn text(path: &Path, file: &PolicyFile, findings: &[Finding], show: bool) -> String {
    let mut text = String::new();
    if show {
        // TOML escapes most of what a terminal would act on, but not all.
        text.extend(file.to_toml().lines().map(|line| format!("{}\n", printable(line))));
        text += "\n";
    }
    text.extend(findings.iter().map(|finding| line(path, finding)));
    let number = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let policies = file.iter().count();
    let policies = if policies == 1 { "1 policy".to_owned() } else { format!("{policies} policies") };
    let found = if findings.is_empty() {
        "nothing to report".to_owned()
    } else {
        [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")]
            .map(|(severity, what)| number(count(findings, severity), what))
            .join(", ")
    };
    let _ = writeln!(text, "{}: {policies}, {found}", shown(path));
    text
}

fn json(path: &Path, file: &PolicyFile, findings: &[Finding], show: bool, played: &[Played]) -> String {
    let mut report = json!({
        "file": path.display().to_string(),
        "errors": count(findings, Severity::Error),
        "warnings": count(findings, Severity::Warning),
        "notes": count(findings, Severity::Note),
        "findings": findings,
    });
    if !played.is_empty() {
        report["scenarios"] = json!(played);
    }
    if show {
        report["policies"] = json!(file.iter().collect::<BTreeMap<_, _>>());
    }
    format!("{report:#}\n")
}
