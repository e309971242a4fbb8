//! A breaker and a budget per host: one that is down costs the others nothing.
//! Run by `cargo run -p redress-std --example per_host --features by-key,reqwest-v0.13,tokio`.

use std::{error::Error, io::prelude::*, net::TcpListener, sync::Arc, thread};

use redress_std::{Backoff, BreakerConfig, BreakerState, ByKey, CircuitBreaker, Outcome, Retry, SharedPolicy, Tokio};
use reqwest::{Client, Response, Url};

type Hosts = ByKey<String, SharedPolicy>;

async fn get(hosts: &Hosts, client: &Client, url: &Url) -> Outcome<Response, reqwest::Error> {
    let host = hosts.get(url.authority());
    let mut fetch = host.policy().context(Tokio).retry_result(redress_std::reqwest_v0_13::response);
    fetch.execute(|| client.get(url.clone()).send()).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let hosts = Hosts::new(1_000, |_host| {
        let breaker = Arc::new(CircuitBreaker::<5>::new(BreakerConfig::new(5)));
        SharedPolicy::new(Retry::new(Backoff::none())).circuit_breaker(breaker)
    });
    let (client, server) = (Client::builder().no_proxy().build()?, TcpListener::bind("127.0.0.1:0")?);
    let up: Url = format!("http://{}/", server.local_addr()?).parse()?;
    let down: Url = format!("http://{}/", TcpListener::bind("127.0.0.1:0")?.local_addr()?).parse()?;
    thread::spawn(move || {
        for mut stream in server.incoming().flatten() {
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    for _ in 0..10 {
        assert!(get(&hosts, &client, &up).await.is_ok() && !get(&hosts, &client, &down).await.is_ok());
    }
    let state = |url: &Url| hosts.peek(url.authority()).and_then(|host| Some(host.breaker()?.state()));
    println!("{up}: {:?}, {down}: {:?}", state(&up), state(&down));
    assert_eq!((state(&up), state(&down)), (Some(BreakerState::Closed), Some(BreakerState::Open)));
    Ok(())
}
