//! What a decision is made on: readings of the clock that come late, how often it is read, and what takes a lock.

use std::{
    cell::Cell,
    sync::{
        Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use redress_core::{
    Backoff, Blocking, BreakerConfig, BreakerState, Budget, BudgetConfig, BudgetView, CircuitBreaker, Clock,
    ErrorClass, Event, Instant, Observer, Policy, Retry, SelfClassifier, testing::TestEnv,
};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A clock that stands still at this many milliseconds: a reading that was taken then and is used later.
struct At(u64);

impl Clock for At {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        Instant::from_ticks(self.0)
    }
}

// ---- Late readings ------------------------------------------------------------------------------------------------

#[test]
fn a_late_reading_does_not_shorten_the_time_a_circuit_is_open() {
    let breaker = CircuitBreaker::<1>::new(BreakerConfig::new(1).recovery_timeout(secs(30)));
    breaker.record_failure(ErrorClass::Transient, &At(100_000));
    assert!(breaker.try_acquire(&At(95_000)).is_err());
    assert!(breaker.try_acquire(&At(125_000)).is_err());
    assert!(breaker.try_acquire(&At(129_999)).is_err());
    assert!(breaker.try_acquire(&At(130_000)).is_ok());
}

#[test]
fn a_late_reading_does_not_shorten_the_lease_of_a_probe() {
    let config = BreakerConfig::new(1).recovery_timeout(secs(30)).probe_lease(secs(20));
    let breaker = CircuitBreaker::<1>::new(config);
    breaker.record_failure(ErrorClass::Transient, &At(100_000));
    let probe = breaker.try_acquire(&At(130_000)).unwrap();
    for at in [125_000, 149_000, 140_000, 149_999] {
        assert!(breaker.try_acquire(&At(at)).is_err(), "at {at} ms");
    }
    assert!(breaker.try_acquire(&At(150_000)).is_ok());
    assert_eq!(probe.success(&At(150_000)), None);
}

#[test]
fn a_late_failure_is_counted_and_removes_no_other() {
    let breaker = CircuitBreaker::<4>::new(BreakerConfig::new(4).window(secs(10)));
    for at in [100_000, 101_000, 95_000] {
        assert_eq!(breaker.record_failure(ErrorClass::Transient, &At(at)), None);
    }
    assert_eq!(breaker.record_failure(ErrorClass::Transient, &At(109_999)), Some(BreakerState::Open));
}

#[test]
fn a_late_reading_does_not_refill_a_bucket() {
    let bucket = Budget::<0>::new(BudgetConfig::token_bucket(10).initial(0).refill_per_second(1_000));
    for at in [1_000, 1_900, 1_500, 1_999] {
        assert!(!bucket.try_consume(1, &At(at)), "at {at} ms");
    }
    assert!(bucket.try_consume(1, &At(2_000)));
}

#[test]
fn a_late_reading_does_not_empty_a_rolling_budget() {
    let budget = Budget::<2>::new(BudgetConfig::rolling(2, secs(60)));
    let taken = |at| {
        let taken = budget.try_consume(1, &At(at));
        assert!(budget.remaining(&At(at - 1_001)) <= 1);
        taken
    };
    let granted = (100_000..160_000).step_by(1_000).filter(|&at| taken(at)).count();
    assert_eq!(granted, 2);
    assert!(taken(160_000));
}

/// A clock with these readings, the last again and again.
struct Readings<'a> {
    list: &'a [u64],
    reads: &'a Cell<usize>,
}

impl Clock for Readings<'_> {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        let read = self.reads.replace(self.reads.get() + 1);
        Instant::from_ticks(self.list[read.min(self.list.len() - 1)])
    }
}

/// As by a thread that reads the clock and is then interrupted for a minute, in which others spend the budget.
#[test]
fn a_reading_that_proves_late_is_taken_again_with_the_lock_held() {
    let budget = Budget::<2>::new(BudgetConfig::rolling(2, secs(60)));
    let policy = Policy::new(Retry::new(Backoff::none()).max_attempts(2).deadline(secs(600))).budget(&budget);
    let attempts = |failed, later| {
        let reads = Cell::new(0);
        assert!(budget.try_consume(2, &At(failed + 1)));
        let clock = Readings { list: &[failed, failed, later], reads: &reads };
        let mut context = policy.context(Blocking::new(clock, |_: u64| (), || 0)).classifier(SelfClassifier);
        let outcome = context.execute(|| Err::<(), _>(ErrorClass::Transient));
        // The start, the failure, the failure once more.
        assert!(reads.get() >= 3);
        outcome.attempts
    };
    assert_eq!(attempts(100_000, 160_000), 1, "the window is not over");
    assert_eq!(attempts(200_000, 260_001), 2, "the window is over, which the late reading does not say");
}

// ---- One reading per step -----------------------------------------------------------------------------------------

/// A clock that counts how often it is read, and moves on with each reading.
struct Counted<'a>(&'a Cell<u64>);

impl Clock for Counted<'_> {
    const TICK_HZ: u32 = 1_000_000;

    fn now(&self) -> Instant {
        self.0.set(self.0.get() + 1);
        Instant::from_ticks(self.0.get())
    }
}

/// Counts the readings of a call with three failures and a success.
fn readings(policy: &Policy<'_>, observer: impl Observer) -> u64 {
    let reads = Cell::new(0);
    let env = Blocking::new(Counted(&reads), |_: u64| (), || 0);
    let mut failures = 3;
    let result = policy.context(env).observe(observer).call(|| {
        if failures == 0 {
            return Ok(());
        }
        failures -= 1;
        Err(ErrorClass::Transient)
    });
    assert_eq!(result, Ok(()));
    reads.get()
}

/// An observer that does not want the time.
struct Untimed;

impl Observer for Untimed {
    const WANTS_TIME: bool = false;
}

/// The start, three failures, the ends of three waits.
const MOMENTS: u64 = 7;

#[test]
fn the_clock_is_read_once_per_step() {
    let breaker = CircuitBreaker::<8>::new(BreakerConfig::new(8));
    let window = Budget::<8>::new(BudgetConfig::rolling(8, secs(60)));
    let bucket = Budget::<0>::new(BudgetConfig::token_bucket(8).refill_per_second(100));
    let retry = Retry::new(Backoff::full_jitter(secs(1), secs(8))).limit_for(ErrorClass::Transient, 5);
    for budget in [&window as &BudgetView, &bucket] {
        let policy = Policy::new(retry).circuit_breaker(&breaker).budget(budget);
        assert_eq!(readings(&policy, Untimed), MOMENTS);
        assert_eq!(readings(&policy, |_: &Event| ()), MOMENTS + 1, "the success is reported with its time");
    }
    assert_eq!(readings(&Policy::new(retry), Untimed), MOMENTS);
    assert_eq!(readings(&Policy::new(retry.no_deadline()), Untimed), 0);
}

// ---- What takes no lock -------------------------------------------------------------------------------------------

/// A clock whose reading takes until the test says so. It is read with the lock held, so the lock is held as long.
struct Gate {
    entered: Sender<()>,
    leave: Mutex<Receiver<()>>,
}

impl Clock for Gate {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        self.entered.send(()).unwrap();
        self.leave.lock().unwrap().recv().unwrap();
        Instant::ZERO
    }
}

/// Runs `free` in a thread while another is inside of `lock`, with the lock held. Returns whether `free` has ended before.
fn ends_while_locked(lock: impl FnOnce(&Gate) + Send, free: impl FnOnce() + Send, patience: Duration) -> bool {
    let ((entered, has_entered), (leave, may_leave)) = (channel(), channel());
    let gate = Gate { entered, leave: Mutex::new(may_leave) };
    thread::scope(|scope| {
        scope.spawn(move || lock(&gate));
        has_entered.recv().unwrap();
        let (ended, has_ended) = channel();
        scope.spawn(move || {
            free();
            // Nobody listens any more if it took too long.
            let _ = ended.send(());
        });
        let has_ended = has_ended.recv_timeout(patience).is_ok();
        leave.send(()).unwrap();
        has_ended
    })
}

/// Longer than any machine is late.
const PATIENT: Duration = secs(60);
/// For what never ends before the lock is released.
const IMPATIENT: Duration = Duration::from_millis(50);

#[test]
fn a_success_with_a_full_bucket_takes_no_lock() {
    let ends = |initial, patience| {
        let bucket = Budget::<0>::new(BudgetConfig::token_bucket(10).initial(initial).refill_per_second(1));
        let policy = Policy::new(Retry::new(Backoff::none())).budget(&bucket);
        let success = || policy.context(TestEnv::new()).call(|| Ok::<_, ErrorClass>(())).unwrap();
        ends_while_locked(|gate| assert!(bucket.try_consume(1, gate)), success, patience)
    };
    assert!(ends(10, PATIENT));
    assert!(!ends(9, IMPATIENT), "the test shows nothing if a bucket that is not full takes no lock either");
}

#[test]
fn a_failure_that_does_not_trip_takes_no_lock() {
    let ends = |class, patience| {
        let breaker = CircuitBreaker::<4>::new(BreakerConfig::new(4));
        let policy = Policy::new(Retry::new(Backoff::none()).max_attempts(2)).circuit_breaker(&breaker);
        let failure = || assert!(policy.context(TestEnv::new()).call(|| Err::<(), ErrorClass>(class)).is_err());
        let lock = |gate: &Gate| assert_eq!(breaker.record_failure(ErrorClass::Transient, gate), None);
        ends_while_locked(lock, failure, patience)
    };
    assert!(ends(ErrorClass::RateLimit, PATIENT));
    assert!(ends(ErrorClass::Permanent, PATIENT));
    assert!(!ends(ErrorClass::Transient, IMPATIENT), "the test shows nothing if a failure that counts takes no lock");
}
