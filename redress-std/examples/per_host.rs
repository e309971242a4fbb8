//! A client of several hosts: a breaker and a budget for each, so that one host which is down costs the others nothing.
//!
//! ```sh
//! cargo run -p redress-std --example per_host --features by-key,reqwest-v0.13,tokio
//! ```
//!
//! Three servers on loopback: the first answers, the second always says 503, the third is gone. Each gets twenty calls.

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use redress_std::{
    Backoff, BreakerConfig, BreakerState, ByKey, CircuitBreaker, Outcome, Retry, SharedPolicy, StdClock, Tokio,
    reqwest_v0_13,
};
use reqwest::{Client, Response, Url};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

static HOSTS: LazyLock<ByKey<String, SharedPolicy>> = LazyLock::new(|| {
    let backoff = Backoff::full_jitter(Duration::from_millis(1), Duration::from_millis(20));
    ByKey::new(1_000, move |_host| {
        let breaker = Arc::new(CircuitBreaker::<5>::new(BreakerConfig::new(5)));
        SharedPolicy::new(Retry::new(backoff).max_attempts(3)).circuit_breaker(breaker)
    })
});

async fn get(client: &Client, url: Url) -> Outcome<Response, reqwest::Error> {
    let host = HOSTS.get(url.authority());
    let policy = host.policy();
    let mut fetch = policy.context(Tokio).operation("fetch").retry_result(reqwest_v0_13::response);
    fetch.execute(|| client.get(url.clone()).send()).await
}

/// Answers each request with this status, and counts them.
async fn server(status: u16) -> Result<(Url, Arc<AtomicU32>), Box<dyn Error>> {
    let (listener, requests) = (TcpListener::bind("127.0.0.1:0").await?, Arc::new(AtomicU32::new(0)));
    let (url, count) = (format!("http://{}/", listener.local_addr()?).parse()?, requests.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4_096];
            if stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                count.fetch_add(1, Relaxed);
                let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    });
    Ok((url, requests))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::builder().no_proxy().build()?;
    let ((healthy, answered), (failing, refused)) = (server(200).await?, server(503).await?);
    // Nobody listens there any more.
    let gone: Url = format!("http://{}/", TcpListener::bind("127.0.0.1:0").await?.local_addr()?).parse()?;

    let mut answers = BTreeMap::new();
    for _ in 0..20 {
        for url in [&healthy, &failing, &gone] {
            let outcome = get(&client, url.clone()).await;
            *answers.entry(url.authority().to_owned()).or_insert(0) += u32::from(outcome.result.is_ok());
        }
    }

    for (host, policy) in HOSTS.entries() {
        let state = policy.breaker().map(redress_std::CircuitBreakerView::state);
        let left = policy.retry_budget().map(|budget| budget.remaining(&StdClock));
        println!("{host}: {} of 20 answered, circuit {state:?}, {left:?} retries left", answers[&host]);
    }
    println!("{} and {} requests reached the two servers", answered.load(Relaxed), refused.load(Relaxed));

    let state = |url: &Url| HOSTS.peek(url.authority()).and_then(|it| Some(it.breaker()?.state()));
    assert_eq!((answers[healthy.authority()], state(&healthy)), (20, Some(BreakerState::Closed)));
    for down in [&failing, &gone] {
        assert_eq!((answers[down.authority()], state(down)), (0, Some(BreakerState::Open)));
    }
    // Five calls of three attempts opened the circuit; the budget of ten allowed all their retries.
    assert_eq!((answered.load(Relaxed), refused.load(Relaxed)), (20, 15));
    Ok(())
}
