//! Scenarios of a file: tables `[scenario.NAME]`, read into [`Scenario`].

use std::{collections::BTreeMap, time::Duration};

use redress_core::{Millis, keeper::KeepConfig};
use serde::{Deserialize, Deserializer, de};

use super::{FileError, Position, name::Key, position::Positions};
use crate::simulate::{
    Arrivals, Expect, Incident, IncidentKind, Latency, Scenario, ScenarioError, Server, Shared, Work,
};

/// A scenario of a file, for [`PolicyFile::scenarios`](super::PolicyFile::scenarios).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FileScenario {
    /// Its name.
    pub name: String,
    /// The policy that it is for; `None` for any policy of the file.
    pub policy: Option<String>,
    /// The scenario.
    pub scenario: Scenario,
    /// The place of its table in the file.
    pub position: Option<Position>,
}

/// A table `[scenario.NAME]` as it is written. What is left out has the default of [`Scenario`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    policy: Option<String>,
    clients: u32,
    calls: CallsTable,
    keep: Option<KeepTable>,
    server: ServerTable,
    client_timeout_ms: Option<Millis>,
    event: Option<EventTable>,
    watch_ms: Option<Millis>,
    shared: Option<SharedWord>,
    seed: Option<u64>,
    seeds: Option<u32>,
    exact: Option<bool>,
    max_events: Option<u64>,
    expect: Option<ExpectTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallsTable {
    every_ms: Millis,
    jitter: Option<f64>,
    next: Option<NextWord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum NextWord {
    After,
    Fixed,
    Poisson,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "keys of the file")]
struct KeepTable {
    stable_after_ms: Millis,
    spread_ms: Option<Millis>,
    wake_interval_ms: Option<Millis>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerTable {
    capacity_per_second: f64,
    work: Option<WorkWord>,
    latency_ms: Option<Millis>,
    latency: Option<LatencyTable>,
    network_ms: Option<Millis>,
    queue_ms: Option<MillisOrNone>,
    reject_cost: Option<f64>,
    retry_after_ms: Option<MillisOrNone>,
    retry_after_jitter_ms: Option<Millis>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WorkWord {
    Constant,
    Exponential,
}

/// A latency that is not the same for all requests.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "keys of the file")]
struct LatencyTable {
    exponential_ms: Option<Millis>,
    base_ms: Option<Millis>,
    per_request_ms: Option<Millis>,
}

/// The keys of all kinds: flat, so that each error has its place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventTable {
    kind: KindWord,
    start_ms: Option<Millis>,
    lasts_ms: Option<Millis>,
    factor: Option<f64>,
    share: Option<f64>,
    boot_spread_ms: Option<Millis>,
    period_ms: Option<Millis>,
    instances: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindWord {
    Nothing,
    Outage,
    Blackhole,
    Slow,
    Errors,
    PowerCut,
    Surge,
    Flapping,
    RollingRestart,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SharedWord {
    Client,
    Process(u32),
    Fleet,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectTable {
    back: Option<f64>,
    within_ms: Option<Millis>,
    peak: Option<f64>,
}

/// Milliseconds, or the word `"none"`.
struct MillisOrNone(Option<Millis>);

impl<'de> Deserialize<'de> for MillisOrNone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = MillisOrNone;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a duration such as \"30s\" or \"none\"")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<MillisOrNone, E> {
                match word {
                    "none" => Ok(MillisOrNone(None)),
                    _ => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
                }
            }

            fn visit_i64<E: de::Error>(self, millis: i64) -> Result<MillisOrNone, E> {
                let millis = u32::try_from(millis);
                let millis = millis.map_err(|_| E::custom("must be from 0 to 4294967295 milliseconds"))?;
                Ok(MillisOrNone(Some(Millis::new(millis))))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl MillisOrNone {
    fn duration(&self) -> Option<Duration> {
        self.0.map(Millis::to_duration)
    }
}

/// A problem of a table, and the path of the key within it, with dots.
struct Wrong {
    path: String,
    message: String,
}

impl Wrong {
    fn new(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), message: message.into() }
    }
}

impl From<ScenarioError> for Wrong {
    fn from(error: ScenarioError) -> Self {
        Self::new(error.field(), error.to_string())
    }
}

/// Reads all scenarios of a file.
///
/// # Errors
///
/// A value that is out of its bounds, excludes another, or names no policy, with line and column.
pub(super) fn read(
    tables: &BTreeMap<String, Table>,
    is_policy: impl Fn(&str) -> bool,
    text: &str,
    positions: &Positions,
) -> Result<Vec<FileScenario>, FileError> {
    let scenarios = tables.iter().map(|(name, table)| table.read(name, &is_policy, text, positions));
    let mut scenarios = scenarios.collect::<Result<Vec<_>, _>>()?;
    scenarios.sort_by_key(|scenario| scenario.position);
    Ok(scenarios)
}

impl Table {
    fn read(
        &self,
        name: &str,
        is_policy: impl Fn(&str) -> bool,
        text: &str,
        positions: &Positions,
    ) -> Result<FileScenario, FileError> {
        let place = |path: &str| {
            // With the suffix, a key is found in either spelling, and one that is no duration as well.
            let keys = path.split('.').filter(|key| !key.is_empty()).map(|key| format!("{key}_ms")).collect::<Vec<_>>();
            positions.nearest(["scenario", name].into_iter().chain(keys.iter().map(String::as_str))).0
        };
        let read = || {
            if let Some(policy) = self.policy.as_deref().filter(|policy| !is_policy(policy)) {
                return Err(Wrong::new("policy", format!("no policy named {} is in this file", Key(policy))));
            }
            self.scenario()
        };
        let wrong = |Wrong { path, message }: Wrong| FileError::placed(text, place(&path), &message);
        let scenario = read().map_err(wrong)?;
        Ok(FileScenario { name: name.to_owned(), policy: self.policy.clone(), scenario, position: place("") })
    }

    fn scenario(&self) -> Result<Scenario, Wrong> {
        let duration = |millis: Option<Millis>| millis.map(Millis::to_duration);
        let capacity = self.server.capacity_per_second;
        let mut scenario = Scenario::new(self.clients, self.calls.every_ms.to_duration(), capacity);
        self.calls.set(&mut scenario);
        scenario.keep = self.keep.as_ref().map(KeepTable::config);
        self.server.set(&mut scenario.server)?;
        set(&mut scenario.client_timeout, duration(self.client_timeout_ms));
        if let Some(event) = &self.event {
            scenario.event = event.incident(scenario.event)?;
        }
        set(&mut scenario.watch, duration(self.watch_ms));
        set(
            &mut scenario.shared,
            self.shared.as_ref().map(|shared| match shared {
                SharedWord::Client => Shared::Client,
                SharedWord::Process(clients) => Shared::Process(*clients),
                SharedWord::Fleet => Shared::Fleet,
            }),
        );
        set(&mut scenario.seed, self.seed);
        set(&mut scenario.seeds, self.seeds);
        set(&mut scenario.exact, self.exact);
        set(&mut scenario.max_events, self.max_events);
        if let Some(expect) = &self.expect {
            set(&mut scenario.expect.back, expect.back);
            scenario.expect = Expect { within: duration(expect.within_ms), peak: expect.peak, ..scenario.expect };
        }
        scenario.validate()?;
        Ok(scenario)
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

impl CallsTable {
    fn set(&self, scenario: &mut Scenario) {
        set(&mut scenario.calls.jitter, self.jitter);
        let next = self.next.as_ref().map(|next| match next {
            NextWord::After => Arrivals::AfterCompletion,
            NextWord::Fixed => Arrivals::FixedPhase,
            NextWord::Poisson => Arrivals::Poisson,
        });
        set(&mut scenario.calls.next, next);
    }
}

impl KeepTable {
    fn config(&self) -> KeepConfig {
        let mut config = KeepConfig::new(self.stable_after_ms.to_duration());
        if let Some(spread) = self.spread_ms {
            config = config.spread(spread.to_duration());
        }
        if let Some(interval) = self.wake_interval_ms {
            config = config.wake_interval(interval.to_duration());
        }
        config
    }
}

impl ServerTable {
    fn set(&self, server: &mut Server) -> Result<(), Wrong> {
        let work = self.work.as_ref().map(|work| match work {
            WorkWord::Constant => Work::Constant,
            WorkWord::Exponential => Work::Exponential,
        });
        set(&mut server.work, work);
        set(&mut server.latency, self.latency()?);
        set(&mut server.network, self.network_ms.map(Millis::to_duration));
        set(&mut server.queue, self.queue_ms.as_ref().map(MillisOrNone::duration));
        set(&mut server.reject_cost, self.reject_cost);
        // A hint of nothing is none.
        let hint = self.retry_after_ms.as_ref().map(|hint| hint.duration().filter(|hint| !hint.is_zero()));
        set(&mut server.retry_after, hint);
        set(&mut server.retry_after_jitter, self.retry_after_jitter_ms.map(Millis::to_duration));
        Ok(())
    }

    fn latency(&self) -> Result<Option<Latency>, Wrong> {
        let wrong = || {
            Wrong::new(
                "server.latency",
                "takes a duration, { exponential = \"20ms\" }, or { base = \"1s\", per_request = \"10ms\" }",
            )
        };
        let Some(table) = &self.latency else {
            return Ok(self.latency_ms.map(|latency| Latency::Constant(latency.to_duration())));
        };
        if self.latency_ms.is_some() {
            return Err(wrong());
        }
        match (table.exponential_ms, table.base_ms, table.per_request_ms) {
            (Some(mean), None, None) => Ok(Some(Latency::Exponential(mean.to_duration()))),
            (None, Some(base), Some(each)) => {
                Ok(Some(Latency::Growing { base: base.to_duration(), per_request: each.to_duration() }))
            }
            _ => Err(wrong()),
        }
    }
}

impl EventTable {
    fn incident(&self, default: Incident) -> Result<Incident, Wrong> {
        let mut incident = Incident { kind: self.kind()?, ..default };
        set(&mut incident.lasts, self.lasts_ms.map(Millis::to_duration));
        incident.start = self.start_ms.map(Millis::to_duration);
        Ok(incident)
    }

    fn kind(&self) -> Result<IncidentKind, Wrong> {
        use KindWord::{Blackhole, Errors, Flapping, Nothing, Outage, PowerCut, RollingRestart, Slow, Surge};
        for (key, is_there, kinds) in [
            ("factor", self.factor.is_some(), &[Slow, Surge][..]),
            ("share", self.share.is_some(), &[Errors]),
            ("boot_spread", self.boot_spread_ms.is_some(), &[PowerCut]),
            ("period", self.period_ms.is_some(), &[Flapping]),
            ("instances", self.instances.is_some(), &[RollingRestart]),
        ] {
            if is_there != kinds.contains(&self.kind) {
                return Err(if is_there {
                    Wrong::new(&format!("event.{key}"), format!("`{key}` does not belong to this kind of event"))
                } else {
                    Wrong::new("event", format!("missing field `{key}`, which this kind of event needs"))
                });
            }
        }
        let span = |millis: Option<Millis>| millis.unwrap_or_default().to_duration();
        let number = Option::unwrap_or_default;
        Ok(match self.kind {
            Nothing => IncidentKind::Nothing,
            Outage => IncidentKind::Outage,
            Blackhole => IncidentKind::Blackhole,
            Slow => IncidentKind::Slow { factor: number(self.factor) },
            Errors => IncidentKind::Errors { share: number(self.share) },
            PowerCut => IncidentKind::PowerCut { boot_spread: span(self.boot_spread_ms) },
            Surge => IncidentKind::Surge { factor: number(self.factor) },
            Flapping => IncidentKind::Flapping { period: span(self.period_ms) },
            RollingRestart => IncidentKind::RollingRestart { instances: self.instances.unwrap_or_default() },
        })
    }
}
