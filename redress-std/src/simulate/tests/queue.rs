//! The queue against a binary heap.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::super::{
    clockwork::Random,
    queue::{CHUNK, Queue},
};

#[test]
fn words_come_out_in_the_order_of_a_binary_heap() {
    let (mut queue, mut model, mut random) = (Queue::default(), BinaryHeap::new(), Random::new(1));
    let (mut last, mut most) = (0, 0);
    for round in 0..200_000_u64 {
        // It grows, and then shrinks. Small steps make words that are equal, large ones change all bits.
        if random.unit() < if round < 100_000 { 0.6 } else { 0.4 } {
            let word = last + (random.next() >> (20 + random.next() % 44));
            queue.push(word);
            model.push(Reverse(word));
        } else {
            let word = queue.pop();
            assert_eq!(word, model.pop().map(|Reverse(word)| word));
            last = word.unwrap_or(last);
        }
        most = most.max(model.len());
    }
    while let Some(Reverse(word)) = model.pop() {
        assert_eq!(queue.pop(), Some(word));
    }
    assert_eq!(queue.pop(), None);
    // All chunks are free, and there are no more than full ones and one for each bucket.
    assert!(most > 10_000 && queue.free.len() <= most / CHUNK + 65, "{} for {most}", queue.free.len());
}
