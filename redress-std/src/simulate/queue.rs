//! The queue of events.

/// Words in a chunk: 4 KiB.
pub(super) const CHUNK: usize = 512;

/// A radix heap of words (Ahuja, Mehlhorn, Orlin and Tarjan, "Faster algorithms for the shortest path problem", 1990). The smallest
/// comes out first; none that is put in is smaller than the latest that came out.
///
/// # Design
///
/// A third of the time of a binary heap. Its buckets are lists of chunks, which go from one to another, because vectors would each
/// keep the room of their fullest hour: for a million clients, 20 MiB more.
pub(super) struct Queue {
    /// The latest word that came out.
    last: u64,
    /// The words by their highest bit that differs from `last`; those that are equal to it in the first.
    buckets: [Vec<Vec<u64>>; 65],
    /// Empty chunks.
    pub(super) free: Vec<Vec<u64>>,
}

impl Default for Queue {
    fn default() -> Self {
        Self { last: 0, buckets: [const { Vec::new() }; 65], free: Vec::new() }
    }
}

impl Queue {
    /// Puts in a word.
    pub(super) fn push(&mut self, word: u64) {
        debug_assert!(word >= self.last, "{word} is before {}", self.last);
        let bucket = &mut self.buckets[64 - (word ^ self.last).leading_zeros() as usize];
        match bucket.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(word),
            _ => {
                let mut chunk = self.free.pop().unwrap_or_else(|| Vec::with_capacity(CHUNK));
                chunk.push(word);
                bucket.push(chunk);
            }
        }
    }

    /// Takes out the smallest word.
    pub(super) fn pop(&mut self) -> Option<u64> {
        let first = self.buckets.iter().position(|bucket| !bucket.is_empty())?;
        if first > 0 {
            // The others of this bucket are nearer to the smallest of them than to the word before: each goes to one below.
            let mut bucket = std::mem::take(&mut self.buckets[first]);
            self.last = bucket.iter().flatten().copied().min()?;
            for mut chunk in bucket.drain(..) {
                chunk.drain(..).for_each(|word| self.push(word));
                self.free.push(chunk);
            }
            self.buckets[first] = bucket;
        }
        let chunk = self.buckets[0].last_mut()?;
        let word = chunk.pop();
        if chunk.is_empty() {
            self.free.extend(self.buckets[0].pop());
        }
        word
    }
}
