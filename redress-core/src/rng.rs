//! Where random numbers come from.
//!
//! On bare metal there is no default: devices of one fleet that share a seed retry in step, which is the failure this
//! library exists to prevent.

/// A source of random numbers, uniform over all of `u32`.
///
/// Any `FnMut() -> u32` is one, and so is a number: it answers with itself.
pub trait RandomSource {
    /// The next number.
    fn next_u32(&mut self) -> u32;
}

impl<F: FnMut() -> u32> RandomSource for F {
    #[inline]
    fn next_u32(&mut self) -> u32 {
        self()
    }
}

impl RandomSource for u32 {
    #[inline]
    fn next_u32(&mut self) -> u32 {
        *self
    }
}

/// A small generator for boards without a true random number generator: Marsaglia's xorshift32 (13, 17, 5), four
/// bytes of state. Good enough to spread retries, not for secrets.
///
/// ```
/// use redress_core::{RandomSource, SeededRandom};
///
/// let (mut a, mut b) = (SeededRandom::new(7), SeededRandom::new(8));
/// assert_ne!(a.next_u32(), b.next_u32());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeededRandom(u32);

impl SeededRandom {
    /// Seeded with something no other device of the fleet has: a chip id, a MAC address, a serial number.
    ///
    /// Neighbouring seeds give unrelated sequences: the seed goes through the finalizer of `MurmurHash3` first.
    pub const fn new(seed: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "both halves go in")]
        let mut mixed = (seed as u32) ^ ((seed >> 32) as u32).wrapping_mul(0x9E37_79B9);
        mixed = (mixed ^ mixed >> 16).wrapping_mul(0x85EB_CA6B);
        mixed = (mixed ^ mixed >> 13).wrapping_mul(0xC2B2_AE35);
        mixed ^= mixed >> 16;
        // Zero is the one state xorshift cannot leave.
        Self(if mixed == 0 { 0x9E37_79B9 } else { mixed })
    }
}

impl RandomSource for SeededRandom {
    #[inline]
    fn next_u32(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
}

/// Any generator of `rand_core` 0.10 as a source.
#[cfg(feature = "rand-core-v0.10")]
#[derive(Clone, Copy, Debug)]
pub struct RandCore<G>(pub G);

#[cfg(feature = "rand-core-v0.10")]
impl<G: rand_core::Rng> RandomSource for RandCore<G> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }
}

/// FNV-1a over 32-bit words: tells policies apart.
pub(crate) struct Fnv(u32);

impl Fnv {
    pub(crate) const fn new() -> Self {
        Self(0x811C_9DC5)
    }

    pub(crate) fn add(&mut self, word: u32) {
        for byte in word.to_le_bytes() {
            self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the halves are folded")]
    pub(crate) const fn folded(self) -> u16 {
        (self.0 ^ self.0 >> 16) as u16
    }
}
