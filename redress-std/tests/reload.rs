//! Policies that are loaded again and again while calls are made: nothing is left of those that were replaced.

use std::{
    io::{self, ErrorKind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
};

use arc_swap::ArcSwap;
use peak_alloc::PeakAlloc;
use redress_std::{
    BreakerState, BudgetView, CircuitBreakerView, PolicyExt, SharedPolicy, StdClock, StopReason,
    file::{PolicyConfig, PolicyFile},
};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Two policies with all that a policy can have on the heap: a list of delays for each class, a breaker, a budget.
const TEXTS: [&str; 2] = [
    "policy.a = { retry = { max_attempts = 2, backoff.delay.fixed = { delays = [\"0ms\", \"0s\"] }, \
        backoffs.unknown.delay.fixed = { delays_ms = [0] } }, breaker = { failure_threshold = 250 }, \
        budget.rolling = { max_retries = 4_000, window = \"1s\" } }",
    "policy.a = { retry = { max_attempts = 3, backoff.delay.fixed = { delays_ms = [0] } }, \
        breaker = { failure_threshold = 9 }, budget.token_bucket.capacity = 100 }",
];

fn config(text: &str) -> PolicyConfig {
    PolicyFile::parse(text).expect("a policy file").get("a").expect("named a").clone()
}

fn reset() -> io::Result<()> {
    Err(ErrorKind::ConnectionReset.into())
}

/// Reloads so often while two threads make calls. Returns the number of their calls.
fn reload(times: usize) -> u64 {
    let configs = TEXTS.map(config);
    let current = Arc::new(ArcSwap::from_pointee(SharedPolicy::try_from(&configs[0]).expect("sound")));
    let (calls, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let callers: Vec<_> = (0..2)
        .map(|_| {
            let (current, calls, is_over) = (Arc::clone(&current), Arc::clone(&calls), Arc::clone(&is_over));
            thread::spawn(move || {
                while !is_over.load(Relaxed) {
                    let shared = current.load();
                    let outcome = shared.policy().execute(reset);
                    assert!(matches!(outcome.attempts, 0..=3), "{outcome:?}");
                    calls.fetch_add(1, Relaxed);
                }
            })
        })
        .collect();
    for n in 0..times {
        // Now and then the whole way from the text; each time all that a text is turned into.
        let next = if n % 500 == 0 { config(TEXTS[n % 2]) } else { configs[n % 2].clone() };
        current.store(Arc::new(SharedPolicy::try_from(&next).expect("sound")));
        // So that calls are made under many of them, also on one core.
        if n % 1_000 == 0 {
            let before = calls.load(Relaxed);
            while calls.load(Relaxed) == before {
                thread::yield_now();
            }
        }
    }
    is_over.store(true, Relaxed);
    for caller in callers {
        caller.join().expect("no panic");
    }
    calls.load(Relaxed)
}

#[test]
fn a_hundred_thousand_reloads_leave_nothing_behind() {
    reload(1_000);
    let before = MEMORY.current_usage();
    let calls = reload(100_000);
    let after = MEMORY.current_usage();
    assert!(calls >= 100, "{calls}");
    // The harness may print in between. A leak of one byte per reload would be found.
    assert!(after < before + 65_536, "{before} bytes before, {after} after {calls} calls");
}

#[test]
fn an_open_circuit_stays_open_when_something_else_is_changed() {
    let text =
        "policy.a = { retry = { max_attempts = 1 }, breaker.failure_threshold = 1, budget.token_bucket.capacity = 7 }";
    let before = config(text);
    let old = SharedPolicy::try_from(&before).expect("sound");
    assert!(old.policy().call(reset).is_err());
    let state = |shared: &SharedPolicy| shared.breaker().map(CircuitBreakerView::state);
    assert_eq!(state(&old), Some(BreakerState::Open));

    let more = config(&text.replace("max_attempts = 1", "max_attempts = 2").replace("= 7", "= 8"));
    let new = more.replace(&before, &old).expect("sound");
    assert_eq!(state(&new), Some(BreakerState::Open));
    assert_eq!(new.policy().execute(reset).stop_reason, Some(StopReason::CircuitOpen));
    let tokens = |shared: &SharedPolicy| shared.retry_budget().map(|budget: &BudgetView| budget.remaining(&StdClock));
    assert_eq!((tokens(&old), tokens(&new)), (Some(7), Some(8)));

    let other = config(&text.replace("failure_threshold = 1", "failure_threshold = 2"));
    assert_eq!(state(&other.replace(&before, &old).expect("sound")), Some(BreakerState::Closed));
    let none = config("policy.a = { retry.max_attempts = 1 }");
    assert_eq!(state(&none.replace(&before, &old).expect("sound")), None);
    let wrong = config("policy.a = { retry.max_attempts = 0 }");
    assert!(wrong.replace(&before, &old).is_err());
    assert_eq!(state(&old), Some(BreakerState::Open));
}
