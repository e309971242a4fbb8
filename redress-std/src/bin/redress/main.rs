//! `redress`: looks at policies before they are needed.
//!
//! - `redress doctor FILE` reports contradictions and risks, with line and column.
//! - `redress plan FILE` tells when the attempts of a call would start, and what load they make.
//! - `redress simulate FILE` plays a fleet under a policy on a virtual clock, and tells whether it recovers.
//! - `redress rules` lists the rules `doctor` knows.
//!
//! The format of the file is documented in `redress_std::file`.
//!
//! Exit codes:
//!
//! | code | meaning |
//! |---|---|
//! | 0 | no errors; with `--deny` nothing that is denied either; the fleet recovers in each run and does what is expected |
//! | 1 | errors, or what is denied; the fleet does not recover in each run, or does not do what is expected |
//! | 2 | no verdict: bad arguments, a file that cannot be read or is no policy file, a policy that cannot be simulated, too many events |

mod doctor;
mod fleet;
mod plan;
mod plot;
mod progress;
mod schedule;
mod simulate;

use std::{
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};
use redress_std::file::{FileError, Finding, PolicyFile, printable, rules};

/// Looks at retry policies before they are needed.
///
/// Exit codes: 0, nothing is wrong; 1, errors, or what is denied, or a fleet that does not recover; 2, no verdict: bad arguments, no
/// policy file.
#[derive(Parser)]
#[command(name = "redress", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Reports contradictions and risks in the policies of a file.
    Doctor(doctor::Args),
    /// Tells when the attempts of a failing call start, and what load they make.
    Plan(plan::Args),
    /// Plays a fleet of clients under a policy, and tells whether it recovers from an outage.
    ///
    /// Exit codes: 0, the fleet recovers in each run and does what the scenario expects; 1, it does not; 2, no verdict.
    Simulate(Box<simulate::Args>),
    /// Lists the rules of `doctor`: name, severity, meaning.
    Rules,
}

/// How to write the report.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for each finding.
    Text,
    /// One JSON object.
    Json,
}

/// Why there is no verdict.
enum Failure {
    File(PathBuf, FileError),
    /// The errors of a policy, as lines.
    Findings(String),
    /// A report without a verdict, which is written nevertheless.
    NoVerdict(String),
    Other(String),
}

/// A report, and whether all is well.
type Report = Result<(String, bool), Failure>;

fn main() -> ExitCode {
    let report = match Args::parse().command {
        Command::Doctor(args) => doctor::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Rules => Ok((list(), true)),
    };
    match report {
        Ok((text, well)) => match io::stdout().lock().write_all(text.as_bytes()) {
            // Whoever reads has seen enough.
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                eprintln!("redress: {error}");
                ExitCode::from(2)
            }
            _ => ExitCode::from(u8::from(!well)),
        },
        Err(Failure::NoVerdict(text)) => {
            let _ = io::stdout().lock().write_all(text.as_bytes());
            ExitCode::from(2)
        }
        Err(failure) => {
            eprint!("{}", explain(&failure));
            ExitCode::from(2)
        }
    }
}

fn read(path: &PathBuf) -> Result<PolicyFile, Failure> {
    PolicyFile::read(path).map_err(|error| Failure::File(path.clone(), error))
}

/// The first names of a file.
fn names(file: &PolicyFile) -> String {
    const MOST: usize = 10;
    let mut names: Vec<&str> = file.iter().map(|(name, _)| name).take(MOST).collect();
    if file.iter().count() > MOST {
        names.push("...");
    }
    names.join(", ")
}

fn explain(failure: &Failure) -> String {
    let (path, error) = match failure {
        Failure::File(path, error) => (path.display(), error),
        Failure::Findings(lines) | Failure::NoVerdict(lines) => return lines.clone(),
        Failure::Other(message) => return format!("redress: {}\n", printable(message)),
    };
    let place = error.position().map_or(String::new(), |position| format!("{position}: "));
    let path = printable(&path.to_string()).into_owned();
    let colon = if place.is_empty() { ": " } else { ":" };
    format!("{path}{colon}{place}error: {}\n{}", error.message(), error.excerpt())
}

/// A finding with its place, as compilers write it.
fn line(path: &Path, finding: &Finding) -> String {
    let place = finding.position.map_or(String::new(), |position| format!(":{position}"));
    format!("{}{place}: {finding}\n", shown(path))
}

/// A path of which a terminal shows every character.
fn shown(path: &Path) -> String {
    printable(&path.display().to_string()).into_owned()
}

fn list() -> String {
    rules().fold(String::new(), |list, rule| {
        list + &format!("{:8} {:30} {}\n", rule.severity.as_str(), rule.name, rule.message)
    })
}
