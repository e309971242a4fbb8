//! A field that is not there; the message names those that are.

use redress_core::Classify;
use std::time::Duration;

#[derive(Classify)]
enum Error {
    #[class(rate_limit, retry_after = aftr)]
    Busy { after: Duration, code: u16 },
    #[class(server_error, code = code)]
    Server(u16),
    #[class(transient, code = status)]
    Timeout,
    #[class(transient, retry_after)]
    Reset(Duration),
}

fn main() {}
