//! Two threads on one object, and on one each: nanoseconds per use, in interleaved rounds.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant};

use failsafe::backoff::constant;
use failsafe::failure_policy::consecutive_failures;
use failsafe::{CircuitBreaker as _, Config};
use layered::{Execute, Service, Stack};
use recloser::Recloser;
use redress_bench::script::block_on;
use redress_core::{BreakerConfig, Budget, BudgetConfig, CircuitBreaker, Clock, ErrorClass, Instant as Moment};
use redress_std::StdClock;
use seatbelt::{RecoveryInfo, ResilienceContext, breaker::Breaker};

const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_millis(4);
/// Longer than any measurement.
const HOUR: Duration = Duration::from_secs(3_600);

/// Something that threads use, so many times in a row.
type Object = Box<dyn Fn(u64) + Send + Sync>;

struct Row {
    what: String,
    make: Box<dyn Fn() -> Object>,
}

fn row(what: impl Into<String>, make: impl Fn() -> Object + 'static) -> Row {
    Row { what: what.into(), make: Box::new(make) }
}

/// Makes an object out of a single use of it.
fn uses(once: impl Fn() + Send + Sync + 'static) -> Object {
    Box::new(move |times| (0..times).for_each(|_| once()))
}

/// A call through a closed breaker succeeds.
fn successes() -> Vec<Row> {
    vec![
        row("redress", || {
            let breaker = CircuitBreaker::<8>::new(BreakerConfig::new(5));
            uses(move || {
                if let Ok(permit) = breaker.try_acquire(&StdClock) {
                    black_box(permit.success(&StdClock));
                }
            })
        }),
        row("atomics by hand", || {
            let failures = AtomicU32::new(0);
            uses(move || {
                if failures.load(Relaxed) < 5 {
                    black_box(());
                    failures.store(0, Relaxed);
                }
            })
        }),
        row("mutex by hand", || {
            let failures = Mutex::new(0_u32);
            uses(move || {
                if *failures.lock().expect("no panic") < 5 {
                    black_box(());
                    *failures.lock().expect("no panic") = 0;
                }
            })
        }),
        row("failsafe", || {
            let breaker = Config::new().failure_policy(consecutive_failures(5, constant(HOUR))).build();
            uses(move || {
                let _ = black_box(breaker.call(|| Ok::<_, ()>(black_box(1))));
            })
        }),
        row("recloser", || {
            let breaker = Recloser::custom().error_rate(0.5).closed_len(8).open_wait(HOUR).build();
            uses(move || {
                let _ = black_box(breaker.call(|| Ok::<_, ()>(black_box(1))));
            })
        }),
        row("seatbelt", || {
            let clock = tick::ClockControl::new().to_clock();
            let context = ResilienceContext::new(&clock);
            let service = (
                Breaker::layer("breaker", &context)
                    .recovery_with(|_: &Result<u32, ()>, _| RecoveryInfo::never())
                    .rejected_input_error(|_, _| ()),
                Execute::new(|value: u32| async move { Ok::<_, ()>(black_box(value)) }),
            )
                .into_service();
            uses(move || {
                let _ = black_box(block_on(service.execute(1)));
            })
        }),
    ]
}

/// A clock that passes a millisecond at each reading, for all threads: which failures a window has does not depend on the machine.
struct Steps(AtomicU64);

impl Clock for Steps {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Moment {
        Moment::from_ticks(self.0.fetch_add(1, Relaxed))
    }
}

fn steps() -> Steps {
    Steps(AtomicU64::new(1_000_000))
}

/// Failures are counted in a window, and never so many that the breaker opens.
fn failures<const N: usize>() -> Vec<Row> {
    let redress = |live: u64| {
        move || {
            let threshold = u8::try_from(N).expect("as many slots as a threshold has");
            let config = BreakerConfig::new(threshold).window(Duration::from_millis(live));
            let (breaker, clock) = (CircuitBreaker::<N>::new(config), steps());
            uses(move || {
                black_box(breaker.record_failure(ErrorClass::Transient, &clock));
            })
        }
    };
    let mutex = |live: u64| {
        move || {
            let (window, clock) = (Mutex::new(VecDeque::with_capacity(N)), steps());
            uses(move || {
                let mut window = window.lock().expect("no panic");
                let now = clock.now().ticks();
                while window.front().is_some_and(|first| now - first >= live) {
                    window.pop_front();
                }
                if window.len() < N {
                    window.push_back(now);
                }
                black_box(window.len());
            })
        }
    };
    let full = N as u64 - 1;
    vec![
        row(format!("redress, {N} slots, 4 in use"), redress(4)),
        row(format!("mutex by hand, {N} slots, 4 in use"), mutex(4)),
        row(format!("redress, {N} slots, {full} in use"), redress(full)),
        row(format!("mutex by hand, {N} slots, {full} in use"), mutex(full)),
    ]
}

fn failures_without_window() -> Vec<Row> {
    vec![
        row("atomics by hand, failures in a row", || {
            let (failures, clock) = (AtomicU32::new(0), steps());
            uses(move || {
                black_box((failures.fetch_add(1, Relaxed), clock.now()));
            })
        }),
        row("failsafe, failures in a row", || {
            let breaker = Config::new().failure_policy(consecutive_failures(u32::MAX, constant(HOUR))).build();
            uses(move || {
                let _ = black_box(breaker.call(|| {
                    black_box(());
                    Err::<u32, _>(())
                }));
            })
        }),
        row("recloser, 100 outcomes", || {
            let breaker = Recloser::custom().error_rate(0.99).closed_len(100).open_wait(HOUR).build();
            let turns = AtomicU32::new(0);
            // A success among three failures keeps it closed.
            uses(move || {
                let failed = !turns.fetch_add(1, Relaxed).is_multiple_of(4);
                let _ = black_box(breaker.call(|| {
                    if failed {
                        black_box(());
                        Err(())
                    } else {
                        Ok(1)
                    }
                }));
            })
        }),
    ]
}

/// A token is taken from a bucket and given back by a success.
fn tokens() -> Vec<Row> {
    vec![
        row("redress", || {
            let budget = Budget::<0>::new(BudgetConfig::token_bucket(100).refill_per_success(1_000));
            uses(move || {
                black_box(budget.try_consume(1, &StdClock));
                budget.record_success();
            })
        }),
        row("atomics by hand", || {
            let tokens = AtomicU32::new(100);
            uses(move || {
                let taken = tokens.fetch_update(Relaxed, Relaxed, |tokens| tokens.checked_sub(1));
                let given = tokens.fetch_update(Relaxed, Relaxed, |tokens| Some((tokens + 1).min(100)));
                let _ = black_box((taken, given));
            })
        }),
        row("mutex by hand", || {
            let tokens = Mutex::new(100_u32);
            uses(move || {
                let mut bucket = tokens.lock().expect("no panic");
                *bucket = bucket.saturating_sub(1);
                drop(bucket);
                let mut bucket = tokens.lock().expect("no panic");
                *bucket = (*bucket + 1).min(100);
            })
        }),
    ]
}

/// The tables of the page.
pub(crate) fn tables() -> String {
    let mut text = String::from("## Threads\n");
    let counted = [failures::<8>(), failures::<100>(), failures::<255>(), failures_without_window()];
    for (title, rows) in [
        ("a call through a closed breaker", successes()),
        ("a failure is counted", counted.into_iter().flatten().collect()),
        ("a token is taken and given back", tokens()),
    ] {
        let _ = write!(
            text,
            "\n| ns: {title} | one thread | two, own objects | slower | two, one object | slower |\n|---|--:|--:|--:|--:|--:|"
        );
        let measured: Vec<Timed> = rows.iter().map(Timed::new).collect();
        for (row, [one, own, shared]) in rows.iter().zip(measure(measured)) {
            let _ = write!(
                text,
                "\n| {} | {one:.1} | {own:.1} | {:.1} | {shared:.1} | {:.1} |",
                row.what,
                own / one,
                shared / one
            );
        }
        text.push('\n');
    }
    text
}

struct Timed {
    objects: [Object; 2],
    uses: u64,
    rounds: [Vec<f64>; 3],
}

impl Timed {
    fn new(row: &Row) -> Self {
        let objects = [(row.make)(), (row.make)()];
        let mut uses = 100;
        loop {
            let start = Instant::now();
            objects[0](uses);
            if start.elapsed() > ROUND {
                return Self { objects, uses, rounds: Default::default() };
            }
            uses *= 2;
        }
    }
}

/// Medians: one thread, two threads with an object each, two with one object.
fn measure(mut rows: Vec<Timed>) -> impl Iterator<Item = [f64; 3]> {
    for _ in 0..ROUNDS {
        for row in &mut rows {
            let [first, second] = &row.objects;
            for (rounds, objects) in row.rounds.iter_mut().zip([&[first][..], &[first, second], &[first, first]]) {
                rounds.push(per_use(objects, row.uses));
            }
        }
    }
    rows.into_iter().map(|row| {
        row.rounds.map(|mut rounds| {
            rounds.sort_by(f64::total_cmp);
            rounds[ROUNDS / 2]
        })
    })
}

/// Nanoseconds per use, of the slowest thread.
#[expect(clippy::cast_precision_loss, reason = "a round has a few million uses")]
fn per_use(objects: &[&Object], uses: u64) -> f64 {
    let barrier = Barrier::new(objects.len());
    let longest = std::thread::scope(|scope| {
        let threads: Vec<_> = objects
            .iter()
            .map(|object| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    let start = Instant::now();
                    object(uses);
                    start.elapsed()
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).max()
    });
    longest.unwrap_or_default().as_secs_f64() * 1e9 / uses as f64
}
