//! Shows every fault of the server once, as the client sees it.

use std::time::{Duration, Instant};

use quickstart::client;
use quickstart::server::{Fault, FaultyServer};

fn main() -> std::io::Result<()> {
    let server = FaultyServer::start()?;
    let agent = client::agent(Duration::from_millis(300));
    let faults = [
        Fault::Reset,
        Fault::Hang,
        Fault::Status(503),
        Fault::RetryAfterSeconds { status: 429, secs: 2 },
        Fault::RetryAfterDate { status: 429, secs: 2 },
        Fault::Status(500),
        Fault::Status(401),
        Fault::SlowBody,
        Fault::TruncatedBody,
        Fault::Ok("hello"),
    ];
    server.script("/", &faults);
    for fault in faults {
        let begun = Instant::now();
        let seen = match client::get(&agent, &server.url("/")) {
            Ok(body) => format!("200 {body:?}"),
            Err(failure) => failure.to_string(),
        };
        println!("{:>5} ms  {seen:<32} {fault:?}", begun.elapsed().as_millis());
    }
    Ok(())
}
