//! Many threads on few cores: each is interrupted again and again between its reading of the clock and the lock. What a
//! budget allows and how long a circuit stays open must not depend on that.

use std::{
    hint::spin_loop,
    io::{self, ErrorKind},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use redress_std::{
    Backoff, BreakerConfig, BreakerState, Budget, BudgetConfig, CircuitBreaker, ErrorClass, Policy, Retry, StdClock,
    StopReason, Threads,
};

const TIME: Duration = Duration::from_secs(10);
const WINDOW: Duration = Duration::from_secs(60);
const RECOVERY: Duration = Duration::from_millis(200);

/// An operation that needs its core, and fails.
fn refused() -> io::Result<()> {
    (0..1_000).for_each(|_| spin_loop());
    Err(ErrorKind::ConnectionRefused.into())
}

/// A policy with this budget, whose calls have a deadline and so read the clock before they take the lock.
struct Client<'a> {
    policy: Policy<'a>,
    retries: AtomicU32,
}

impl<'a> Client<'a> {
    fn new<const N: usize>(budget: &'a Budget<N>) -> Self {
        let policy = Policy::new(Retry::new(Backoff::none()).deadline(WINDOW)).budget(budget);
        Self { policy, retries: AtomicU32::new(0) }
    }

    fn call(&self) {
        let outcome = self.policy.context(Threads).execute(refused);
        assert_eq!(outcome.stop_reason == Some(StopReason::BudgetExhausted), outcome.attempts < 6);
        self.retries.fetch_add(outcome.attempts - 1, Relaxed);
    }
}

/// A circuit that is opened again by each probe.
struct Circuit {
    breaker: CircuitBreaker<1>,
    /// A moment that is not after the one at which it opened.
    opened: Mutex<Instant>,
    probes: AtomicU32,
}

impl Circuit {
    fn opened() -> Self {
        let breaker = CircuitBreaker::new(BreakerConfig::new(1).recovery_timeout(RECOVERY));
        let opened = Mutex::new(Instant::now());
        assert_eq!(breaker.record_failure(ErrorClass::Transient, &StdClock), Some(BreakerState::Open));
        Self { breaker, opened, probes: AtomicU32::new(0) }
    }

    fn call(&self) {
        let Ok(probe) = self.breaker.try_acquire(&StdClock) else { return };
        let now = Instant::now();
        let mut opened = self.opened.lock().expect("no panic");
        let was_open = now.duration_since(*opened);
        assert!(was_open >= RECOVERY, "{was_open:?}");
        *opened = Instant::now();
        assert_eq!(probe.failure(ErrorClass::Transient, &StdClock), Some(BreakerState::Open));
        self.probes.fetch_add(1, Relaxed);
    }
}

fn a_crowd_gets_what_the_policy_allows(threads: usize) {
    let rolling = Budget::<100>::new(BudgetConfig::rolling(100, WINDOW));
    let bucket = Budget::<0>::new(BudgetConfig::token_bucket(100).initial(10).refill_per_second(2_000));
    let (rolling, bucket, circuit) = (Client::new(&rolling), Client::new(&bucket), Circuit::opened());
    let (start, is_over) = (Instant::now(), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !is_over.load(Relaxed) {
                    rolling.call();
                    bucket.call();
                    circuit.call();
                }
            });
        }
        thread::sleep(TIME);
        is_over.store(true, Relaxed);
    });
    let seconds = u32::try_from(start.elapsed().as_secs()).unwrap_or(u32::MAX);
    assert_eq!(rolling.retries.into_inner(), 100);
    let retries = bucket.retries.into_inner();
    assert!((10..=10 + 2 * (seconds + 1)).contains(&retries), "{retries} retries in {seconds} s");
    assert!(circuit.probes.into_inner() > 1);
}

/// One crowd after the other, so that each has the cores to itself.
#[test]
fn crowds_get_what_the_policy_allows() {
    for threads in [64, 200] {
        a_crowd_gets_what_the_policy_allows(threads);
    }
}
