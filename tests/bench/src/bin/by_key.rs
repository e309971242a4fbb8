//! What it costs to find the breaker of a key: `ByKey` beside sharded maps by hand.
//!
//! ```sh
//! cargo run --release -p redress-bench --bin by_key
//! ```
//!
//! A thousand hosts, looked up by their names. Nanoseconds per look-up, the median of 41 interleaved rounds, in one thread and in
//! two at the same time; the maps by hand are unbounded and evict nothing. On two busy cores, `ByKey` took 0.4 to 0.7 of the time
//! of either in one thread, because it hashes a key once and not twice, and 0.8 to 1.0 in two.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    hint::black_box,
    sync::{Arc, Mutex, RwLock},
    thread,
    time::Instant,
};

use redress_std::{BreakerConfig, ByKey, CircuitBreaker};

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

/// Nanoseconds per look-up in each of so many threads at the same time.
#[expect(clippy::cast_precision_loss, reason = "some milliseconds")]
fn time(threads: usize, hosts: &[String], look_up: &(dyn Fn(&str) -> Arc<Breaker> + Sync)) -> f64 {
    let begun = Instant::now();
    thread::scope(|scope| {
        for first in 0..threads {
            scope.spawn(move || {
                for lookup in 0..LOOKUPS {
                    black_box(look_up(black_box(&hosts[(first * 499 + lookup * 7) % HOSTS])));
                }
            });
        }
    });
    begun.elapsed().as_nanos() as f64 / LOOKUPS as f64
}

fn main() {
    let hosts: Vec<String> = (0..HOSTS).map(|host| format!("host-{host}.shop.example:8443")).collect();
    let kept: ByKey<String, Breaker> = ByKey::new(4 * HOSTS, |_| breaker());
    let (mutexes, rwlocks) = (Sharded::new(|| Mutex::new(Map::new())), Sharded::new(|| RwLock::new(Map::new())));
    let contenders: [(&str, &(dyn Fn(&str) -> Arc<Breaker> + Sync)); 3] = [
        ("ByKey", &|key| kept.get(key)),
        ("by hand, 16 mutexes", &|key| by_mutex(&mutexes, key)),
        ("by hand, 16 read-write locks", &|key| by_rwlock(&rwlocks, key)),
    ];
    let mut times = vec![[const { Vec::<f64>::new() }; 2]; contenders.len()];
    for _ in 0..ROUNDS {
        for ((_, look_up), times) in contenders.iter().zip(&mut times) {
            for (threads, times) in [1, 2].into_iter().zip(times) {
                times.push(time(threads, &hosts, look_up));
            }
        }
    }
    assert_eq!(kept.len(), HOSTS, "each host has one");
    println!("| ns per look-up | one thread | two threads |\n|---|--:|--:|");
    for ((name, _), times) in contenders.iter().zip(&mut times) {
        let [one, two] = times.each_mut().map(|times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        println!("| {name} | {one:.1} | {two:.1} |");
    }
}
