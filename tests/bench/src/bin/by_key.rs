//! What it costs to find the breaker of a key, and to make a call through it: `ByKey` beside sharded maps by hand and seatbelt.
//!
//! ```sh
//! cargo run --release -p redress-bench --bin by_key
//! ```
//!
//! A thousand hosts, by their names. Nanoseconds, the median of 41 interleaved rounds, in one thread and in two at the same time. The
//! maps by hand and seatbelt's are unbounded and evict nothing. On two busy cores, `ByKey` took 0.4 to 0.8 of the time of a look-up
//! by hand in one thread, because it hashes a key once and not twice, and 0.8 to 1.0 in two. A call took 0.3 of the time of
//! seatbelt's in one thread and 0.2 in two; of that time, seatbelt's look-up, in a tree behind one read-write lock, is about half.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    hint::black_box,
    sync::{Arc, Mutex, RwLock},
    thread,
    time::Instant,
};

use layered::{Execute, Service, Stack};
use redress_bench::script::block_on;
use redress_std::{BreakerConfig, ByKey, CircuitBreaker, StdClock};
use seatbelt::{
    RecoveryInfo, ResilienceContext,
    breaker::{Breaker as Seatbelt, BreakerId},
};

type Breaker = CircuitBreaker<8>;

const HOSTS: usize = 1_000;
const SHARDS: usize = 16;
const ROUNDS: usize = 41;
const LOOKUPS: usize = 20_000;

fn breaker() -> Breaker {
    CircuitBreaker::new(BreakerConfig::new(8))
}

/// A map behind a lock, by whose key's hash it was chosen.
struct Sharded<L> {
    hasher: RandomState,
    shards: Vec<L>,
}

impl<L> Sharded<L> {
    fn new(shard: impl Fn() -> L) -> Self {
        Self { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| shard()).collect() }
    }

    fn shard(&self, key: &str) -> &L {
        let hash = self.hasher.hash_one(key);
        &self.shards[usize::try_from(hash % 16).expect("below 16")]
    }
}

type Map = HashMap<String, Arc<Breaker>>;

fn by_mutex(map: &Sharded<Mutex<Map>>, key: &str) -> Arc<Breaker> {
    let mut shard = map.shard(key).lock().expect("no panic");
    if let Some(breaker) = shard.get(key) {
        return breaker.clone();
    }
    shard.entry(key.to_owned()).or_insert_with(|| Arc::new(breaker())).clone()
}

fn by_rwlock(map: &Sharded<RwLock<Map>>, key: &str) -> Arc<Breaker> {
    let shard = map.shard(key);
    if let Some(breaker) = shard.read().expect("no panic").get(key) {
        return breaker.clone();
    }
    shard.write().expect("no panic").entry(key.to_owned()).or_insert_with(|| Arc::new(breaker())).clone()
}

/// A call that succeeds, through a breaker that was looked up.
fn call(breaker: &Breaker) {
    let permit = breaker.try_acquire(&StdClock).expect("closed");
    black_box(());
    permit.success(&StdClock);
}

/// What finds the breaker of a key, or makes a call through it.
type Use<'a> = &'a (dyn Fn(&'static str) + Sync);

/// Nanoseconds per use in each of so many threads at the same time.
#[expect(clippy::cast_precision_loss, reason = "some milliseconds")]
fn time(threads: usize, hosts: &[&'static str], make: Use<'_>) -> f64 {
    let begun = Instant::now();
    thread::scope(|scope| {
        for first in 0..threads {
            scope.spawn(move || {
                for lookup in 0..LOOKUPS {
                    make(black_box(hosts[(first * 499 + lookup * 7) % HOSTS]));
                }
            });
        }
    });
    begun.elapsed().as_nanos() as f64 / LOOKUPS as f64
}

/// Prints the median of each contender.
fn table(what: &str, hosts: &[&'static str], contenders: &[(&str, Use<'_>)]) {
    let mut times = vec![[const { Vec::<f64>::new() }; 2]; contenders.len()];
    for _ in 0..ROUNDS {
        for ((_, make), times) in contenders.iter().zip(&mut times) {
            for (threads, times) in [1, 2].into_iter().zip(times) {
                times.push(time(threads, hosts, make));
            }
        }
    }
    println!("| ns per {what} | one thread | two threads |\n|---|--:|--:|");
    for ((name, _), times) in contenders.iter().zip(&mut times) {
        let [one, two] = times.each_mut().map(|times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        println!("| {name} | {one:.1} | {two:.1} |");
    }
    println!();
}

fn main() {
    let hosts: Vec<&'static str> = (0..HOSTS).map(|host| &*format!("host-{host}.shop.example:8443").leak()).collect();
    let kept: ByKey<String, Breaker> = ByKey::new(4 * HOSTS, |_| breaker());
    let (mutexes, rwlocks) = (Sharded::new(|| Mutex::new(Map::new())), Sharded::new(|| RwLock::new(Map::new())));
    let (by_hand, by_hand_read) = ("by hand, 16 mutexes", "by hand, 16 read-write locks");
    table(
        "look-up",
        &hosts,
        &[
            ("ByKey", &|key| drop(black_box(kept.get(key)))),
            (by_hand, &|key| drop(black_box(by_mutex(&mutexes, key)))),
            (by_hand_read, &|key| drop(black_box(by_rwlock(&rwlocks, key)))),
        ],
    );
    assert_eq!(kept.len(), HOSTS, "each host has one");

    // seatbelt looks breakers up inside of its service: one with a breaker per host, and one with a single breaker.
    let context = ResilienceContext::new(tick::Clock::new_frozen());
    let layer = || {
        Seatbelt::layer("breaker", &context)
            .recovery_with(|_: &Result<usize, String>, _| RecoveryInfo::never())
            .rejected_input_error(|_, _| String::new())
    };
    let operation = || Execute::new(|host: &'static str| async move { Ok::<_, String>(black_box(host.len())) });
    let by_host =
        (layer().breaker_id(|host: &&'static str| BreakerId::hashed(host, "host")), operation()).into_service();
    let single = (layer(), operation()).into_service();
    table(
        "call",
        &hosts,
        &[
            ("ByKey", &|key| call(&kept.get(key))),
            (by_hand, &|key| call(&by_mutex(&mutexes, key))),
            (by_hand_read, &|key| call(&by_rwlock(&rwlocks, key))),
            ("seatbelt, a breaker per host", &|key| assert!(block_on(by_host.execute(key)).is_ok())),
            ("seatbelt, one breaker", &|key| assert!(block_on(single.execute(key)).is_ok())),
        ],
    );
}
