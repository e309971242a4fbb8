//! The hooks of `#[retry]`: each goes by the name of its method.

use std::{
    error::Error,
    fmt,
    future::pending,
    io::{self, ErrorKind},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use redress_core::{BreakerState, Observer};
use redress_std::{
    Backoff, ErrorClass, ErrorObserver, Event, Policy, Retry, RetryError, StopReason,
    breaker::{RateBreaker, RateConfig},
    retry,
};
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;

static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(10))).max_attempts(3));

fn reset() -> io::Error {
    ErrorKind::ConnectionReset.into()
}

#[retry(policy = POLICY, cancel_on = || shutdown.cancelled())]
async fn hangs(shutdown: &CancellationToken, attempts: &AtomicU32) -> Result<(), RetryError<io::Error>> {
    attempts.fetch_add(1, Relaxed);
    pending().await
}

#[retry(policy = POLICY, cancel_on = || shutdown.cancelled(), cancel_on = || client.cancelled())]
async fn fails(
    shutdown: &CancellationToken,
    client: &CancellationToken,
    attempts: &AtomicU32,
) -> Result<(), RetryError<io::Error>> {
    attempts.fetch_add(1, Relaxed);
    Err(reset())
}

/// In the middle of an attempt and of a wait, at the moment of the cancellation, also in a spawned task.
#[tokio::test(start_paused = true)]
async fn a_token_ends_attempts_and_waits() {
    for which in 0..3 {
        let (shutdown, client) = (CancellationToken::new(), CancellationToken::new());
        let cancelled = if which == 2 { client.clone() } else { shutdown.clone() };
        let call = tokio::spawn(async move {
            let attempts = AtomicU32::new(0);
            let result = match which {
                0 => hangs(&shutdown, &attempts).await,
                _ => fails(&shutdown, &client, &attempts).await,
            };
            (result.unwrap_err(), attempts.into_inner())
        });
        let before = Instant::now();
        time::sleep(Duration::from_millis(1_500)).await;
        cancelled.cancel();
        let (error, attempts) = call.await.unwrap();
        assert_eq!((error.reason, attempts), (StopReason::Aborted, 1), "{which}");
        assert_eq!(before.elapsed(), Duration::from_millis(1_500), "{which}");
    }
}

#[async_trait]
trait Store {
    async fn fetch(&self, shutdown: &CancellationToken) -> Result<u32, RetryError<io::Error>>;
}

struct Hangs;

#[async_trait]
impl Store for Hangs {
    #[retry(policy = POLICY, cancel_on = || shutdown.cancelled())]
    async fn fetch(&self, shutdown: &CancellationToken) -> Result<u32, RetryError<io::Error>> {
        shutdown.cancel();
        pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_ends_methods_of_async_traits() {
    let error = Hangs.fetch(&CancellationToken::new()).await.unwrap_err();
    assert_eq!((error.reason, error.attempts), (StopReason::Aborted, 1));
}

/// An error that no classifier knows.
#[derive(Debug)]
struct Odd(u8);

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "odd {}", self.0)
    }
}

/// Keeps what errors say.
struct Sayings<'a>(&'a Mutex<Vec<String>>);

impl Observer for Sayings<'_> {}

impl<X: fmt::Display> ErrorObserver<X> for Sayings<'_> {
    fn on_error(&mut self, error: &X, event: &Event) {
        self.0.lock().unwrap().push(format!("{} {error}", event.kind));
    }
}

#[retry(
    backoff = Backoff::none(),
    max_attempts = 9,
    classify = |error: &Odd| if error.0 < 2 { ErrorClass::Transient } else { ErrorClass::Permanent },
    abort_if = || false,
    abort_if = || false,
    on_retry = |error: &Odd, event: &Event| retries.lock().unwrap().push(format!("{} {error}", event.attempt)),
    observe_errors = Sayings(said),
)]
fn counts(tries: &AtomicU32, retries: &Mutex<Vec<String>>, said: &Mutex<Vec<String>>) -> Result<(), RetryError<Odd>> {
    Err(Odd(u8::try_from(tries.fetch_add(1, Relaxed)).unwrap()))
}

#[test]
fn errors_are_classified_and_seen() {
    let (retries, said) = (Mutex::default(), Mutex::default());
    let error = counts(&AtomicU32::new(0), &retries, &said).unwrap_err();
    assert_eq!((error.attempts, error.reason), (3, StopReason::NonRetryableClass));
    assert_eq!(retries.into_inner().unwrap(), ["1 odd 0", "2 odd 1"]);
    assert_eq!(said.into_inner().unwrap(), ["retry odd 0", "retry odd 1", "permanent_fail odd 2"]);
}

/// Any of several conditions stops the call.
#[retry(backoff = Backoff::none(), abort_if = || first, abort_if = || second)]
fn stops(first: bool, second: bool) -> Result<(), RetryError<io::Error>> {
    Err(reset())
}

#[test]
fn each_abort_condition_counts() {
    for (first, second) in [(true, false), (false, true)] {
        assert_eq!(stops(first, second).unwrap_err().reason, StopReason::Aborted);
    }
    assert_eq!(stops(false, false).unwrap_err().reason, StopReason::MaxAttemptsGlobal);
}

static SLOW: RateBreaker<10> = RateBreaker::new(
    &RateConfig::new(100).failure_count(2).abandoned_calls(Duration::from_secs(1), ErrorClass::Transient),
);

#[retry(backoff = Backoff::none(), circuit_breaker = SLOW, watched)]
async fn is_given_up() -> Result<(), RetryError<io::Error>> {
    pending().await
}

#[tokio::test(start_paused = true)]
async fn a_watched_function_tells_the_breaker_that_it_was_given_up() {
    for _ in 0..2 {
        assert_eq!(SLOW.state(), BreakerState::Closed);
        assert!(time::timeout(Duration::from_secs(1), is_given_up()).await.is_err());
    }
    assert_eq!(SLOW.state(), BreakerState::Open);
}

type BoxError = Box<dyn Error + Send + Sync>;

#[retry(backoff = Backoff::none(), max_attempts = 2)]
async fn boxed(tries: &AtomicU32) -> Result<(), RetryError<BoxError>> {
    tries.fetch_add(1, Relaxed);
    Err(reset())?
}

#[tokio::test(start_paused = true)]
async fn errors_of_any_type_are_classified() {
    let tries = AtomicU32::new(0);
    assert_eq!(boxed(&tries).await.unwrap_err().last_class, Some(ErrorClass::Transient));
    assert_eq!(tries.into_inner(), 2);
}
