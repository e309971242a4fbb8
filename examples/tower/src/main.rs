//! Tells the stories, attempt by attempt.

use std::error::Error;

use axum::http::{Method, StatusCode};
use tower_proxy::{Fault, Journal, stories};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let answers = [
        Fault::Status(StatusCode::SERVICE_UNAVAILABLE),
        Fault::RetryAfter(StatusCode::TOO_MANY_REQUESTS, 1),
        Fault::RetryAfterDate(StatusCode::SERVICE_UNAVAILABLE, 1),
    ];
    let connections = [Fault::Reset, Fault::Cut, Fault::Hang];

    stories::faults(told("the server asks for time, in seconds and by a date"), Method::PUT, &answers).await?;
    stories::faults(told("connection reset, answer cut, no answer in time"), Method::PUT, &connections).await?;
    stories::faults(told("a POST is not repeated"), Method::POST, &answers).await?;
    stories::faults(told("no retry will help"), Method::GET, &[Fault::Status(StatusCode::NOT_FOUND)]).await?;
    stories::faults(told("no end of failures"), Method::GET, &[Fault::Status(StatusCode::BAD_GATEWAY); 6]).await?;
    stories::down_at_start(told("the server is down at the start")).await?;
    stories::killed(told("the server is killed while it answers")).await?;
    stories::breaker(told("the server stays down, and the breaker opens")).await?;
    Ok(())
}

fn told(heading: &str) -> Journal {
    println!("\n{heading}");
    Journal::new(true)
}
