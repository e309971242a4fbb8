//! A breaker, a budget or a whole policy for each host, shard or tenant.

use std::{
    borrow::Borrow,
    collections::hash_map::RandomState,
    fmt,
    hash::{BuildHasher, Hash},
    sync::PoisonError,
};

use hashbrown::HashTable;
// The models of `tests/loom` compile this file as well.
#[cfg(loom)]
use loom::sync;
#[cfg(not(loom))]
use std::sync;
use sync::{
    Arc, RwLock, RwLockReadGuard, RwLockWriteGuard,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// Values by key, made when a key is first asked for, at most as many as its capacity: breakers, budgets or whole policies for
/// each host, shard or tenant.
///
/// One host that is down then opens its own circuit, and one that is slow spends its own budget. `V` is what there is one of
/// for each key: a [`SharedPolicy`](crate::SharedPolicy) with breaker and budget, or a breaker alone for the
/// [override](crate::Context::circuit_breaker) of a context.
///
/// ```
/// use std::{sync::{Arc, LazyLock}, time::Duration};
/// use redress_std::{Backoff, BreakerConfig, ByKey, CircuitBreaker, Policy, Retry, SharedPolicy, Threads};
///
/// // A policy for each host, with a budget and a breaker of its own.
/// static HOSTS: LazyLock<ByKey<String, SharedPolicy>> = LazyLock::new(|| {
///     let backoff = Backoff::full_jitter(Duration::from_millis(50), Duration::from_secs(5));
///     ByKey::new(1_000, move |_host| {
///         let breaker = Arc::new(CircuitBreaker::<8>::new(BreakerConfig::new(8)));
///         SharedPolicy::new(Retry::new(backoff)).circuit_breaker(breaker)
///     })
/// });
///
/// let host = HOSTS.get("stock.example");
/// let answer = host.policy().context(Threads).call(|| Ok::<_, std::io::Error>("in stock"))?;
///
/// // Or one policy for all, and a breaker for each shard.
/// static STORE: Policy = Policy::new(Retry::new(Backoff::none()));
/// static SHARDS: LazyLock<ByKey<u32, CircuitBreaker<8>>> =
///     LazyLock::new(|| ByKey::new(64, |_shard| CircuitBreaker::new(BreakerConfig::new(8))));
///
/// let shard = SHARDS.get(&7);
/// let stored = STORE.context(Threads).circuit_breaker(&shard).call(|| Ok::<_, std::io::Error>(1))?;
/// # assert_eq!((answer, stored), ("in stock", 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Eviction
///
/// When it is full, a new key takes the place of one that is idle: that is not in use, and was not asked for since the
/// search last came by (the clock algorithm, an approximation of least recently used). A value is in use while an [`Arc`] of
/// it is held, that is, during each call; it is never evicted then, so that all calls to a key share one value. If
/// everything is in use, the new value serves its caller and is not kept. An evicted breaker is forgotten: its key begins
/// with a closed circuit when it comes back.
///
/// # Design
///
/// The keys are spread over up to 16 maps, each of at least 64 places behind a lock that readers share. A look-up hashes the key
/// once, and allocates only for a new one. A capacity of 128 or more holds for each map by its share.
pub struct ByKey<K, V, S = RandomState> {
    make: Box<dyn Fn(&K) -> V + Send + Sync>,
    hasher: S,
    /// As many as a power of two.
    shards: Box<[RwLock<Shard<K, V>>]>,
    /// The places of a shard.
    places: usize,
}

struct Shard<K, V> {
    /// Indices into `entries`.
    places: HashTable<usize>,
    entries: Vec<Entry<K, V>>,
    /// The place at which the search for an idle entry continues.
    hand: usize,
}

struct Entry<K, V> {
    hash: u64,
    key: K,
    value: Arc<V>,
    /// Whether it was asked for since the hand last came by.
    is_used: AtomicBool,
}

const MAX_SHARDS: usize = 16;
const MIN_PLACES: usize = 64;

impl<K: Hash + Eq, V> ByKey<K, V> {
    /// Creates an empty map for this many keys, at least one. `make` makes the value of a key that is not there; it must be
    /// quick, and may be called once more than its value is used if two threads ask for the same new key.
    pub fn new(capacity: usize, make: impl Fn(&K) -> V + Send + Sync + 'static) -> Self {
        Self::with_hasher(capacity, RandomState::new(), make)
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> ByKey<K, V, S> {
    /// Creates a map like [`new`](ByKey::new), with another hasher: a faster one where no stranger chooses the keys.
    pub fn with_hasher(capacity: usize, hasher: S, make: impl Fn(&K) -> V + Send + Sync + 'static) -> Self {
        let shards = (capacity / MIN_PLACES).clamp(1, MAX_SHARDS);
        let shards = if shards.is_power_of_two() { shards } else { shards.next_power_of_two() / 2 };
        Self {
            make: Box::new(make),
            hasher,
            places: capacity.div_ceil(shards).max(1),
            shards: (0..shards).map(|_| RwLock::new(Shard::new())).collect(),
        }
    }

    /// Returns the value of a key, made now if there is none. Hold it for as long as the call takes.
    pub fn get<Q>(&self, key: &Q) -> Arc<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        if let Some(value) = read(self.shard(hash)).find(hash, key) {
            return value;
        }
        // Made without the lock, so that it may use the map itself.
        let key = key.to_owned();
        let value = Arc::new((self.make)(&key));
        write(self.shard(hash)).insert(hash, key, value, self.places)
    }

    /// Returns the value of a key if there is one, and makes none: to look at a breaker.
    pub fn peek<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        read(self.shard(hash)).find(hash, key)
    }

    /// Forgets a key. Calls that hold its value go on with it.
    pub fn remove<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        write(self.shard(hash)).remove(hash, key)
    }

    #[allow(clippy::cast_possible_truncation, reason = "some bits of the hash; 64-bit targets keep all")]
    fn shard(&self, hash: u64) -> &RwLock<Shard<K, V>> {
        // Not the lowest and not the highest bits, by which the tables place their entries.
        &self.shards[(hash >> 32) as usize & (self.shards.len() - 1)]
    }
}

impl<K, V, S> ByKey<K, V, S> {
    /// Returns how many keys there are.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| read(shard).entries.len()).sum()
    }

    /// Returns whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the keys with their values, in no order: for pages that show the state of each breaker.
    pub fn entries(&self) -> Vec<(K, Arc<V>)>
    where
        K: Clone,
    {
        let entries = |shard: &RwLock<Shard<K, V>>| {
            read(shard).entries.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect::<Vec<_>>()
        };
        self.shards.iter().flat_map(entries).collect()
    }
}

impl<K, V, S> fmt::Debug for ByKey<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByKey").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<K, V> Shard<K, V> {
    const fn new() -> Self {
        Self { places: HashTable::new(), entries: Vec::new(), hand: 0 }
    }
}

impl<K: Eq, V> Shard<K, V> {
    fn find<Q: Eq + ?Sized>(&self, hash: u64, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
    {
        let place = self.places.find(hash, |place| self.entries[*place].key.borrow() == key)?;
        let entry = &self.entries[*place];
        // Written only when it changes, so that threads with the same key share the line.
        if !entry.is_used.load(Relaxed) {
            entry.is_used.store(true, Relaxed);
        }
        Some(entry.value.clone())
    }

    /// Returns the value that is there for the key, or else this one.
    fn insert(&mut self, hash: u64, key: K, value: Arc<V>, capacity: usize) -> Arc<V> {
        if let Some(there) = self.find(hash, &key) {
            return there;
        }
        let entry = Entry { hash, key, value: value.clone(), is_used: AtomicBool::new(true) };
        let place = if self.entries.len() < capacity {
            self.entries.push(entry);
            self.entries.len() - 1
        } else {
            let Some(place) = self.idle() else { return value };
            let evicted = std::mem::replace(&mut self.entries[place], entry);
            if let Ok(found) = self.places.find_entry(evicted.hash, |there| *there == place) {
                found.remove();
            }
            place
        };
        let entries = &self.entries;
        self.places.insert_unique(hash, place, |place| entries[*place].hash);
        value
    }

    /// Finds the place of an entry that is not in use, and was not asked for since this last came by.
    fn idle(&mut self) -> Option<usize> {
        // While the lock is held for writing, no caller begins to use an entry. The second round finds those that the first marked.
        for _ in 0..2 * self.entries.len() {
            let place = self.hand;
            self.hand = (self.hand + 1) % self.entries.len();
            let entry = &self.entries[place];
            if Arc::strong_count(&entry.value) == 1 && !entry.is_used.swap(false, Relaxed) {
                return Some(place);
            }
        }
        None
    }

    fn remove<Q: Eq + ?Sized>(&mut self, hash: u64, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
    {
        let entries = &self.entries;
        let found = self.places.find_entry(hash, |place| entries[*place].key.borrow() == key).ok()?;
        let (place, _) = found.remove();
        let removed = self.entries.swap_remove(place);
        // The last entry has moved to its place.
        let last = self.entries.len();
        if let Some(moved) = self.entries.get(place)
            && let Some(at) = self.places.find_mut(moved.hash, |there| *there == last)
        {
            *at = place;
        }
        self.hand = if self.hand < last { self.hand } else { 0 };
        Some(removed.value)
    }
}

/// Locks, also after a panic in a key's `Eq`: nothing is changed before keys are compared.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// A hasher by which all keys have one hash, so that only comparing tells them apart.
    #[derive(Clone, Default)]
    struct Same;

    impl BuildHasher for Same {
        type Hasher = Self;

        fn build_hasher(&self) -> Self {
            Self
        }
    }

    impl std::hash::Hasher for Same {
        fn finish(&self) -> u64 {
            42
        }

        fn write(&mut self, _: &[u8]) {}
    }

    #[test]
    fn keys_of_one_hash_are_told_apart_also_after_evictions_and_removals() {
        let map = ByKey::with_hasher(3, Same, |key: &u32| *key);
        for round in 0..50_u32 {
            for key in round..round + 3 {
                assert_eq!(*map.get(&key), key);
            }
            assert_eq!(map.len(), 3);
            if round % 7 == 0 {
                assert_eq!(map.remove(&(round + 1)).as_deref(), Some(&(round + 1)));
                assert_eq!((map.len(), map.peek(&(round + 1))), (2, None));
                assert_eq!(map.peek(&(round + 2)).as_deref(), Some(&(round + 2)));
            }
        }
    }
}
