//! An enum has its classes on its variants; an abort has neither hint nor code; a union has nothing.

use redress_core::Classify;

#[derive(Classify)]
#[class(transient)]
enum Error {
    #[class(abort, code = 3)]
    Stop,
}

#[derive(Classify)]
union Bits {
    _word: u32,
}

fn main() {}
