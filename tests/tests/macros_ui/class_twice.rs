//! One class, one hint, one code.

use redress_core::Classify;

#[derive(Classify)]
enum Error {
    #[class(transient, permanent)]
    Timeout,
    #[class(rate_limit, code = 1, code = 2)]
    Busy,
    #[class(auth)]
    #[class(permission)]
    Forbidden,
}

fn main() {}
