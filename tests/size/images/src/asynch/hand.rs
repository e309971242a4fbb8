//! By hand.

use board::{Fault, report_result};
use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Instant, Timer};

use super::{Request, operation, second_operation, third_operation};
use crate::{ATTEMPTS, BASE_MS, BUSY, CAP_MS, DEADLINE_MS, hand::up_to, passes};

async fn sleep(millis: u32) {
    Timer::at(Instant::now().saturating_add(Duration::from_millis(millis.into()))).await;
}

async fn retried(mut operation: impl AsyncFnMut() -> Result<u32, Fault>) -> Result<u32, Option<Fault>> {
    let mut ceiling = 2 * BASE_MS;
    let mut attempt = 1;
    loop {
        match operation().await {
            Ok(value) => return Ok(value),
            Err(fault) if attempt < ATTEMPTS && passes(&fault) => {
                sleep(up_to(ceiling)).await;
                ceiling = (2 * ceiling).min(CAP_MS);
                attempt += 1;
            }
            Err(fault) => return Err(Some(fault)),
        }
    }
}

macro_rules! calls {
    ($($operation:ident),*) => {
        run! { $(report_result(retried($operation).await);)* }
    };
}

/// Backoff and attempt limit.
pub fn basic() {
    calls!(operation);
}

/// The same at two call sites.
pub fn two_sites() {
    calls!(operation, second_operation);
}

/// The same at three.
pub fn three_sites() {
    calls!(operation, second_operation, third_operation);
}

/// Three operations behind one loop.
pub fn three_requests() {
    run! {
        for request in Request::ALL {
            report_result(retried(async || request.exchange().await).await);
        }
    }
}

/// What outlives a call: failures in a row, and the moments of the last retries.
struct Shared {
    failures: u8,
    open_until: u64,
    retries: [u64; 8],
    next: usize,
}

impl Shared {
    const NEW: Self = Self { failures: 0, open_until: 0, retries: [0; 8], next: 0 };
    const MINUTE: u64 = 60_000_000;

    fn may_retry(&mut self) -> bool {
        let (now, oldest) = (Instant::now().as_ticks(), &mut self.retries[self.next]);
        if *oldest != 0 && now - *oldest < Self::MINUTE {
            return false;
        }
        *oldest = now;
        self.next = (self.next + 1) % self.retries.len();
        true
    }

    fn settle(&mut self, is_success: bool) {
        if is_success {
            self.failures = 0;
        } else {
            self.failures = self.failures.saturating_add(1);
            self.open_until = Instant::now().as_ticks() + 1_000 * u64::from(DEADLINE_MS);
        }
    }

    /// Deadline, which ends an attempt as well, limits, a longer delay for a busy device, breaker and budget.
    async fn call(&mut self, operation: impl AsyncFnMut() -> Result<u32, Fault>) -> Result<u32, Option<Fault>> {
        if self.failures >= 4 && Instant::now().as_ticks() < self.open_until {
            return Err(None);
        }
        let result = self.limited(operation).await;
        self.settle(result.is_ok());
        result
    }

    async fn limited(&mut self, mut operation: impl AsyncFnMut() -> Result<u32, Fault>) -> Result<u32, Option<Fault>> {
        let deadline = Instant::now() + Duration::from_millis(DEADLINE_MS.into());
        let mut ceiling = 2 * BASE_MS;
        let mut attempt = 1;
        let mut busy = 0;
        loop {
            let fault = match select(operation(), Timer::at(deadline)).await {
                Either::First(Ok(value)) => return Ok(value),
                Either::First(Err(fault)) => fault,
                Either::Second(()) => return Err(None),
            };
            busy += u8::from(fault == Fault::Busy);
            let wait = if fault == Fault::Busy { 500 + up_to(500) } else { up_to(ceiling) };
            let ends = Instant::now() + Duration::from_millis(wait.into());
            if attempt >= ATTEMPTS || !passes(&fault) || busy > BUSY || ends >= deadline || !self.may_retry() {
                return Err(Some(fault));
            }
            Timer::at(ends).await;
            ceiling = (2 * ceiling).min(CAP_MS);
            attempt += 1;
        }
    }
}

macro_rules! full_calls {
    ($($operation:ident),*) => {
        run! {
            let mut shared = Shared::NEW;
            $(report_result(shared.call($operation).await);)*
        }
    };
}

/// Deadline, limits, table, breaker and budget.
pub fn full() {
    full_calls!(operation);
}

/// The same at two call sites.
pub fn full_two_sites() {
    full_calls!(operation, second_operation);
}

/// The same at three.
pub fn full_three_sites() {
    full_calls!(operation, second_operation, third_operation);
}

/// Three operations behind one loop.
pub fn full_three_requests() {
    run! {
        let mut shared = Shared::NEW;
        for request in Request::ALL {
            report_result(shared.call(async || request.exchange().await).await);
        }
    }
}
