//! Scenarios: clients, a server, and an event that hits them.

use std::{fmt, time::Duration};

use redress_core::keeper::KeepConfig;

use super::clockwork::MAX_TASKS;

/// The most clients of a scenario.
pub const MAX_CLIENTS: u32 = 10_000_000;

/// The most runs of a scenario.
pub const MAX_SEEDS: u32 = 10_000;

/// The clients that stand for a larger fleet, unless [`exact`](Scenario::exact) is set.
pub const SAMPLE: u32 = 20_000;

/// A simulated fleet: clients that call a server, and what happens to it. Plain data; the setters are for chaining.
///
/// Defaults:
/// - each client calls again one period after its last call ended, give or take a tenth of the period
/// - latency of 20 ms, no time on the network, a queue of 10 s, a rejection costs a tenth of a request, no Retry-After
/// - a client waits 5 s for an answer
/// - an outage of 10 min, which begins after two periods; watched for 15 min after its end
/// - each client has a breaker and a budget of its own
/// - 9 runs with different seeds, a sample of 20,000 clients, at most 200,000,000 events in a run
/// - the fleet is expected back (99 %) within what is watched
///
/// ```
/// use std::time::Duration;
/// use redress_std::simulate::{Incident, Scenario};
///
/// let scenario = Scenario::new(1_000_000, Duration::from_secs(60), 20_800.0)
///     .event(Incident::power_cut(Duration::from_secs(600), Duration::from_secs(5)));
/// assert!(scenario.validate().is_ok());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scenario {
    /// The clients of the fleet, 1 to 10,000,000.
    pub clients: u32,
    /// When clients make calls.
    pub calls: Calls,
    /// If set, each client keeps up a connection in place of making calls: a call is the making of a connection, and the event
    /// breaks those that it hits.
    pub keep: Option<KeepConfig>,
    /// The server.
    pub server: Server,
    /// How long a client waits for an answer, 1 ms to 1 hour. The attempt timeout of the policy may end it before.
    pub client_timeout: Duration,
    /// The event that hits the server or the clients.
    pub event: Incident,
    /// How long the fleet is watched after the event, 1 s to 24 hours.
    pub watch: Duration,
    /// Which clients have breaker, budget and keeper in common.
    pub shared: Shared,
    /// The number from which all random numbers follow.
    pub seed: u64,
    /// The number of runs, each with other random numbers, 1 to 10,000.
    pub seeds: u32,
    /// Whether each client is simulated, in place of a [sample](SAMPLE) of a large fleet.
    pub exact: bool,
    /// The most events of a run, at least 1. A run that needs more ends without a verdict.
    pub max_events: u64,
    /// Expectations of the fleet.
    pub expect: Expect,
}

/// When clients make calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calls {
    /// The time from one call of a client to the next, 1 ms to 24 hours.
    pub every: Duration,
    /// The part of `every` by which each gap is longer or shorter at random, 0 to 1.
    pub jitter: f64,
    /// The rule for the start of the next call.
    pub next: Arrivals,
}

/// A rule for the start of the next call of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arrivals {
    /// The end of the call before.
    AfterCompletion,
    /// The start of the call before, as by a timer. Starts that fall into a call which still runs are left out.
    FixedPhase,
    /// Gaps between starts are exponential, so that the calls of all clients are a Poisson process. The jitter is not used.
    Poisson,
}

/// The server that all clients call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Server {
    /// The requests that it can serve in a second, above 0. With [`Latency::Growing`] it is only the unit of load.
    pub capacity_per_second: f64,
    /// How much a request takes of the capacity.
    pub work: Work,
    /// The time that an answer takes beside waiting and work.
    pub latency: Latency,
    /// The mean of the exponentially distributed time that a request travels, and again its answer, at most 1 hour.
    pub network: Duration,
    /// The longest time that a request waits for its turn; those that would wait longer are rejected. `None` for no limit. The server
    /// also works for clients that have gone.
    pub queue: Option<Duration>,
    /// The part of the capacity of a request that a rejection takes, 0 to 1.
    pub reject_cost: f64,
    /// The Retry-After of a rejection, at most 24 hours; `None` for none.
    pub retry_after: Option<Duration>,
    /// The random part of the Retry-After, which the server adds, at most 24 hours.
    pub retry_after_jitter: Duration,
}

/// How much a request takes of the server's capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Work {
    /// Each the same.
    Constant,
    /// Exponentially distributed, with the same mean.
    Exponential,
}

/// The time that an answer takes beside waiting and work, each at most 1 hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Latency {
    /// Each the same.
    Constant(Duration),
    /// Exponentially distributed, with this mean.
    Exponential(Duration),
    /// Growing with the requests in the server, which has no queue and works on all at once.
    Growing {
        /// The time in an empty server.
        base: Duration,
        /// The time that each request adds which is in the server when another comes.
        per_request: Duration,
    },
}

/// An event with its start and duration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Incident {
    /// The kind of the event.
    pub kind: IncidentKind,
    /// When it begins; `None` for two periods of calls after the start, at least 1 s.
    pub start: Option<Duration>,
    /// How long it lasts, 1 ms to 24 hours.
    pub lasts: Duration,
}

/// The kind of an event that hits the server or the clients.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum IncidentKind {
    /// No event, for figures of normal operation.
    Nothing,
    /// Connections are refused at once. What was in the server is lost.
    Outage,
    /// Requests vanish; clients wait for their timeout. What was in the server is lost.
    Blackhole,
    /// The server takes longer.
    Slow {
        /// The capacity is divided and the latency multiplied by this, 1 to 1,000.
        factor: f64,
    },
    /// Some requests are answered with an error.
    Errors {
        /// The part of the requests, 0 to 1.
        share: f64,
    },
    /// The clients lose their power, and boot when it is back. Each calls at once, with nothing remembered.
    PowerCut {
        /// The time within which all of them boot, at most 24 hours.
        boot_spread: Duration,
    },
    /// More clients come, and go when it is over.
    Surge {
        /// The calls in a second, as a multiple of those before, 1 to 100.
        factor: f64,
    },
    /// The server is down and up in turn: an outage for the first half of each period.
    Flapping {
        /// Down and up once, at least 2 ms.
        period: Duration,
    },
    /// The instances of the server restart one after the other: each in turn refuses its part of the connections, and its part
    /// of the capacity is missing.
    RollingRestart {
        /// The instances, 1 to 1,000.
        instances: u32,
    },
}

/// Which clients have breaker, budget and keeper in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shared {
    /// Each client has its own, as devices do.
    Client,
    /// So many clients share one, as the tasks of a process do, 1 to 10,000,000.
    Process(u32),
    /// All share one. Such a fleet is never sampled.
    Fleet,
}

/// Expectations of the fleet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expect {
    /// The part of the clients that counts as the fleet, above 0, at most 1.
    pub back: f64,
    /// The time after the event within which that part has had an answer; `None` for as long as it is watched.
    pub within: Option<Duration>,
    /// The most requests in any second, as a multiple of the capacity; `None` for no limit.
    pub peak: Option<f64>,
}

/// How far a simulation has come.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The part that is done, 0 to 1.
    pub done: f64,
    /// The events so far, of all runs.
    pub events: u64,
}

/// A value of a scenario that is out of its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    field: &'static str,
    value: String,
    bounds: &'static str,
}

impl ScenarioError {
    pub(super) fn new(field: &'static str, value: impl fmt::Display, bounds: &'static str) -> Self {
        Self { field, value: value.to_string(), bounds }
    }

    /// Returns the field that is wrong, as a path: `server.queue`.
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// Returns its value.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Returns the values that it may have.
    pub const fn bounds(&self) -> &'static str {
        self.bounds
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: must be {}, not {}", self.field, self.bounds, self.value)
    }
}

impl std::error::Error for ScenarioError {}

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const MILLI: Duration = Duration::from_millis(1);

impl Scenario {
    /// Creates a scenario with the defaults above: so many clients, a call of each in this time, a server of this capacity.
    pub fn new(clients: u32, every: Duration, capacity_per_second: f64) -> Self {
        Self {
            clients,
            calls: Calls { every, jitter: 0.1, next: Arrivals::AfterCompletion },
            keep: None,
            server: Server::new(capacity_per_second),
            client_timeout: Duration::from_secs(5),
            event: Incident::outage(Duration::from_secs(600)),
            watch: Duration::from_secs(900),
            shared: Shared::Client,
            seed: 0,
            seeds: 9,
            exact: false,
            max_events: 200_000_000,
            expect: Expect { back: 0.99, within: None, peak: None },
        }
    }

    /// Sets when clients make calls.
    pub const fn calls(mut self, calls: Calls) -> Self {
        self.calls = calls;
        self
    }

    /// Makes each client keep up a connection in place of making calls.
    pub const fn keep(mut self, config: KeepConfig) -> Self {
        self.keep = Some(config);
        self
    }

    /// Sets the server.
    pub const fn server(mut self, server: Server) -> Self {
        self.server = server;
        self
    }

    /// Sets how long a client waits for an answer.
    pub const fn client_timeout(mut self, timeout: Duration) -> Self {
        self.client_timeout = timeout;
        self
    }

    /// Sets what happens.
    pub const fn event(mut self, event: Incident) -> Self {
        self.event = event;
        self
    }

    /// Sets how long the fleet is watched after the event.
    pub const fn watch(mut self, watch: Duration) -> Self {
        self.watch = watch;
        self
    }

    /// Sets which clients have breaker, budget and keeper in common.
    pub const fn shared(mut self, shared: Shared) -> Self {
        self.shared = shared;
        self
    }

    /// Sets the number from which all random numbers follow.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the number of runs.
    pub const fn seeds(mut self, seeds: u32) -> Self {
        self.seeds = seeds;
        self
    }

    /// Simulates each client.
    pub const fn exact(mut self) -> Self {
        self.exact = true;
        self
    }

    /// Sets the most events of a run.
    pub const fn max_events(mut self, events: u64) -> Self {
        self.max_events = events;
        self
    }

    /// Sets what is expected of the fleet.
    pub const fn expect(mut self, expect: Expect) -> Self {
        self.expect = expect;
        self
    }

    /// Returns the clients that are simulated: all, or a [sample](SAMPLE).
    pub fn simulated_clients(&self) -> u32 {
        if self.exact || self.shared == Shared::Fleet { self.clients } else { self.clients.min(SAMPLE) }
    }

    /// Returns when the event begins.
    pub fn event_start(&self) -> Duration {
        self.event.start.unwrap_or_else(|| self.calls.every.saturating_mul(2).max(Duration::from_secs(1)))
    }

    /// Checks all values.
    ///
    /// # Errors
    ///
    /// The first field that is out of its bounds.
    pub fn validate(&self) -> Result<(), ScenarioError> {
        let bad = ScenarioError::new;
        if !(1..=MAX_CLIENTS).contains(&self.clients) {
            return Err(bad("clients", self.clients, "from 1 to 10,000,000"));
        }
        self.calls.validate()?;
        self.server.validate()?;
        span("client_timeout", self.client_timeout, MILLI..=HOUR, "from 1 ms to 1 h")?;
        self.event.validate()?;
        if let IncidentKind::Surge { factor } = self.event.kind
            && f64::from(self.simulated_clients()) * factor > f64::from(MAX_TASKS)
        {
            return Err(ScenarioError::new(
                "event.factor",
                factor,
                "at most so much that 16,777,215 clients are simulated",
            ));
        }
        span("watch", self.watch, Duration::from_secs(1)..=DAY, "from 1 s to 24 h")?;
        if let Shared::Process(clients) = self.shared
            && !(1..=MAX_CLIENTS).contains(&clients)
        {
            return Err(bad("shared", clients, "from 1 to 10,000,000 clients in a process"));
        }
        if !(1..=MAX_SEEDS).contains(&self.seeds) {
            return Err(bad("seeds", self.seeds, "from 1 to 10,000"));
        }
        if self.max_events == 0 {
            return Err(bad("max_events", 0, "at least 1"));
        }
        self.expect.validate(self.watch)
    }
}

impl Calls {
    fn validate(&self) -> Result<(), ScenarioError> {
        span("calls.every", self.every, MILLI..=DAY, "from 1 ms to 24 h")?;
        number("calls.jitter", self.jitter, 0.0..=1.0, "from 0 to 1")
    }
}

impl Server {
    /// Creates a server with the defaults of a [`Scenario`] and this capacity.
    pub const fn new(capacity_per_second: f64) -> Self {
        Self {
            capacity_per_second,
            work: Work::Constant,
            latency: Latency::Constant(Duration::from_millis(20)),
            network: Duration::ZERO,
            queue: Some(Duration::from_secs(10)),
            reject_cost: 0.1,
            retry_after: None,
            retry_after_jitter: Duration::ZERO,
        }
    }

    /// Sets how much a request takes of the capacity.
    pub const fn work(mut self, work: Work) -> Self {
        self.work = work;
        self
    }

    /// Sets the time that an answer takes beside waiting and work.
    pub const fn latency(mut self, latency: Latency) -> Self {
        self.latency = latency;
        self
    }

    /// Sets the mean of the time that a request travels, and again its answer.
    pub const fn network(mut self, mean: Duration) -> Self {
        self.network = mean;
        self
    }

    /// Sets the longest time that a request waits for its turn.
    pub const fn queue(mut self, longest: Option<Duration>) -> Self {
        self.queue = longest;
        self
    }

    /// Sets what a rejection takes of the capacity, as a part of what a request takes.
    pub const fn reject_cost(mut self, cost: f64) -> Self {
        self.reject_cost = cost;
        self
    }

    /// Sets the Retry-After of rejections, and its random part.
    pub const fn retry_after(mut self, hint: Duration, jitter: Duration) -> Self {
        self.retry_after = Some(hint);
        self.retry_after_jitter = jitter;
        self
    }

    fn validate(&self) -> Result<(), ScenarioError> {
        number(
            "server.capacity_per_second",
            self.capacity_per_second,
            0.001..=1_000_000_000.0,
            "from 0.001 to 1,000,000,000",
        )?;
        let up_to_an_hour = |field, latency| span(field, latency, Duration::ZERO..=HOUR, "at most 1 h");
        match self.latency {
            Latency::Constant(latency) | Latency::Exponential(latency) => up_to_an_hour("server.latency", latency)?,
            Latency::Growing { base, per_request } => {
                up_to_an_hour("server.latency.base", base)?;
                up_to_an_hour("server.latency.per_request", per_request)?;
            }
        }
        up_to_an_hour("server.network", self.network)?;
        if let Some(queue) = self.queue {
            span("server.queue", queue, Duration::ZERO..=DAY, "at most 24 h")?;
        }
        number("server.reject_cost", self.reject_cost, 0.0..=1.0, "from 0 to 1")?;
        if let Some(hint) = self.retry_after {
            span("server.retry_after", hint, Duration::ZERO..=DAY, "at most 24 h")?;
        }
        span("server.retry_after_jitter", self.retry_after_jitter, Duration::ZERO..=DAY, "at most 24 h")
    }
}

impl Incident {
    const fn of(kind: IncidentKind, lasts: Duration) -> Self {
        Self { kind, start: None, lasts }
    }

    /// Creates an incident without effect, of this duration.
    pub const fn nothing(lasts: Duration) -> Self {
        Self::of(IncidentKind::Nothing, lasts)
    }

    /// Connections are refused for this time.
    pub const fn outage(lasts: Duration) -> Self {
        Self::of(IncidentKind::Outage, lasts)
    }

    /// Requests vanish for this time.
    pub const fn blackhole(lasts: Duration) -> Self {
        Self::of(IncidentKind::Blackhole, lasts)
    }

    /// The server takes `factor` times as long for this time.
    pub const fn slow(lasts: Duration, factor: f64) -> Self {
        Self::of(IncidentKind::Slow { factor }, lasts)
    }

    /// This share of the requests is answered with an error for this time.
    pub const fn errors(lasts: Duration, share: f64) -> Self {
        Self::of(IncidentKind::Errors { share }, lasts)
    }

    /// The clients have no power for this time, and then boot within `boot_spread`.
    pub const fn power_cut(lasts: Duration, boot_spread: Duration) -> Self {
        Self::of(IncidentKind::PowerCut { boot_spread }, lasts)
    }

    /// There are `factor` times as many calls for this time.
    pub const fn surge(lasts: Duration, factor: f64) -> Self {
        Self::of(IncidentKind::Surge { factor }, lasts)
    }

    /// The server is down and up in turn for this time.
    pub const fn flapping(lasts: Duration, period: Duration) -> Self {
        Self::of(IncidentKind::Flapping { period }, lasts)
    }

    /// The instances of the server restart one after the other within this time.
    pub const fn rolling_restart(lasts: Duration, instances: u32) -> Self {
        Self::of(IncidentKind::RollingRestart { instances }, lasts)
    }

    /// Sets when it begins.
    pub const fn start(mut self, start: Duration) -> Self {
        self.start = Some(start);
        self
    }

    fn validate(&self) -> Result<(), ScenarioError> {
        if let Some(start) = self.start {
            span("event.start", start, Duration::ZERO..=DAY, "at most 24 h")?;
        }
        span("event.lasts", self.lasts, MILLI..=DAY, "from 1 ms to 24 h")?;
        match self.kind {
            IncidentKind::Slow { factor } => number("event.factor", factor, 1.0..=1_000.0, "from 1 to 1,000"),
            IncidentKind::Surge { factor } => number("event.factor", factor, 1.0..=100.0, "from 1 to 100"),
            IncidentKind::Errors { share } => number("event.share", share, 0.0..=1.0, "from 0 to 1"),
            IncidentKind::PowerCut { boot_spread } => {
                span("event.boot_spread", boot_spread, Duration::ZERO..=DAY, "at most 24 h")
            }
            IncidentKind::Flapping { period } => span("event.period", period, MILLI * 2..=DAY, "from 2 ms to 24 h"),
            IncidentKind::RollingRestart { instances } if !(1..=1_000).contains(&instances) => {
                Err(ScenarioError::new("event.instances", instances, "from 1 to 1,000"))
            }
            _ => Ok(()),
        }
    }
}

impl IncidentKind {
    /// Returns what it is called in a sentence, with its article: `the outage`.
    pub const fn noun(&self) -> &'static str {
        match self {
            Self::Nothing => "the start",
            Self::Outage => "the outage",
            Self::Blackhole => "the blackhole",
            Self::Slow { .. } => "the slow phase",
            Self::Errors { .. } => "the errors",
            Self::PowerCut { .. } => "the power cut",
            Self::Surge { .. } => "the surge",
            Self::Flapping { .. } => "the flapping",
            Self::RollingRestart { .. } => "the rolling restart",
        }
    }
}

impl Expect {
    fn validate(&self, watch: Duration) -> Result<(), ScenarioError> {
        number("expect.back", self.back, 0.000_001..=1.0, "above 0 and at most 1")?;
        if let Some(within) = self.within {
            span("expect.within", within, MILLI..=watch, "from 1 ms to the time that is watched")?;
        }
        match self.peak {
            Some(peak) => number("expect.peak", peak, 0.0..=1_000_000.0, "from 0 to 1,000,000"),
            None => Ok(()),
        }
    }
}

fn span(
    field: &'static str,
    value: Duration,
    within: std::ops::RangeInclusive<Duration>,
    bounds: &'static str,
) -> Result<(), ScenarioError> {
    if within.contains(&value) { Ok(()) } else { Err(ScenarioError::new(field, format!("{value:?}"), bounds)) }
}

fn number(
    field: &'static str,
    value: f64,
    within: std::ops::RangeInclusive<f64>,
    bounds: &'static str,
) -> Result<(), ScenarioError> {
    if within.contains(&value) { Ok(()) } else { Err(ScenarioError::new(field, value, bounds)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario() -> Scenario {
        Scenario::new(1_000, Duration::from_secs(60), 20.0)
    }

    #[test]
    fn each_field_names_itself_its_value_and_its_bounds() {
        let day = DAY + MILLI;
        let server = Server::new(20.0);
        let every = |every| Calls { every, ..scenario().calls };
        let rows: [(Scenario, &str); 29] = [
            (Scenario { clients: 0, ..scenario() }, "clients: must be from 1 to 10,000,000, not 0"),
            (scenario().calls(every(Duration::ZERO)), "calls.every: must be from 1 ms to 24 h, not 0ns"),
            (
                scenario().calls(Calls { jitter: -0.5, ..scenario().calls }),
                "calls.jitter: must be from 0 to 1, not -0.5",
            ),
            (
                scenario().server(Server::new(0.0)),
                "server.capacity_per_second: must be from 0.001 to 1,000,000,000, not 0",
            ),
            (
                scenario().server(Server::new(f64::NAN)),
                "server.capacity_per_second: must be from 0.001 to 1,000,000,000, not NaN",
            ),
            (
                scenario().server(server.latency(Latency::Constant(HOUR + MILLI))),
                "server.latency: must be at most 1 h, not 3600.001s",
            ),
            (
                scenario().server(server.latency(Latency::Growing { base: day, per_request: MILLI })),
                "server.latency.base: must be at most 1 h, not 86400.001s",
            ),
            (
                scenario().server(server.latency(Latency::Growing { base: MILLI, per_request: day })),
                "server.latency.per_request: must be at most 1 h, not 86400.001s",
            ),
            (scenario().server(server.network(day)), "server.network: must be at most 1 h, not 86400.001s"),
            (scenario().server(server.queue(Some(day))), "server.queue: must be at most 24 h, not 86400.001s"),
            (scenario().server(server.reject_cost(2.0)), "server.reject_cost: must be from 0 to 1, not 2"),
            (
                scenario().server(server.retry_after(day, MILLI)),
                "server.retry_after: must be at most 24 h, not 86400.001s",
            ),
            (
                scenario().server(server.retry_after(MILLI, day)),
                "server.retry_after_jitter: must be at most 24 h, not 86400.001s",
            ),
            (scenario().client_timeout(Duration::ZERO), "client_timeout: must be from 1 ms to 1 h, not 0ns"),
            (scenario().event(Incident::outage(MILLI).start(day)), "event.start: must be at most 24 h, not 86400.001s"),
            (scenario().event(Incident::outage(day)), "event.lasts: must be from 1 ms to 24 h, not 86400.001s"),
            (scenario().event(Incident::slow(MILLI, 0.5)), "event.factor: must be from 1 to 1,000, not 0.5"),
            (scenario().event(Incident::surge(MILLI, 101.0)), "event.factor: must be from 1 to 100, not 101"),
            (
                Scenario { clients: 10_000_000, exact: true, ..scenario() }.event(Incident::surge(MILLI, 2.0)),
                "event.factor: must be at most so much that 16,777,215 clients are simulated, not 2",
            ),
            (scenario().event(Incident::errors(MILLI, 1.5)), "event.share: must be from 0 to 1, not 1.5"),
            (
                scenario().event(Incident::power_cut(MILLI, day)),
                "event.boot_spread: must be at most 24 h, not 86400.001s",
            ),
            (scenario().event(Incident::flapping(MILLI, MILLI)), "event.period: must be from 2 ms to 24 h, not 1ms"),
            (scenario().event(Incident::rolling_restart(MILLI, 0)), "event.instances: must be from 1 to 1,000, not 0"),
            (scenario().watch(MILLI), "watch: must be from 1 s to 24 h, not 1ms"),
            (scenario().shared(Shared::Process(0)), "shared: must be from 1 to 10,000,000 clients in a process, not 0"),
            (scenario().seeds(0), "seeds: must be from 1 to 10,000, not 0"),
            (scenario().max_events(0), "max_events: must be at least 1, not 0"),
            (
                scenario().expect(Expect { back: 0.0, within: None, peak: None }),
                "expect.back: must be above 0 and at most 1, not 0",
            ),
            (
                scenario().expect(Expect { back: 1.0, within: Some(DAY), peak: None }),
                "expect.within: must be from 1 ms to the time that is watched, not 86400s",
            ),
        ];
        assert_eq!(scenario().validate(), Ok(()));
        for (scenario, message) in rows {
            assert_eq!(scenario.validate().map_err(|error| error.to_string()), Err(message.to_owned()));
        }
    }

    #[test]
    fn a_fleet_with_one_budget_is_not_sampled() {
        let large = Scenario { clients: 1_000_000, ..scenario() };
        assert_eq!(large.simulated_clients(), SAMPLE);
        assert_eq!(large.clone().exact().simulated_clients(), 1_000_000);
        assert_eq!(large.shared(Shared::Fleet).simulated_clients(), 1_000_000);
        assert_eq!(scenario().simulated_clients(), 1_000);
    }
}
