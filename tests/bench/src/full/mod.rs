//! Everything that a policy can have: deadline, own delays for one class, breaker, token bucket, and an observer of every
//! decision.
//!
//! The bucket is refilled by a success as much as three retries take, so that no row runs dry. seatbelt has neither bucket
//! nor deadline, tower-resilience no deadline. Both have their own sleeper: seatbelt's clock jumps ahead when it is waited for,
//! tower-resilience waits on tokio's paused timer; their callbacks count the sleeps.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

pub(crate) mod hand;
pub(crate) mod ours;
pub(crate) mod peers;

/// Tokens of each bucket, and of three retries.
const TOKENS: u16 = 100;
const REFILL: u32 = 3;

/// A token bucket of one atomic.
struct Bucket(AtomicU32);

impl Bucket {
    const fn new() -> Self {
        Self(AtomicU32::new(TOKENS as u32))
    }

    #[inline]
    fn take(&self) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |tokens| tokens.checked_sub(1)).is_ok()
    }

    #[inline]
    fn refill(&self) {
        let tokens = self.0.load(Relaxed);
        if tokens < u32::from(TOKENS) {
            let _ = self.0.fetch_update(Relaxed, Relaxed, |tokens| Some((tokens + REFILL).min(TOKENS.into())));
        }
    }
}

/// What an observer is told by hand.
struct Told {
    what: &'static str,
    attempt: u32,
    wait: Duration,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.what, self.attempt, self.wait)
    }
}
