//! RAM that a reset leaves alone: 96 bytes that are kept through deep sleep.
//!
//! After power-up it holds noise, so what is kept carries its length and a CRC, and [`load`] gives nothing for noise.
//! On a part whose main RAM loses its content in deep sleep the section goes to its RTC or backup RAM instead.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crc::{CRC_32_ISO_HDLC, Crc, NoTable};

/// Most bytes that can be kept.
pub const CAPACITY: usize = 96;

const WORDS: usize = CAPACITY / 4;
const CRC: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

struct Memory {
    /// Over length and content, so that memory full of zeros does not pass for an empty record.
    crc: AtomicU32,
    len: AtomicU32,
    content: [AtomicU32; WORDS],
}

/// Words are atomics because any bit pattern is a valid one and a load of what the last run left is then no undefined
/// behaviour; the zeros written here never reach the memory, the section being one that nothing initialises.
#[expect(unsafe_code, reason = "the start-up code must leave this alone, and only its section says so")]
// SAFETY: both runtimes reserve `.uninit` in RAM for this use; nothing else is placed over it.
#[unsafe(link_section = ".uninit.retained")]
#[used]
static MEMORY: Memory =
    Memory { crc: AtomicU32::new(0), len: AtomicU32::new(0), content: [const { AtomicU32::new(0) }; WORDS] };

/// Stores `bytes` in place of the previous record. Returns whether they fit; if not, no record is kept.
pub fn store(bytes: &[u8]) -> bool {
    clear();
    let Ok(len) = u32::try_from(bytes.len()) else { return false };
    if bytes.len() > CAPACITY {
        return false;
    }
    for (word, chunk) in MEMORY.content.iter().zip(bytes.chunks(4)) {
        let mut le = [0; 4];
        for (to, from) in le.iter_mut().zip(chunk) {
            *to = *from;
        }
        word.store(u32::from_le_bytes(le), Relaxed);
    }
    MEMORY.len.store(len, Relaxed);
    // Last, so that a reset in the middle leaves something that does not verify.
    MEMORY.crc.store(checksum(len, bytes), Relaxed);
    true
}

/// Copies the record into `buffer` and returns it; `None` if there is none, or the memory has lost it.
pub fn load(buffer: &mut [u8; CAPACITY]) -> Option<&[u8]> {
    let len = MEMORY.len.load(Relaxed);
    for (chunk, word) in buffer.chunks_mut(4).zip(&MEMORY.content) {
        chunk.copy_from_slice(&word.load(Relaxed).to_le_bytes());
    }
    let kept = buffer.get(..usize::try_from(len).ok()?)?;
    (checksum(len, kept) == MEMORY.crc.load(Relaxed)).then_some(kept)
}

/// Clears the record.
pub fn clear() {
    // No record is that long, with any CRC.
    MEMORY.len.store(u32::MAX, Relaxed);
}

fn checksum(len: u32, bytes: &[u8]) -> u32 {
    let mut digest = CRC.digest();
    digest.update(&len.to_le_bytes());
    digest.update(bytes);
    digest.finalize()
}
