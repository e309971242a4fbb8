//! Every variant says what it is: a class that is left out is not guessed.

use redress_core::Classify;

#[derive(Classify)]
enum Error {
    #[class(transient)]
    Timeout,
    BadFrame,
    #[class(code = 3)]
    Busy,
}

fn main() {}
