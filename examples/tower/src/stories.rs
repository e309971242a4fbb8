//! One story per fault: a client, the proxy, and a server that fails in one way.

use std::{error::Error, fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::http::{
    Method, Request, StatusCode,
    header::{HeaderValue, RETRY_AFTER},
};
use bytes::Bytes;
use http_body_util::BodyExt;
use redress_std::{Backoff, BreakerConfig, CircuitBreaker, Event, EventKind, Retry, SharedPolicy};

use crate::{Down, Fault, Journal, Proxy, Seen, Upstream, client, plain};

/// The retry settings of the proxy: up to six attempts, with waits that grow from 20 ms, or as long as the server asks.
const RETRY: Retry =
    Retry::new(Backoff::equal_jitter(Duration::from_millis(20), Duration::from_secs(1)).or_retry_after())
        .max_attempts(6)
        .attempt_timeout(Duration::from_secs(10))
        .deadline(Duration::from_secs(30));

/// After two calls that failed, the next are rejected for a second.
const BREAKER: BreakerConfig = BreakerConfig::new(2).recovery_timeout(RECOVERY);
const RECOVERY: Duration = Duration::from_secs(1);

/// The body of each request, larger than a packet.
pub static BODY: [u8; 100_000] = [b'7'; 100_000];

/// The response as the client received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The body.
    pub body: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client     {}", self.status.as_u16())?;
        if let Some(retry_after) = &self.retry_after {
            write!(f, ", Retry-After {retry_after} s")?;
        }
        write!(f, ": {}", self.body)
    }
}

/// How a story went: what the client got, what the policy did, what the server saw.
#[derive(Clone, Debug)]
pub struct Told {
    /// The answers to the client, in order.
    pub answers: Vec<Answer>,
    /// The events of the policy.
    pub events: Vec<Event>,
    /// The requests that reached the server.
    pub seen: Vec<Seen>,
}

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// A client before a proxy.
struct Asking {
    proxy: Proxy,
    journal: Journal,
    answers: Vec<Answer>,
}

impl Asking {
    async fn new(upstream: SocketAddr, policy: SharedPolicy, journal: Journal) -> io::Result<Self> {
        let proxy = Proxy::start(upstream, client(policy, journal.clone())).await?;
        Ok(Self { proxy, journal, answers: Vec::new() })
    }

    async fn ask(&mut self, method: Method) -> Result<()> {
        self.journal.say(&format_args!("client     {method} of {} bytes", BODY.len()));
        let uri = self.proxy.url("/orders/7");
        let request = Request::builder().method(method).uri(uri).body(Bytes::from_static(&BODY).into())?;
        let (head, body) = plain().request(request).await?.into_parts();
        let body = String::from_utf8(body.collect().await?.to_bytes().to_vec())?;
        let retry_after = head.headers.get(RETRY_AFTER).map(HeaderValue::to_str).transpose()?.map(str::to_owned);
        let answer = Answer { status: head.status, retry_after, body };
        self.journal.say(&answer);
        self.answers.push(answer);
        Ok(())
    }

    fn told(self, upstream: &Upstream) -> Told {
        Told { answers: self.answers, events: self.journal.events(), seen: upstream.seen() }
    }
}

/// One request, of which the server answers the first attempts so. If it hangs, the proxy waits half a second for it.
pub async fn faults(journal: Journal, method: Method, faults: &[Fault]) -> Result<Told> {
    let upstream = Upstream::start()?;
    upstream.script(faults);
    let hangs = faults.contains(&Fault::Hang);
    let retry = if hangs { RETRY.attempt_timeout(Duration::from_millis(500)) } else { RETRY };
    let mut asking = Asking::new(upstream.address(), SharedPolicy::new(retry), journal).await?;
    asking.ask(method).await?;
    Ok(asking.told(&upstream))
}

/// One request, while the server is still to be started: it starts after the first attempt.
pub async fn down_at_start(journal: Journal) -> Result<Told> {
    let down = Down::reserve()?;
    let mut asking = Asking::new(down.address(), SharedPolicy::new(RETRY), journal.clone()).await?;
    let start = async {
        journal.until(EventKind::Retry, 1).await;
        journal.say(&"server     starts");
        down.start()
    };
    let (answer, upstream) = tokio::join!(asking.ask(Method::PUT), start);
    answer?;
    Ok(asking.told(&upstream?))
}

/// One request; the server is killed while it works on it, and starts again after the second attempt.
pub async fn killed(journal: Journal) -> Result<Told> {
    let upstream = Upstream::start()?;
    upstream.script(&[Fault::Hang]);
    let mut asking = Asking::new(upstream.address(), SharedPolicy::new(RETRY), journal.clone()).await?;
    let restart = async {
        upstream.until_seen(1).await;
        journal.say(&"server     is killed");
        let down = upstream.kill().await?;
        journal.until(EventKind::Retry, 2).await;
        journal.say(&"server     starts");
        down.start()
    };
    let (answer, upstream) = tokio::join!(asking.ask(Method::PUT), restart);
    answer?;
    Ok(asking.told(&upstream?))
}

/// Requests while the server is down until the breaker opens, one that it rejects, and one after the server has started
/// and the breaker lets a probe through.
pub async fn breaker(journal: Journal) -> Result<Told> {
    let down = Down::reserve()?;
    let breaker = Arc::new(CircuitBreaker::<2>::new(BREAKER));
    let policy = SharedPolicy::new(RETRY.max_attempts(2)).circuit_breaker(breaker);
    let mut asking = Asking::new(down.address(), policy, journal.clone()).await?;
    for _ in 0..3 {
        asking.ask(Method::PUT).await?;
    }
    journal.say(&"server     starts");
    let upstream = down.start()?;
    tokio::time::sleep(RECOVERY).await;
    asking.ask(Method::PUT).await?;
    Ok(asking.told(&upstream))
}
