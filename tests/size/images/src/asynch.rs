//! The async driver with embassy. The baseline waits on a timer of embassy and polls the operation, on the smallest
//! executor; the time driver is the board's clock and wakes at once.

use core::{future::poll_fn, task::Waker};

use ::backon::{EmbassySleeper, Retryable};
use board::{Fault, report_result};
use embassy_futures::block_on;
use embassy_time::{Duration, Instant, Timer};
use embassy_time_driver::Driver;
use redress_embassy::{Backoff, Embassy, Policy, Retry};

use crate::{ATTEMPTS, BASE, BASE_MS, CAP, CAP_MS, passes, redress};

struct BoardTime;

impl Driver for BoardTime {
    fn now(&self) -> u64 {
        board::now()
    }

    fn schedule_wake(&self, _at: u64, waker: &Waker) {
        waker.wake_by_ref();
    }
}

embassy_time_driver::time_driver_impl!(static DRIVER: BoardTime = BoardTime);

/// Ready at each poll.
async fn operation() -> Result<u32, Fault> {
    poll_fn(|_| board::operation().into()).await
}

/// The baseline, without retries.
pub fn empty() {
    block_on(async {
        Timer::at(Instant::from_ticks(board::now())).await;
        report_result(operation().await.map_err(Some));
    });
}

/// redress.
pub fn redress() {
    static POLICY: Policy =
        Policy::new(Retry::new(Backoff::full_jitter(BASE, CAP)).max_attempts(ATTEMPTS).no_deadline());
    block_on(async {
        Timer::at(Instant::from_ticks(board::now())).await;
        let mut context = POLICY.context(Embassy::with(board::random)).classifier(redress::classify);
        report_result(context.call(operation).await.map_err(redress::last_error));
    });
}

/// A loop by hand.
pub fn hand() {
    block_on(async {
        Timer::at(Instant::from_ticks(board::now())).await;
        let mut ceiling = 2 * BASE_MS;
        let mut attempt = 1;
        report_result(loop {
            match operation().await {
                Ok(value) => break Ok(value),
                Err(fault) if attempt < ATTEMPTS && passes(&fault) => {
                    let delay = (u64::from(ceiling) * u64::from(board::random())) >> 32;
                    Timer::at(Instant::now().saturating_add(Duration::from_millis(delay))).await;
                    ceiling = (2 * ceiling).min(CAP_MS);
                    attempt += 1;
                }
                Err(fault) => break Err(Some(fault)),
            }
        });
    });
}

/// backon, with its sleeper for embassy.
pub fn backon() {
    block_on(async {
        Timer::at(Instant::from_ticks(board::now())).await;
        let retried = operation.retry(crate::backon::policy()).when(passes).sleep(EmbassySleeper);
        report_result(retried.await.map_err(Some));
    });
}
