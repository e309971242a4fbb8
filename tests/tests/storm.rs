//! Defaults do not keep an outage alive.
//!
//! The model is the one of Marc Brooker's `simulator_example` ("collapse"): a server takes 1 s for a request, and 10 ms more for
//! each request that is already in it. Clients wait for 3 s. Forty calls begin each second, in the seconds 20 to 25 twice as
//! many. The server works on for clients that have gone. Without retries it recovers; with retries and without a budget the
//! clients' own load keeps it where it is. Attempts, budgets and delays are those of the library, on a virtual clock.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use redress_core::{
    Attempts, Backoff, Budget, BudgetConfig, Decision, ErrorClass, Instant, Policy, RandomSource, Retry, SeededRandom,
};
use redress_std::{SharedPolicy, file::PolicyFile};

const RATE: f64 = 40.0;
/// Mean time of a message on the way, in milliseconds.
const HOP: f64 = 100.0;
const CLIENT_TIMEOUT: u64 = 3_000;
const SURGE: std::ops::Range<u64> = 20_000..25_000;
const MEASURED: std::ops::Range<u64> = 100_000..120_000;
/// Answers in time, each second, below which the outage goes on. A healthy server gives forty.
const STUCK: f64 = 30.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A call begins.
    Arrival,
    /// A request reaches the server.
    Received { call: u64, attempt: u32 },
    /// The server is done with a request, whether the client waits or not.
    Served { call: u64, attempt: u32 },
    /// The answer reaches the client.
    Answered { call: u64, attempt: u32 },
    /// The client gives this attempt up.
    TimedOut { call: u64, attempt: u32 },
    /// The wait before another attempt is over.
    Woken { call: u64 },
}

struct Outage<'p> {
    policies: &'p [Policy<'p>],
    random: SeededRandom,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    order: u64,
    calls: BTreeMap<u64, Attempts<'p, 1_000>>,
    /// Calls that have begun.
    begun: u64,
    in_server: u64,
    answered: u64,
}

impl<'p> Outage<'p> {
    /// Plays two minutes. Each process has a policy of its own. Returns the answers in time, each second, at the end.
    fn goodput(policies: &'p [Policy<'p>], seed: u64) -> f64 {
        let mut outage = Self {
            policies,
            random: SeededRandom::new(seed),
            events: BinaryHeap::new(),
            order: 0,
            calls: BTreeMap::new(),
            begun: 0,
            in_server: 0,
            answered: 0,
        };
        outage.after(0, 0, Event::Arrival);
        while let Some(Reverse((now, _, event))) = outage.events.pop() {
            if now >= MEASURED.end {
                break;
            }
            outage.handle(now, event);
        }
        seconds(outage.answered, MEASURED)
    }

    fn after(&mut self, now: u64, span: u64, event: Event) {
        self.order += 1;
        self.events.push(Reverse((now + span, self.order, event)));
    }

    fn handle(&mut self, now: u64, event: Event) {
        let instant = Instant::from_ticks(now);
        match event {
            Event::Arrival => {
                let rate = if SURGE.contains(&now) { 2.0 * RATE } else { RATE };
                let gap = self.exponential(1_000.0 / rate);
                self.after(now, gap, Event::Arrival);
                self.begun += 1;
                let process = usize::try_from(self.begun).unwrap() % self.policies.len();
                let attempts = Attempts::start(&self.policies[process], instant).expect("no breaker");
                self.calls.insert(self.begun, attempts);
                self.send(now, self.begun);
            }
            Event::Received { call, attempt } => {
                self.in_server += 1;
                self.after(now, 1_000 + 10 * self.in_server, Event::Served { call, attempt });
            }
            Event::Served { call, attempt } => {
                self.in_server -= 1;
                let hop = self.exponential(HOP);
                self.after(now, hop, Event::Answered { call, attempt });
            }
            Event::Answered { call, attempt } => {
                if self.is_waiting_for(call, attempt) {
                    self.calls.remove(&call).expect("looked up").on_success(instant);
                    self.answered += u64::from(MEASURED.contains(&now));
                }
            }
            Event::TimedOut { call, attempt } => {
                if !self.is_waiting_for(call, attempt) {
                    return;
                }
                let random = self.random.next_u32();
                let attempts = self.calls.get_mut(&call).expect("looked up");
                match attempts.on_failure(instant, ErrorClass::Transient, || random) {
                    Decision::RetryAt(at) => self.after(now, at.ticks_since(instant), Event::Woken { call }),
                    Decision::Stop(_) => drop(self.calls.remove(&call)),
                }
            }
            Event::Woken { call } => {
                if self.calls.get_mut(&call).expect("it waits").on_wake(instant).is_ok() {
                    self.send(now, call);
                } else {
                    self.calls.remove(&call);
                }
            }
        }
    }

    fn send(&mut self, now: u64, call: u64) {
        let attempt = self.calls[&call].attempt().number;
        let hop = self.exponential(HOP);
        self.after(now, hop, Event::Received { call, attempt });
        self.after(now, CLIENT_TIMEOUT, Event::TimedOut { call, attempt });
    }

    /// Whether this attempt is still under way.
    fn is_waiting_for(&self, call: u64, attempt: u32) -> bool {
        self.calls.get(&call).is_some_and(|it| it.attempt().number == attempt && it.poll_at().is_none())
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds in milliseconds")]
    fn exponential(&mut self, mean: f64) -> u64 {
        let uniform = (f64::from(self.random.next_u32()) + 1.0) / 4_294_967_297.0;
        (-uniform.ln() * mean).round() as u64
    }
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn seconds(count: u64, span: std::ops::Range<u64>) -> f64 {
    count as f64 * 1_000.0 / (span.end - span.start) as f64
}

/// Returns how many of so many runs end stuck, with a policy of its own for each of ten processes.
fn stuck<P>(runs: u64, policy: impl Fn() -> P, lend: impl for<'p> Fn(&'p P) -> Policy<'p>) -> usize {
    let is_stuck = |seed: &u64| {
        let owners: Vec<P> = (0..10).map(|_| policy()).collect();
        let policies: Vec<Policy<'_>> = owners.iter().map(&lend).collect();
        Outage::goodput(&policies, *seed) < STUCK
    };
    (0..runs).filter(is_stuck).count()
}

const RUNS: u64 = 200;

/// The backoff of `#[retry]` and of `redress_std::retry`, limits and deadline by default.
const RETRY: Retry<'static> = Retry::new(redress_core::__private::DEFAULT_BACKOFF);

#[test]
fn the_model_has_the_share_of_stuck_runs_that_is_published() {
    // Three tries at once: 74 % of 1,000 runs; full jitter of 20 s and 40 s: none.
    let at_once = stuck(50, || Retry::new(Backoff::none()).max_attempts(3), |retry| Policy::new(*retry));
    assert!((30..=44).contains(&at_once), "{at_once}");
    let (base, max) = (Duration::from_secs(20), Duration::from_secs(40));
    let patient = Retry::new(Backoff::full_jitter(base, max)).max_attempts(3).no_deadline();
    assert_eq!(stuck(50, || patient, |retry| Policy::new(*retry)), 0);
}

#[test]
fn without_a_budget_the_default_limits_keep_the_outage_alive() {
    let stuck = stuck(50, || SharedPolicy::new(RETRY).no_budget(), |policy| *policy.policy());
    assert!(stuck > 25, "{stuck}");
}

#[test]
fn a_shared_policy_recovers() {
    assert_eq!(stuck(RUNS, || SharedPolicy::new(RETRY), |policy| *policy.policy()), 0);
}

#[test]
fn a_policy_of_a_file_recovers() {
    let file = PolicyFile::parse("[policy.a]").unwrap();
    let made = || SharedPolicy::try_from(file.get("a").unwrap()).unwrap();
    assert_eq!(stuck(RUNS, made, |policy| *policy.policy()), 0);
}

#[test]
fn a_decorated_function_recovers() {
    let budget = || Budget::<0>::new(BudgetConfig::DEFAULT);
    assert_eq!(stuck(RUNS, budget, |budget| Policy::new(RETRY).budget(budget)), 0);
}

/// The policy of the first example of these docs, which readers copy: its backoff and its attempts.
fn first_policy(path: &str) -> (String, Retry<'static>) {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let docs = std::fs::read_to_string(file).expect("the docs");
    let example = docs.split("Backoff::").nth(1).expect("a backoff").split("budget(&BUDGET)").next().expect("a budget");
    let words: String = example.chars().filter(|c| !c.is_whitespace() && !matches!(c, '/' | '!')).collect();
    let number = |before: &str| -> Option<u32> {
        let digits: String = words.split(before).nth(1)?.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    let millis = |before: &str| u64::from(number(before).unwrap_or_else(|| panic!("{before} in {path}: {words}")));
    let (base, max) = (Duration::from_millis(millis("from_millis(")), Duration::from_secs(millis("from_secs(")));
    let backoff = match words.split('(').next() {
        Some("decorrelated_jitter") => Backoff::decorrelated_jitter(base, max),
        Some("full_jitter") => Backoff::full_jitter(base, max),
        other => panic!("another backoff, {other:?} in {path}"),
    };
    let retry = Retry::new(backoff);
    let retry = number(".max_attempts(").map_or(retry, |attempts| retry.max_attempts(attempts));
    (format!("{retry:?}"), retry)
}

#[test]
fn the_first_policy_of_each_document_recovers() {
    let documents = [
        "README.md",
        "redress-core/src/lib.rs",
        "redress-std/src/lib.rs",
        "redress-embassy/src/lib.rs",
        "redress-std/src/tower_v0_5/mod.rs",
    ];
    // Two of them have the same.
    let policies: BTreeMap<String, Retry<'_>> = documents.into_iter().map(first_policy).collect();
    assert_eq!(policies.len(), 4);
    for (shown, retry) in policies {
        let budget = || Budget::<0>::new(BudgetConfig::DEFAULT);
        assert_eq!(stuck(20, budget, |budget| Policy::new(retry).budget(budget)), 0, "{shown}");
        assert!(stuck(10, || retry, |retry| Policy::new(*retry)) > 2, "it recovers without a budget: {shown}");
    }
}

#[test]
fn one_large_client_and_forty_small_ones_recover() {
    for processes in [1, 40] {
        for seed in 0..20 {
            let budgets: Vec<Budget> = (0..processes).map(|_| Budget::new(BudgetConfig::DEFAULT)).collect();
            let policies: Vec<_> = budgets.iter().map(|budget| Policy::new(RETRY).budget(budget)).collect();
            assert!(Outage::goodput(&policies, seed) > STUCK, "{processes} processes, seed {seed}");
        }
    }
}

/// The shape of the backoff decides nothing here: the reasons for that of `RetryConfig` are the fleet's.
#[test]
fn no_jitter_recovers_by_itself_and_each_does_with_the_default_budget() {
    let (base, max) = (Duration::from_millis(250), Duration::from_secs(30));
    for backoff in [Backoff::decorrelated_jitter, Backoff::full_jitter, Backoff::equal_jitter] {
        let retry = Retry::new(backoff(base, max));
        assert!(stuck(20, || SharedPolicy::new(retry).no_budget(), |policy| *policy.policy()) > 8);
        assert_eq!(stuck(20, || SharedPolicy::new(retry), |policy| *policy.policy()), 0);
    }
}

/// A server that many clients call sees the sum of their minimums.
#[test]
fn a_ratio_recovers_unless_its_minimum_is_large_for_all_clients_together() {
    let stuck = |processes: usize, min_per_second, runs: u64| {
        let config = BudgetConfig::ratio(20, Duration::from_secs(10)).min_per_second(min_per_second);
        let is_stuck = |seed: &u64| {
            let budgets: Vec<Budget<10>> = (0..processes).map(|_| Budget::new(config)).collect();
            let policies: Vec<_> = budgets.iter().map(|budget| Policy::new(RETRY).budget(budget)).collect();
            Outage::goodput(&policies, *seed) < STUCK
        };
        (0..runs).filter(is_stuck).count()
    };
    assert_eq!((stuck(1, 10, 10), stuck(10, 0, 40), stuck(10, 1, 10), stuck(40, 0, 10)), (0, 0, 0, 0));
    // Thirty retries a second beside forty calls.
    assert!(stuck(10, 3, 10) > 4);
}
