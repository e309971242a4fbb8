//! `#[retry]` beside the attributes that services use: `#[async_trait]` and `#[tracing::instrument]`.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use redress_std::{Backoff, Outcome, Policy, Retry, RetryError, retry};

static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(1))).max_attempts(3));

/// Fails twice, then succeeds.
#[derive(Default)]
struct Server {
    requests: AtomicU32,
}

impl Server {
    async fn get(&self, path: &str) -> io::Result<String> {
        tokio::task::yield_now().await;
        self.get_now(path)
    }

    fn get_now(&self, path: &str) -> io::Result<String> {
        match self.requests.fetch_add(1, Relaxed) {
            0 | 1 => Err(io::ErrorKind::ConnectionReset.into()),
            _ => Ok(path.to_owned()),
        }
    }
}

#[async_trait]
trait Store: Send + Sync {
    async fn fetch(&self, path: &str, suffix: String) -> Result<String, RetryError<io::Error>>;

    async fn report(&self, (path, _): (String, u8)) -> Outcome<String, io::Error>;
}

#[async_trait(?Send)]
trait Mutable {
    async fn fetch_mut(&mut self, path: &str) -> Result<String, RetryError<io::Error>>;
}

#[async_trait]
impl Store for Server {
    #[retry(policy = POLICY)]
    async fn fetch(&self, path: &str, suffix: String) -> Result<String, RetryError<io::Error>> {
        let answer = self.get(path).await?;
        Ok(format!("{answer}{suffix}"))
    }

    #[retry(policy = POLICY, attempt = attempt)]
    async fn report(&self, (path, _): (String, u8)) -> Outcome<String, io::Error> {
        self.get(&path).await.map(|answer| format!("{answer} {}", attempt.number))
    }
}

#[async_trait(?Send)]
impl Mutable for Server {
    #[retry(policy = POLICY)]
    async fn fetch_mut(&mut self, path: &str) -> Result<String, RetryError<io::Error>> {
        *self.requests.get_mut() += 1;
        self.get(path).await
    }
}

#[tokio::test(start_paused = true)]
async fn methods_of_async_traits_are_retried_also_in_spawned_tasks_and_behind_dyn() {
    let store: Box<dyn Store> = Box::<Server>::default();
    let fetched = tokio::spawn(async move { store.fetch("/a", ".txt".to_owned()).await }).await.unwrap();
    assert_eq!(fetched.unwrap(), "/a.txt");
    let outcome = Server::default().report(("/b".to_owned(), 7)).await;
    assert_eq!((outcome.value().map(String::as_str), outcome.operation), (Some("/b 3"), "report"));
    let mut server = Server::default();
    assert_eq!(server.fetch_mut("/c").await.unwrap(), "/c");
    assert_eq!(server.requests.load(Relaxed), 4);
}

#[retry(policy = POLICY)]
#[tracing::instrument(skip(server))]
async fn span_around_the_call(server: &Server, path: String) -> Result<String, RetryError<io::Error>> {
    server.get(&path).await
}

#[tracing::instrument(skip(server))]
#[retry(policy = POLICY)]
async fn span_around_each_attempt(server: &Server, path: String) -> Result<String, RetryError<io::Error>> {
    server.get(&path).await
}

#[tracing::instrument(skip(server), ret)]
#[retry(policy = POLICY)]
async fn span_with_values(server: &Server, path: String) -> Result<String, RetryError<io::Error>> {
    server.get(&path).await
}

#[tracing::instrument(skip(server), err)]
#[retry(policy = POLICY)]
async fn span_with_errors(server: &Server, path: String) -> Result<String, RetryError<io::Error>> {
    server.get(&path).await
}

#[tokio::test(start_paused = true)]
async fn instrumented_functions_are_retried_in_either_order() {
    for which in 0..4 {
        let fetched = tokio::spawn(async move {
            let (server, path) = (Server::default(), "/a".to_owned());
            match which {
                0 => span_around_the_call(&server, path).await,
                1 => span_around_each_attempt(&server, path).await,
                2 => span_with_values(&server, path).await,
                _ => span_with_errors(&server, path).await,
            }
        });
        assert_eq!(fetched.await.unwrap().unwrap(), "/a");
    }
}

#[tracing::instrument(skip(server), ret, err)]
#[retry(policy = FAST)]
fn blocking_attempts(server: &Server, path: String) -> Result<String, RetryError<io::Error>> {
    server.get_now(&path)
}

#[retry(policy = FAST)]
#[tracing::instrument(skip(server))]
fn blocking_call(server: &Server, path: String) -> Result<String, RetryError<io::Error>> {
    server.get_now(&path)
}

static FAST: Policy = Policy::new(Retry::new(Backoff::none()));

#[test]
fn instrumented_blocking_functions_are_retried() {
    assert_eq!(blocking_attempts(&Server::default(), "/a".to_owned()).unwrap(), "/a");
    assert_eq!(blocking_call(&Server::default(), "/b".to_owned()).unwrap(), "/b");
}

/// All three, in either order.
#[async_trait]
trait Remote: Send + Sync {
    async fn within(&self, path: &str) -> Result<String, RetryError<io::Error>>;

    async fn around(&self, path: String) -> Result<String, RetryError<io::Error>>;
}

#[async_trait]
impl Remote for Server {
    #[tracing::instrument(skip(self))]
    #[retry(policy = POLICY)]
    async fn within(&self, path: &str) -> Result<String, RetryError<io::Error>> {
        self.get(path).await
    }

    #[retry(policy = POLICY)]
    #[tracing::instrument(skip(self), err)]
    async fn around(&self, path: String) -> Result<String, RetryError<io::Error>> {
        self.get(&path).await
    }
}

#[tokio::test(start_paused = true)]
async fn instrumented_methods_of_async_traits_are_retried_in_either_order() {
    let remote: Box<dyn Remote> = Box::<Server>::default();
    assert_eq!(remote.within("/a").await.unwrap(), "/a");
    let remote: Box<dyn Remote> = Box::<Server>::default();
    let fetched = tokio::spawn(async move { remote.around("/b".to_owned()).await });
    assert_eq!(fetched.await.unwrap().unwrap(), "/b");
}

/// Counts spans.
#[derive(Clone, Default)]
struct Spans(Arc<AtomicU64>);

impl tracing::Subscriber for Spans {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_span()
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(self.0.fetch_add(1, Relaxed) + 1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// The order of the attributes says what the span is around: the call, or each of its three attempts.
#[tokio::test(start_paused = true)]
async fn the_span_is_around_the_call_or_around_each_attempt() {
    let spans = Spans::default();
    let _guard = tracing::subscriber::set_default(spans.clone());
    let path = || "/a".to_owned();
    for (which, expected) in [1, 3, 1, 3].into_iter().enumerate() {
        let server = Server::default();
        let fetched = match which {
            0 => span_around_the_call(&server, path()).await,
            1 => span_around_each_attempt(&server, path()).await,
            2 => server.around(path()).await,
            _ => server.within("/a").await,
        };
        assert_eq!((fetched.unwrap().as_str(), spans.0.swap(0, Relaxed)), ("/a", expected), "{which}");
    }
}
