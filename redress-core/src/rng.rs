//! Sources of random numbers.
//!
//! On bare metal there is no default: devices of one fleet that share a seed retry in step, which is the failure this
//! library exists to prevent.

/// A source of random numbers, uniform over all of `u32`.
///
/// Any `FnMut() -> u32` is one, and so is a mutable reference to one of the sources here.
pub trait RandomSource {
    /// Returns the next number.
    fn next_u32(&mut self) -> u32;
}

impl<F: FnMut() -> u32> RandomSource for F {
    fn next_u32(&mut self) -> u32 {
        self()
    }
}

/// A small generator for boards without a true random number generator: Marsaglia's xorshift32 (13, 17, 5), four
/// bytes of state. Good enough to spread retries, not for secrets.
///
/// It is not `Copy`, because copies draw the same numbers. Lend it to several environments as `&mut`.
///
/// ```
/// use redress_core::{RandomSource, SeededRandom};
///
/// let (mut a, mut b) = (SeededRandom::new(7), SeededRandom::new(8));
/// assert_ne!(a.next_u32(), b.next_u32());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SeededRandom(u32);

impl SeededRandom {
    /// Creates a generator from something no other device of the fleet has: a chip id, a MAC address, a serial number.
    ///
    /// A generator that is made anew in each call of a function, from the same seed, repeats its numbers: keep the context, or mix
    /// in a counter, `SeededRandom::new(id ^ calls << 32)`.
    ///
    /// Neighbouring seeds give unrelated sequences: the seed goes through the finalizer of `MurmurHash3` first.
    pub const fn new(seed: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "both halves go in")]
        let mut mixed = (seed as u32) ^ ((seed >> 32) as u32).wrapping_mul(0x9E37_79B9);
        mixed = (mixed ^ mixed >> 16).wrapping_mul(0x85EB_CA6B);
        mixed = (mixed ^ mixed >> 13).wrapping_mul(0xC2B2_AE35);
        mixed ^= mixed >> 16;
        Self::from_state(mixed)
    }

    /// Creates a generator from a seed and a count of boots, for boards that keep a counter but no other state over deep sleep:
    /// each boot draws other numbers.
    ///
    /// ```
    /// use redress_core::{RandomSource, SeededRandom};
    ///
    /// assert_ne!(SeededRandom::for_boot(7, 1).next_u32(), SeededRandom::for_boot(7, 2).next_u32());
    /// ```
    pub const fn for_boot(seed: u64, boots: u32) -> Self {
        // Mixed first, so that no boot of a device has the numbers of its neighbour's.
        Self::new((Self::new(seed).0 as u64) << 32 | boots as u64)
    }

    /// Creates a generator that goes on from a [`state`](Self::state) kept over deep sleep, beside a
    /// [checkpoint](crate::Checkpoint): a device whose first number is small does not have it small for life.
    ///
    /// Zero, which no generator has, counts as another number.
    pub const fn from_state(state: u32) -> Self {
        // Zero is the one state xorshift cannot leave.
        Self(if state == 0 { 0x9E37_79B9 } else { state })
    }

    /// Returns the state, to go on from later.
    ///
    /// ```
    /// use redress_core::{RandomSource, SeededRandom};
    ///
    /// let mut random = SeededRandom::new(7);
    /// let mut resumed = SeededRandom::from_state(random.state());
    /// assert_eq!(resumed.next_u32(), random.next_u32());
    /// ```
    pub const fn state(&self) -> u32 {
        self.0
    }
}

impl RandomSource for SeededRandom {
    fn next_u32(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
}

impl RandomSource for &mut SeededRandom {
    fn next_u32(&mut self) -> u32 {
        (**self).next_u32()
    }
}

macro_rules! rand_core_generator {
    ($feature:literal, $version:literal, $name:ident, $generator:path) => {
        #[doc = concat!("Any generator of `rand_core` ", $version, " as a source, also a mutable reference to one. Feature `", $feature, "`.")]
        #[cfg(feature = $feature)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[derive(Clone, Debug)]
        pub struct $name<G>(pub G);

        #[cfg(feature = $feature)]
        impl<G: $generator> RandomSource for $name<G> {
            fn next_u32(&mut self) -> u32 {
                self.0.next_u32()
            }
        }

        #[cfg(feature = $feature)]
        impl<G: $generator> RandomSource for &mut $name<G> {
            fn next_u32(&mut self) -> u32 {
                self.0.next_u32()
            }
        }
    };
}

// One type per major, named like the feature: two majors can be in one image, and no blanket impl could tell them apart.
rand_core_generator!("rand-core-v0.6", "0.6", RandCoreV0_6, rand_core_06::RngCore);
rand_core_generator!("rand-core-v0.9", "0.9", RandCoreV0_9, rand_core_09::RngCore);
rand_core_generator!("rand-core-v0.10", "0.10", RandCoreV0_10, rand_core::Rng);

/// FNV-1a over 32-bit words: tells policies apart. Evaluated by the compiler for those in a `static`.
pub(crate) struct Fnv(u32);

impl Fnv {
    pub(crate) const fn new() -> Self {
        Self(0x811C_9DC5)
    }

    pub(crate) const fn add(&mut self, word: u32) {
        let hash = (self.0 ^ word).wrapping_mul(0x0100_0193);
        // Upper bits of a word reach no lower ones by a product.
        self.0 = hash ^ hash >> 15;
    }

    #[expect(clippy::cast_possible_truncation, reason = "the halves are folded")]
    pub(crate) const fn folded(self) -> u16 {
        (self.0 ^ self.0 >> 16) as u16
    }
}

#[cfg(all(test, feature = "rand-core-v0.6", feature = "rand-core-v0.9", feature = "rand-core-v0.10"))]
mod tests {
    use core::convert::Infallible;

    use super::*;

    struct Counter(u32);

    impl Counter {
        fn next(&mut self) -> u32 {
            self.0 += 1;
            self.0
        }
    }

    impl rand_core_06::RngCore for Counter {
        fn next_u32(&mut self) -> u32 {
            self.next()
        }

        fn next_u64(&mut self) -> u64 {
            self.next().into()
        }

        fn fill_bytes(&mut self, dest: &mut [u8]) {
            dest.fill(0);
        }

        fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core_06::Error> {
            dest.fill(0);
            Ok(())
        }
    }

    impl rand_core_09::RngCore for Counter {
        fn next_u32(&mut self) -> u32 {
            self.next()
        }

        fn next_u64(&mut self) -> u64 {
            self.next().into()
        }

        fn fill_bytes(&mut self, dest: &mut [u8]) {
            dest.fill(0);
        }
    }

    struct Tries(Counter);

    impl rand_core::TryRng for Tries {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            Ok(self.0.next())
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(self.0.next().into())
        }

        fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Infallible> {
            dest.fill(0);
            Ok(())
        }
    }

    #[test]
    fn generators_of_every_major_are_sources() {
        fn draw(mut source: impl RandomSource) -> [u32; 2] {
            [source.next_u32(), source.next_u32()]
        }
        assert_eq!(draw(RandCoreV0_6(Counter(0))), [1, 2]);
        assert_eq!(draw(RandCoreV0_9(Counter(0))), [1, 2]);
        assert_eq!(draw(RandCoreV0_10(Tries(Counter(0)))), [1, 2]);
        let mut shared = Counter(6);
        assert_eq!(draw(RandCoreV0_9(&mut shared)), [7, 8]);
        assert_eq!(shared.0, 8);
    }
}
