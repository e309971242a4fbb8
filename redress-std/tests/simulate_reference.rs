//! Storms of a prototype that drove the same machine: each row of its table, all of them by one reading of what its text leaves open.
//!
//! - In an outage, clients call by a timer, once a minute without jitter: a client that is back asks again within the minute, which
//!   keeps a server busy that would have its peace if it asked a minute later.
//! - After a power cut, they call a minute after their last call ended, give or take a tenth.
//! - Loads are multiples of what clients ask for without failures, which is 0.8 times the capacity.
//! - "Never" is a server that does not hold ten minutes after the event.

use std::time::Duration;

use redress_std::{
    Backoff, BreakerConfig, Budget, BudgetConfig, CircuitBreaker, Policy, Retry,
    keeper::KeepConfig,
    simulate::{Arrivals, Calls, Incident, Latency, Report, Scenario, Server, Verdict},
};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const OUTAGE: Incident = Incident::outage(secs(600));
const POWER_CUT: Incident = Incident::power_cut(secs(600), secs(5));

const NEVER: Option<u32> = None;

/// A policy that never gives up.
const fn unlimited(backoff: Backoff<'static>) -> Policy<'static> {
    Policy::new(Retry::new(backoff).unlimited_attempts().no_deadline())
}

/// Six attempts within a minute.
const fn limited() -> Policy<'static> {
    Policy::new(Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(250), secs(30))))
}

/// So many clients that call once a minute, and a server for 1.25 times that.
fn fleet(clients: u32, event: Incident) -> Scenario {
    Scenario::new(clients, secs(60), f64::from(clients) / 48.0).event(event).watch(secs(600)).seeds(1)
}

fn by_a_timer(clients: u32) -> Scenario {
    fleet(clients, OUTAGE).calls(Calls { every: secs(60), jitter: 0.0, next: Arrivals::FixedPhase })
}

/// Returns the load in the event, as a multiple of what clients ask for without failures.
fn load(report: &Report) -> f64 {
    report.load().median * 1.25
}

#[track_caller]
fn assert_close(what: &str, value: f64, expected: f64, tolerance: f64) {
    assert!((value / expected - 1.0).abs() <= tolerance, "{what}: {value:.2}, expected {expected}");
}

/// Asserts that 99 % are back after so many seconds, to this tolerance and to the second of the table; or that they never are.
#[track_caller]
fn assert_back(what: &str, report: &Report, expected: Option<u32>, tolerance: f64) {
    match (report.verdict(), expected) {
        (Verdict::Recovers { after }, Some(expected)) => {
            let (after, expected) = (after.median.as_secs_f64(), f64::from(expected));
            assert!((after - expected).abs() <= tolerance * expected + 1.0, "{what}: {after} s, expected {expected} s");
        }
        (Verdict::DoesNotRecover { .. }, None) => {}
        (_, expected) => panic!("{what}: {report}, expected {expected:?} s"),
    }
}

#[test]
fn backoffs_without_limit() {
    type Formula = fn(Duration, Duration) -> Backoff<'static>;
    let (decorrelated, full): (Formula, Formula) = (Backoff::decorrelated_jitter, Backoff::full_jitter);
    let (equal, exponential): (Formula, Formula) = (Backoff::equal_jitter, Backoff::exponential);
    // The maximum in seconds, the load in the outage, seconds until 99 % are back after it and after the power cut.
    let rows = [
        ("decorrelated", decorrelated, 60, 2.47, NEVER, NEVER),
        ("decorrelated", decorrelated, 300, 1.87, Some(293), NEVER),
        ("full", full, 60, 2.36, NEVER, NEVER),
        ("full", full, 300, 1.08, Some(268), Some(362)),
        ("equal", equal, 60, 1.71, NEVER, Some(335)),
        ("equal", equal, 300, 0.93, Some(274), Some(247)),
        ("exponential", exponential, 300, 1.00, NEVER, NEVER),
    ];
    for (name, formula, max, expected, outage, power_cut) in rows {
        let (name, policy) = (format!("{name} {max} s"), unlimited(formula(secs(1), secs(max))));
        let report = by_a_timer(2_000).run(&name, &policy);
        assert_close(&name, load(&report), expected, 0.02);
        assert_back(&name, &report, outage, 0.02);
        // A small fleet is torn apart sooner.
        let clients = if power_cut.is_some() { 20_000 } else { 2_000 };
        assert_back(&name, &fleet(clients, POWER_CUT).run(&name, &policy), power_cut, 0.03);
    }
}

#[test]
fn budgets_and_breakers_of_each_device() {
    static BUDGET: Budget =
        Budget::new(BudgetConfig::token_bucket(4).initial(1).refill_per_success(100).refill_per_second(0));
    let report = by_a_timer(2_000).run("budget", &limited().budget(&BUDGET));
    assert_close("budget", load(&report), 1.10, 0.02);
    assert_back("budget", &report, Some(60), 0.02);
    assert_back("budget", &fleet(2_000, POWER_CUT).run("budget", &limited().budget(&BUDGET)), Some(459), 0.03);

    // Three failed calls open it: in ten minutes 3 of them, and one of each two minutes after them, make six attempts each.
    let opening = |timeout| {
        CircuitBreaker::<3>::new(
            BreakerConfig::new(3).window(secs(600)).recovery_timeout(Duration::from_millis(timeout)),
        )
    };
    let minute = opening(60_000);
    let report = by_a_timer(2_000).run("breaker", &limited().circuit_breaker(&minute));
    assert_close("breaker", load(&report), 3.60, 0.01);
    assert_back("breaker", &report, Some(60), 0.02);
    let cut = fleet(2_000, POWER_CUT);
    assert_back("breaker", &cut.run("breaker", &limited().circuit_breaker(&minute)), NEVER, 0.0);
    let longer = opening(67_500);
    assert_back("breaker 67.5 s", &cut.run("breaker", &limited().circuit_breaker(&longer)), Some(308), 0.03);
}

/// Six attempts a call come to six times the load, and to the edge: at 20 ms the queue grows until clients give up, or nearly so, and the
/// seed decides. The prototype has one run; a latency of half a second, which its text leaves open, makes it that of most.
#[test]
fn retries_without_a_budget() {
    let at = |latency| {
        let server = Server::new(2_000.0 / 48.0).latency(Latency::Constant(Duration::from_millis(latency)));
        by_a_timer(2_000).server(server).seeds(3).run("default", &limited())
    };
    let edge = at(20);
    assert_close("load", load(&edge), 6.0, 0.02);
    let queue = edge.over_runs(|run| run.queue);
    assert!(secs(4) < queue.low, "clients wait 5 s, the queue is far from it: {queue:?}");
    assert!(matches!(at(500).verdict(), Verdict::DoesNotRecover { .. } | Verdict::MayNotRecover { stuck: 2 }));

    // So near the edge, a small fleet is spared more often.
    let short = |lasts| fleet(20_000, Incident::outage(secs(lasts))).watch(secs(300)).run("default", &limited());
    assert_back("10 s", &short(10), Some(62), 0.05);
    assert_back("30 s", &short(30), NEVER, 0.0);
}

/// Without jitter all devices do the same at the same time, as with one seed: sixty times the load in one second.
#[test]
fn devices_that_draw_the_same_numbers() {
    let keep = KeepConfig::new(secs(10)).spread(secs(0));
    let report = fleet(1_000, OUTAGE).keep(keep).run("one seed", &unlimited(Backoff::exponential(secs(1), secs(300))));
    let peak = report.peak().median * 1.25;
    assert!((58.0..=79.0).contains(&peak), "{peak}");
    assert_back("one seed", &report, NEVER, 0.0);
}

#[test]
fn boots_that_are_spread_and_hints() {
    let spread = fleet(10_000, Incident::power_cut(secs(60), secs(60)));
    for backoff in [Backoff::decorrelated_jitter(secs(1), secs(60)), Backoff::exponential(secs(1), secs(300))] {
        let calls = Calls { jitter: 0.0, ..spread.calls };
        let report = spread.clone().calls(calls).watch(secs(120)).run("spread", &unlimited(backoff));
        assert_close("peak", report.peak().median * 1.25, 1.22, 0.03);
        assert_back("spread", &report, Some(60), 0.01);
    }

    // A hint of a minute, to which the server adds up to an eighth, or up to as much again.
    let hinted = |jitter, seeds| {
        let server = Server::new(2_000.0 / 48.0).retry_after(secs(60), Duration::from_millis(jitter));
        let backoff = Backoff::exponential(secs(1), secs(60)).or_retry_after_jittered(Duration::ZERO);
        fleet(2_000, POWER_CUT).server(server).watch(secs(900)).seeds(seeds).run("hint", &unlimited(backoff))
    };
    assert_back("wide", &hinted(60_000, 1), Some(124), 0.03);
    // All come back together, again and again, until chance has torn them apart: the seed decides how often. 517 s is one run of many.
    let narrow = hinted(7_500, 5).back_after(0.99).expect("it recovers in the end");
    assert!(secs(310) < narrow.low && narrow.low < secs(517) && secs(517) < narrow.high, "{narrow:?}");
}
