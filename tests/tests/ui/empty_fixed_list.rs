//! A list without delays says nothing about the first one.

use redress_core::{Backoff, Retry};

static RETRY: Retry = Retry::new(Backoff::fixed(&[]));

fn main() {
    let _ = &RETRY;
}
