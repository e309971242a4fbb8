//! A strategy takes the context, or attempt, class and previous delay; nothing between.

use redress_core::{Backoff, Millis};

static TWO: fn(u32, Millis) -> Millis = |_attempt, previous| previous;

fn main() {
    let _ = Backoff::custom(&TWO);
}
