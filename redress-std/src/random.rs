//! Random numbers without a lock: a generator for each thread.

use std::cell::Cell;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use redress_core::RandomSource;

thread_local! {
    static STATE: Cell<u64> = Cell::new(seed());
}

/// The random numbers of the current thread.
///
/// Each thread has a generator of its own, seeded by the operating system's randomness or the browser's, so no two
/// threads, processes or pages retry in step. The generator is `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
/// Generators, 2014), of which the upper 32 bits are used: good enough to spread retries, not for secrets. A process
/// which forks hands the state on: parent and child then draw the same numbers in the forking thread.
///
/// ```
/// use redress_std::{RandomSource, ThreadRandom};
///
/// assert_ne!([ThreadRandom.next_u32(), ThreadRandom.next_u32()], [ThreadRandom.next_u32(), ThreadRandom.next_u32()]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ThreadRandom;

impl RandomSource for ThreadRandom {
    #[inline]
    fn next_u32(&mut self) -> u32 {
        STATE.with(|state| {
            let next = state.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
            state.set(next);
            (mixed(next) >> 32) as u32
        })
    }
}

/// The output function of `SplitMix64`.
const fn mixed(mut word: u64) -> u64 {
    word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ word >> 31
}

/// The keys of `RandomState` come from the operating system; the count keeps threads apart on targets where they don't.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
fn seed() -> u64 {
    static THREADS: AtomicU64 = AtomicU64::new(0);
    RandomState::new().hash_one(THREADS.fetch_add(1, Relaxed))
}

/// Returns a seed from the browser, because the keys of `RandomState` are the same in every page. A host without `crypto`
/// has at least a generator that it seeded by itself.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
fn seed() -> u64 {
    getrandom::u64().unwrap_or_else(|_| js_sys::Math::random().to_bits())
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    #[test]
    fn outputs_are_those_of_splitmix64() {
        // The first outputs for seed 0, as in the reference implementation by Vigna.
        let outputs = [1_u64, 2, 3].map(|n| mixed(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        assert_eq!(outputs, [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F]);
    }

    #[test]
    fn each_thread_has_numbers_of_its_own() {
        let draw = || [(); 4].map(|()| ThreadRandom.next_u32());
        let handles: Vec<_> = (0..16).map(|_| thread::spawn(draw)).collect();
        let streams: HashSet<_> = handles.into_iter().map(|handle| handle.join().expect("no panic")).collect();
        assert_eq!(streams.len(), 16);
    }

    #[test]
    fn all_bits_are_used() {
        let (mut ones, mut zeros) = (0, 0);
        for _ in 0..200 {
            let number = ThreadRandom.next_u32();
            ones |= number;
            zeros |= !number;
        }
        assert_eq!((ones, zeros), (u32::MAX, u32::MAX));
    }
}
