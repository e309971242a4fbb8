//! Plays a scenario: run by run, phase by phase.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use bumpalo::{Bump, boxed};
use redress_core::{ConfigError, Policy, keeper::Keep};

use super::{
    Arrivals, IncidentKind, Latency, Progress, Report, RunReport, Scenario, ScenarioError,
    client::{World, calls, connection},
    clockwork::{Nanos, Ran, Random},
    domain::Domains,
    server::nanos,
    tally::{Phase, float},
};

/// So many events pass between two reports of progress.
const REPORTED: u64 = 1 << 17;

/// So many clients are simulated at the same time, in runs beside each other.
const AT_ONCE: u32 = 200_000;

impl Scenario {
    /// Plays the scenario with a policy, under this name. Breakers and budgets are made anew, like those of the policy, which
    /// stay as they are. Runs with different seeds are played in as many threads as there are cores; the report does not depend
    /// on them.
    ///
    /// ```
    /// use std::time::Duration;
    /// use redress_std::{Backoff, Policy, Retry, simulate::{Incident, Scenario}};
    ///
    /// static UPLINK: Policy = Policy::new(
    ///     Retry::new(Backoff::full_jitter(Duration::from_secs(1), Duration::from_secs(300))).unlimited_attempts().no_deadline(),
    /// );
    ///
    /// # let duration = Duration::from_secs(600);
    /// let report = Scenario::new(1_000, Duration::from_secs(60), 20.8)
    ///     .event(Incident::outage(duration))
    ///     .run("uplink", &UPLINK);
    /// report.assert_back(0.99, Duration::from_secs(600));
    /// ```
    ///
    /// # Panics
    ///
    /// If a value is out of its bounds. [`try_run`](Self::try_run) returns an error instead.
    pub fn run(&self, name: &str, policy: &Policy<'_>) -> Report {
        self.try_run(name, policy, &|_| ()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Plays the scenario with a policy, under this name. Calls `progress` now and then, from several threads where there are.
    ///
    /// # Errors
    ///
    /// The first field that is out of its bounds. A policy that cannot keep up a connection, or whose breaker or budget has a
    /// number of slots that is not provided for.
    pub fn try_run(
        &self,
        name: &str,
        policy: &Policy<'_>,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Report, ScenarioError> {
        self.validate()?;
        let runs = self.runs();
        let (next, done) = (AtomicUsize::new(0), Mutex::new(Progress { done: 0.0, events: 0 }));
        let report = |part: f64, events: u64| {
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.done = (done.done + part / f64::from(self.seeds)).min(1.0);
            done.events += events;
            progress(*done);
        };
        let work = || -> Result<Vec<RunReport>, ScenarioError> {
            let mut reports = Vec::new();
            loop {
                let Some(seed) = runs.get(next.fetch_add(1, Relaxed)) else { return Ok(reports) };
                reports.push(self.play(*seed, policy, &report)?);
            }
        };
        let mut reports = Vec::with_capacity(runs.len());
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.min(runs.len()).min((AT_ONCE / self.simulated_clients()).max(1) as usize);
        if threads == 1 {
            reports.append(&mut work()?);
        } else {
            let all: Vec<_> = thread::scope(|scope| {
                let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
                workers.into_iter().map(thread::ScopedJoinHandle::join).collect()
            });
            for of_worker in all {
                reports.append(&mut of_worker.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
        }
        let position = |seed: u64| runs.iter().position(|run| *run == seed);
        reports.sort_by_key(|report| position(report.seed));
        Ok(Report { policy: name.to_owned(), scenario: self.clone(), runs: reports })
    }

    /// Returns the seed of each run.
    fn runs(&self) -> Vec<u64> {
        let mut random = Random::new(self.seed);
        (0..self.seeds).map(|_| random.next() >> 32).collect()
    }

    /// Plays one run.
    fn play(
        &self,
        seed: u64,
        policy: &Policy<'_>,
        done: &(dyn Fn(f64, u64) + Sync),
    ) -> Result<RunReport, ScenarioError> {
        let world = World::new(self, seed);
        let mut run = Run { scenario: self, world: &world, policy, done, events: 0, reported: (0.0, 0) };
        let is_capped = !run.all()?;
        let scale = f64::from(self.clients) / f64::from(self.simulated_clients());
        let state = world.state.borrow();
        let mut report = state.tally.report(seed, self.server.capacity_per_second / scale, self.offered(scale));
        report.queue = Duration::from_nanos(state.server.longest_wait);
        Ok(RunReport { events: run.events, is_capped, ..report })
    }

    /// Returns the calls that the simulated clients make in a second without failures; `None` if they keep up connections.
    fn offered(&self, scale: f64) -> Option<f64> {
        let answer = match (self.server.latency, self.calls.next) {
            (_, Arrivals::FixedPhase | Arrivals::Poisson) => 0,
            (Latency::Constant(latency) | Latency::Exponential(latency), _) => nanos(latency),
            (Latency::Growing { base, .. }, _) => nanos(base),
        };
        let gap = float(nanos(self.calls.every) + answer);
        self.keep.is_none().then(|| f64::from(self.clients) / scale * 1e9 / gap)
    }
}

/// A run under way.
struct Run<'r> {
    scenario: &'r Scenario,
    world: &'r World,
    policy: &'r Policy<'r>,
    /// Takes the part that is done since the last time, and the events.
    done: &'r (dyn Fn(f64, u64) + Sync),
    events: u64,
    /// The amounts already added to `done`.
    reported: (f64, u64),
}

impl Run<'_> {
    /// Plays all phases. Returns whether there were events enough.
    fn all(&mut self) -> Result<bool, ScenarioError> {
        let start = nanos(self.scenario.event_start());
        let end = start + nanos(self.scenario.event.lasts);
        let horizon = end + nanos(self.scenario.watch);
        if let IncidentKind::PowerCut { boot_spread } = self.scenario.event.kind {
            let is_through = self.lives(None, &[(Phase::Before, start)])?;
            self.world.enter(Phase::During);
            self.world.clockwork.skip_to(end);
            Ok(is_through && self.lives(Some(nanos(boot_spread)), &[(Phase::After, horizon)])?)
        } else {
            self.lives(None, &[(Phase::Before, start), (Phase::During, end), (Phase::After, horizon)])
        }
    }

    /// Plays phases, each up to its end, from the start of all clients to their end. `boot`: the time within which they boot.
    fn lives(&mut self, boot: Option<Nanos>, phases: &[(Phase, Nanos)]) -> Result<bool, ScenarioError> {
        let world = self.world;
        for (_, end) in phases {
            world.clockwork.end_at(*end);
        }
        let clients = world.clients + world.visitors;
        let domains = Domains::new(self.policy, self.scenario.shared, clients)?;
        let policies = domains.policies(self.policy);
        let of = |client| domains.of(client, policies.len());
        let boots = u32::from(boot.is_some());
        let horizon = phases.last().map_or(0, |(_, end)| *end);
        // A client whose first step lies behind the end is never made.
        let steps: Vec<bool> = (0..clients).map(|client| self.plan(client, boot, horizon)).collect();
        let made = steps.iter().filter(|steps| **steps).count();
        let clients = (0..).zip(steps).map(|(client, steps)| steps.then_some(client));
        if let Some(config) = self.scenario.keep {
            let invalid =
                |error: ConfigError| ScenarioError::new("keep", error.message(), "a configuration that is sound");
            let keeps: Result<Vec<Keep<'_>>, _> =
                policies.iter().map(|policy| Keep::try_new(*policy, config).map_err(invalid)).collect();
            let keeps = keeps?;
            let connect = |client| connection(world, &keeps[of(client)], client, boots);
            Ok(self.phases(phases, made, clients.map(|client| client.map(connect))))
        } else {
            let call = |client| calls(world, &policies[of(client)], client, boots);
            Ok(self.phases(phases, made, clients.map(|client| client.map(call))))
        }
    }

    /// Plans the first step of a client. Returns whether it is before the end.
    fn plan(&self, client: u32, boot: Option<Nanos>, end: Nanos) -> bool {
        let world = self.world;
        let (now, is_visitor) = (world.clockwork.now(), client >= world.clients);
        let at = match boot {
            Some(spread) => now + world.part_of(spread),
            None if is_visitor => nanos(self.scenario.event_start()) + world.first_call(),
            None => now + world.first_call(),
        };
        if at < end {
            world.clockwork.wake(client, at);
        }
        at < end
    }

    /// Plays phases with these clients, of which so many are made. Returns whether there were events enough.
    fn phases<F: Future>(
        &mut self,
        phases: &[(Phase, Nanos)],
        made: usize,
        clients: impl Iterator<Item = Option<F>>,
    ) -> bool {
        // Side by side, because a box of its own for each takes room for the allocator.
        let side_by_side = Bump::with_capacity(made * size_of::<F>());
        let pin = |client| boxed::Box::pin_in(client, &side_by_side);
        let mut tasks: Vec<_> = clients.map(|client| client.map(pin)).collect();
        for (phase, _) in phases {
            self.world.enter(*phase);
            loop {
                let polls = REPORTED.min(self.scenario.max_events - self.events);
                if polls == 0 {
                    self.world.is_over.set(true);
                    return false;
                }
                let (ran, polled) = self.world.clockwork.run(&mut tasks, polls);
                self.events += polled;
                self.report();
                if ran == Ran::ToEnd {
                    break;
                }
            }
        }
        self.world.is_over.set(phases.iter().any(|(phase, _)| *phase == Phase::After));
        true
    }

    /// Reports how far this run has come since it did last.
    fn report(&mut self) {
        let horizon = self.scenario.event_start() + self.scenario.event.lasts + self.scenario.watch;
        let (part, events) = (float(self.world.clockwork.now()) / float(nanos(horizon)), self.events);
        (self.done)(part - self.reported.0, events - self.reported.1);
        self.reported = (part, events);
    }
}
