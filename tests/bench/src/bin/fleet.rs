//! What a simulated fleet costs, and the tables that take too long for a test.
//!
//! - `fleet`: events a second, with the queue and the machine apart; a sample of 20,000 clients against all 1,000,000; 1,000 runs
//!   of a server that collapses.
//!
//! It fails if a table does not hold. Times and memory are printed and not judged.
#![expect(clippy::cast_precision_loss, reason = "for people")]

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs,
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};

use queue::Queue;
use redress_bench::cpu_time;
use redress_core::Attempts;
use redress_std::{
    Backoff, Policy, RandomSource, Retry, SeededRandom,
    simulate::{Arrivals, Calls, Incident, Latency, Report, Scenario, Server},
};

/// That of the simulation.
#[path = "../../../../redress-std/src/simulate/queue.rs"]
mod queue;

const CLIENTS: u32 = 1_000_000;
const STEPS: u32 = 20_000_000;
const SECOND: Duration = Duration::from_secs(1);

static UPLINK: Policy =
    Policy::new(Retry::new(Backoff::full_jitter(SECOND, Duration::from_secs(300))).unlimited_attempts().no_deadline());

/// Prints the CPU time of so many steps.
fn timed<T>(name: &str, steps: u64, work: impl FnOnce() -> T) -> T {
    let (before, started) = (cpu_time(), Instant::now());
    let result = work();
    let (cpu, wall) = (cpu_time().saturating_sub(before), started.elapsed());
    let each = cpu.as_secs_f64() * 1e9 / steps.max(1) as f64;
    println!(
        "{name}: {steps} steps, {:.1} s of CPU time in {:.1} s, {each:.0} ns each",
        cpu.as_secs_f64(),
        wall.as_secs_f64()
    );
    result
}

/// Takes the next event of a full queue and puts another in, again and again.
fn queue() {
    let mut random = SeededRandom::new(1);
    let mut gap = move || u64::from(random.next_u32()) << 24;
    let mut radix = Queue::default();
    (0..CLIENTS).for_each(|_| radix.push(gap()));
    timed("queue of 1,000,000, that of the simulation", STEPS.into(), || {
        for _ in 0..STEPS {
            let Some(now) = radix.pop() else { return };
            radix.push(now + gap());
        }
    });
    let mut binary: BinaryHeap<_> = (0..CLIENTS).map(|_| Reverse(gap())).collect();
    timed("queue of 1,000,000, binary heap", STEPS.into(), || {
        for _ in 0..STEPS {
            let Some(Reverse(now)) = binary.pop() else { return };
            binary.push(Reverse(now + gap()));
        }
    });
}

/// Decides on so many failures of one call.
fn machine() {
    let mut random = SeededRandom::new(1);
    let now = redress_core::Instant::from_ticks(0);
    let policy = black_box(&UPLINK);
    let Ok(mut attempts) = Attempts::<1_000>::start(policy, now) else { return };
    timed("decisions of one machine", STEPS.into(), || {
        for _ in 0..STEPS {
            let _ = black_box(attempts.on_failure(now, redress_core::ErrorClass::Transient, || random.next_u32()));
            let _ = attempts.on_wake(now);
        }
    });
}

/// Returns the most memory that this process has had, in MiB.
fn memory() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok().map(|kib: f64| kib / 1_024.0)
}

fn outage(is_exact: bool) -> Report {
    let scenario = Scenario::new(CLIENTS, 60 * SECOND, 20_833.3).seeds(1);
    let scenario = if is_exact { scenario.exact() } else { scenario };
    let (before, started) = (cpu_time(), Instant::now());
    let report = scenario.run("uplink", &UPLINK);
    let (cpu, run) = (cpu_time().saturating_sub(before).as_secs_f64(), &report.runs[0]);
    println!(
        "{} clients: {} events, {cpu:.1} s of CPU time in {:.1} s, {:.0} ns each, {:.0} MiB so far",
        run.clients,
        run.events,
        started.elapsed().as_secs_f64(),
        cpu * 1e9 / run.events as f64,
        memory().unwrap_or(f64::NAN),
    );
    report
}

fn is_close(what: &str, value: f64, expected: f64, tolerance: f64) -> bool {
    let is_close = (value / expected - 1.0).abs() <= tolerance;
    println!("{what}: {value:.4}, expected {expected:.4}: {}", if is_close { "holds" } else { "DOES NOT HOLD" });
    is_close
}

fn sample() -> bool {
    let (sample, all) = (outage(false), outage(true));
    let back = |report: &Report, share| report.back_after(share).map_or(f64::NAN, |after| after.median.as_secs_f64());
    [
        is_close("load of 20,000 against 1,000,000", sample.load().median, all.load().median, 0.01),
        is_close("seconds to 50 %", back(&sample, 0.5), back(&all, 0.5), 0.02),
        is_close("seconds to 99 %", back(&sample, 0.99), back(&all, 0.99), 0.02),
    ]
    .into_iter()
    .all(|holds| holds)
}

/// M. Brooker's `simple_collapse_sim`: see `redress-std/tests/simulate.rs`.
fn stuck(policy: &Policy<'_>) -> f64 {
    let calls = Calls { every: 5_000 * SECOND, jitter: 0.0, next: Arrivals::Poisson };
    let server = Server::new(100.0)
        .latency(Latency::Growing { base: SECOND, per_request: SECOND / 100 })
        .network(SECOND / 10)
        .queue(None);
    let report = Scenario::new(200_000, calls.every, 100.0)
        .exact()
        .calls(calls)
        .server(server)
        .client_timeout(3 * SECOND)
        .event(Incident::surge(5 * SECOND, 2.0).start(20 * SECOND))
        .watch(95 * SECOND)
        .seeds(1_000)
        .run("collapse", policy);
    report.runs.iter().filter(|run| run.goodput < 0.5 * run.offered).count() as f64 / report.runs.len() as f64
}

fn collapse() -> bool {
    let retry = |backoff| Policy::new(Retry::new(backoff).max_attempts(3).no_deadline());
    let none = timed("collapse, no backoff", 1_000, || stuck(&retry(Backoff::none())));
    let full = timed("collapse, full jitter", 1_000, || stuck(&retry(Backoff::full_jitter(20 * SECOND, 40 * SECOND))));
    println!(
        "share of stuck runs: {none:.3} without backoff, expected 0.69 to 0.79; {full:.3} with full jitter, expected 0"
    );
    (none - 0.74).abs() <= 0.05 && full < 0.001
}

fn main() -> ExitCode {
    queue();
    machine();
    let holds = [sample(), collapse()];
    if holds == [true, true] { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
