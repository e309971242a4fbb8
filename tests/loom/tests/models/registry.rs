//! The registry by key: what is in use is not evicted, and all calls to a key share one value.

#[allow(dead_code, unused_imports, clippy::all, reason = "the file of redress-std as it is")]
#[path = "../../../../redress-std/src/by_key.rs"]
mod by_key;

use std::hash::{BuildHasher, Hasher};

use by_key::ByKey;
use loom::{sync::Arc, thread::spawn};

use super::{holds, models};

models! {
    /// A value that is held and kept is not evicted by another key.
    in_use, 3;
    /// Two calls that ask for a new key share its value.
    new_key, 3;
}

/// The same hash for the same key in each interleaving.
#[derive(Clone, Debug, Default)]
struct Plain(u64);

impl BuildHasher for Plain {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }
}

fn map(capacity: usize) -> std::sync::Arc<ByKey<u8, u8, Plain>> {
    std::sync::Arc::new(ByKey::with_hasher(capacity, Plain::default(), |key| *key))
}

fn in_use() {
    let map = map(1);
    drop(map.get(&1));
    let other = map.clone();
    let second = spawn(move || {
        let value = other.get(&2);
        holds!(*value == 2, "the value of another key");
    });
    let held = map.get(&1);
    let is_kept = || map.peek(&1).is_some_and(|kept| Arc::ptr_eq(&kept, &held));
    let was_kept = is_kept();
    second.join().unwrap();
    holds!(!was_kept || is_kept(), "evicted while it was in use");
    holds!(map.len() == 1, "{} keys in one place", map.len());
}

fn new_key() {
    let map = map(2);
    let other = map.clone();
    let second = spawn(move || other.get(&1));
    let first = map.get(&1);
    let second = second.join().unwrap();
    holds!(Arc::ptr_eq(&first, &second), "two values of one key");
}
