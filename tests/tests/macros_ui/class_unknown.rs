//! There are eight classes, and they are written as every sink writes them.

use redress_core::Classify;

#[derive(Classify)]
enum Error {
    #[class(flaky)]
    Timeout,
    #[class(RateLimit)]
    Busy,
    #[class]
    Nothing,
}

fn main() {}
