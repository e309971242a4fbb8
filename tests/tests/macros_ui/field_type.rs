//! A hint has a unit, a code is a number.

use redress_core::Classify;

#[derive(Classify)]
enum Error {
    #[class(rate_limit, retry_after = seconds)]
    Busy { seconds: u64 },
    #[class(server_error, code = _0)]
    Server(String),
    #[class(transparent)]
    Io(std::io::Error),
}

fn main() {}
