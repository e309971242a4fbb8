//! Code out of the macros names no crate but the one dependency, by the name it has here.

use std::{
    io,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use resilience::{Backoff, Classify, RetryError, SelfClassifier, retry};

/// Knows its class.
#[derive(Classify, Debug, PartialEq)]
pub enum Error {
    /// Comes back.
    #[class(rate_limit, retry_after = after, code = 429)]
    Busy {
        /// When.
        after: Duration,
    },
}

/// Fails as often as it holds.
#[retry(classifier = SelfClassifier, backoff = Backoff::none())]
pub fn blocking(failures: &AtomicU32) -> Result<&'static str, RetryError<Error>> {
    if failures.fetch_sub(1, Relaxed) > 0 {
        return Err(Error::Busy { after: Duration::ZERO });
    }
    Ok("done")
}

/// The same with everything by default.
#[retry]
pub async fn asynchronous(failures: &AtomicU32) -> Result<&'static str, RetryError<io::Error>> {
    if failures.fetch_sub(1, Relaxed) > 0 {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    Ok("done")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocking_calls_are_retried() {
        assert_eq!(blocking(&AtomicU32::new(2)), Ok("done"));
    }

    #[tokio::test(start_paused = true)]
    async fn async_calls_are_retried() {
        assert_eq!(asynchronous(&AtomicU32::new(2)).await.unwrap(), "done");
    }
}
