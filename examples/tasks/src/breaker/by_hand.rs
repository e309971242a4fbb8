//! A breaker by hand, for where there is none. When its time is over it admits all calls, not one probe.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// So many failures in a row open it.
#[derive(Debug)]
pub struct Breaker {
    failures: u8,
    open: Duration,
    state: Mutex<(u8, Option<Instant>)>,
}

impl Breaker {
    /// Creates a breaker that is closed.
    pub const fn new(failures: u8, open: Duration) -> Self {
        Self { failures, open, state: Mutex::new((0, None)) }
    }

    /// Returns whether calls are rejected.
    pub fn is_open(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1.is_some_and(|since| since.elapsed() < self.open)
    }

    /// Takes note of how a call ended.
    pub fn record(&self, is_ok: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = match state.0.saturating_add(1) {
            _ if is_ok => (0, None),
            count if count >= self.failures => (count, Some(Instant::now())),
            count => (count, None),
        };
    }
}
