//! `redress simulate`.

use std::{path::PathBuf, time::Duration};

use clap::{ArgGroup, ValueEnum};
use redress_std::{
    ConfigError, SharedPolicy,
    file::{FileScenario, PolicyFile, Position, printable},
    lint::Severity,
    simulate::{
        Incident, Peer, Report as FleetReport, Scenario, ScenarioError, Tipping, Unmet, Verdict, picture,
        tipping_points,
    },
};

use crate::{Failure, Report, fleet, line, names, progress::Line, read};

#[derive(clap::Args)]
#[command(group = ArgGroup::new("event").multiple(false))]
pub(crate) struct Args {
    /// The policy file.
    file: PathBuf,
    /// The policy to simulate; may be left out if the scenario names it, or if the file has only one.
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// The scenario of the file to play. The arguments below change it; without it, the first three are needed.
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// The clients of the fleet.
    #[arg(long, value_name = "N")]
    clients: Option<u32>,
    /// How often each client calls, such as 60s.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    every: Option<Duration>,
    /// The requests that the server can serve in a second, such as 20800/s.
    #[arg(long, value_name = "N/s", value_parser = rate)]
    capacity: Option<f64>,
    /// Connections are refused for this time.
    #[arg(long, value_name = "SPAN", value_parser = span, group = "event")]
    outage: Option<Duration>,
    /// Requests vanish for this time.
    #[arg(long, value_name = "SPAN", value_parser = span, group = "event")]
    blackhole: Option<Duration>,
    /// The clients have no power for this time.
    #[arg(long, value_name = "SPAN", value_parser = span, group = "event")]
    power_cut: Option<Duration>,
    /// The server is slower for this time, by --factor.
    #[arg(long, value_name = "SPAN", value_parser = span, group = "event", requires = "factor")]
    slow: Option<Duration>,
    /// There are more calls for this time, by --factor.
    #[arg(long, value_name = "SPAN", value_parser = span, group = "event", requires = "factor")]
    surge: Option<Duration>,
    /// How many times as slow the server is, 1 to 1000, or how many times as many calls there are, 1 to 100.
    #[arg(long, value_name = "N")]
    factor: Option<f64>,
    /// A part of the requests is answered with an error for this time, by --share.
    #[arg(long, value_name = "SPAN", value_parser = span, group = "event", requires = "share")]
    errors: Option<Duration>,
    /// The part of the requests that is answered with an error, 0 to 1.
    #[arg(long, value_name = "N")]
    share: Option<f64>,
    /// The server is down and up in turn for this time, by --period.
    #[arg(long, value_name = "SPAN", value_parser = span, group = "event", requires = "period")]
    flapping: Option<Duration>,
    /// The time in which a flapping server is down and up once, 2ms or more.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    period: Option<Duration>,
    /// The instances of the server restart one after the other within this time.
    #[arg(long, value_name = "SPAN", value_parser = span, group = "event", requires = "instances")]
    rolling_restart: Option<Duration>,
    /// The instances of the server, 1 to 1000.
    #[arg(long, value_name = "N")]
    instances: Option<u32>,
    /// The time within which all clients boot after a power cut; 5s without it.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    boot_spread: Option<Duration>,
    /// How long a client waits for an answer.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    client_timeout: Option<Duration>,
    /// The longest time that a request waits for its turn before it is rejected.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    queue: Option<Duration>,
    /// The Retry-After of rejected requests.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    retry_after: Option<Duration>,
    /// The random part of the Retry-After, which the server adds.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    retry_after_jitter: Option<Duration>,
    /// How long the fleet is watched after the event.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    watch: Option<Duration>,
    /// Runs, each with other random numbers.
    #[arg(long, value_name = "N")]
    seeds: Option<u32>,
    /// Simulates each client of a large fleet, not a sample of 20,000.
    #[arg(long)]
    exact: bool,
    /// A policy to compare with: default, none, backon, polly, resilience4j, aws, or another policy of the file; may be repeated.
    #[arg(long, value_name = "WHAT")]
    against: Vec<String>,
    /// Leaves out the tipping points, for which some fifty more runs are made.
    #[arg(long)]
    quick: bool,
    /// How to write the report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Writes the report as an SVG image.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// How to write the report.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// The verdict, a table, cause and remedy, tipping points.
    Text,
    /// A table with a row for each policy, of medians.
    Markdown,
    /// One JSON object with the figures of each run.
    Json,
    /// A line for each policy, run and second.
    Csv,
}

fn span(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}: expected a duration such as 30s, 1h30m or 250ms"))
}

fn rate(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text).replace('_', "");
    number.parse().map_err(|_| "expected requests in a second, such as 20800/s".to_owned())
}

/// A policy that is simulated, under a name.
struct Chosen {
    name: String,
    policy: SharedPolicy,
}

pub(crate) fn run(args: &Args) -> Report {
    let file = read(&args.file)?;
    let entry = entry(args, &file)?;
    let scenario = args.scenario(entry, &file)?;
    let mut chosen = vec![args.policy(&file, entry)?];
    for against in &args.against {
        chosen.push(args.other(&file, against)?);
    }
    let mut reports = Vec::new();
    for Chosen { name, policy } in &chosen {
        reports.push(play(&scenario, name, policy)?);
    }
    let tipping = match args.format {
        Format::Text | Format::Json if !args.quick => Some(tipping(&scenario, &chosen[0])?),
        _ => None,
    };
    if let Some(path) = &args.svg {
        std::fs::write(path, picture(&reports))
            .map_err(|error| Failure::Other(format!("{}: {error}", path.display())))?;
    }
    let text = match args.format {
        Format::Text => fleet::text(&reports, tipping),
        Format::Markdown => fleet::markdown(&reports),
        Format::Json => fleet::json(&reports, tipping),
        Format::Csv => fleet::csv(&reports),
    };
    match well(&reports[0]) {
        Some(well) => Ok((text, well)),
        None => Err(Failure::NoVerdict(text)),
    }
}

/// Returns whether the fleet recovers as expected; `None` without a verdict.
pub(crate) fn well(report: &FleetReport) -> Option<bool> {
    match report.verdict() {
        Verdict::NoVerdict { .. } => None,
        _ => Some(report.unmet().is_empty()),
    }
}

/// Plays a scenario, with a line on a terminal that tells how far it is.
pub(crate) fn play(scenario: &Scenario, name: &str, policy: &SharedPolicy) -> Result<FleetReport, Failure> {
    let line = Line::new(format!("simulating {}", printable(name)));
    let report = scenario.try_run(&printable(name), policy.policy(), &|progress| line.show(progress));
    report.map_err(|error| wrong(&error))
}

fn tipping(scenario: &Scenario, Chosen { name, policy }: &Chosen) -> Result<Tipping, Failure> {
    let line = Line::new(format!("tipping points of {}", printable(name)));
    tipping_points(scenario, policy.policy(), &|progress| line.show(progress)).map_err(|error| wrong(&error))
}

fn wrong(error: &ScenarioError) -> Failure {
    Failure::Other(error.to_string())
}

/// Returns the scenario that is named.
fn entry<'f>(args: &Args, file: &'f PolicyFile) -> Result<Option<&'f FileScenario>, Failure> {
    let Some(name) = &args.scenario else { return Ok(None) };
    let found = file.scenarios().iter().find(|scenario| scenario.name == *name);
    match found {
        Some(found) => Ok(Some(found)),
        None => Err(Failure::Other(format!("no scenario named {name}: {}", one_of(&scenarios(file))))),
    }
}

fn scenarios(file: &PolicyFile) -> Vec<&str> {
    file.scenarios().iter().map(|scenario| scenario.name.as_str()).collect()
}

fn one_of(names: &[&str]) -> String {
    if names.is_empty() { "there is none in this file".to_owned() } else { format!("one of {}", names.join(", ")) }
}

/// Makes the policy of this name.
///
/// # Errors
///
/// There is none, or it contradicts itself.
pub(crate) fn shared(file: &PolicyFile, name: &str, path: &std::path::Path) -> Result<SharedPolicy, Failure> {
    let Some(config) = file.get(name) else {
        return Err(Failure::Other(format!("no policy named {name}: one of {}", names(file))));
    };
    let mut errors = file.findings_of(name);
    errors.retain(|finding| finding.severity == Severity::Error);
    if !errors.is_empty() {
        return Err(Failure::Findings(errors.iter().map(|error| line(path, error)).collect()));
    }
    SharedPolicy::try_from(config).map_err(|error: ConfigError| Failure::Other(error.to_string()))
}

impl Args {
    fn scenario(&self, entry: Option<&FileScenario>, file: &PolicyFile) -> Result<Scenario, Failure> {
        let mut scenario = match (entry, self.clients, self.every, self.capacity) {
            (Some(entry), ..) => entry.scenario.clone(),
            (None, Some(clients), Some(every), Some(capacity)) => Scenario::new(clients, every, capacity),
            _ => {
                let known = one_of(&scenarios(file));
                let message = format!("give --clients, --every and --capacity, or --scenario: {known}");
                return Err(Failure::Other(message));
            }
        };
        set(&mut scenario.clients, self.clients);
        set(&mut scenario.calls.every, self.every);
        set(&mut scenario.server.capacity_per_second, self.capacity);
        set(&mut scenario.event, self.event()?);
        set(&mut scenario.client_timeout, self.client_timeout);
        set(&mut scenario.server.queue, self.queue.map(Some));
        set(&mut scenario.server.retry_after, self.retry_after.map(|hint| Some(hint).filter(|hint| !hint.is_zero())));
        set(&mut scenario.server.retry_after_jitter, self.retry_after_jitter);
        set(&mut scenario.watch, self.watch);
        set(&mut scenario.seeds, self.seeds);
        scenario.exact |= self.exact;
        Ok(scenario)
    }

    /// Returns the event of the arguments, of which there is one at most.
    ///
    /// # Errors
    ///
    /// A value that belongs to another event, which clap lets pass beside an event that excludes its own.
    fn event(&self) -> Result<Option<Incident>, Failure> {
        for (value, is_given, event, is_there) in [
            ("--boot-spread", self.boot_spread.is_some(), "--power-cut", self.power_cut.is_some()),
            ("--factor", self.factor.is_some(), "--slow or --surge", self.slow.or(self.surge).is_some()),
            ("--share", self.share.is_some(), "--errors", self.errors.is_some()),
            ("--period", self.period.is_some(), "--flapping", self.flapping.is_some()),
            ("--instances", self.instances.is_some(), "--rolling-restart", self.rolling_restart.is_some()),
        ] {
            if is_given && !is_there {
                return Err(Failure::Other(format!("{value} goes with {event}")));
            }
        }
        let boot_spread = self.boot_spread.unwrap_or(Duration::from_secs(5));
        Ok((self.outage.map(Incident::outage))
            .or(self.blackhole.map(Incident::blackhole))
            .or(self.power_cut.map(|lasts| Incident::power_cut(lasts, boot_spread)))
            .or(self.slow.zip(self.factor).map(|(lasts, factor)| Incident::slow(lasts, factor)))
            .or(self.surge.zip(self.factor).map(|(lasts, factor)| Incident::surge(lasts, factor)))
            .or(self.errors.zip(self.share).map(|(lasts, share)| Incident::errors(lasts, share)))
            .or(self.flapping.zip(self.period).map(|(lasts, period)| Incident::flapping(lasts, period)))
            .or((self.rolling_restart.zip(self.instances))
                .map(|(lasts, instances)| Incident::rolling_restart(lasts, instances))))
    }

    fn policy(&self, file: &PolicyFile, entry: Option<&FileScenario>) -> Result<Chosen, Failure> {
        let of_scenario = entry.and_then(|entry| entry.policy.as_deref());
        let only = || file.iter().map(|(name, _)| name).next().filter(|_| file.iter().count() == 1);
        let Some(name) = self.policy.as_deref().or(of_scenario).or_else(only) else {
            return Err(Failure::Other(format!("give --policy: one of {}", names(file))));
        };
        Ok(Chosen { name: name.to_owned(), policy: shared(file, name, &self.file)? })
    }

    fn other(&self, file: &PolicyFile, against: &str) -> Result<Chosen, Failure> {
        if let Some(peer) = Peer::ALL.into_iter().find(|peer| peer.as_str() == against) {
            return Ok(Chosen { name: peer.name().to_owned(), policy: peer.policy() });
        }
        if file.get(against).is_none() {
            let peers = Peer::ALL.map(Peer::as_str).join(", ");
            return Err(Failure::Other(format!("cannot compare with {against}: one of {peers}, {}", names(file))));
        }
        Ok(Chosen { name: against.to_owned(), policy: shared(file, against, &self.file)? })
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// A scenario of a file under a policy.
#[derive(serde::Serialize)]
pub(crate) struct Played {
    pub(crate) scenario: String,
    #[serde(skip)]
    pub(crate) position: Option<Position>,
    pub(crate) policy: String,
    pub(crate) verdict: String,
    /// The expectations that are not met.
    pub(crate) unmet: Vec<String>,
    pub(crate) is_well: bool,
}

/// Plays the scenarios of a file, each under its policy or under all of them.
pub(crate) fn scenarios_of(file: &PolicyFile, path: &std::path::Path) -> Result<Vec<Played>, Failure> {
    let mut played = Vec::new();
    for entry in file.scenarios() {
        let policies: Vec<&str> = match &entry.policy {
            Some(policy) => vec![policy],
            None => file.iter().map(|(name, _)| name).collect(),
        };
        for name in policies {
            let policy = shared(file, name, path)?;
            let report = play(&entry.scenario, name, &policy)?;
            // The verdict says already that the fleet does not recover.
            let unmet = report.unmet().into_iter().filter(|unmet| !matches!(unmet, Unmet::Verdict(_)));
            played.push(Played {
                scenario: entry.name.clone(),
                position: entry.position,
                policy: name.to_owned(),
                verdict: report.to_string(),
                unmet: unmet.map(|unmet| unmet.to_string()).collect(),
                is_well: well(&report) == Some(true),
            });
        }
    }
    Ok(played)
}
