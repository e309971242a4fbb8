//! Long runs in which everything goes wrong: calls that are cancelled, that panic, whose runtime is shut down; clocks that step;
//! threads that share everything. Afterwards every count is exact, every place is free, and no memory is held.
//!
//! `cargo xtask soak` runs an hour of virtual time and a minute of threads, and keeps the figures that are printed here as lines of a
//! table; by itself this takes a part of it.
#![cfg(feature = "std")]

use std::{
    cell::Cell,
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant as WallClock},
};

use redress_core::{
    Backoff, Blocking, BreakerConfig, BreakerState, Budget, BudgetConfig, CircuitBreaker, Clock, ErrorClass, Event,
    EventKind, Instant, Policy, RandomSource, Retry, SeededRandom,
    breaker::{RateBreaker, RateConfig},
};
use redress_std::TokioLocal;
use tokio::{
    task::LocalSet,
    time::{sleep, timeout},
};

const SECOND: Duration = Duration::from_secs(1);

/// Returns a number from the environment, which the verb sets.
fn setting(name: &str, usual: u64) -> u64 {
    env::var(name).map_or(usual, |value| value.parse().expect("a number"))
}

/// What became of all calls.
#[derive(Default)]
struct Tally {
    begun: Cell<u64>,
    succeeded: Cell<u64>,
    failed: Cell<u64>,
    cancelled: Cell<u64>,
    panicked: Cell<u64>,
    /// What observers were told.
    told: Cell<u64>,
}

fn add(count: &Cell<u64>) {
    count.set(count.get() + 1);
}

type Shared = (CircuitBreaker<8>, Budget);

fn shared() -> Shared {
    let breaker = BreakerConfig::new(8).recovery_timeout(5 * SECOND).probes(2).probe_lease(600 * SECOND);
    (CircuitBreaker::new(breaker), Budget::new(BudgetConfig::token_bucket(10).refill_per_second(200)))
}

/// Makes calls for this long, of a dependency that fails, hangs and panics, by a client that gives up.
async fn client((breaker, budget): &Shared, tally: &Tally, seed: u64, until: tokio::time::Instant) {
    let mut random = SeededRandom::new(seed);
    let mut draw = move |below: u32| random.next_u32() % below;
    let policy = Policy::new(
        Retry::new(Backoff::full_jitter(Duration::from_millis(50), 2 * SECOND))
            .max_attempts(4)
            .attempt_timeout(3 * SECOND),
    )
    .circuit_breaker(breaker)
    .budget(budget);
    while tokio::time::Instant::now() < until {
        // Calls are apart, or those that are rejected would take no time.
        sleep(Duration::from_millis(u64::from(draw(400)) + 1)).await;
        add(&tally.begun);
        let patience = if draw(4) == 0 { u64::from(draw(2_000)) } else { 3_600_000 };
        let outcomes: Vec<u32> = (0..4).map(|_| draw(20)).collect();
        let (mut outcomes, took) = (outcomes.into_iter(), u64::from(draw(500)));
        let call = async {
            let mut context = policy.context(TokioLocal).observe(|event: &Event| {
                if !matches!(
                    event.kind,
                    EventKind::Retry | EventKind::CircuitHalfOpen | EventKind::CircuitOpened | EventKind::CircuitClosed
                ) {
                    add(&tally.told);
                }
            });
            context
                .call(async || {
                    let outcome = outcomes.next();
                    sleep(Duration::from_millis(took)).await;
                    match outcome {
                        Some(0) => panic!("on purpose"),
                        Some(1) => std::future::pending().await,
                        Some(2..=3) => Err(ErrorClass::Transient),
                        Some(4) => Err(ErrorClass::Permanent),
                        _ => Ok(()),
                    }
                })
                .await
                .is_ok()
        };
        // A panic is caught while the future is polled, and the future is dropped.
        let mut call = Box::pin(timeout(Duration::from_millis(patience), call));
        let result = std::future::poll_fn(|context| {
            let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context)));
            match polled {
                Ok(poll) => poll.map(Some),
                Err(_) => std::task::Poll::Ready(None),
            }
        })
        .await;
        match result {
            None => add(&tally.panicked),
            Some(Err(_)) => add(&tally.cancelled),
            Some(Ok(true)) => add(&tally.succeeded),
            Some(Ok(false)) => add(&tally.failed),
        }
    }
}

/// Runs clients in a runtime of their own, which is shut down in the middle of their calls.
fn segment(shared: &Rc<Shared>, tally: &Rc<Tally>, seed: u64, lasts: Duration) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let end = tokio::time::Instant::now() + lasts;
        for number in 0..8 {
            let (shared, tally) = (Rc::clone(shared), Rc::clone(tally));
            tokio::task::spawn_local(async move { client(&shared, &tally, seed + number, end + lasts).await });
        }
        tokio::time::sleep_until(end).await;
    });
    // All calls are dropped where they are. The circuit, open or half-open, then has all its places.
    drop(local);
    runtime.block_on(async {
        // A runtime's clock begins before the end of the one before: a clock that was set back, for up to the recovery timeout.
        sleep(11 * SECOND).await;
        let policy = Policy::new(Retry::new(Backoff::none())).circuit_breaker(&shared.0);
        let call = async || {
            let mut context = policy.context(TokioLocal);
            context
                .call(async || {
                    sleep(Duration::from_millis(5)).await;
                    Ok::<_, ErrorClass>(())
                })
                .await
        };
        // One after the other: a probe that has succeeded before keeps its place.
        let (first, second) = (call().await, call().await);
        assert!(first.is_ok() && second.is_ok(), "{first:?}, {second:?}: {:?}", shared.0);
        assert_eq!(shared.0.state(), BreakerState::Closed);
    });
}

#[test]
fn an_hour_of_cancellation_panics_and_shutdowns() {
    std::panic::set_hook(Box::new(|info| {
        if info.payload().downcast_ref::<&str>() != Some(&"on purpose") {
            eprintln!("{info}");
        }
    }));
    let (shared, tally) = (Rc::new(shared()), Rc::new(Tally::default()));
    let minutes = setting("SOAK_MINUTES", 6);
    let mut unfinished = 0;
    for minute in 0..minutes {
        let run = || segment(&shared, &tally, minute * 8, 60 * SECOND);
        // What is set up once for the thread is not counted.
        if minute == 0 {
            run();
        } else {
            let held = allocation_counter::measure(run);
            assert_eq!((held.count_current, held.bytes_current), (0, 0), "memory is held after minute {minute}");
        }
        let ended = [&tally.succeeded, &tally.failed, &tally.cancelled, &tally.panicked].map(Cell::get);
        let open = tally.begun.get() - ended.iter().sum::<u64>();
        // At most one call of each client was under way when the runtime was shut down.
        assert!(open - unfinished <= 8, "{open} calls without an end");
        unfinished = open;
        assert_eq!(
            tally.told.get(),
            tally.succeeded.get() + tally.failed.get(),
            "observers are told of each end, once"
        );
    }
    let ended = [&tally.succeeded, &tally.failed, &tally.cancelled, &tally.panicked].map(Cell::get);
    assert!(ended.iter().all(|count| *count > 5 * minutes), "succeeded, failed, cancelled, panicked: {ended:?}");
    println!("| minutes of virtual time, after each of which the runtime is shut down | {minutes} |");
    println!("| calls in it | {} |", tally.begun.get());
    for (end, count) in
        ["that succeeded", "that failed", "given up by their callers", "that panicked"].iter().zip(ended)
    {
        println!("| calls {end} | {count} |");
    }
    println!("| bytes held after each minute | 0 |");
    let (_, budget) = &*shared;
    let clock = Hand::default();
    clock.0.store(1 << 40, Relaxed);
    assert_eq!(budget.remaining(&clock), 10, "it has refilled");
}

/// A clock that is moved by hand, shared by threads.
#[derive(Debug, Default)]
struct Hand(AtomicU64);

impl Clock for Hand {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        Instant::from_ticks(self.0.load(Relaxed))
    }
}

/// Steps of NTP, suspension for hours, a virtual machine that stood still: calls end, waits are as configured, and the circuit admits
/// again once it has stayed open for its time.
#[test]
fn clocks_that_step_delay_nobody_for_long() {
    let mut random = SeededRandom::new(16);
    let rounds = setting("SOAK_MINUTES", 6) * 20;
    for _ in 0..rounds {
        let (breaker, budget) = shared();
        let policy = Policy::new(
            Retry::new(Backoff::full_jitter(Duration::from_millis(50), 2 * SECOND))
                .max_attempts(5)
                .deadline(60 * SECOND),
        )
        .circuit_breaker(&breaker)
        .budget(&budget);
        let clock = Hand::default();
        clock.0.store(1 << 41, Relaxed);
        for _ in 0..200 {
            let (mut slept, mut attempts) = (0, 0);
            let sleeper = |ticks: u64| {
                slept += ticks;
                clock.0.fetch_add(ticks, Relaxed);
            };
            let seed = u64::from(random.next_u32());
            let result = policy.context(Blocking::new(&clock, sleeper, SeededRandom::new(seed))).call(|| {
                attempts += 1;
                let step = u64::from(random.next_u32());
                match random.next_u32() % 8 {
                    0 => clock.0.fetch_sub(step % 200_000, Relaxed),
                    1 => clock.0.fetch_add(step % 36_000_000, Relaxed),
                    2 => clock.0.fetch_sub(step % 200, Relaxed),
                    _ => clock.0.fetch_add(step % 200, Relaxed),
                };
                if random.next_u32().is_multiple_of(2) { Err(ErrorClass::Transient) } else { Ok(()) }
            });
            assert!(attempts <= 5 && slept <= 4 * 2_000, "{attempts} attempts, slept {slept} ms: {result:?}");
            clock.0.fetch_add(10, Relaxed);
        }
        // However the clock has stepped: steady for twice the recovery timeout, it admits probes, which close it.
        let ready = (0..240).position(|_| {
            clock.0.fetch_add(100, Relaxed);
            breaker.try_acquire(&clock).map(|permit| permit.success(&clock)).is_ok()
                && breaker.state() == BreakerState::Closed
        });
        assert!(ready.is_some_and(|tenths| tenths <= 102), "ready after {ready:?} tenths of a second");
    }
    println!("| calls under clocks that step | {} |", rounds * 200);
}

/// Threads on all cores share a bucket, a window, and breakers of both kinds: what they get together is exact.
#[test]
fn counts_of_threads_are_exact() {
    static RATES: RateConfig = RateConfig::new(100).minimum_calls(60_000).window(Duration::from_secs(3_600));
    let threads = thread::available_parallelism().map_or(2, usize::from).max(2) as u64;
    let end = WallClock::now() + Duration::from_millis(setting("SOAK_THREAD_SECONDS", 1) * 1_000);
    let mut rounds = 0;
    while rounds < 3 || WallClock::now() < end {
        rounds += 1;
        let clock = Hand::default();
        clock.0.store(1 << 32, Relaxed);
        let bucket = Budget::<0>::new(BudgetConfig::token_bucket(1_000).refill_per_success(500));
        let window = Budget::<64>::new(BudgetConfig::rolling(64, 60 * SECOND));
        let rates = RateBreaker::<10>::new(&RATES);
        let plain = CircuitBreaker::<4>::new(BreakerConfig::new(1).recovery_timeout(SECOND));
        plain.record_failure(ErrorClass::Transient, &clock);
        clock.0.fetch_add(1_000, Relaxed);
        let each = 2_000;
        let all = thread::scope(|scope| {
            let run = || {
                let (mut tokens, mut retries, mut probes) = (0_u64, 0_u64, 0_u64);
                for number in 0..each {
                    tokens += u64::from(bucket.try_consume(1, &clock));
                    retries += u64::from(window.try_consume(1, &clock));
                    let call = rates.try_acquire(&clock).expect("it stays closed");
                    if number % 2 == 0 {
                        call.failure(ErrorClass::Transient, &clock)
                    } else {
                        call.success(&clock)
                    };
                    // Held, so that there is one probe for all.
                    if let Ok(permit) = plain.try_acquire(&clock) {
                        probes += 1;
                        std::mem::forget(permit);
                    }
                }
                (tokens, retries, probes)
            };
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
            running.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
        });
        let sum = |part: fn(&(u64, u64, u64)) -> u64| all.iter().map(part).sum::<u64>();
        assert_eq!(sum(|all| all.0), 1_000.min(threads * each), "tokens of the bucket");
        assert_eq!(sum(|all| all.1), 64, "retries of the window");
        assert_eq!(sum(|all| all.2), 1, "probes");
        let counts = rates.counts(&clock);
        assert_eq!(
            (u64::from(counts.calls), u64::from(counts.failed)),
            (threads * each, threads * each / 2),
            "calls by rate"
        );
        // Successes of all threads refill the bucket by their exact sum.
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| (0..10).for_each(|_| bucket.record_success()));
            }
        });
        assert_eq!(u64::from(bucket.remaining(&clock)), threads * 10 / 2, "tokens of successes");
    }
    println!("| threads | {threads} |");
    println!(
        "| calls, tokens and probes that they took from shared state, each counted | {} |",
        rounds * threads * 2_000 * 4
    );
}
