//! With redress-std, nothing has to be said.

use std::{
    io,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use redress_core::{Backoff, Classify, ErrorClass, RetryError, SelfClassifier, retry};

static CALLS: AtomicU32 = AtomicU32::new(0);

#[retry]
fn bare() -> Result<u32, RetryError<io::Error>> {
    if CALLS.fetch_add(1, Relaxed) < 1 { Err(io::ErrorKind::TimedOut.into()) } else { Ok(1) }
}

struct Client {
    failures: AtomicU32,
    seen: u32,
}

impl Client {
    #[retry]
    async fn fetch(&self, id: u32, name: &str) -> Result<String, RetryError<io::Error>> {
        tokio::task::yield_now().await;
        if self.failures.fetch_sub(1, Relaxed) > 1 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(format!("{name} {id}"))
    }

    #[retry(classifier = SelfClassifier)]
    async fn count(&mut self) -> Result<u32, RetryError<ErrorClass>> {
        self.seen += 1;
        tokio::task::yield_now().await;
        if self.seen < 3 { Err(ErrorClass::Transient) } else { Ok(self.seen) }
    }
}

#[test]
fn a_bare_attribute_is_enough_with_std() {
    assert_eq!(bare().unwrap(), 1);
    assert_eq!(CALLS.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_bare_attribute_on_async_functions_can_be_spawned() {
    let client = Client { failures: AtomicU32::new(3), seen: 0 };
    let task = tokio::spawn(async move { client.fetch(7, "ada").await });
    assert_eq!(task.await.unwrap().unwrap(), "ada 7");
}

#[tokio::test(start_paused = true)]
async fn a_bare_attribute_lends_mutable_arguments_on_one_thread() {
    let mut client = Client { failures: AtomicU32::new(0), seen: 0 };
    assert_eq!(client.count().await, Ok(3));
}

/// The path may be said.
#[retry(crate = redress_std, backoff = Backoff::none())]
fn through_a_path() -> Result<u32, RetryError<io::Error>> {
    Ok(1)
}

mod facade {
    pub(crate) use redress_core as retries;
}

#[derive(Classify)]
#[class(transient, crate = facade::retries)]
struct ThroughAPath;

#[test]
fn the_path_may_be_said() {
    assert_eq!(through_a_path().unwrap(), 1);
    assert_eq!(ThroughAPath.classify().class(), ErrorClass::Transient);
}
