//! `redress`: looks at policies before they are needed.
//!
//! - `redress doctor FILE` reports contradictions and risks, with line and column.
//! - `redress plan FILE` tells when the attempts of a call would start, and what load they make.
//! - `redress rules` lists the rules `doctor` knows.
//!
//! The format of the file is documented in `redress_std::file`.
//!
//! Exit codes:
//!
//! | code | meaning |
//! |---|---|
//! | 0 | no errors; with `--deny` nothing that is denied either |
//! | 1 | errors, or what is denied |
//! | 2 | no verdict: bad arguments, a file that cannot be read or is no policy file |

mod doctor;
mod plan;
mod plot;
mod schedule;

use std::{
    io::{self, ErrorKind, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};
use redress_std::file::{FileError, PolicyFile, printable, rules};

/// Looks at retry policies before they are needed.
///
/// Exit codes: 0, nothing is wrong; 1, errors, or what is denied; 2, bad arguments or no policy file.
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
    Other(String),
}

/// A report, and whether all is well.
type Report = Result<(String, bool), Failure>;

fn main() -> ExitCode {
    let report = match Args::parse().command {
        Command::Doctor(args) => doctor::run(&args),
        Command::Plan(args) => plan::run(&args),
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
        Err(failure) => {
            eprint!("{}", explain(&failure));
            ExitCode::from(2)
        }
    }
}

fn read(path: &PathBuf) -> Result<PolicyFile, Failure> {
    PolicyFile::read(path).map_err(|error| Failure::File(path.clone(), error))
}

fn explain(failure: &Failure) -> String {
    let (path, error) = match failure {
        Failure::File(path, error) => (path.display(), error),
        Failure::Other(message) => return format!("redress: {}\n", printable(message)),
    };
    let place = error.position().map_or(String::new(), |position| format!("{position}: "));
    let path = printable(&path.to_string()).into_owned();
    let colon = if place.is_empty() { ": " } else { ":" };
    format!("{path}{colon}{place}error: {}\n{}", error.message(), error.excerpt())
}

fn list() -> String {
    rules().fold(String::new(), |list, rule| {
        list + &format!("{:8} {:30} {}\n", rule.severity.as_str(), rule.name, rule.message)
    })
}
