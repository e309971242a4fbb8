//! Operations behind one call take less flash than call sites of their own. Run by `cargo run -p redress-embassy --example one_call`.

mod board;

use core::time::Duration;

use embassy_time::Timer;
use redress_embassy::{Backoff, Embassy, ErrorClass, Policy, Retry, RetryError};

static MODEM: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_millis(100))).max_attempts(3));

enum Request {
    Join,
    Send(u16),
}

async fn transfer(request: &Request, transfers: &mut u16) -> Result<u16, ErrorClass> {
    Timer::after_millis(20).await;
    *transfers += 1;
    match request {
        _ if *transfers % 2 == 1 => Err(ErrorClass::Transient), // each request is lost once
        Request::Join => Ok(0),
        Request::Send(value) => Ok(*value),
    }
}

/// The only call site.
async fn ask(request: Request, transfers: &mut u16) -> Result<u16, RetryError<ErrorClass>> {
    MODEM.context(Embassy::seeded(7)).call(async || transfer(&request, transfers).await).await
}

fn main() {
    board::run(async {
        let mut transfers = 0;
        assert_eq!(ask(Request::Join, &mut transfers).await, Ok(0));
        assert_eq!(ask(Request::Send(215), &mut transfers).await, Ok(215));
        println!("two requests, {transfers} transfers");
    });
}
