//! Policies that own what they share.

use std::{
    io::{self, ErrorKind},
    sync::{
        Arc, Barrier,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use redress_std::{
    Backoff, BreakerConfig, BreakerState, Budget, BudgetConfig, CircuitBreaker, CircuitBreakerView, ConfigError,
    Policy, PolicyExt, Retry, SharedPolicy, StopReason, Threads, Tokio,
    breaker::{RateBreaker, RateConfig},
};

const THREADS: u32 = 8;

fn reset() -> io::Result<()> {
    Err(ErrorKind::ConnectionReset.into())
}

#[test]
fn threads_share_breaker_and_budget() {
    // Each thread makes one failing call of up to four attempts: 24 retries wanted, 10 allowed, and the eighth failed
    // call opens the circuit.
    let breaker = Arc::new(CircuitBreaker::<8>::new(BreakerConfig::new(8)));
    let budget = Arc::new(Budget::<16>::new(BudgetConfig::rolling(10, Duration::from_secs(3_600))));
    let shared = SharedPolicy::new(Retry::new(Backoff::none()).max_attempts(4))
        .circuit_breaker(Arc::clone(&breaker))
        .budget(Arc::clone(&budget));
    let attempts = Arc::new(AtomicU32::new(0));
    let barrier = Arc::new(Barrier::new(THREADS as usize));
    let workers: Vec<_> = (0..THREADS)
        .map(|_| {
            let (shared, attempts, barrier) = (shared.clone(), Arc::clone(&attempts), Arc::clone(&barrier));
            thread::spawn(move || {
                barrier.wait();
                let outcome = shared.policy().execute(reset);
                attempts.fetch_add(outcome.attempts, Relaxed);
            })
        })
        .collect();
    for worker in workers {
        worker.join().expect("no panic");
    }
    assert_eq!(attempts.load(Relaxed), THREADS + 10);
    assert_eq!(breaker.state(), BreakerState::Open);
    assert_eq!(shared.breaker().map(CircuitBreakerView::state), Some(BreakerState::Open));
    let rejected = shared.policy().context(Threads).execute(reset);
    assert_eq!((rejected.attempts, rejected.stop_reason), (0, Some(StopReason::CircuitOpen)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_share_a_breaker() {
    let breaker = Arc::new(CircuitBreaker::<4>::new(BreakerConfig::new(4)));
    let shared = SharedPolicy::new(Retry::new(Backoff::none()).max_attempts(2)).circuit_breaker(Arc::clone(&breaker));
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let shared = shared.clone();
            tokio::spawn(async move { shared.policy().context(Tokio).call(async || reset()).await })
        })
        .collect();
    for task in tasks {
        assert!(task.await.expect("no panic").is_err());
    }
    assert_eq!(breaker.state(), BreakerState::Open);
    let rejected = tokio::spawn(async move { shared.policy().context(Tokio).call(async || reset()).await }).await;
    assert_eq!(rejected.expect("no panic").expect_err("open").reason, StopReason::CircuitOpen);
}

#[test]
fn a_policy_takes_a_breaker_of_either_kind() {
    static CONFIG: RateConfig = RateConfig::new(50).minimum_calls(2);
    let policy = SharedPolicy::new(Retry::new(Backoff::none()).max_attempts(1));
    let fixed = Arc::new(RateBreaker::<10>::new(&CONFIG));
    let owning = Arc::new(RateBreaker::<10, RateConfig>::try_owning(CONFIG).expect("a sound configuration"));
    let failures = Arc::new(CircuitBreaker::<2>::new(BreakerConfig::new(2)));
    let policies = [
        policy.clone().circuit_breaker(Arc::clone(&fixed)),
        policy.clone().circuit_breaker(owning),
        policy.circuit_breaker(failures),
    ];
    for policy in &policies {
        let reasons = [(); 3].map(|()| policy.policy().execute(reset).stop_reason);
        assert_eq!(
            reasons,
            [Some(StopReason::MaxAttemptsGlobal), Some(StopReason::MaxAttemptsGlobal), Some(StopReason::CircuitOpen)]
        );
        assert_eq!(policy.breaker().map(CircuitBreakerView::state), Some(BreakerState::Open));
    }
    assert_eq!(fixed.state(), BreakerState::Open);
}

#[test]
fn a_leaked_policy_is_static() {
    let breaker = Arc::new(CircuitBreaker::<1>::new(BreakerConfig::new(1)));
    let budget = Arc::new(Budget::<0>::new(BudgetConfig::token_bucket(1).initial(0)));
    let policy: &'static Policy<'static> =
        SharedPolicy::new(Retry::new(Backoff::none())).circuit_breaker(Arc::clone(&breaker)).budget(budget).leak();
    let error = thread::spawn(|| policy.call(reset)).join().expect("no panic").expect_err("never succeeds");
    assert_eq!((error.attempts, error.reason), (1, StopReason::BudgetExhausted));
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn a_static_policy_is_a_start() {
    static BASE: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(3));

    let budget = Arc::new(Budget::<1>::new(BudgetConfig::rolling(1, Duration::from_secs(60))));
    let shared = SharedPolicy::from(BASE).budget(budget);
    assert_eq!(shared.policy().execute(reset).attempts, 2);
    assert_eq!(BASE.execute(reset).attempts, 3);
}

#[test]
fn a_contradiction_is_an_error() {
    let error = SharedPolicy::try_new(Retry::new(Backoff::none()).max_attempts(0)).expect_err("no attempts");
    assert_eq!((error, error.field()), (ConfigError::ZeroAttempts, "max_attempts"));
    let error = CircuitBreaker::<4>::try_new(BreakerConfig::new(5)).expect_err("four slots");
    assert_eq!(error, ConfigError::ThresholdAboveCapacity);
}

#[test]
fn policies_are_shared_freely() {
    fn check<T: Clone + Send + Sync + 'static>() {}
    check::<SharedPolicy>();
    check::<Policy<'static>>();
}

#[test]
fn the_default_budget_shows_in_debug_output() {
    let policy = SharedPolicy::new(Retry::new(Backoff::none()));
    let shown = format!("{policy:?}");
    assert!(shown.contains("Bucket { capacity: 10, initial: 10, per_success: 100, per_second: 1 }"), "{shown}");
    assert!(!format!("{:?}", policy.no_budget()).contains("Bucket"));
}
