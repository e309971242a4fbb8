//! What wraps several says which of them knows the class.

use redress_core::{Classify, ErrorClass};

#[derive(Classify)]
enum Error {
    #[class(transparent)]
    Two(ErrorClass, u8),
    #[class(transparent)]
    None,
}

fn main() {}
