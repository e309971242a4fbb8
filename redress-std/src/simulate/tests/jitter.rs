//! The simulator behind "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015; aws-samples/aws-arch-backoff-simulator, commit
//! 66cb169), with the async driver in place of its clients: each of N clients reads the version of one row and writes it, and
//! starts over if another was faster. A message takes |Normal(10 ms, 2 ms)|; backoffs have base 5 ms and maximum 2 s.
//!
//! The simulator counts attempts from 1, as the jitters here do; the plain exponential of redress begins at its base.

use std::{cell::Cell, time::Duration};

use redress_core::{Backoff, ErrorClass, Policy, Retry, SeededRandom};

use super::super::{
    clockwork::{Clockwork, MILLI, Nanos, Random, Virtual, scaled},
    tally::float,
};

/// The row, and the network to it.
#[derive(Default)]
struct Row {
    clockwork: Clockwork,
    version: Cell<u32>,
    writes: Cell<u64>,
    random: Cell<u64>,
    /// When the last message arrived.
    last: Cell<Nanos>,
}

impl Row {
    async fn message(&self, client: u32) {
        let mut random = Random::new(self.random.get());
        // The sum of twelve has the mean 6 and the deviation 1.
        let normal: f64 = (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
        self.random.set(random.next());
        self.clockwork.sleep_until(client, self.clockwork.now() + scaled(MILLI, (10.0 + 2.0 * normal).abs())).await;
        self.last.set(self.clockwork.now());
    }

    async fn update(&self, client: u32) -> Result<(), ErrorClass> {
        self.message(client).await;
        let read = self.version.get();
        self.message(client).await;
        self.message(client).await;
        self.writes.set(self.writes.get() + 1);
        let is_first = self.version.get() == read;
        self.version.set(self.version.get() + u32::from(is_first));
        self.message(client).await;
        if is_first { Ok(()) } else { Err(ErrorClass::Concurrency) }
    }
}

async fn client(row: &Row, policy: &Policy<'_>, client: u32, seed: u64) {
    let random = SeededRandom::new(seed << 32 | u64::from(client));
    let mut context = policy.context(Virtual { clockwork: &row.clockwork, task: client, random });
    let updated = context.call(async || row.update(client).await).await;
    assert!(updated.is_ok(), "attempts are unlimited");
}

/// Returns the mean time of the last message in ms, and the mean count of writes.
fn simulated(backoff: Backoff<'static>, clients: u32, runs: u32) -> (f64, f64) {
    let policy = Policy::new(Retry::new(backoff).unlimited_attempts().no_deadline());
    let (mut time, mut writes) = (0.0, 0.0);
    for run in 0..runs {
        let row = Row { random: Cell::new(run.into()), ..Row::default() };
        let mut tasks: Vec<_> = (0..clients).map(|id| Some(Box::pin(client(&row, &policy, id, run.into())))).collect();
        (0..clients).for_each(|client| row.clockwork.wake(client, 0));
        row.clockwork.run(&mut tasks, u64::MAX);
        assert!(tasks.iter().all(Option::is_none));
        time += float(row.last.get()) / float(MILLI);
        writes += float(row.writes.get());
    }
    (time / f64::from(runs), writes / f64::from(runs))
}

#[test]
fn jitter_saves_the_work_that_it_saves_in_the_simulator_of_aws() {
    let (base, twice, max) = (Duration::from_millis(5), Duration::from_millis(10), Duration::from_secs(2));
    let none = Backoff::none();
    let exponential = Backoff::exponential(twice, max);
    let equal = Backoff::equal_jitter(base, max);
    let full = Backoff::full_jitter(base, max);
    let decorrelated = Backoff::decorrelated_jitter(base, max);
    // Means of 100 runs there. Where a run differs from the next as much as here 10 clients do that double their delays (by 38 %),
    // or 190, there are more or fewer.
    let rows = [
        ("none", none, 10, 100, 382.0, 51.0),
        ("none", none, 100, 100, 2_030.0, 2_421.0),
        ("none", none, 190, 10, 3_538.0, 8_009.0),
        ("exponential", exponential, 10, 1_000, 3_433.0, 51.0),
        ("exponential", exponential, 50, 100, 36_239.0, 623.0),
        ("exponential", exponential, 100, 100, 63_146.0, 1_856.0),
        ("exponential", exponential, 190, 20, 101_214.0, 5_173.0),
        ("equal", equal, 10, 300, 731.0, 43.0),
        ("equal", equal, 50, 100, 4_307.0, 348.0),
        ("equal", equal, 100, 100, 6_759.0, 813.0),
        ("equal", equal, 190, 50, 9_390.0, 1_759.0),
        ("full", full, 10, 300, 463.0, 39.0),
        ("full", full, 50, 100, 2_891.0, 333.0),
        ("full", full, 100, 100, 4_831.0, 796.0),
        ("full", full, 190, 50, 7_339.0, 1_773.0),
        ("decorrelated", decorrelated, 10, 300, 439.0, 38.0),
        ("decorrelated", decorrelated, 50, 100, 2_166.0, 375.0),
        ("decorrelated", decorrelated, 100, 100, 4_674.0, 1_001.0),
        ("decorrelated", decorrelated, 190, 50, 7_868.0, 2_429.0),
    ];
    let mut misses = Vec::new();
    for (name, backoff, clients, runs, time, writes) in rows {
        let simulated = simulated(backoff, clients, runs);
        let off = (simulated.0 / time - 1.0, simulated.1 / writes - 1.0);
        // Delays are whole milliseconds here, which shows where they begin at 5 ms.
        let tolerance = if name == "decorrelated" { 0.05 } else { 0.02 };
        if off.0.abs() >= 0.06 || off.1.abs() >= tolerance {
            misses.push(format!(
                "{name}, {clients} clients: {:.0} ms and {:.1} writes, expected {time} ms and {writes}",
                simulated.0, simulated.1
            ));
        }
    }
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}
